import { assert, describe, it } from "@effect/vitest"
import { COMPONENTS_MAX, compilePath, resolve, resolveFirst } from "../../src/Bson/Path.ts"
import * as Type from "../../src/Bson/Type.ts"
import { decode, decodeValue, type DocumentValue, encode, type Value } from "../../src/Bson/Value.ts"
import { valueOffset } from "../../src/Bson/View.ts"
import { forSeeds } from "./Generate.ts"

const missing = Symbol("missing")
type Seen = Value | typeof missing

/** What a path visits, as the functions see it. */
function visited(text: string, document: DocumentValue): ReadonlyArray<Seen> {
  const bytes = encode(document)
  const seen: Array<Seen> = []
  const stopped = resolve(compilePath(text), bytes, 0, {
    visit: (bytes, type, at) => {
      seen.push(type === Type.MISSING ? missing : decodeValue(bytes, type, at))
      return false
    }
  })
  assert.isFalse(stopped)
  return seen
}

const isDocument = (value: Value): value is DocumentValue =>
  typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype

/** The same over JavaScript values. */
function model(components: ReadonlyArray<string>, value: Value): Array<Seen> {
  const [name, ...rest] = components
  if (name === undefined) return Array.isArray(value) ? [...value, value] : [value]
  if (isDocument(value)) {
    const next = Object.hasOwn(value, name) ? value[name] : undefined
    return next === undefined ? [missing] : model(rest, next)
  }
  if (!Array.isArray(value)) return [missing]
  const isPosition = /^(0|[1-9]\d*)$/.test(name)
  return value.flatMap((item: Value, index): Array<Seen> => {
    const byPosition = isPosition && index === Number(name) ? model(rest, item) : []
    const byName = isDocument(item) && (!isPosition || Object.hasOwn(item, name)) ? model(components, item) : []
    return [...byPosition, ...byName]
  })
}

describe("resolve", () => {
  it("visits a plain value once, and a missing one as missing", () => {
    assert.deepStrictEqual(visited("a.b", { a: { b: 5 } }), [5])
    for (const document of [{}, { a: {} }, { a: 5 }, { a: null }, { a: [] }, { a: [1, 2] }, { a: [[{ b: 1 }]] }]) {
      assert.deepStrictEqual(visited("a.b", document), [missing])
    }
  })

  it("fans out over arrays, and visits the array at the end of a path as a whole too", () => {
    assert.deepStrictEqual(visited("a", { a: [1, [2]] }), [1, [2], [1, [2]]])
    assert.deepStrictEqual(visited("a.b", { a: [{ b: 1 }, {}, 7, { b: [2] }] }), [1, missing, 2, [2]])
  })

  it("takes numbers for positions and for names", () => {
    assert.deepStrictEqual(visited("a.1", { a: [10, 20] }), [20])
    assert.deepStrictEqual(visited("a.1.b", { a: [{ b: 1 }, { b: 2 }] }), [2])
    assert.deepStrictEqual(visited("a.0", { a: [{ 0: "x" }] }), [{ 0: "x" }, "x"])
    assert.deepStrictEqual(visited("a.0", { a: { 0: "x" } }), ["x"])
    assert.deepStrictEqual(visited("a.5", { a: [1] }), [missing])
    assert.deepStrictEqual(visited("a.0.b", { a: [[{ b: 1 }]] }), [1])
  })

  it("ends when the visitor has seen enough", () => {
    const bytes = encode({ a: [{ b: 1 }, { b: 2 }, { b: 3 }] })
    let count = 0
    assert.isTrue(resolve(compilePath("a.b"), bytes, 0, { visit: () => ++count === 2 }))
    assert.strictEqual(count, 2)
  })

  it("agrees with the same rules over JavaScript values", () => {
    forSeeds(8000, (generator) => {
      const document = decode(encode(generator.document(4)))
      const path = Array.from({ length: 1 + generator.below(3) }, () => generator.name())
      const expected = model(path, document)
      assert.deepStrictEqual(visited(path.join("."), document), expected.length === 0 ? [missing] : expected)
    })
  })
})

describe("resolveFirst", () => {
  const first = (text: string, document: DocumentValue): Value | undefined => {
    const bytes = encode(document)
    const element = resolveFirst(compilePath(text), bytes, 0)
    return element < 0 ? undefined : decodeValue(bytes, bytes[element] ?? 0, valueOffset(bytes, element))
  }

  it("follows names in documents and positions in arrays, without fanning out", () => {
    const document = { a: { b: [{ c: 1 }, { c: 2 }] } }
    assert.strictEqual(first("a.b.1.c", document), 2)
    assert.deepStrictEqual(first("a.b", document), [{ c: 1 }, { c: 2 }])
    for (const path of ["a.b.c", "a.b.2", "a.x", "x", "a.b.1.c.d"]) assert.isUndefined(first(path, document))
  })
})

describe("compilePath", () => {
  it("refuses empty components, NULs and too many components", () => {
    for (const text of ["", ".", "a.", ".a", "a..b", "a\0", Array.from({ length: COMPONENTS_MAX + 1 }, () => "a").join(".")]) {
      assert.throws(() => compilePath(text), /InvalidValue/)
    }
  })
})
