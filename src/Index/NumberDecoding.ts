/** Encoded numbers back to their values: the reverse of `NumberEncoding.ts` for everything but decimals, which an encoding does not keep whole. */

const NEGATIVE_INFINITY = 1
const NEGATIVE = 2
const ZERO = 3
const POSITIVE = 4
const POSITIVE_INFINITY = 5
const GROUPS = 11
const EXTENSION_BITS = 14n
const MANTISSA_BITS = 66n
const EXPONENT_BIAS = 1023
const HIGH_MANTISSA = 0xfffff

const double = new Float64Array(1)
const words = new Uint32Array(double.buffer)

/** The number whose encoding, without its class, is at `at`: a double, or a bigint where a double has no room for it. Of no decimal. */
export function readNumber(bytes: Uint8Array, at: number, mask: number): number | bigint {
  switch (bytes[at]! ^ mask) {
    case ZERO:
      return 0
    case POSITIVE:
      return readMagnitude(bytes, at + 1, mask)
    case NEGATIVE:
      return -readMagnitude(bytes, at + 1, mask ^ 0xff)
    case POSITIVE_INFINITY:
      return Number.POSITIVE_INFINITY
    case NEGATIVE_INFINITY:
      return Number.NEGATIVE_INFINITY
    default:
      return Number.NaN
  }
}

function readMagnitude(bytes: Uint8Array, at: number, mask: number): number | bigint {
  let high = 0
  let low = 0
  let extension = 0
  for (let index = 0; index < GROUPS; index++) {
    const byte = bytes[at + index]! ^ mask
    const group = byte >>> 1
    if (index < 4) high |= group << (24 - index * 7)
    else if (index === 4) {
      high |= group >>> 4
      low |= group << 28
    } else if (index < 9) low |= group << (21 - (index - 5) * 7)
    else extension |= group << (7 - (index - 9) * 7)
    if ((byte & 1) === 0) break
  }
  if (extension === 0) {
    words[0] = low
    words[1] = high
    return double[0]!
  }
  const exponent = (high >>> 20) - EXPONENT_BIAS
  const mantissa =
    (1n << MANTISSA_BITS) |
    (BigInt(high & HIGH_MANTISSA) << (32n + EXTENSION_BITS)) |
    (BigInt(low >>> 0) << EXTENSION_BITS) |
    BigInt(extension)
  return mantissa >> (MANTISSA_BITS - BigInt(exponent))
}

/** The offset behind the number, decimals included, whose encoding without its class is at `at`. */
export function skipNumber(bytes: Uint8Array, at: number, mask: number): number {
  const kind = bytes[at]! ^ mask
  if (kind !== POSITIVE && kind !== NEGATIVE) return at + 1
  const inner = kind === NEGATIVE ? mask ^ 0xff : mask
  let place = at + 1
  for (let index = 0; index < GROUPS; index++) if (((bytes[place++]! ^ inner) & 1) === 0) return place
  // A decimal that is no binary number: exponent of the first digit, then its digits in pairs.
  place += 2
  while (((bytes[place++]! ^ inner) & 1) === 1);
  return place
}
