import { assert, describe, it } from "@effect/vitest"
import type { DocumentValue, Value } from "../../src/Bson/Value.ts"
import { encode, encodeValue as toBson } from "../../src/Bson/Value.ts"
import { isFault } from "../../src/Fault/Fault.ts"
import { INDEX_FIELDS_MAX, compileIndex } from "../../src/Index/Extract.ts"
import { KeyWriter, encodeValue, mayBeCut } from "../../src/Index/KeyEncoding.ts"
import { KEY_BYTES_MAX } from "../../src/Index/Layout.ts"

const KEY = Uint8Array.from({ length: 16 }, (_, index) => 0xa0 + index)

function entryOf(values: ReadonlyArray<Value>, descending: ReadonlyArray<boolean> = []): Uint8Array {
  const writer = new KeyWriter()
  for (const [index, value] of values.entries()) {
    const { bytes, type, at } = toBson(value)
    encodeValue(writer, bytes, type, at, descending[index] ?? false)
  }
  return writer.bytes.slice(0, writer.primaryKey(KEY, 0))
}

function extract(on: ReadonlyArray<{ path: string; direction: "asc" | "desc" }>, document: DocumentValue) {
  const extractor = compileIndex({ name: "test", on })
  extractor.extract(encode(document), 0, KEY, 0)
  return { entry: extractor.entry.slice(0, extractor.length), cut: extractor.cut, arrayMask: extractor.arrayMask }
}

const asc = (path: string) => ({ path, direction: "asc" as const })
const desc = (path: string) => ({ path, direction: "desc" as const })

describe("Extract", () => {
  it("puts the encoded fields in the definition's order, then the key", () => {
    const { entry, cut, arrayMask } = extract([asc("b"), desc("a.c")], { a: { c: 5 }, b: "x" })
    assert.deepStrictEqual(entry, entryOf(["x", 5], [false, true]))
    assert.isFalse(cut)
    assert.strictEqual(arrayMask, 0)
  })

  it("takes a missing field, and a path through a value that has no fields, for null", () => {
    assert.deepStrictEqual(extract([asc("a"), asc("b.c"), asc("b.c.d")], { b: { c: 1 } }).entry, entryOf([null, 1, null]))
  })

  it("indexes an array at the end of a path as a whole and reports it", () => {
    const { entry, arrayMask } = extract([asc("a"), asc("tags")], { a: 1, tags: ["x", "y"] })
    assert.deepStrictEqual(entry, entryOf([1, ["x", "y"]]))
    assert.strictEqual(arrayMask, 0b10)
  })

  it("indexes null where a path meets an array before its end and reports it", () => {
    const { entry, arrayMask } = extract([asc("lines.sku"), asc("lines.0.sku"), asc("a")], { lines: [{ sku: "x" }], a: 1 })
    assert.deepStrictEqual(entry, entryOf([null, null, 1]))
    assert.strictEqual(arrayMask, 0b011)
  })

  it("forgets what the document before had", () => {
    const extractor = compileIndex({ name: "test", on: [asc("a")] })
    extractor.extract(encode({ a: ["x".repeat(2000)] }), 0, KEY, 0)
    assert.isTrue(extractor.cut)
    assert.strictEqual(extractor.arrayMask, 1)
    assert.strictEqual(extractor.length, KEY_BYTES_MAX)
    assert.isTrue(mayBeCut(extractor.length))
    assert.deepStrictEqual(extractor.entry.slice(extractor.length - 16, extractor.length), KEY)
    extractor.extract(encode({ a: 1 }), 0, KEY, 0)
    assert.isFalse(extractor.cut)
    assert.strictEqual(extractor.arrayMask, 0)
    assert.deepStrictEqual(extractor.entry.slice(0, extractor.length), entryOf([1]))
  })

  it("refuses definitions it cannot keep, naming the path", () => {
    const refused = (on: ReadonlyArray<{ path: string; direction: "asc" | "desc" }>, unique?: true): string => {
      try {
        compileIndex(unique === undefined ? { name: "test", on } : { name: "test", on, unique })
      } catch (error) {
        if (isFault<{ _tag: string; path: string }>(error, "InvalidIndexDefinition")) return error.reason.path
      }
      return assert.fail("the definition was accepted")
    }
    assert.strictEqual(refused([]), "")
    assert.strictEqual(refused([asc("a"), desc("a")]), "a")
    assert.strictEqual(refused([asc("a..b")]), "a..b")
    assert.strictEqual(refused([asc("")]), "")
    assert.strictEqual(refused([asc("a")], true), "")
    assert.strictEqual(refused(Array.from({ length: INDEX_FIELDS_MAX + 1 }, (_, index) => asc(`f${index}`))), "")
  })
})
