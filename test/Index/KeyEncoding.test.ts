import { assert, describe, it } from "@effect/vitest"
import { compareValues, typeClass } from "../../src/Bson/Compare.ts"
import * as Type from "../../src/Bson/Type.ts"
import type { EncodedValue, Value } from "../../src/Bson/Value.ts"
import {
  BSONRegExp,
  Binary,
  Decimal128,
  Double,
  Key,
  Long,
  MaxKey,
  MinKey,
  ObjectId,
  Timestamp,
  encodeValue as toBson
} from "../../src/Bson/Value.ts"
import { readInt32 } from "../../src/Bson/View.ts"
import { Random } from "../../src/Disk/Random.ts"
import { KeyWriter, encodeClass, encodeTextPrefix, encodeValue, mayBeCut, successor } from "../../src/Index/KeyEncoding.ts"
import { FIELDS_BYTES_MAX, KEY_BYTES_MAX, compareBytes } from "../../src/Index/Layout.ts"

/** More than a decimal has, so that the text of a double is rounded only once. */
const DECIMAL_DIGITS = 40

const MISSING: EncodedValue = { bytes: new Uint8Array(0), type: Type.MISSING, at: 0 }

function encoded(value: EncodedValue, descending = false): Uint8Array {
  const writer = new KeyWriter()
  encodeValue(writer, value.bytes, value.type, value.at, descending)
  return writer.bytes.slice(0, writer.length)
}

const order = (a: Uint8Array, b: Uint8Array): number => Math.sign(compareBytes(a, 0, a.length, b, 0, b.length))
const orderOf = (a: EncodedValue, b: EncodedValue): number => Math.sign(compareValues(a.bytes, a.type, a.at, b.bytes, b.type, b.at))
const isPrefix = (a: Uint8Array, b: Uint8Array): boolean => a.length < b.length && a.every((byte, index) => byte === b[index])

/** One of a few, so that equal and nearly equal values meet often. */
const pick = <A>(random: Random, choices: ReadonlyArray<A>): A => choices[random.below(choices.length)]!

const edges: ReadonlyArray<number> = [
  0,
  1,
  2,
  3,
  5,
  7,
  10,
  63,
  64,
  65,
  100,
  127,
  128,
  255,
  256,
  1000,
  4095,
  4096,
  65535,
  1e6,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32,
  2 ** 53 - 1,
  2 ** 53,
  2 ** 53 + 2,
  2 ** 62,
  2 ** 63,
  2 ** 64,
  1e19,
  1e300,
  Number.MAX_VALUE,
  0.5,
  0.25,
  0.1,
  0.2,
  0.3,
  1 / 3,
  1.5,
  19.99,
  1e-5,
  1e-300,
  2.2250738585072014e-308,
  2.225073858507201e-308,
  Number.MIN_VALUE,
  3 * Number.MIN_VALUE,
  Infinity,
  NaN
]

const decimals: ReadonlyArray<string> = [
  "0",
  "0E+10",
  "-0",
  "1",
  "1.0",
  "1.00",
  "10E-1",
  "2",
  "0.5",
  "0.50",
  "0.1",
  "0.10",
  "0.1000000000000000055511151231257827",
  "0.1000000000000000055511151231257828",
  "0.09999999999999999999999999999999999",
  "0.3",
  "0.25",
  "1.5",
  "19.99",
  "19.990",
  "0.2",
  "1E+1",
  "10",
  "9007199254740991",
  "9007199254740992",
  "9007199254740993",
  "9007199254740994",
  "9223372036854775807",
  "9223372036854775808",
  "9223372036854775806.5",
  "18446744073709551616",
  "18446744073709551617",
  "1E+19",
  "1E+308",
  "1.797693134862315708145274237317044E+308",
  "1.797693134862315708145274237317043E+308",
  "1.8E+308",
  "1E+309",
  "1E+310",
  "9.99E+310",
  "1E+6144",
  "9.999999999999999999999999999999999E+6144",
  "1E-5",
  "1E-300",
  "2.225073858507201383090232717332404E-308",
  "2.2250738585072014E-308",
  "4.940656458412465441765687928682213E-324",
  "4.940656458412465441765687928682214E-324",
  "4.9E-324",
  "5E-324",
  "2E-324",
  "1E-330",
  "1E-340",
  "1E-341",
  "9E-342",
  "1E-6176",
  "1.234E-6000",
  "3.333333333333333333333333333333333",
  "0.3333333333333333148296162562473909",
  "0.33333333333333331483",
  "Infinity",
  "NaN"
]

