import { assert, describe, it } from "@effect/vitest"
import type { InvalidBson } from "../../src/Bson/Errors.ts"
import { writeJson } from "../../src/Bson/Json.ts"
import { ByteSink } from "../../src/Bson/ByteSink.ts"
import * as Type from "../../src/Bson/Type.ts"
import { validate } from "../../src/Bson/Validate.ts"
import { Binary, decode, encode, type Value } from "../../src/Bson/Value.ts"
import { Writer } from "../../src/Bson/Writer.ts"
import { isFault } from "../../src/Fault/Fault.ts"
import { forSeeds } from "./Generate.ts"

function refusal(bytes: Uint8Array, at = 0, end = bytes.length): InvalidBson {
  try {
    validate(bytes, at, end)
  } catch (error) {
    if (isFault<InvalidBson & Record<string, unknown>>(error, "InvalidBson")) return error.reason
    throw error
  }
  throw new Error("was accepted")
}

/** A document of one element, written without looking. */
function element(type: number, name: Uint8Array | string, ...value: ReadonlyArray<number>): Uint8Array {
  const writer = new Writer()
  const start = writer.beginDocument()
  writer.name(type, name)
  writer.raw(Uint8Array.from(value), 0, value.length)
  writer.endDocument(start)
  return writer.toBytes()
}

describe("validate", () => {
  it("accepts every document we encode, at any offset, and says where it ends", () => {
    forSeeds(3000, (generator) => {
      const encoded = encode(generator.document())
      const offset = generator.below(9)
      const bytes = new Uint8Array(offset + encoded.length + 5).fill(0xff)
      bytes.set(encoded, offset)
      assert.strictEqual(validate(bytes, offset, bytes.length), offset + encoded.length)
    })
  })

  it("lets nothing through that the rest could stumble over: damaged documents are refused or still make sense", () => {
    let refused = 0
    forSeeds(6000, (generator) => {
      const bytes = encode(generator.document())
      for (let count = 1 + generator.below(3); count > 0; count--) {
        const at = generator.below(bytes.length)
        bytes[at] = generator.below(3) === 0 ? generator.below(256) : (bytes[at] ?? 0) ^ (1 << generator.below(8))
      }
      try {
        validate(bytes, 0, bytes.length)
      } catch (error) {
        assert.isTrue(isFault(error, "InvalidBson"))
        refused++
        return
      }
      const sink = new ByteSink(16)
      writeJson(sink, bytes, Type.DOCUMENT, 0)
      JSON.parse(sink.toText())
      validate(encode(decode(bytes)), 0, bytes.length + 64)
    })
    assert.isAbove(refused, 3000)
  })

  it("refuses every cut of a document", () => {
    const bytes = encode({ a: { b: [1, "x", null] }, c: new Binary(new Uint8Array(4)) })
    for (let end = 0; end < bytes.length; end++) refusal(bytes, 0, end)
    for (let end = 0; end < bytes.length; end++) refusal(bytes.slice(0, end))
  })

  it("says at which offset and path, and what", () => {
    const bytes = encode({ first: 1, list: [0, { flag: true }] })
    bytes[bytes.lastIndexOf(1)] = 7
    const { offset, path, message } = refusal(bytes)
    assert.strictEqual(path, "list.1.flag")
    assert.strictEqual(bytes[offset], 7)
    assert.include(message, "boolean")
  })

  it("refuses names that occur twice, among few and among many", () => {
    for (const count of [2, 10, 17, 300]) {
      const writer = new Writer()
      const start = writer.beginDocument()
      for (let index = 1; index < count; index++) writer.name(Type.NULL, `name${index}`)
      writer.name(Type.NULL, "name1")
      writer.endDocument(start)
      const { path, message } = refusal(writer.toBytes())
      assert.strictEqual(path, "name1")
      assert.include(message, "twice")
    }
  })

  it("refuses types Planck does not store, wrong UTF-8, keys of the wrong size, array names that are no positions", () => {
    for (const type of [0x06, 0x0c, 0x0d, 0x0e, 0x0f, 0x20]) assert.include(refusal(element(type, "a", 0, 0, 0, 0)).message, "not stored")
    assert.include(refusal(element(Type.STRING, "a", 3, 0, 0, 0, 0xc3, 0x28, 0)).message, "UTF-8")
    assert.include(refusal(element(Type.STRING, "a", 2, 0, 0, 0, 65, 66)).message, "NUL")
    assert.include(refusal(element(Type.NULL, Uint8Array.of(0xed, 0xa0, 0x80, 0))).message, "UTF-8")
    assert.include(refusal(element(Type.BINARY, "a", 1, 0, 0, 0, 0x80, 9)).message, "16 bytes")
    assert.include(refusal(element(Type.BINARY, "a", 1, 0, 0, 0, 4, 9)).message, "16 bytes")
    for (const names of [["1"], ["00"], ["0", "2"], ["a"], [""]]) {
      const list = encode(Object.fromEntries([...names.entries()].map(([index, name]) => [name, index])))
      assert.include(refusal(element(Type.ARRAY, "a", ...list)).message, "another name")
    }
  })

  it("accepts 100 levels and refuses 101, however deep the rest goes", () => {
    const nest = (levels: number): Uint8Array => {
      let inner: Uint8Array = encode({})
      for (let level = 1; level < levels; level++) inner = element(level % 2 === 0 ? Type.DOCUMENT : Type.ARRAY, "0", ...inner)
      return inner
    }
    validate(nest(100), 0, 10_000)
    assert.include(refusal(nest(101)).message, "deep")
    assert.include(refusal(nest(2000)).message, "deep")
    assert.throws(() => validate(encode({ a: { b: {} } }), 0, 100, { depthMax: 2 }))
  })

  it("refuses documents beyond the size limit", () => {
    const bytes = encode({ text: "x".repeat(100) } as { [name: string]: Value })
    assert.throws(() => validate(bytes, 0, bytes.length, { documentBytesMax: 50 }), /limit is 50/)
    validate(bytes, 0, bytes.length, { documentBytesMax: bytes.length })
  })
})
