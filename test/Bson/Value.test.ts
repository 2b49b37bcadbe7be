import { assert, describe, it } from "@effect/vitest"
import * as Bson from "bson"
import { isFault } from "../../src/Fault/Fault.ts"
import { Binary, decode, encode, Key, UUID, type Value } from "../../src/Bson/Value.ts"
import { forSeeds } from "./Generate.ts"

/** Keys as npm bson sees them. */
function plain(value: unknown): unknown {
  if (value instanceof Key) return new Binary(value.bytes, 0x80)
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value
  const copy = {}
  for (const [name, own] of Object.entries(value)) Object.defineProperty(copy, name, { value: plain(own), enumerable: true })
  return copy
}

describe("encode and decode", () => {
  it("write the bytes that npm bson writes", () => {
    forSeeds(3000, (generator) => {
      const document = generator.document()
      assert.deepStrictEqual(Buffer.from(encode(document)), Buffer.from(Bson.serialize(plain(document) as Bson.Document)))
    })
  })

  it("read what they wrote: decoding and encoding again keeps the meaning", () => {
    forSeeds(3000, (generator) => {
      const bytes = encode(generator.document())
      const decoded = decode(bytes)
      const again = encode(decoded)
      assert.deepStrictEqual(decode(again), decoded)
    })
  })

  it("choose int32 for integral numbers that fit, double for others, int64 for bigint", () => {
    assert.deepStrictEqual([...encode({ a: 1 })].slice(4, 5), [16])
    assert.deepStrictEqual([...encode({ a: 2147483648 })].slice(4, 5), [1])
    assert.deepStrictEqual([...encode({ a: -0 })].slice(4, 5), [1])
    assert.deepStrictEqual([...encode({ a: 1n })].slice(4, 5), [18])
  })

  it("give keys and UUIDs their classes", () => {
    const { key, uuid, data } = decode(encode({ key: new Key(new Uint8Array(16)), uuid: new UUID(), data: Uint8Array.of(1) }))
    assert.instanceOf(key, Key)
    assert.instanceOf(uuid, UUID)
    assert.instanceOf(data, Binary)
  })

  it("write U+FFFD for lone surrogates, in short and long strings", () => {
    assert.strictEqual(decode(encode({ a: "x\ud800y" })).a, "x\ufffdy")
    assert.strictEqual(decode(encode({ a: `${"x".repeat(100)}\udc00` })).a, `${"x".repeat(100)}\ufffd`)
  })

  it("refuse what has no BSON form, and say where", () => {
    const cycle: { self?: Value } = {}
    cycle.self = cycle as Value
    const cases: ReadonlyArray<[unknown, string]> = [
      [{ a: { b: [1, undefined] } }, "a.b.1"],
      [{ a: () => 1 }, "a"],
      [{ a: new Map() }, "a"],
      [{ a: 2n ** 63n }, "a"],
      [{ a: new Date(Number.NaN) }, "a"],
      [[1], ""],
      [{ "a\0": 1 }, "a\0"]
    ]
    for (const [value, path] of cases) {
      const fault = faultOf(() => encode(value as { [name: string]: Value }))
      assert.strictEqual(fault._tag, "InvalidValue")
      assert.strictEqual(fault.path, path)
    }
    assert.strictEqual(faultOf(() => encode(cycle as { [name: string]: Value }))._tag, "InvalidValue")
  })
})

function faultOf(run: () => unknown): Record<string, unknown> {
  try {
    run()
  } catch (error) {
    if (isFault(error)) return { ...error.reason }
    throw error
  }
  throw new Error("nothing was refused")
}
