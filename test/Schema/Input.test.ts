import { assert, describe, it } from "@effect/vitest"
import { Decimal128, decode, decodeValue, Key, ObjectId, type Value } from "../../src/Bson/Value.ts"
import { Writer } from "../../src/Bson/Writer.ts"
import type { Field, Fields } from "../../src/Schema/Definition.ts"
import { compileInput, type InputOptions } from "../../src/Schema/Input.ts"
import { parseIsoDate } from "../../src/Schema/IsoDate.ts"

function fromText(fields: Fields, query: string, options?: InputOptions): unknown {
  const writer = new Writer()
  const issues = compileInput(fields, options).fromStrings(new URLSearchParams(query), writer)
  if (issues.length === 0) return decode(writer.bytes, 0)
  assert.strictEqual(writer.length, 0)
  return issues.map((issue) => `${issue.pointer} ${issue.code}`)
}

function fromJson(definition: Field | Fields, json: string): Value | ReadonlyArray<string> {
  const writer = new Writer()
  const reader = compileInput(definition)
  const issues = reader.fromJson(new TextEncoder().encode(json), writer)
  if (issues.length === 0) return decodeValue(writer.bytes, reader.writtenType, 0)
  return issues.map((issue) => `${issue.pointer} ${issue.code}`)
}

const all: Fields = {
  int: { type: "int", optional: true },
  long: { type: "long", optional: true },
  number: { type: "number", optional: true },
  decimal: { type: "decimal", optional: true },
  boolean: { type: "boolean", optional: true },
  date: { type: "date", optional: true },
  key: { type: "key", optional: true },
  uuid: { type: "uuid", optional: true },
  objectId: { type: "objectId", optional: true },
  binary: { type: "binary", optional: true },
  literal: { type: "literals", values: ["a", 1, true], optional: true },
  list: { type: "array", items: { type: "int" }, optional: true },
  text: { type: "string", optional: true }
}

describe("fromStrings", () => {
  it("reads every type from its text", () => {
    const query =
      "int=-5&long=9223372036854775807&number=1.5e3&decimal=1.50&boolean=on&date=2026-01-31T12:00:00.250%2B02:00" +
      "&key=0190a5c2d7f07d3a8c1e5b6f7a8b9c0d&uuid=0190a5c2-d7f0-7d3a-8c1e-5b6f7a8b9c0d&objectId=0102030405060708090a0b0c" +
      "&binary=AQI%3D&literal=1&list=3&list=4&text=h%C3%A9"
    const result = fromText(all, query) as Record<string, Value>
    assert.strictEqual(String(result.uuid), "0190a5c2-d7f0-7d3a-8c1e-5b6f7a8b9c0d")
    assert.deepStrictEqual(
      { ...result, uuid: 0, binary: 0 },
      {
        int: -5,
        long: 9223372036854775807n,
        number: 1500,
        decimal: Decimal128.fromString("1.50"),
        boolean: true,
        date: new Date("2026-01-31T10:00:00.250Z"),
        key: new Key(Uint8Array.from(Buffer.from("0190a5c2d7f07d3a8c1e5b6f7a8b9c0d", "hex"))),
        uuid: 0,
        objectId: new ObjectId("0102030405060708090a0b0c"),
        binary: 0,
        literal: 1,
        list: [3, 4],
        text: "hé"
      }
    )
  })

  it("refuses everything else, with a pointer for each", () => {
    const query =
      "int=5.5&long=9223372036854775808&number=0x10&decimal=1,5&boolean=yes&date=2026-02-30&key=xyz&uuid=0&objectId=12&binary=A&literal=b&list=3&list=x"
    assert.deepStrictEqual(fromText(all, query), [
      "/int type",
      "/long type",
      "/number type",
      "/decimal type",
      "/boolean type",
      "/date invalid",
      "/key invalid",
      "/uuid invalid",
      "/objectId invalid",
      "/binary invalid",
      "/literal literal",
      "/list/1 type"
    ])
    for (const text of ["", " 5", "+5", "05", "5 ", "1e999", "NaN", "Infinity", "--5"]) {
      assert.deepStrictEqual(fromText({ a: { type: "number" } }, `a=${encodeURIComponent(text)}`), ["/a type"], text)
    }
  })

  it("makes an array of an array field's only value, and refuses repetition elsewhere", () => {
    assert.deepStrictEqual(fromText(all, "list=3"), { list: [3] })
    assert.deepStrictEqual(fromText(all, "int=3&int=4"), ["/int type"])
  })

  it("takes an empty text for a field left out, or null, where the field is no text", () => {
    const fields: Fields = {
      a: { type: "int", optional: true },
      b: { type: "int", default: 7 },
      c: { type: "int", nullable: true },
      d: { type: "string" },
      e: { type: "int" }
    }
    assert.deepStrictEqual(fromText(fields, "a=&b=&c=&d=&e=1"), { b: 7, c: null, d: "", e: 1 })
    assert.deepStrictEqual(fromText(fields, "a=&b=&c=&d=&e="), ["/e type"])
  })

  it("refuses unknown names, or leaves them out when told to", () => {
    assert.deepStrictEqual(fromText(all, "int=1&utm=x"), ["/utm unknown_field"])
    assert.deepStrictEqual(fromText(all, "int=1&utm=x&a%00b=1&__proto__=1", { unknownFields: "ignore" }), { int: 1 })
    assert.deepStrictEqual(fromText(all, "a%00b=1"), ["/a\ufffdb unknown_field"])
  })

  it("keeps nothing of an input that was refused for the next one", () => {
    const reader = compileInput(all)
    const writer = new Writer()
    assert.strictEqual(reader.fromStrings([["int", "x"]], writer).length, 1)
    assert.strictEqual(reader.fromStrings([["text", "y"]], writer).length, 0)
    assert.deepStrictEqual(decode(writer.bytes, 0), { text: "y" })
  })
})

