import { assert, describe, it } from "@effect/vitest"
import * as Type from "../../src/Bson/Type.ts"
import { validate } from "../../src/Bson/Validate.ts"
import { Binary, Decimal128, decode, type DocumentValue, Double, encode, Key, ObjectId, UUID, type Value } from "../../src/Bson/Value.ts"
import { elementName, fieldName, findElement } from "../../src/Bson/View.ts"
import { Writer } from "../../src/Bson/Writer.ts"
import { isFault } from "../../src/Fault/Fault.ts"
import type { Field, Fields, StoreDefinition } from "../../src/Schema/Definition.ts"
import { ISSUES_MAX, type Issue } from "../../src/Schema/Issue.ts"
import { compileStore, compileStruct, type Validator } from "../../src/Schema/Validator.ts"
import { forSeeds, type Generator } from "../Bson/Generate.ts"

function normalised(validator: Validator, document: DocumentValue | Uint8Array): Uint8Array | ReadonlyArray<Issue> {
  const writer = new Writer()
  writer.int32(1)
  const bytes = document instanceof Uint8Array ? document : encode(document)
  const issues = validator.normalise(bytes, 0, writer)
  assert.deepStrictEqual(validator.check(bytes, 0), issues)
  if (issues.length > 0) {
    assert.strictEqual(writer.length, 4)
    return issues
  }
  assert.strictEqual(validate(writer.bytes, 4, writer.length), writer.length)
  return writer.toBytes().slice(4)
}

/** The stored form as JavaScript values; a list of `pointer code` when there are issues. */
function stored(fields: Fields, document: DocumentValue): unknown {
  const result = normalised(compileStruct(fields), document)
  return result instanceof Uint8Array ? decode(result) : result.map((issue) => `${issue.pointer} ${issue.code}`)
}

/** The type a single value is stored as, or the code of its issue. */
function storedType(field: Field, value: Value): number | string {
  const result = normalised(compileStruct({ a: field }), { a: value })
  return result instanceof Uint8Array ? (result[findElement(result, 0, fieldName("a"))] ?? -1) : (result[0]?.code ?? "")
}

describe("normalise", () => {
  it("lets the schema decide how a number is stored", () => {
    assert.strictEqual(storedType({ type: "number" }, 5), Type.DOUBLE)
    assert.strictEqual(storedType({ type: "number" }, 5n), Type.DOUBLE)
    assert.strictEqual(storedType({ type: "int" }, new Double(5)), Type.INT32)
    assert.strictEqual(storedType({ type: "int" }, 5n), Type.INT32)
    assert.strictEqual(storedType({ type: "long" }, 5), Type.INT64)
    assert.strictEqual(storedType({ type: "long" }, 2 ** 40), Type.INT64)
    assert.strictEqual(storedType({ type: "decimal" }, 5), Type.DECIMAL128)
    assert.strictEqual(storedType({ type: "decimal" }, 2n ** 60n), Type.DECIMAL128)
    assert.deepStrictEqual(stored({ a: { type: "decimal" } }, { a: -(2n ** 60n) }), { a: Decimal128.fromString("-1152921504606846976") })
  })

  it("never rounds: what does not fit exactly is an issue", () => {
    const cases: ReadonlyArray<[Field, Value]> = [
      [{ type: "int" }, 1.5],
      [{ type: "int" }, "5"],
      [{ type: "long" }, 1.5],
      [{ type: "long" }, 2 ** 60],
      [{ type: "number" }, 2n ** 53n + 1n],
      [{ type: "number" }, Number.NaN],
      [{ type: "number" }, Number.POSITIVE_INFINITY],
      [{ type: "decimal" }, 1.5],
      [{ type: "decimal" }, Decimal128.fromString("NaN")]
    ]
    assert.strictEqual(storedType({ type: "int" }, 2147483648), "too_large")
    for (const [field, value] of cases) assert.strictEqual(storedType(field, value), "type", `${field.type} ${String(value)}`)
  })

  it("puts fields into the schema's order, structs within too, and fills in defaults", () => {
    const fields: Fields = {
      a: { type: "int" },
      b: { type: "struct", fields: { x: { type: "string" }, y: { type: "string", optional: true } } },
      c: { type: "int", default: 7 },
      d: { type: "date", default: "2026-01-01" },
      e: { type: "int", optional: true }
    }
    const result = stored(fields, { e: 1, b: { y: "2", x: "1" }, a: 3 })
    assert.strictEqual(JSON.stringify(result), '{"a":3,"b":{"x":"1","y":"2"},"c":7,"d":"2026-01-01T00:00:00.000Z","e":1}')
  })

  it("copies a document that is right already, byte for byte", () => {
    const validator = compileStruct({
      a: { type: "string" },
      b: { type: "array", items: { type: "int" } },
      c: { type: "any", optional: true }
    })
    const document = { a: "x", b: [1, 2], c: { any: ["thing", 1.5] } }
    assert.deepStrictEqual(normalised(validator, document), encode(document))
  })

  it("changes nothing when it is done again, and loses no value", () => {
    const validator = compileStruct(wide)
    let accepted = 0
    forSeeds(4000, (generator) => {
      const document = randomDocument(generator)
      const result = normalised(validator, document)
      if (!(result instanceof Uint8Array)) return
      accepted++
      assert.deepStrictEqual(normalised(validator, result), result)
      for (const name of Object.keys(document)) assert.isAtLeast(findElement(result, 0, fieldName(name)), 0)
      const names: Array<string> = []
      for (const name of Object.keys(wide)) if (findElement(result, 0, fieldName(name)) >= 0) names.push(name)
      assert.deepStrictEqual(names, Object.keys(decode(result)))
    })
    assert.isAbove(accepted, 500)
  })

  it("takes keys for UUIDs and UUIDs for keys: they are the same 128 bits", () => {
    const uuid = new UUID()
    const key = new Key(new Uint8Array(uuid.buffer))
    assert.deepStrictEqual(stored({ a: { type: "key" } }, { a: uuid }), { a: key })
    assert.deepStrictEqual(stored({ a: { type: "uuid" } }, { a: key }), { a: uuid })
    assert.strictEqual(storedType({ type: "key" }, new Binary(new Uint8Array(16))), "type")
  })

  it("chooses the member of a union that takes the value as it is before one that changes it", () => {
    const union: Field = {
      type: "union",
      members: [{ type: "number" }, { type: "int" }, { type: "struct", fields: { a: { type: "int" } } }]
    }
    assert.strictEqual(storedType(union, 5), Type.INT32)
    assert.strictEqual(storedType(union, 5n), Type.DOUBLE)
    assert.strictEqual(storedType(union, { a: new Double(5) }), Type.DOCUMENT)
    assert.strictEqual(storedType(union, { a: "x" }), "union")
    assert.strictEqual(storedType(union, "x"), "union")
  })
})

