import { assert, describe, it } from "@effect/vitest"
import { ByteSink } from "../../src/Bson/ByteSink.ts"
import { parseJson, writeJson, writeJsonName } from "../../src/Bson/Json.ts"
import * as Type from "../../src/Bson/Type.ts"
import { validate } from "../../src/Bson/Validate.ts"
import {
  Binary,
  BSONRegExp,
  decode,
  Decimal128,
  type DocumentValue,
  encode,
  encodeValue,
  Key,
  Long,
  MaxKey,
  MinKey,
  ObjectId,
  Timestamp,
  UUID,
  type Value
} from "../../src/Bson/Value.ts"
import { Writer } from "../../src/Bson/Writer.ts"
import { isFault } from "../../src/Fault/Fault.ts"
import { forSeeds, Generator } from "./Generate.ts"

function json(value: Value): string {
  const { bytes, type, at } = encodeValue(value)
  const sink = new ByteSink(16)
  writeJson(sink, bytes, type, at)
  return sink.toText()
}

/** What JSON.stringify should get to see. */
function plain(value: Value): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  if (value instanceof Timestamp) return { t: value.t, i: value.i }
  if (value instanceof Decimal128 || value instanceof Key || value instanceof UUID || value instanceof Long) return value.toString()
  if (value instanceof ObjectId) return value.toHexString()
  if (value instanceof Binary) return Buffer.from(value.buffer.subarray(0, value.position)).toString("base64")
  if (value instanceof BSONRegExp) return `/${value.pattern}/${value.options}`
  if (value instanceof MinKey) return { $minKey: 1 }
  if (value instanceof MaxKey) return { $maxKey: 1 }
  if (Array.isArray(value)) return value.map(plain)
  if (value instanceof Date || typeof value !== "object" || value === null) return value
  return Object.assign(Object.create(null), Object.fromEntries(Object.entries(value).map(([name, own]) => [name, plain(own)])))
}

describe("writeJson", () => {
  it("writes what JSON.stringify writes for the plain values", () => {
    forSeeds(6000, (generator) => {
      const document = decode(encode(generator.document()))
      assert.strictEqual(json(document), JSON.stringify(plain(document)))
    })
  })

  it("prints doubles as JavaScript does, -0 as 0, NaN and infinities as null", () => {
    const generator = new Generator(11)
    for (let count = 0; count < 100_000; count++) {
      const double = generator.double()
      assert.strictEqual(json(double), JSON.stringify(double))
    }
    assert.strictEqual(
      json([-0, Number.NaN, Number.POSITIVE_INFINITY, 0.1, 1e21, 1e-7, 123.4, 0.05]),
      "[0,null,null,0.1,1e+21,1e-7,123.4,0.05]"
    )
  })

  it("prints dates as toISOString does over their whole range", () => {
    const generator = new Generator(5)
    for (let count = 0; count < 20_000; count++) {
      const date = new Date((generator.next() / 4294967296 - 0.5) * (count % 2 === 0 ? 1.728e16 : 4e12))
      assert.strictEqual(json(date), JSON.stringify(date))
    }
    const writer = new Writer()
    const start = writer.beginDocument()
    writer.name(Type.DATE, "late")
    writer.int64(2n ** 62n)
    writer.endDocument(start)
    const sink = new ByteSink()
    writeJson(sink, writer.bytes, Type.DOCUMENT, 0)
    assert.strictEqual(sink.toText(), '{"late":null}')
  })

  it("prints every kind of value in its plain form", () => {
    const document = {
      long: 2n ** 53n - 1n,
      big: 2n ** 53n,
      decimal: Decimal128.fromString("1.50"),
      key: new Key(new Uint8Array(16).fill(0xab)),
      uuid: new UUID("0190a5c2-d7f0-7d3a-8c1e-5b6f7a8b9c0d"),
      data: new Binary(Uint8Array.of(1, 2, 3, 4)),
      id: new ObjectId("0102030405060708090a0b0c"),
      regex: new BSONRegExp('a"b', "i"),
      min: new MinKey()
    }
    assert.strictEqual(
      json(document),
      '{"long":9007199254740991,"big":"9007199254740992","decimal":"1.50","key":"abababababababababababababababab",' +
        '"uuid":"0190a5c2-d7f0-7d3a-8c1e-5b6f7a8b9c0d","data":"AQIDBA==","id":"0102030405060708090a0b0c","regex":"/a\\"b/i","min":{"$minKey":1}}'
    )
  })

  it("writes large documents, strings, names and binary data like small ones", () => {
    const wide = 'wide é " \u0001 😀 '.repeat(4000)
    const document: DocumentValue = {
      wide,
      [wide.replaceAll("\0", "")]: [wide, { data: new Binary(new Uint8Array(50_000).fill(7)), regex: new BSONRegExp(wide, "i") }],
      many: Array.from({ length: 9000 }, (_, index) => ({ index, text: `number ${index}` })),
      empty: [{}, [], ""]
    }
    assert.strictEqual(json(document), JSON.stringify(plain(document)))
  })

  it("faults when the sink is full", () => {
    const { bytes, type, at } = encodeValue("x".repeat(1000))
    const sink = new ByteSink(16, 500)
    try {
      writeJson(sink, bytes, type, at)
      assert.fail("outgrew its sink")
    } catch (error) {
      assert.isTrue(isFault(error, "TooLarge"))
    }
  })

  it("writes single names for those who put documents together", () => {
    const sink = new ByteSink(16)
    const bytes = encode({ 'a"b': 1 })
    assert.strictEqual(writeJsonName(sink, bytes, 4), 9)
    assert.strictEqual(sink.toText(), '"a\\"b":')
  })
})