describe("fromJson", () => {
  it("reads dates, keys, decimals and longs from strings, and numbers from numbers", () => {
    const json = '{"decimal":"1.50","long":"9223372036854775807","date":"2026-01-31","number":5,"int":5.0,"binary":"AQI=","list":[]}'
    const result = fromJson(all, json) as Record<string, Value>
    assert.deepStrictEqual(
      { ...result, binary: 0 },
      {
        decimal: Decimal128.fromString("1.50"),
        long: 9223372036854775807n,
        date: new Date("2026-01-31T00:00:00Z"),
        number: 5,
        int: 5,
        binary: 0,
        list: []
      }
    )
  })

  it("takes decimals sent as numbers only where no digit can have been lost", () => {
    const decimal: Field = { type: "decimal" }
    assert.deepStrictEqual(fromJson(decimal, "9.95"), Decimal128.fromString("9.95"))
    assert.deepStrictEqual(fromJson(decimal, "12345678901234567"), Decimal128.fromString("12345678901234567"))
    assert.deepStrictEqual(fromJson(decimal, "0.1234567890123456789"), [" type"])
    assert.deepStrictEqual(fromJson(decimal, '"0.1234567890123456789"'), Decimal128.fromString("0.1234567890123456789"))
    assert.deepStrictEqual(fromJson(decimal, "1e30"), Decimal128.fromString("1E+30"))
  })

  it("does not take text for numbers or booleans, nor unknown fields", () => {
    assert.deepStrictEqual(fromJson(all, '{"int":"5","boolean":"true","x":1,"list":{"a":1}}'), [
      "/int type",
      "/boolean type",
      "/x unknown_field",
      "/list type"
    ])
  })

  it("reads values that are no objects", () => {
    assert.deepStrictEqual(fromJson({ type: "array", items: { type: "date" } }, '["2026-01-31"]'), [new Date("2026-01-31T00:00:00Z")])
    assert.strictEqual(fromJson({ type: "string" }, '"x"'), "x")
    assert.strictEqual(fromJson({ type: "string", nullable: true }, "null"), null)
    assert.deepStrictEqual(fromJson({ type: "string" }, "[]"), [" type"])
    assert.deepStrictEqual(fromJson({ a: { type: "int" } }, "[]"), [" type"])
    assert.deepStrictEqual(fromJson({ type: { type: "int" } }, '{"type":1}'), { type: 1 })
  })

  it("faults with line and column on text that is no JSON", () => {
    assert.throws(() => fromJson(all, '{\n"int":}'), /line 2, column 7/)
  })
})

describe("parseIsoDate", () => {
  it("reads what leaves no doubt, as Date does", () => {
    for (const text of [
      "2026-01-31",
      "2024-02-29",
      "2026-01-31T23:59Z",
      "2026-01-31T12:00:00Z",
      "2026-01-31T12:00:00.5-11:30",
      "0001-01-01T00:00:00.123Z"
    ]) {
      assert.strictEqual(parseIsoDate(text), new Date(text).getTime(), text)
    }
    assert.strictEqual(parseIsoDate("2026-01-31T12:00:00.123456789Z"), Date.UTC(2026, 0, 31, 12, 0, 0, 123))
  })

  it("agrees with Date on every day there is", () => {
    for (let timeMs = Date.UTC(0, 0, 1) - 1900 * 366 * 86_400_000; timeMs < Date.UTC(9999, 11, 31); timeMs += 86_400_000 * 13 + 3_599_999) {
      const text = new Date(timeMs).toISOString()
      if (text.startsWith("-")) continue
      assert.strictEqual(parseIsoDate(text), timeMs, text)
      assert.strictEqual(parseIsoDate(text.slice(0, 10)), new Date(text.slice(0, 10)).getTime())
    }
  })

  it("refuses the rest", () => {
    for (const text of [
      "",
      "2026",
      "2026-1-1",
      "2026-02-30",
      "2023-02-29",
      "2026-13-01",
      "2026-01-31T12:00",
      "2026-01-31T24:00Z",
      "31.01.2026",
      "2026-01-31 12:00Z",
      "2026-01-31T12:00:00.Z",
      "2026-01-31T12:00:00.1234567890Z",
      "2026-01-31T12:00Zx",
      "2026-01-31T12:00+2:00",
      "2026-01-31T12:00+24:00",
      "2026-01-3",
      "20a6-01-31",
      "2026-00-10"
    ]) {
      assert.isUndefined(parseIsoDate(text), text)
    }
  })
})