const wholes: ReadonlyArray<bigint> = [
  0n,
  1n,
  2n,
  10n,
  100n,
  2n ** 31n,
  2n ** 32n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 53n + 1n,
  2n ** 53n + 2n,
  2n ** 60n,
  2n ** 60n + 1n,
  2n ** 62n - 1n,
  2n ** 62n,
  2n ** 62n + 1n,
  2n ** 63n - 1n,
  2n ** 63n - 2n,
  2n ** 63n - 1024n,
  10n ** 18n
]

function randomNumber(random: Random): Value {
  const sign = random.chance(0.5) ? 1 : -1
  switch (random.below(7)) {
    case 0:
      return sign * random.below(300)
    case 1:
      return new Double(sign * pick(random, edges))
    case 2:
      return Long.fromBigInt(BigInt(sign) * pick(random, wholes) - (random.chance(0.1) && sign < 0 ? 1n : 0n))
    case 3: {
      const text = pick(random, decimals)
      return Decimal128.fromString(sign < 0 && text !== "NaN" && !text.startsWith("-") ? `-${text}` : text)
    }
    case 4: {
      const digits = String(random.below(1e9)) + (random.chance(0.5) ? String(random.below(1e9)) : "")
      return Decimal128.fromString(`${sign < 0 ? "-" : ""}${digits}E${random.below(40) - 25}`)
    }
    case 5: {
      // The decimal nearest to a double.
      const double = pick(
        random,
        edges.filter((edge) => Number.isFinite(edge) && edge >= 1e-5 && edge < 1e21)
      )
      return random.chance(0.5) ? new Double(sign * double) : Decimal128.fromStringWithRounding((sign * double).toPrecision(DECIMAL_DIGITS))
    }
    default: {
      const bytes = new DataView(new ArrayBuffer(8))
      bytes.setUint32(0, random.next())
      bytes.setUint32(4, random.chance(0.5) ? 0 : random.next())
      return new Double(bytes.getFloat64(0))
    }
  }
}

const letters = ["\u0000", "\u0001", "\u0002", "a", "b", "ä", "€", "𝄞", "\u007f"]
const randomText = (random: Random): string => Array.from({ length: random.below(5) }, () => pick(random, letters)).join("")
const randomName = (random: Random): string =>
  Array.from({ length: random.below(3) }, () => pick(random, ["a", "b", "\u0001", "ä"])).join("")
const randomBytes = (random: Random, length: number): Uint8Array =>
  Uint8Array.from({ length }, () => (random.chance(0.5) ? random.below(3) : random.below(256)))

function randomValue(random: Random, depth = 0): Value {
  switch (random.below(depth < 3 ? 14 : 12)) {
    case 0:
    case 1:
      return randomNumber(random)
    case 2:
    case 3:
      return randomText(random)
    case 4:
      return pick<Value>(random, [null, true, false, new MinKey(), new MaxKey()])
    case 5:
      return new Date(pick(random, [0, 1, -1, 1e12, -1e12, random.below(1e9), 8.64e15, -8.64e15]))
    case 6:
      return new ObjectId(randomBytes(random, 12))
    case 7:
      return new Key(randomBytes(random, 16))
    case 8:
      return new Binary(randomBytes(random, pick(random, [0, 1, 2, 16, 254, 255, 256])), pick(random, [0, 4, 0x80, 0xff]))
    case 9:
      return new Timestamp({ t: pick(random, [0, 1, 2 ** 31, 2 ** 32 - 1]), i: pick(random, [0, 1, 2 ** 31, 2 ** 32 - 1]) })
    case 10:
      return new BSONRegExp(randomName(random), pick(random, ["", "i", "im"]))
    case 11:
      return random.below(4)
    case 12:
      return Array.from({ length: random.below(4) }, () => randomValue(random, depth + 1))
    default:
      return Object.fromEntries(Array.from({ length: random.below(4) }, () => [randomName(random), randomValue(random, depth + 1)]))
  }
}

