import { assert, describe, it } from "@effect/vitest"
import { isFault } from "../../src/Fault/Fault.ts"
import {
  compareKeys,
  derivedKey,
  formatKey,
  formatUuid,
  type IdKind,
  isDerivedKey,
  Key,
  KeyGenerator,
  keyOf,
  parseKey
} from "../../src/Bson/Key.ts"
import { Double, encodeValue, ObjectId, UUID, type Value } from "../../src/Bson/Value.ts"
import { Generator } from "./Generate.ts"

const keyText = (idKind: IdKind, value: Value): string => {
  const { bytes, type, at } = encodeValue(value)
  return formatKey(keyOf(idKind, type, bytes, at), 0)
}
const refused = (run: () => unknown): void => {
  assert.throws(run)
  try {
    run()
  } catch (error) {
    assert.isTrue(isFault(error, "InvalidKey"))
  }
}

describe("Key", () => {
  it("reads 32 hex digits and the UUID form, in either case", () => {
    const key = parseKey("0190A5C2-d7f0-7d3a-8c1e-5b6f7a8b9c0d")
    assert.strictEqual(String(key), "0190a5c2d7f07d3a8c1e5b6f7a8b9c0d")
    assert.strictEqual(formatUuid(key.bytes, 0), "0190a5c2-d7f0-7d3a-8c1e-5b6f7a8b9c0d")
    assert.isTrue(key.equals(parseKey("0190a5c2d7f07d3a8c1e5b6f7a8b9c0d")))
    for (const text of ["", "0190", "z".repeat(32), "0190a5c2xd7f0-7d3a-8c1e-5b6f7a8b9c0d", "0190a5c2-d7f0-7d3a-8c1e5b6f7a8b9c0d-"]) {
      refused(() => parseKey(text))
    }
    refused(() => new Key(new Uint8Array(15)))
  })

  it("orders as a number", () => {
    assert.isBelow(compareKeys(parseKey("00".repeat(16)).bytes, 0, parseKey(`${"00".repeat(15)}01`).bytes, 0), 0)
    assert.isAbove(compareKeys(parseKey(`ff${"00".repeat(15)}`).bytes, 0, parseKey(`7f${"ff".repeat(15)}`).bytes, 0), 0)
  })
})

describe("keyOf", () => {
  const text = "0190a5c2d7f07d3a8c1e5b6f7a8b9c0d"

  it("takes keys, UUIDs and their texts as they are", () => {
    for (const kind of ["key", "uuid"] as const) {
      for (const value of [parseKey(text), new UUID(text), text, text.toUpperCase()]) assert.strictEqual(keyText(kind, value), text)
    }
  })

  it("refuses version 8, and values of another kind", () => {
    refused(() => keyText("key", "00000000-0000-8000-8000-000000000000"))
    refused(() => keyText("uuid", parseKey("00000000000080008000000000000000")))
    refused(() => keyText("key", 5))
    refused(() => keyText("objectId", text))
    refused(() => keyText("string", 5))
    refused(() => keyText("int", "5"))
    refused(() => keyText("long", 1.5))
  })

  it("keeps the whole ObjectId and its order", () => {
    const low = keyText("objectId", new ObjectId("0000000000000000000000fe"))
    const high = keyText("objectId", new ObjectId("000000000000ff0000000000"))
    const higher = keyText("objectId", new ObjectId("ffffffffffff000000000000"))
    assert.isTrue(low < high && high < higher)
    assert.isTrue(isDerivedKey(parseKey(low).bytes, 0))
  })

  it("hashes strings and integers, one key for one integer in any encoding", () => {
    assert.strictEqual(keyText("int", 5), keyText("long", 5n))
    assert.strictEqual(keyText("int", 5), keyText("long", new Double(5)))
    assert.notStrictEqual(keyText("int", 5), keyText("int", 6))
    assert.notStrictEqual(keyText("string", "5"), keyText("int", 5))
    assert.strictEqual(keyText("string", text), keyText("string", text))
    assert.notStrictEqual(keyText("string", text), text)
  })

  it("has not changed since format 1", () => {
    assert.strictEqual(keyText("string", "A-1"), "198b253fd1d48246a51951d5e3cc1196")
    assert.strictEqual(keyText("int", -7), "2e38ceaee7598394b562c0c3fe2b6872")
    assert.strictEqual(keyText("objectId", new ObjectId("0102030405060708090a0b0c")), "01020304050681078008090a0b0c0000")
  })

  it("derives a key from any value", () => {
    const key = (value: Value): string => {
      const { bytes, type, at } = encodeValue(value)
      return formatKey(derivedKey(type, bytes, at), 0)
    }
    assert.strictEqual(key("A-1"), keyText("string", "A-1"))
    assert.strictEqual(key(7n), keyText("int", 7))
    assert.notStrictEqual(key({ a: 1 }), key({ a: 2 }))
    assert.notStrictEqual(key(true), key(false))
  })
})

describe("KeyGenerator", () => {
  const generate = (generator: KeyGenerator): Uint8Array => {
    const bytes = new Uint8Array(16)
    generator.next(bytes, 0)
    return bytes
  }
  const random = (seed: number) => {
    const source = new Generator(seed)
    return (into: Uint8Array): void => into.forEach((_, index) => (into[index] = source.below(256)))
  }

  it("gives valid UUIDs of version 7 with the clock's time", () => {
    const bytes = generate(new KeyGenerator(() => 0x0190a5c2d7f0, random(1)))
    assert.match(formatUuid(bytes, 0), /^0190a5c2-d7f0-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })

  it("increases strictly whatever the clock does", () => {
    const clock = new Generator(3)
    let now = 1_700_000_000_000
    const generator = new KeyGenerator(() => (now += clock.below(7) - 3), random(2))
    let previous = generate(generator)
    for (let count = 0; count < 20_000; count++) {
      const next = generate(generator)
      assert.isBelow(compareKeys(previous, 0, next, 0), 0)
      previous = next
    }
  })

  it("goes on behind the last commit although the clock went back", () => {
    const first = new KeyGenerator(() => 2000, random(3))
    const before = Array.from({ length: 50 }, () => generate(first)).at(-1) ?? new Uint8Array(16)
    const second = new KeyGenerator(() => 1000, random(4))
    second.continueFrom(2000)
    assert.isBelow(compareKeys(before, 0, generate(second), 0), 0)
  })
})
