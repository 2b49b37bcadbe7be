import { assert, describe, it } from "@effect/vitest"
import { crc32 } from "node:zlib"
import { Random } from "../../src/Disk/Random.ts"
import { checksum, checksumInView, reseeded } from "../../src/Wal/Checksum.ts"

describe("checksum", () => {
  it("is zlib's CRC-32", () => {
    assert.strictEqual(checksum(new TextEncoder().encode("123456789"), 0, 9, 0), 0xcbf43926)
  })

  it("equals zlib's for every length, place and seed", () => {
    const random = new Random(1)
    const bytes = new Uint8Array(2000)
    random.fillBytes(bytes)
    const view = new DataView(bytes.buffer)
    for (let length = 0; length < 1100; length++) {
      const at = random.below(bytes.length - length)
      const seed = random.next()
      const expected = crc32(bytes.subarray(at, at + length), seed)
      assert.strictEqual(checksum(bytes, at, length, seed), expected)
      assert.strictEqual(checksumInView(bytes, view, at, length, seed), expected)
    }
  })

  it("differs for different seeds", () => {
    const bytes = new Uint8Array(64)
    assert.notStrictEqual(checksum(bytes, 0, 64, 1), checksum(bytes, 0, 64, 2))
  })

  it("started from another seed follows from the one at hand, for every length, without the bytes", () => {
    const random = new Random(2)
    const bytes = new Uint8Array(70_000)
    random.fillBytes(bytes)
    const lengths = [...Array.from({ length: 700 }, (_, length) => length), 4095, 4096, 65_535, 65_536, 69_999]
    for (const length of lengths) {
      const [from, to] = [random.next(), random.next()]
      const found = checksum(bytes, 0, length, from)
      assert.strictEqual(reseeded(found, length, from, to), checksum(bytes, 0, length, to), `${length} bytes`)
      assert.notStrictEqual(reseeded(found ^ 0x100, length, from, to), checksum(bytes, 0, length, to), "a wrong one stays wrong")
    }
  })
})
