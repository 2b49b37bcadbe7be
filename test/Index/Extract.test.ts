import { assert, describe, it } from "@effect/vitest"
import type { DocumentValue, Value } from "../../src/Bson/Value.ts"
import { encode, encodeValue as toBson } from "../../src/Bson/Value.ts"
import { isFault } from "../../src/Fault/Fault.ts"
import { ENTRIES_MAX, EntryList } from "../../src/Index/EntryList.ts"
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

type On = ReadonlyArray<{ path: string; direction: "asc" | "desc" }>

/** The entries of a document, and which of them stand for an array as such. */
function extract(on: On, document: DocumentValue, options: { readonly sparse?: true } = {}) {
  const entries = new EntryList()
  compileIndex({ name: "test", on, ...options }).extract(encode(document), 0, KEY, 0, entries)
  return listOf(entries)
}

function listOf(entries: EntryList): { readonly entries: ReadonlyArray<Uint8Array>; readonly arrays: ReadonlyArray<number> } {
  const places = Array.from({ length: entries.count }, (_, place) => place)
  return {
    entries: places.map((place) => entries.bytes.slice(entries.at(place), entries.at(place) + entries.length(place))),
    arrays: places.filter((place) => entries.holdsArray(place))
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

const sorted = (entries: ReadonlyArray<Uint8Array>): ReadonlyArray<Uint8Array> => entries.toSorted((a, b) => Buffer.compare(a, b))

const asc = (path: string) => ({ path, direction: "asc" as const })
const desc = (path: string) => ({ path, direction: "desc" as const })

function isRefused(work: () => void, tag: string): boolean {
  try {
    work()
    return false
  } catch (error) {
    return isFault(error, tag)
  }
}

describe("Extract", () => {
  it("puts the encoded fields in the definition's order, then the key", () => {
    const { arrays, entries } = extract([asc("b"), desc("a.c")], { a: { c: 5 }, b: "x" })
    assert.deepStrictEqual(entries, [entryOf(["x", 5], [false, true])])
    assert.deepStrictEqual(arrays, [])
  })

  it("takes a missing field, and a path through a value that has no fields, for null", () => {
    assert.deepStrictEqual(extract([asc("a"), asc("b.c"), asc("b.c.d")], { b: { c: 1 } }).entries, [entryOf([null, 1, null])])
  })

  it("makes an entry for each element of an array, each once, and one for the array, whatever it holds", () => {
    const { arrays, entries } = extract([asc("a"), asc("tags")], { a: 1, tags: ["y", "x", "y", [3]] })
    assert.deepStrictEqual(entries, sorted([entryOf([1, "x"]), entryOf([1, "y"]), entryOf([1, []])]))
    assert.deepStrictEqual(arrays, [2])
    assert.deepStrictEqual(extract([asc("tags")], { tags: [] }).entries, [entryOf([[]])])
    assert.deepStrictEqual(extract([desc("tags")], { tags: [2, 1] }).entries, sorted([1, 2, []].map((value) => entryOf([value], [true]))))
  })

  it("goes through arrays of documents, and by position into one element", () => {
    const lines = [{ sku: "x" }, { sku: "y" }, { other: 1 }, 5]
    assert.deepStrictEqual(extract([asc("lines.sku")], { lines }).entries, sorted([entryOf(["x"]), entryOf(["y"]), entryOf([null])]))
    assert.deepStrictEqual(extract([asc("lines.1.sku"), desc("a")], { lines, a: 1 }).entries, [entryOf(["y", 1], [false, true])])
    assert.deepStrictEqual(extract([asc("lines.sku")], { lines: [] }).entries, [entryOf([null])])
  })

  it("combines the values of several paths with arrays", () => {
    const { entries } = extract([asc("a"), asc("b")], { a: [1, 2], b: ["x"] })
    const expected = [1, 2, []].flatMap((a) => ["x", []].map((b) => entryOf([a, b])))
    assert.deepStrictEqual(entries, sorted(expected))
  })

  it("leaves a document out of a sparse index when it has nothing but null at all paths", () => {
    const sparse = { sparse: true } as const
    assert.deepStrictEqual(extract([asc("a"), asc("b.c")], { a: null, b: 5 }, sparse).entries, [])
    assert.deepStrictEqual(extract([asc("a"), asc("b.c")], { b: { c: 0 } }, sparse).entries, [entryOf([null, 0])])
    assert.deepStrictEqual(extract([asc("lines.sku")], { lines: [{}, {}] }, sparse).entries, [])
    assert.deepStrictEqual(extract([asc("tags")], { tags: [] }, sparse).entries, [entryOf([[]])])
  })

  it("forgets what the document before had", () => {
    const extractor = compileIndex({ name: "test", on: [asc("a")] })
    const entries = new EntryList()
    extractor.extract(encode({ a: ["x".repeat(2000), 3, 2] }), 0, KEY, 0, entries)
    assert.deepStrictEqual(
      listOf(entries).entries.map((entry) => entry.length),
      [entryOf([2]).length, entryOf([3]).length, KEY_BYTES_MAX, 18]
    )
    assert.isTrue(mayBeCut(entries.length(2)))
    assert.strictEqual(hex(listOf(entries).entries[2]!.slice(-16)), hex(KEY))
    extractor.extract(encode({ a: 1 }), 0, KEY, 0, entries)
    assert.deepStrictEqual(listOf(entries), { entries: [entryOf([1])], arrays: [] })
  })

  it("has room for as many entries as are allowed, and refuses a document with more", () => {
    const extractor = compileIndex({ name: "test", on: [asc("a")] })
    const entries = new EntryList()
    const numbers = Array.from({ length: ENTRIES_MAX - 1 }, (_, index) => (index * 7919) % 20_011)
    extractor.extract(encode({ a: numbers }), 0, KEY, 0, entries)
    const expected = [...new Set(numbers)].toSorted((a, b) => a - b).map((number) => entryOf([number]))
    assert.deepStrictEqual(listOf(entries).entries.slice(0, -1).map(hex), expected.map(hex))
    const refused = isRefused(() => extractor.extract(encode({ a: [...numbers, 1] }), 0, KEY, 0, entries), "TooManyEntries")
    assert.isTrue(refused)
  })

  it("refuses definitions it cannot keep, naming the path", () => {
    const refused = (on: On): string => {
      try {
        compileIndex({ name: "test", on })
      } catch (error) {
        if (isFault<{ _tag: string; path: string }>(error, "InvalidIndexDefinition")) return error.reason.path
      }
      return assert.fail("the definition was accepted")
    }
    assert.strictEqual(refused([]), "")
    assert.strictEqual(refused([asc("a"), desc("a")]), "a")
    assert.strictEqual(refused([asc("a..b")]), "a..b")
    assert.strictEqual(refused([asc("")]), "")
    assert.strictEqual(refused(Array.from({ length: INDEX_FIELDS_MAX + 1 }, (_, index) => asc(`f${index}`))), "")
  })
})
