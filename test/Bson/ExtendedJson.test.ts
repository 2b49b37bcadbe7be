import { assert, describe, it } from "@effect/vitest"
import { EJSON } from "bson"
import { ByteSink } from "../../src/Bson/ByteSink.ts"
import { parseExtendedJson, writeExtendedJson } from "../../src/Bson/ExtendedJson.ts"
import * as Type from "../../src/Bson/Type.ts"
import { Decimal128, type DocumentValue, Double, encode, Key, ObjectId, Timestamp, UUID } from "../../src/Bson/Value.ts"
import { Writer } from "../../src/Bson/Writer.ts"
import { Fault } from "../../src/Fault/Fault.ts"
import { forSeeds } from "./Generate.ts"

function write(bytes: Uint8Array): string {
  const sink = new ByteSink(16)
  writeExtendedJson(sink, bytes, 0)
  return sink.toText()
}

function read(text: string): Uint8Array {
  const writer = new Writer()
  assert.strictEqual(parseExtendedJson(new TextEncoder().encode(text), writer), Type.DOCUMENT)
  return writer.toBytes()
}

const print = (document: DocumentValue): string => write(encode(document))

describe("Extended JSON", () => {
  it("reads back every document to the byte", () => {
    forSeeds(400, (generator) => {
      const bytes = encode(generator.document(3))
      assert.deepStrictEqual(read(write(bytes)), bytes)
    })
  })

  it("says the type only where plain JSON would lose it", () => {
    assert.strictEqual(
      print({ a: 1, b: 0.5, c: "x", d: true, e: null, f: [1, {}] }),
      '{"a":1,"b":0.5,"c":"x","d":true,"e":null,"f":[1,{}]}'
    )
    assert.strictEqual(
      print({ a: new Double(5), b: 5n, c: Number.NaN }),
      '{"a":{"$numberDouble":"5.0"},"b":{"$numberLong":"5"},"c":{"$numberDouble":"NaN"}}'
    )
    assert.strictEqual(print({ a: Decimal128.fromString("1.50") }), '{"a":{"$numberDecimal":"1.50"}}')
    assert.strictEqual(
      print({ a: new Date(0), b: new Date(-1) }),
      '{"a":{"$date":"1970-01-01T00:00:00.000Z"},"b":{"$date":{"$numberLong":"-1"}}}'
    )
    assert.strictEqual(
      print({ a: new UUID("0190163d-8694-739b-aea5-966c26f8ad91") }),
      '{"a":{"$uuid":"0190163d-8694-739b-aea5-966c26f8ad91"}}'
    )
    assert.strictEqual(print({ a: new Key(new Uint8Array(16)) }), '{"a":{"$binary":{"base64":"AAAAAAAAAAAAAAAAAAAAAA==","subType":"80"}}}')
    assert.strictEqual(print({ a: new ObjectId("0123456789abcdef01234567") }), '{"a":{"$oid":"0123456789abcdef01234567"}}')
    assert.strictEqual(print({ a: new Timestamp({ t: 5, i: 6 }) }), '{"a":{"$timestamp":{"t":5,"i":6}}}')
  })

  it("reads what the bson library writes, relaxed and canonical", () => {
    const document = {
      a: 1,
      b: 2.5,
      c: new Date(86_400_000),
      d: Decimal128.fromString("9.90"),
      e: new ObjectId("0123456789abcdef01234567"),
      f: ["x", { g: true }]
    }
    for (const relaxed of [true, false]) assert.deepStrictEqual(read(EJSON.stringify(document, { relaxed })), encode(document))
  })

  it("keeps documents that would be taken for one of its forms", () => {
    const bytes = encode({ $date: "not a date", inner: { $oid: 5, x: 1 } })
    assert.strictEqual(write(bytes), '{"$document":{"$date":"not a date","inner":{"$document":{"$oid":5,"x":1}}}}')
    assert.deepStrictEqual(read(write(bytes)), bytes)
  })

  it("refuses forms that are not right, and says where", () => {
    const wrong: ReadonlyArray<readonly [string, string, RegExp]> = [
      ['{"a":{"b":{"$date":"yesterday"}}}', "/a/b", /\$date/],
      ['{"a":[{"$oid":"12"}]}', "/a/0", /24 hex digits/],
      ['{"a":{"$numberLong":"9223372036854775808"}}', "/a", /int64/],
      ['{"a":{"$numberInt":"2147483648"}}', "/a", /int32/],
      ['{"a":{"$binary":{"base64":"?","subType":"00"}}}', "/a", /base64/],
      ['{"a":{"$uuid":"12"}}', "/a", /UUID/],
      ['{"a":{"$date":"1970-01-01T00:00:00Z","b":1}}', "/a", /alone/],
      ['{"a":{"$nope":1}}', "/a", /no Extended JSON type \$nope/],
      ['{"$numberDouble":"x"}', "", /number as text/]
    ]
    for (const [text, path, message] of wrong) {
      try {
        read(text)
        assert.fail(text)
      } catch (error) {
        if (!(error instanceof Fault)) throw error
        assert.deepInclude(error.reason, { _tag: "InvalidValue", path }, text)
        assert.match(error.message, message)
      }
    }
  })
})
