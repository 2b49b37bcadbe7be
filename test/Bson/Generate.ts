/** Random values for property tests, the same for the same seed: biased towards the edges where encodings differ. */
import {
  Binary,
  BSONRegExp,
  Decimal128,
  type DocumentValue,
  Double,
  Key,
  Long,
  MaxKey,
  MinKey,
  ObjectId,
  Timestamp,
  UUID,
  type Value
} from "../../src/Bson/Value.ts"

const numbers: ReadonlyArray<Value> = [
  0,
  1,
  -1,
  5,
  2147483647,
  -2147483648,
  2147483648,
  new Double(5),
  new Double(0),
  -0,
  0.1,
  0.5,
  -0.5,
  1.5,
  99.99,
  1e15,
  1e16,
  1e22,
  1e300,
  5e-324,
  1.7976931348623157e308,
  2 ** 53,
  2 ** 53 + 2,
  -(2 ** 53),
  2 ** 63,
  -(2 ** 63),
  2 ** 64,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  5n,
  0n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 53n + 1n,
  -(2n ** 53n),
  -(2n ** 53n) - 1n,
  -(2n ** 53n) + 1n,
  2n ** 63n - 1n,
  2n ** 63n - 2n,
  -(2n ** 63n),
  -(2n ** 63n) + 1n,
  ...[
    "0",
    "-0",
    "0E+10",
    "5",
    "5.0",
    "5.00",
    "0.1",
    "0.10",
    "1.5",
    "-0.5",
    "99.99",
    "9007199254740992",
    "9007199254740993",
    "9007199254740993.0",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "0.1000000000000000055511151231257827",
    "0.1000000000000000055511151231257828",
    "1E+6111",
    "-1E+6111",
    "1E-6176",
    "4.9E-324",
    "4.940656458412465441765687928682214E-324",
    "1E+300",
    "1000000000000000052504760255204421E+267",
    "1E+308",
    "1.797693134862315708145274237317044E+308",
    "9999999999999999999999999999999999",
    "1E+16",
    "10000000000000000.0",
    "NaN",
    "Infinity",
    "-Infinity"
  ].map((text) => Decimal128.fromString(text))
]

const texts = [
  "",
  "a",
  "b",
  "ab",
  "abc",
  "A-1",
  "z",
  "é",
  "日本",
  "😀",
  "a\0b",
  'quote " slash \\',
  "line\nfeed\t\u0001",
  "\u007f\u0080\uffff",
  "x".repeat(70)
]
const names = ["a", "b", "c", "name", "_id", "0", "1", "10", "é", 'q"', "__proto__", "lines", "ab"]

export class Generator {
  private state: number

  constructor(seed: number) {
    this.state = seed >>> 0
  }

