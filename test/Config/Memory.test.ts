import { assert, describe, it } from "@effect/vitest"
import { totalmem } from "node:os"
import {
  cacheBytesDefault,
  memoryBytes,
  pageCacheBytesDefault,
  placeCacheBytesDefault,
  textCacheBytesDefault,
  valueCacheBytesDefault
} from "../../src/Config/Memory.ts"

const MIB = 1024 * 1024

describe("memory that defaults depend on", () => {
  it("is never more than the machine has", () => {
    assert.isAbove(memoryBytes(), 0)
    assert.isAtMost(memoryBytes(), totalmem())
  })

  it("gives documents read from disk an eighth, in whole MiB, and never less than 256 MiB", () => {
    assert.strictEqual(valueCacheBytesDefault(512 * MIB), 256 * MIB)
    assert.strictEqual(valueCacheBytesDefault(2048 * MIB), 256 * MIB)
    assert.strictEqual(valueCacheBytesDefault(16 * 1024 * MIB + 12_345), 2048 * MIB)
    assert.strictEqual(valueCacheBytesDefault() % MIB, 0)
  })

  it("gives places a 256th and texts a 64th, never less than 32 and 64 MiB, and never more than 2 GiB", () => {
    assert.deepStrictEqual([placeCacheBytesDefault(2048 * MIB), textCacheBytesDefault(2048 * MIB)], [32 * MIB, 64 * MIB])
    assert.deepStrictEqual([placeCacheBytesDefault(24_576 * MIB + 5), textCacheBytesDefault(24_576 * MIB + 5)], [96 * MIB, 384 * MIB])
    assert.deepStrictEqual([placeCacheBytesDefault(2 ** 50), textCacheBytesDefault(2 ** 50)], [2048 * MIB, 2048 * MIB])
  })

  it("gives index pages a 32nd, in whole MiB, never less than 128 MiB and never more than one buffer can have", () => {
    assert.strictEqual(pageCacheBytesDefault(2048 * MIB), 128 * MIB)
    assert.strictEqual(pageCacheBytesDefault(16 * 1024 * MIB + 12_345), 512 * MIB)
    assert.strictEqual(pageCacheBytesDefault(1024 * 1024 * MIB), 2047 * MIB)
    assert.deepStrictEqual(cacheBytesDefault(), {
      indexCacheBytesMax: pageCacheBytesDefault(),
      valueCacheBytesMax: valueCacheBytesDefault(),
      placeCacheBytesMax: placeCacheBytesDefault()
    })
  })
})