const bsonOf = (random: Random, value: Value): EncodedValue => (value === null && random.chance(0.5) ? MISSING : toBson(value))

describe("KeyEncoding", () => {
  it("orders every pair of interesting numbers as compareValues does", () => {
    const numbers: Array<EncodedValue> = []
    for (const edge of edges) for (const sign of [1, -1]) numbers.push(toBson(new Double(sign * edge)))
    for (const whole of wholes) for (const sign of [1n, -1n]) numbers.push(toBson(Long.fromBigInt(sign * whole)))
    for (const whole of [0, 1, 7, 100, 65535, 2 ** 31 - 1]) for (const sign of [1, -1]) numbers.push(toBson(sign * whole))
    for (const text of decimals)
      for (const sign of text === "NaN" || text === "-0" ? [""] : ["", "-"]) numbers.push(toBson(Decimal128.fromString(sign + text)))
    numbers.push(toBson(Long.fromBigInt(-(2n ** 63n))))
    for (const edge of edges.filter((edge) => Number.isFinite(edge) && edge >= 1e-5 && edge <= 2 ** 64)) {
      // The decimals around a double: 34 digits are not enough to be exact, so one is below, one above or equal.
      const exact = Decimal128.fromStringWithRounding(edge.toPrecision(DECIMAL_DIGITS))
      numbers.push(toBson(exact))
    }
    const keys = numbers.map((number) => encoded(number))
    const reversed = numbers.map((number) => encoded(number, true))
    for (const [i, a] of numbers.entries()) {
      for (const [j, b] of numbers.entries()) {
        const expected = orderOf(a, b)
        if (order(keys[i]!, keys[j]!) !== expected || order(reversed[j]!, reversed[i]!) !== expected) {
          assert.fail(`numbers ${i} and ${j} are ${expected}: ${String(keys[i])} ${String(keys[j])}`)
        }
      }
    }
  })

  it("orders random values as compareValues does, and no encoding begins another", () => {
    const random = new Random(42)
    for (let round = 0; round < 12_000; round++) {
      const a = bsonOf(random, random.chance(0.4) ? randomNumber(random) : randomValue(random))
      const b = bsonOf(random, random.chance(0.4) ? randomNumber(random) : randomValue(random))
      const expected = orderOf(a, b)
      const [keyA, keyB] = [encoded(a), encoded(b)]
      assert.strictEqual(order(keyA, keyB), expected, `${keyA.join()} | ${keyB.join()}`)
      assert.isFalse(isPrefix(keyA, keyB))
      assert.strictEqual(order(encoded(b, true), encoded(a, true)), expected)
    }
  })

  it("orders compound keys field by field, each in its direction", () => {
    const random = new Random(7)
    const small = (): Value => pick<Value>(random, [null, 0, 1, 1.5, "", "a", "a\u0000", "ab", true, [], [1], {}, { a: 1 }])
    for (let round = 0; round < 8000; round++) {
      const directions = [random.chance(0.5), random.chance(0.5), random.chance(0.5)]
      const a = directions.map(() => bsonOf(random, small()))
      const b = directions.map(() => bsonOf(random, small()))
      const key = (values: ReadonlyArray<EncodedValue>): Uint8Array => {
        const writer = new KeyWriter()
        for (const [index, value] of values.entries()) encodeValue(writer, value.bytes, value.type, value.at, directions[index]!)
        return writer.bytes.slice(0, writer.length)
      }
      let expected = 0
      for (const [index, descending] of directions.entries()) {
        if (expected === 0) expected = orderOf(a[index]!, b[index]!) * (descending ? -1 : 1)
      }
      assert.strictEqual(order(key(a), key(b)), expected === 0 ? 0 : expected)
    }
  })

  it("gives a class, an equal value and a text prefix the range from their bytes to the successor", () => {
    const random = new Random(11)
    const within = (key: Uint8Array, writer: KeyWriter): boolean => {
      const low = writer.bytes.slice(0, writer.length)
      const high = writer.bytes.slice(0, successor(writer.bytes, writer.length))
      return order(key, low) >= 0 && order(key, high) < 0
    }
    for (let round = 0; round < 6000; round++) {
      const descending = random.chance(0.5)
      const text = randomText(random)
      const prefix = toBson(randomText(random))
      const value = toBson(random.chance(0.5) ? text : randomValue(random))
      const key = encoded(value, descending)
      const writer = new KeyWriter()
      encodeClass(writer, typeClass(prefix.type), descending)
      assert.strictEqual(within(key, writer), value.type === Type.STRING)
      writer.reset()
      const length = readInt32(prefix.bytes, prefix.at) - 1
      encodeTextPrefix(writer, prefix.bytes, prefix.at + 4, length, descending)
      const prefixBytes = prefix.bytes.slice(prefix.at + 4, prefix.at + 4 + length)
      const valueBytes = value.bytes.slice(value.at + 4, value.bytes.length - 2)
      const starts =
        value.type === Type.STRING && valueBytes.length >= length && prefixBytes.every((byte, index) => byte === valueBytes[index])
      assert.strictEqual(within(key, writer), starts)
      writer.reset()
      encodeValue(writer, value.bytes, value.type, value.at, descending)
      assert.isTrue(within(key, writer))
    }
  })

  it("has no successor for bytes that are all FF", () => {
    assert.strictEqual(successor(Uint8Array.of(0xff, 0xff), 2), 0)
    const bytes = Uint8Array.of(1, 0xfe, 0xff)
    assert.strictEqual(successor(bytes, 3), 2)
    assert.deepStrictEqual(bytes.slice(0, 2), Uint8Array.of(1, 0xff))
  })

  it("keeps small numbers, keys and short texts short", () => {
    assert.isAtMost(encoded(toBson(0)).length, 2)
    assert.isAtMost(encoded(toBson(5)).length, 4)
    assert.isAtMost(encoded(toBson(-1_000_000)).length, 6)
    assert.strictEqual(encoded(toBson("abc")).length, 5)
    assert.strictEqual(encoded(toBson(new Key(new Uint8Array(16)))).length, 19)
    assert.isAtMost(encoded(toBson(Decimal128.fromString("19.99"))).length, 17)
  })

  it("cuts what is longer than the limit, flags it and stays in order", () => {
    const random = new Random(5)
    const long = (): Value => {
      const text = "k".repeat(FIELDS_BYTES_MAX - 4) + randomText(random) + pick(random, ["", "x".repeat(200)])
      return pick<Value>(random, [text, [text], { a: text }, new Binary(new TextEncoder().encode(text), 0)])
    }
    for (let round = 0; round < 2000; round++) {
      const [a, b] = [toBson(long()), toBson(long())]
      const writer = new KeyWriter()
      encodeValue(writer, a.bytes, a.type, a.at, false)
      assert.isAtMost(writer.length, FIELDS_BYTES_MAX)
      if (writer.cut) {
        assert.strictEqual(writer.length, FIELDS_BYTES_MAX)
        assert.isTrue(mayBeCut(writer.primaryKey(new Uint8Array(16), 0)))
      }
      const expected = orderOf(a, b)
      const found = order(encoded(a), encoded(b))
      assert.isTrue(found === expected || (found === 0 && (writer.cut || encoded(b).length === FIELDS_BYTES_MAX)))
    }
    assert.isFalse(mayBeCut(KEY_BYTES_MAX - 1))
  })
})