  /** 0 to 2^32 - 1. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }

  below(count: number): number {
    return this.next() % count
  }

  pick<A>(values: ReadonlyArray<A>): A {
    const value = values[this.below(values.length)]
    if (value === undefined) throw new Error("nothing to pick from")
    return value
  }

  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.below(4) * 85)
  }

  name(): string {
    return this.pick(names)
  }

  text(): string {
    return this.below(3) === 0 ? this.pick(texts) + this.pick(texts) : this.pick(texts)
  }

  double(): number {
    switch (this.below(5)) {
      case 0:
        return this.next() / 100
      case 1:
        return (this.next() - this.next()) * 2 ** (this.below(120) - 60)
      case 2:
        return this.next() / this.next()
      case 3:
        return this.next() * 4096 + this.below(4096)
      default:
        return new Float64Array(Uint32Array.of(this.next(), this.next()).buffer)[0] ?? 0
    }
  }

  number(): Value {
    switch (this.below(6)) {
      case 0:
        return this.below(20) - 10
      case 1:
        return this.double()
      case 2:
        return BigInt.asIntN(64, (BigInt(this.next()) << 32n) | BigInt(this.next()))
      case 3:
        return this.decimal()
      default:
        return this.pick(numbers)
    }
  }

  decimal(): Decimal128 {
    let digits = String(this.below(10))
    for (let count = this.below(34); count > 0; count--) digits += String(this.below(10))
    const exponent = this.below(4) === 0 ? this.below(12000) - 6100 : this.below(40) - 20
    return Decimal128.fromStringWithRounding(`${this.below(2) === 0 ? "-" : ""}${digits}E${exponent}`)
  }

  value(depth = 3): Value {
    switch (this.below(depth > 0 ? 18 : 15)) {
      case 0:
      case 1:
      case 2:
        return this.number()
      case 3:
      case 4:
        return this.text()
      case 5:
        return this.below(2) === 0
      case 6:
        return null
      case 7:
        return new Date(this.pick([0, 1, -1, 1700000000000, -62135596800001, 8.64e15, -8.64e15, 253402300800000]) + 0)
      case 8:
        return new Key(this.bytes(16))
      case 9:
        return new UUID(this.bytes(16))
      case 10:
        return new Binary(this.bytes(this.below(20)), this.pick([0, 1, 5, 0x81]))
      case 11:
        return new ObjectId(this.bytes(12))
      case 12:
        return new BSONRegExp(this.pick(["a", "ab", "^x.*$", "é"]), this.pick(["", "i", "im"]))
      case 13:
        return new Timestamp({ t: this.pick([0, 1, 4294967295]), i: this.pick([0, 1, 4294967295]) })
      case 14:
        return this.below(2) === 0 ? new MinKey() : new MaxKey()
      case 15:
        return Array.from({ length: this.below(4) }, () => this.value(depth - 1))
      default:
        return this.document(depth - 1)
    }
  }

  document(depth = 3): DocumentValue {
    const document: Record<string, Value> = {}
    for (let count = this.below(5); count > 0; count--) {
      Object.defineProperty(document, this.name(), { value: this.value(depth), enumerable: true, configurable: true, writable: true })
    }
    return document
  }
}

/** Runs a property for many seeds and says which one failed. */
export function forSeeds(count: number, property: (generator: Generator, seed: number) => void): void {
  for (let seed = 1; seed <= count; seed++) {
    try {
      property(new Generator(seed), seed)
    } catch (error) {
      throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
    }
  }
}

/** `undefined` for what is no number, else the exact value: a fraction, or how it ranks when it is none. */
export function exactValue(value: Value): { readonly rank: number; readonly numerator: bigint; readonly denominator: bigint } | undefined {
  if (value instanceof Double) return exactValue(value.value === 0 ? 0 : value.value)
  if (value instanceof Long) return exactValue(value.toBigInt())
  if (typeof value === "bigint") return { rank: 0, numerator: value, denominator: 1n }
  if (typeof value === "number") return exactDouble(value)
  return value instanceof Decimal128 ? exactDecimal(value.toString()) : undefined
}

const infinite = (rank: number) => ({ rank, numerator: 0n, denominator: 1n })

function exactDouble(value: number) {
  if (Number.isNaN(value)) return infinite(-2)
  if (!Number.isFinite(value)) return infinite(value < 0 ? -1 : 1)
  let denominator = 1n
  let scaled = value
  while (!Number.isInteger(scaled)) {
    scaled *= 2
    denominator *= 2n
  }
  return { rank: 0, numerator: BigInt(scaled), denominator }
}

function exactDecimal(text: string) {
  if (text === "NaN") return infinite(-2)
  if (text.endsWith("Infinity")) return infinite(text.startsWith("-") ? -1 : 1)
  const [mantissa = "", exponentText = "0"] = text.split("E")
  const [whole = "", fraction = ""] = mantissa.split(".")
  const exponent = Number(exponentText) - fraction.length
  const coefficient = BigInt(whole.replace("-", "") + fraction) * (text.startsWith("-") ? -1n : 1n)
  return {
    rank: 0,
    numerator: exponent > 0 ? coefficient * 10n ** BigInt(exponent) : coefficient,
    denominator: exponent < 0 ? 10n ** BigInt(-exponent) : 1n
  }
}