const text = (value: string): Uint8Array => new TextEncoder().encode(value)

function parse(source: string): Value {
  const writer = new Writer(16)
  const start = writer.beginDocument()
  writer.name(0, "")
  const type = parseJson(text(source), writer)
  writer.bytes[4] = type
  writer.endDocument(start)
  validate(writer.bytes, 0, writer.length)
  const value = decode(writer.bytes, 0)[""]
  if (value === undefined) throw new Error("nothing was written")
  return value
}

/** A random JSON value whose numbers JavaScript keeps exactly. */
function randomJson(generator: Generator, depth: number): unknown {
  switch (generator.below(depth > 0 ? 9 : 6)) {
    case 0:
      return generator.text()
    case 1:
      return generator.double()
    case 2:
      return generator.below(1000) - 500
    case 3:
      return generator.pick([0.1, 1e300, 5e-324, 2147483648, -2147483649, 123456.789, 99.99, 0.000001234])
    case 4:
      return generator.below(2) === 0
    case 5:
      return null
    case 6:
      return Array.from({ length: generator.below(4) }, () => randomJson(generator, depth - 1))
    default:
      return Object.fromEntries(
        Array.from({ length: generator.below(4) }, () => [generator.name().replace("__proto__", "p"), randomJson(generator, depth - 1)])
      )
  }
}

/** Whole numbers as JavaScript has them, whatever their encoding was. */
function asNumbers(value: Value): unknown {
  if (typeof value === "bigint") return Number(value)
  if (Array.isArray(value)) return value.map(asNumbers)
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, own]) => [name, asNumbers(own)]))
  return Object.is(value, -0) ? 0 : value
}

