import { assert, describe, it } from "@effect/vitest"
import { ByteSink, ByteSinkPool } from "../../src/Bson/ByteSink.ts"
import * as Type from "../../src/Bson/Type.ts"
import { decode, decodeValue, encode, encodeValue } from "../../src/Bson/Value.ts"
import {
  documentEnd,
  documentLength,
  elementName,
  fieldName,
  findElement,
  firstElement,
  isInt64Safe,
  nextElement,
  readDouble,
  readInt32,
  readInt64,
  readInt64Number,
  skipValue,
  valueOffset
} from "../../src/Bson/View.ts"
import { Writer } from "../../src/Bson/Writer.ts"
import { isFault } from "../../src/Fault/Fault.ts"
import { forSeeds } from "./Generate.ts"

describe("View", () => {
  it("finds every field of a document, at any offset, and no other", () => {
    forSeeds(2000, (generator) => {
      const document = generator.document()
      const encoded = encode(document)
      const offset = generator.below(20)
      const bytes = new Uint8Array(encoded.length + offset + 3).fill(0xee)
      bytes.set(encoded, offset)
      for (const [name, value] of Object.entries(decode(encoded))) {
        const prepared = fieldName(name)
        const element = findElement(bytes, offset, prepared)
        assert.strictEqual(elementName(bytes, element), name)
        assert.deepStrictEqual(decodeValue(bytes, bytes[element] ?? 0, element + 1 + prepared.length), value)
        assert.strictEqual(valueOffset(bytes, element), element + 1 + prepared.length)
      }
      assert.strictEqual(findElement(bytes, offset, fieldName("nowhere")), -1)
      assert.strictEqual(findElement(bytes, offset, fieldName("")), -1)
    })
  })

  it("walks from the first element to the end", () => {
    forSeeds(1000, (generator) => {
      const document = generator.document()
      const bytes = encode(document)
      const names: Array<string> = []
      let element = firstElement(0)
      for (; element < documentEnd(bytes, 0); element = nextElement(bytes, element)) names.push(elementName(bytes, element))
      assert.strictEqual(element, documentLength(bytes, 0) - 1)
      assert.deepStrictEqual(names, Object.keys(document))
    })
  })

  it("does not take a longer or shorter name for the one it looks for", () => {
    const bytes = encode({ abc: 1, ab: 2, a: 3 })
    const at = findElement(bytes, 0, fieldName("ab"))
    assert.strictEqual(readInt32(bytes, at + 4), 2)
  })

  it("reads what was written", () => {
    forSeeds(2000, (generator) => {
      const writer = new Writer(8)
      const double = generator.double()
      writer.double(double)
      assert.isTrue(Object.is(readDouble(writer.bytes, 0), double) || Number.isNaN(double))
      writer.reset()
      const long = BigInt.asIntN(64, (BigInt(generator.next()) << BigInt(generator.below(40))) - BigInt(generator.next()))
      writer.int64(long)
      assert.strictEqual(readInt64(writer.bytes, 0), long)
      assert.strictEqual(readInt64Number(writer.bytes, 0), Number(long))
      assert.strictEqual(isInt64Safe(writer.bytes, 0), Number.isSafeInteger(Number(long)))
      if (!Number.isSafeInteger(Number(long))) return
      writer.reset()
      writer.int64Number(Number(long))
      assert.strictEqual(readInt64(writer.bytes, 0), long)
    })
  })

  it("refuses types that are not stored", () => {
    for (const type of [6, 12, 13, 14, 15, 42]) assert.throws(() => skipValue(new Uint8Array(8), type, 0), /not stored/)
  })
})

describe("Writer", () => {
  it("writes array indexes as decimal names", () => {
    const writer = new Writer()
    const start = writer.beginDocument()
    for (let index = 0; index < 1200; index++) {
      writer.index(Type.INT32, index)
      writer.int32(index)
    }
    writer.endDocument(start)
    const expected = encodeValue(Array.from({ length: 1200 }, (_, index) => index))
    assert.deepStrictEqual(writer.toBytes(), new Uint8Array(expected.bytes.slice(6, -1)))
  })

  it("grows up to its maximum and keeps what it has beyond it", () => {
    const writer = new Writer(16, 64)
    writer.string("x".repeat(50))
    const before = writer.toBytes()
    try {
      writer.raw(new Uint8Array(100), 0, 100)
      assert.fail("grew beyond its maximum")
    } catch (error) {
      assert.isTrue(isFault(error, "TooLarge"))
    }
    assert.deepStrictEqual(writer.toBytes(), before)
  })

  it("copies elements", () => {
    const bytes = encode({ a: "x", b: [1, 2], c: null })
    const writer = new Writer()
    const start = writer.beginDocument()
    writer.copyElement(bytes, findElement(bytes, 0, fieldName("b")))
    writer.endDocument(start)
    assert.deepStrictEqual(decode(writer.bytes, 0), { b: [1, 2] })
  })
})

describe("ByteSink", () => {
  it("collects text and bytes, growing as needed", () => {
    const sink = new ByteSink(4)
    sink.ascii("abc")
    sink.utf8("é😀\ud800")
    sink.raw(Uint8Array.of(1, 65, 66, 2), 1, 2)
    sink.utf8("ü".repeat(5000))
    sink.byte(33)
    assert.strictEqual(sink.toText(), `abcé😀\ufffdAB${"ü".repeat(5000)}!`)
  })

  it("copies runs of any length from any place", () => {
    const source = Uint8Array.from({ length: 3000 }, (_, index) => index * 31)
    for (const count of [0, 1, 15, 16, 17, 18, 19, 20, 100, 1023, 1024, 1025, 2500]) {
      for (const at of [0, 1, 3, 3000 - count]) {
        const sink = new ByteSink(1)
        sink.byte(7)
        sink.raw(source, at, count)
        assert.deepStrictEqual(sink.toBytes(), Uint8Array.of(7, ...source.subarray(at, at + count)))
      }
    }
  })

  it("is reused by its pool unless it has grown too large", () => {
    const pool = new ByteSinkPool({ keptMax: 1, keptBytesMax: 70_000 })
    const sink = pool.take()
    sink.ascii("x")
    pool.give(sink)
    pool.give(new ByteSink())
    assert.strictEqual(pool.take(), sink)
    assert.strictEqual(sink.length, 0)
    assert.notStrictEqual(pool.take(), sink)
    sink.ensure(100_000)
    pool.give(sink)
    assert.notStrictEqual(pool.take(), sink)
  })
})
