/**
 * Sums and averages, one for each group.
 *
 * Invariants
 * - Whole numbers and decimals are added exactly, whatever their order. Nothing is allocated per value while the sum's coefficient is a safe
 *   integer; beyond that a group goes on as a bigint.
 * - Doubles are added with compensation. Beside decimals a double counts as the shortest decimal that reads back as it.
 * - A sum is a long, a decimal where that is too small or a decimal was added, a double where a double was. An average is a double, or a
 *   decimal of 34 digits where a decimal was added. Values that are no numbers do not count; of nothing the result is null.
 */
import { DecimalParts, FINITE, parseDecimal, partsOfInt64, partsOfNumber, readDecimal } from "../Bson/Decimal.ts"
import * as Type from "../Bson/Type.ts"
import { readDouble, readInt32 } from "../Bson/View.ts"
import type { Writer } from "../Bson/Writer.ts"
import { addTo, type Big, bigOfText, divided, rounded } from "./BigDecimal.ts"
import { grown } from "./GroupTable.ts"

const FIRST_GROUPS = 16
/** Powers of ten that keep a safe integer's product exact enough to be checked. */
const SCALE_MAX = 15
const LONG_MIN = -(2n ** 63n)
const LONG_MAX = 2n ** 63n - 1n

const HAS_DECIMAL = 1
const HAS_DOUBLE = 2

const parts = new DecimalParts()

export class ExactSum {
  readonly #average: boolean
  #counts = new Float64Array(FIRST_GROUPS)
  #flags = new Uint8Array(FIRST_GROUPS)
  /** The exact part: coefficient · 10^exponent. */
  #coefficients = new Float64Array(FIRST_GROUPS)
  #exponents = new Int32Array(FIRST_GROUPS)
  /** The part of doubles, and what rounding took from it. NaN and infinities of decimals go here too. */
  #doubles = new Float64Array(FIRST_GROUPS)
  #lost = new Float64Array(FIRST_GROUPS)
  readonly #big = new Map<number, Big>()

  constructor(average: boolean) {
    this.#average = average
  }

  sizeBytes(): number {
    return this.#counts.length * 37 + this.#big.size * 100
  }

  /** Forgets all groups. */
  reset(): void {
    this.#counts.fill(0)
    this.#flags.fill(0)
    this.#coefficients.fill(0)
    this.#exponents.fill(0)
    this.#doubles.fill(0)
    this.#lost.fill(0)
    this.#big.clear()
  }