const wide: Fields = {
  name: { type: "string", optional: true },
  a: {
    type: "union",
    members: [{ type: "int" }, { type: "string" }, { type: "number" }, { type: "array", items: { type: "any" } }],
    optional: true,
    nullable: true
  },
  b: { type: "record", values: { type: "any" }, optional: true },
  c: { type: "decimal", default: 1, nullable: true },
  lines: {
    type: "array",
    items: { type: "struct", fields: { q: { type: "number" }, s: { type: "string", default: "none" } } },
    optional: true
  },
  _id: { type: "any", optional: true }
}

function randomDocument(generator: Generator): DocumentValue {
  const document: Record<string, Value> = {}
  for (let count = generator.below(6); count > 0; count--) {
    const name = generator.pick(["name", "a", "b", "c", "lines", "_id"])
    if (name === "name") document[name] = generator.text()
    else if (name === "b") document[name] = generator.document(1)
    else if (name === "lines")
      document[name] = [{ q: generator.below(9) }, generator.below(2) === 0 ? { s: "x", q: 1.5 } : { q: 2n, s: "y" }]
    else document[name] = generator.value(2)
  }
  return document
}

describe("check", () => {
  it("points at every bad field", () => {
    const fields: Fields = {
      name: { type: "string", minLength: 2, maxLength: 4, pattern: "^[a-zé]+$" },
      status: { type: "literals", values: ["open", "closed", 3, null] },
      lines: { type: "array", minItems: 1, maxItems: 2, items: { type: "struct", fields: { "a/b~c": { type: "int", min: 1, max: 9 } } } },
      data: { type: "binary", maxLength: 2 },
      labels: { type: "record", values: { type: "boolean" }, maxEntries: 2 },
      total: { type: "long", min: "-5", max: "9007199254740993" }
    }
    const good = {
      name: "abé",
      status: "open",
      lines: [{ "a/b~c": 1 }],
      data: new Uint8Array(2),
      labels: { x: true },
      total: 2n ** 53n + 1n
    }
    assert.deepStrictEqual(stored(fields, good), decode(encode(good)))
    const bad = (change: DocumentValue): unknown => stored(fields, { ...good, ...change })
    assert.deepStrictEqual(bad({ name: "a" }), ["/name too_short"])
    assert.deepStrictEqual(bad({ name: "é" }), ["/name too_short"])
    assert.deepStrictEqual(bad({ name: "ééééé" }), ["/name too_long"])
    assert.deepStrictEqual(bad({ name: "éééé" }), decode(encode({ ...good, name: "éééé" })))
    assert.deepStrictEqual(bad({ name: "AB" }), ["/name pattern"])
    assert.deepStrictEqual(bad({ status: "x" }), ["/status literal"])
    assert.deepStrictEqual(bad({ status: null }), decode(encode({ ...good, status: null })))
    assert.deepStrictEqual(bad({ lines: [] }), ["/lines too_few_items"])
    assert.deepStrictEqual(bad({ lines: [{}, {}, {}] }), ["/lines too_many_items"])
    assert.deepStrictEqual(bad({ lines: [{ "a/b~c": 1 }, { "a/b~c": 0, x: 1 }] }), [
      "/lines/1/a~1b~0c too_small",
      "/lines/1/x unknown_field"
    ])
    assert.deepStrictEqual(bad({ data: new Uint8Array(3) }), ["/data too_long"])
    assert.deepStrictEqual(bad({ labels: { a: true, b: 1 } }), ["/labels/b type"])
    assert.deepStrictEqual(bad({ labels: { a: true, b: true, c: true } }), ["/labels too_many_entries"])
    assert.deepStrictEqual(bad({ total: 2n ** 53n + 2n }), ["/total too_large"])
    assert.deepStrictEqual(bad({ total: -6 }), ["/total too_small"])
    assert.deepStrictEqual(stored(fields, { name: 5, lines: [] }), [
      "/name type",
      "/lines too_few_items",
      "/status required",
      "/data required",
      "/labels required",
      "/total required"
    ])
  })

  it("tells required, optional and nullable apart", () => {
    const fields: Fields = { a: { type: "int" }, b: { type: "int", optional: true }, c: { type: "int", nullable: true } }
    assert.deepStrictEqual(stored(fields, {}), ["/a required", "/c required"])
    assert.deepStrictEqual(stored(fields, { a: null, b: null, c: null }), ["/a type", "/b type"])
    assert.deepStrictEqual(stored(fields, { a: 1, c: null }), { a: 1, c: null })
  })

  it("reports at most a hundred issues", () => {
    const validator = compileStruct({ a: { type: "array", items: { type: "int" } } })
    assert.strictEqual(validator.check(encode({ a: Array.from({ length: 500 }, () => "x") }), 0).length, ISSUES_MAX)
    assert.deepStrictEqual(validator.check(encode({ a: [1] }), 0), [])
  })

  it("finds fields among many, in any order", () => {
    const names = Array.from({ length: 300 }, (_, index) => `field${index}`)
    const validator = compileStruct(Object.fromEntries(names.map((name) => [name, { type: "int" }])))
    const document = Object.fromEntries(names.toReversed().map((name, index) => [name, index]))
    const result = normalised(validator, document)
    assert.deepStrictEqual(result instanceof Uint8Array ? Object.keys(decode(result)) : result, names)
  })
})