describe("parseJson", () => {
  it("reads what JSON.parse reads", () => {
    forSeeds(6000, (generator) => {
      const source = JSON.stringify(randomJson(generator, 3), undefined, generator.below(3))
      const value = JSON.parse(source, (_, own: unknown) => (Object.is(own, -0) ? 0 : own)) as unknown
      assert.deepEqual(asNumbers(parse(source)), value)
    })
  })

  it("chooses the first encoding that holds a number exactly", () => {
    const type = (source: string): number => parseJson(text(source), new Writer())
    assert.deepStrictEqual(["5", "-2147483648", "2147483647"].map(type), [Type.INT32, Type.INT32, Type.INT32])
    assert.deepStrictEqual(["2147483648", "9223372036854775807", "-9223372036854775808"].map(type), [Type.INT64, Type.INT64, Type.INT64])
    assert.deepStrictEqual(
      ["9223372036854775808", "5.0", "5e0", "-0", "123456789012345678901234567890"].map(type),
      new Array(5).fill(Type.DOUBLE)
    )
    assert.strictEqual(parse("9007199254740993"), 9007199254740993n)
    assert.isTrue(Object.is(parse("-0"), -0))
  })

  it("rounds doubles as JavaScript does", () => {
    const generator = new Generator(17)
    for (let count = 0; count < 30_000; count++) {
      const digits = String(generator.next()) + String(generator.next())
      const cut = generator.below(digits.length - 1) + 1
      const exponent = generator.below(2) === 0 ? "" : `e${generator.below(80) - 40}`
      const source = `${Number(digits.slice(0, cut))}.${digits.slice(cut)}${exponent}`
      assert.strictEqual(parse(source), Number(source), source)
    }
  })

  it("decodes escapes, pairs of surrogates, and makes lone ones U+FFFD", () => {
    assert.strictEqual(parse(String.raw`"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\u0000"`), '"\\/\b\f\n\r\té😀\0')
    assert.strictEqual(parse(String.raw`"\ud83dx\ude00\ud83d\u0041"`), "\ufffdx\ufffd\ufffdA")
  })

  const refused: ReadonlyArray<[string, number, number, string]> = [
    ["", 1, 1, "a value"],
    ["  \n ", 2, 2, "a value"],
    ['{"a":1,"b":2,"a":3}', 1, 14, "this name already"],
    ['{"é":1,\n "x":{"b":1,"b":2}}', 2, 13, "this name already"],
    ['{"a":1,}', 1, 8, "a name in double quotes"],
    ["[1,]", 1, 4, "a value"],
    ["[1 2]", 1, 4, '"," or "]"'],
    ['{"a" 1}', 1, 6, '":"'],
    ["{'a':1}", 1, 2, "a name in double quotes"],
    ["tru", 1, 1, '"true"'],
    ["nul1", 1, 1, '"null"'],
    ["NaN", 1, 1, "a value"],
    ["01", 1, 1, "starts with 0"],
    ["1.", 1, 3, "a digit"],
    ["1.e5", 1, 3, "a digit"],
    ["-", 1, 2, "a digit"],
    ["+1", 1, 1, "a value"],
    ["1e", 1, 3, "a digit"],
    ["1e400", 1, 1, "too large"],
    ["1 1", 1, 3, "the end of the text"],
    ['"abc', 1, 1, "does not end"],
    ['"a\nb"', 1, 3, "control character 0x0a"],
    ['"\\x41"', 1, 2, "unknown escape"],
    ['"\\u12g4"', 1, 2, "four hex digits"],
    ['"\\', 1, 2, "unknown escape"],
    ['{"a\\u0000b":1}', 1, 2, "NUL"],
    ["// x\n1", 1, 1, "a value"],
    ["\ufeff1", 1, 1, "a value"],
    ["[".repeat(101), 1, 101, "too deep"]
  ]
  for (const [source, line, column, message] of refused) {
    it(`refuses ${JSON.stringify(source.slice(0, 30))} at line ${line}, column ${column}, and leaves the writer as it was`, () => {
      const writer = new Writer()
      writer.int32(7)
      const before = writer.toBytes()
      try {
        parseJson(text(source), writer)
        assert.fail("was accepted")
      } catch (error) {
        if (!isFault<{ _tag: "InvalidJson"; line: number; column: number; message: string }>(error, "InvalidJson")) throw error
        assert.include(error.reason.message, message)
        assert.deepStrictEqual([error.reason.line, error.reason.column], [line, column])
      }
      assert.deepStrictEqual(writer.toBytes(), before)
    })
  }

  it("refuses text that is not UTF-8, with its place", () => {
    assert.throws(
      () => parseJson(Uint8Array.of(0x22, 0x61, 0x0a, 0xc3, 0x28, 0x22), new Writer()),
      /line 2, column 1: the text is not valid UTF-8/
    )
  })

  it("refuses text whose BSON is too large for the writer", () => {
    assert.throws(() => parseJson(text(JSON.stringify("x".repeat(1000))), new Writer(16, 100)), /TooLarge/)
  })

  it("keeps many distinct names and finds the one that returns", () => {
    const names = Array.from({ length: 5000 }, (_, index) => `"name${index}":${index}`)
    assert.strictEqual(Object.keys(parse(`{${names.join(",")}}`) as object).length, 5000)
    assert.throws(() => parse(`{${names.join(",")},"name4321":1}`), /this name already/)
  })
})