  add(group: number, bytes: Uint8Array, type: number, at: number): void {
    if (type !== Type.INT32 && type !== Type.DOUBLE && type !== Type.INT64 && type !== Type.DECIMAL128) return
    if (group >= this.#counts.length) this.#grow(group + 1)
    this.#counts[group] = this.#counts[group]! + 1
    if (type === Type.DOUBLE) return this.#addDouble(group, readDouble(bytes, at))
    if (type === Type.INT32) partsOfNumber(readInt32(bytes, at), parts)
    else if (type === Type.INT64) partsOfInt64(bytes, at, parts)
    else {
      this.#flags[group] = this.#flags[group]! | HAS_DECIMAL
      readDecimal(bytes, at, parts)
    }
    if (parts.kind === FINITE) this.#addExact(group)
    else this.#add(group, parts.kind === 1 ? (parts.negative ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY) : Number.NaN)
  }

  /** Appends the result of a group as the element `name`. */
  write(group: number, writer: Writer, name: Uint8Array): void {
    const count = this.#counts[group] ?? 0
    const flags = this.#flags[group] ?? 0
    if (count === 0) writer.name(Type.NULL, name)
    else if ((flags & HAS_DECIMAL) !== 0) {
      writer.name(Type.DECIMAL128, name)
      writer.decimal128(this.#decimal(group, this.#average ? count : 1), 0)
    } else if ((flags & HAS_DOUBLE) !== 0 || this.#average) {
      writer.name(Type.DOUBLE, name)
      writer.double(this.#double(group) / (this.#average ? count : 1))
    } else writeLong(writer, name, this.#exact(group).coefficient)
  }

  #grow(groups: number): void {
    const length = Math.max(groups, this.#counts.length * 2)
    this.#counts = grown(this.#counts, length)
    this.#flags = grown(this.#flags, length)
    this.#coefficients = grown(this.#coefficients, length)
    this.#exponents = grown(this.#exponents, length)
    this.#doubles = grown(this.#doubles, length)
    this.#lost = grown(this.#lost, length)
  }

  #addDouble(group: number, value: number): void {
    this.#flags[group] = this.#flags[group]! | HAS_DOUBLE
    if (Number.isSafeInteger(value)) {
      partsOfNumber(value, parts)
      this.#addExact(group)
    } else this.#add(group, value)
  }

  /** Neumaier's sum: what a step rounds away is kept beside. */
  #add(group: number, value: number): void {
    const sum = this.#doubles[group]!
    const next = sum + value
    if (Number.isFinite(next)) {
      this.#lost[group] = this.#lost[group]! + (Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum)
    }
    this.#doubles[group] = next
  }

  /** Adds `parts`. */
  #addExact(group: number): void {
    if (parts.isZero() && parts.exponent >= this.#exponents[group]!) return
    const big = this.#big.get(group)
    if (big !== undefined) return addBig(big)
    const { exponent, small } = parts
    const own = this.#exponents[group]!
    const sum = this.#coefficients[group]!
    const shift = exponent - own
    const added = shift > 0 ? small * 10 ** shift : small
    const scaled = shift < 0 ? sum * 10 ** -shift : sum
    const next = scaled + (parts.negative ? -added : added)
    const isSafe = small >= 0 && Math.abs(shift) <= SCALE_MAX && Number.isSafeInteger(added) && Number.isSafeInteger(scaled)
    if (isSafe && Number.isSafeInteger(next)) {
      this.#coefficients[group] = next
      if (shift < 0) this.#exponents[group] = exponent
    } else {
      const grownBig = { coefficient: BigInt(sum), exponent: own }
      this.#big.set(group, grownBig)
      addBig(grownBig)
    }
  }

  #exact(group: number): Big {
    return this.#big.get(group) ?? { coefficient: BigInt(this.#coefficients[group]!), exponent: this.#exponents[group]! }
  }

  #double(group: number): number {
    const { coefficient, exponent } = this.#exact(group)
    const exact = exponent === 0 ? Number(coefficient) : Number(`${coefficient}e${exponent}`)
    const doubles = this.#doubles[group]!
    return Number.isFinite(doubles) ? exact + (doubles + this.#lost[group]!) : doubles
  }

  #decimal(group: number, divisor: number): Uint8Array {
    const doubles = this.#doubles[group]!
    if (!Number.isFinite(doubles)) return parseDecimal(String(doubles))
    const sum = this.#exact(group)
    if (doubles !== 0) addText(sum, String(doubles + this.#lost[group]!))
    return parseDecimal(divided(sum, BigInt(divisor)))
  }
}

/** Adds `parts` to a bigint sum. */
function addBig(sum: Big): void {
  addTo(sum, parts.negative ? -parts.coefficient() : parts.coefficient(), parts.exponent)
}

function addText(sum: Big, text: string): void {
  const { coefficient, exponent } = bigOfText(text)
  addTo(sum, coefficient, exponent)
}

function writeLong(writer: Writer, name: Uint8Array, sum: bigint): void {
  if (sum >= LONG_MIN && sum <= LONG_MAX) {
    writer.name(Type.INT64, name)
    writer.int64(sum)
  } else {
    writer.name(Type.DECIMAL128, name)
    writer.decimal128(parseDecimal(rounded(sum, 0)), 0)
  }
}