describe("compileStore", () => {
  const store = (idKind: StoreDefinition["idKind"]): Validator =>
    compileStore({ name: "orders", idKind, schema: { a: { type: "int" } }, indexes: [] })

  it("puts _id in front and wants it to be of the store's kind", () => {
    const ids: ReadonlyArray<[StoreDefinition["idKind"], Value]> = [
      ["key", new Key(new Uint8Array(16))],
      ["uuid", new UUID()],
      ["objectId", new ObjectId()],
      ["string", "x"],
      ["int", 5],
      ["long", 5n]
    ]
    for (const [kind, id] of ids) {
      const result = normalised(store(kind), { a: 1, _id: id })
      assert.strictEqual(result instanceof Uint8Array ? elementName(result, 4) : result, "_id")
      assert.isArray(normalised(store(kind), { a: 1, _id: true }))
      assert.isArray(normalised(store(kind), { a: 1 }))
    }
  })

  it("refuses definitions with mistakes", () => {
    try {
      compileStore({ name: "$jobs", idKind: "key", schema: {}, indexes: [] })
      assert.fail("was accepted")
    } catch (error) {
      assert.isTrue(isFault(error, "InvalidSchema"))
    }
    assert.throws(() => compileStruct({ a: { type: "int", min: 2, max: 1 } }), /InvalidSchema: \/a\/min/)
  })
})
