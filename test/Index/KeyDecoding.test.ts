import { assert, describe, it } from "@effect/vitest"
import { Binary, Decimal128, encode, encodeValue as valueBytes, ObjectId, type Value } from "../../src/Bson/Value.ts"
import { fieldName } from "../../src/Bson/View.ts"
import { Writer } from "../../src/Bson/Writer.ts"
import { decodeElement, type DecodedType, isNullAt, skipEncoded } from "../../src/Index/KeyDecoding.ts"
import { encodeIndexed, KeyWriter } from "../../src/Index/KeyEncoding.ts"

const VALUES: ReadonlyArray<Value> = [
  ["", "a", "a\u0000b", "\u0001", "é😀", "x".repeat(500)],
  [0, 1, -1, 127, 128, 2 ** 31 - 1, -(2 ** 31)],
  [1n, 0n, -1n, 2n ** 31n, 2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 60n, 2n ** 60n + 1n, 2n ** 63n - 1n, -(2n ** 63n)],
  [0.5, -0.5, 1e300, -1e-300, 5e-324, -5e-324, Number.MAX_VALUE, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  [true, false],
  [0, -1, 8.64e15, -8.64e15, 4294967296].map((ms) => new Date(ms)),
  [0, 1, 254, 255, 300].map((length) => new Binary(Buffer.alloc(length, 9), 5)),
  [new ObjectId("0123456789abcdef01234567")]
].flat()

describe("decoding of keys", () => {
  it("gives back every value byte for byte, in either direction, and finds its end", () => {
    for (const value of VALUES) {
      for (const descending of [false, true]) {
        const { at, bytes, type } = valueBytes(value)
        const key = new KeyWriter()
        encodeIndexed(key, bytes, type, at, descending)
        key.byte(0x55)
        const mask = descending ? 0xff : 0
        assert.strictEqual(skipEncoded(key.bytes, 0, mask), key.length - 1, String(value))
        const writer = new Writer()
        const start = writer.beginDocument()
        assert.isTrue(decodeElement(writer, fieldName("v"), type as DecodedType, key.bytes, 0, key.length - 1, mask), String(value))
        writer.endDocument(start)
        assert.deepStrictEqual(Buffer.from(writer.toBytes()), Buffer.from(encode({ v: value })), String(value))
      }
    }
  })

  it("says where an encoding stands for several values", () => {
    for (const value of [-0, Number.NaN]) {
      const encoded = encode({ v: value })
      const key = new KeyWriter()
      encodeIndexed(key, encoded, 1, 7, false)
      const writer = new Writer()
      assert.isFalse(decodeElement(writer, fieldName("v"), 1, key.bytes, 0, key.length, 0))
      assert.strictEqual(writer.length, 0)
    }
    const key = new KeyWriter()
    encodeIndexed(key, new Uint8Array(0), 0, 0, true)
    assert.isTrue(isNullAt(key.bytes, 0, 0xff))
  })

  it("passes over decimals", () => {
    for (const text of ["1", "-0.1", "12345678901234567890123456789.5", "1E+400", "-1E-400", "0", "2.50"]) {
      const { at, bytes, type } = valueBytes(Decimal128.fromString(text))
      for (const descending of [false, true]) {
        const key = new KeyWriter()
        encodeIndexed(key, bytes, type, at, descending)
        key.byte(0xff)
        assert.strictEqual(skipEncoded(key.bytes, 0, descending ? 0xff : 0), key.length - 1, text)
      }
    }
  })
})
