/** Decimals of any size as coefficient · 10^exponent, for sums and calculations that have outgrown plain numbers. */

const DIGITS_MAX = 34

export interface Big {
  coefficient: bigint
  exponent: number
}

/** Adds coefficient · 10^exponent to `sum`. */
export function addTo(sum: Big, coefficient: bigint, exponent: number): void {
  const shift = exponent - sum.exponent
  if (shift >= 0) sum.coefficient += coefficient * 10n ** BigInt(shift)
  else {
    sum.coefficient = sum.coefficient * 10n ** BigInt(-shift) + coefficient
    sum.exponent = exponent
  }
}

/** The number a text such as `-1.5`, `12E-3` or `1e+21` says. */
export function bigOfText(text: string): Big {
  const [mantissa = "0", power = "0"] = text.toLowerCase().split("e")
  const [whole = "0", fraction = ""] = mantissa.split(".")
  return { coefficient: BigInt(`${whole}${fraction}`), exponent: Number(power) - fraction.length }
}

/** A quotient as the text of a decimal, rounded half to even where it has more than 34 digits. */
export function divided({ coefficient, exponent }: Big, divisor: bigint): string {
  if (divisor === 1n) return rounded(coefficient, exponent)
  const digits = String(coefficient < 0n ? -coefficient : coefficient).length
  const shift = Math.max(0, DIGITS_MAX + 2 + String(divisor).length - digits)
  const scaled = coefficient * 10n ** BigInt(shift)
  const quotient = scaled / divisor
  if (quotient * divisor === scaled) return shortest(quotient, exponent - shift, exponent)
  // A digit that stands for the rest keeps it from looking like a tie.
  return rounded(quotient * 10n + (scaled < 0n ? -1n : 1n), exponent - shift - 1)
}

/** An exact quotient without the zeros that dividing brought. */
function shortest(coefficient: bigint, exponent: number, exponentMax: number): string {
  let value = coefficient
  let power = exponent
  while (power < exponentMax && value % 10n === 0n) {
    value /= 10n
    power++
  }
  return rounded(value, power)
}

/** A decimal as text, rounded half to even to 34 digits. */
export function rounded(coefficient: bigint, exponent: number): string {
  const magnitude = coefficient < 0n ? -coefficient : coefficient
  const excess = String(magnitude).length - DIGITS_MAX
  if (excess <= 0) return `${coefficient}E${exponent}`
  const unit = 10n ** BigInt(excess)
  const quotient = magnitude / unit
  const twice = (magnitude % unit) * 2n
  const up = twice > unit || (twice === unit && quotient % 2n === 1n)
  const result = up ? quotient + 1n : quotient
  // Rounding up may have made one digit more, a zero at the end.
  const text = String(result).length > DIGITS_MAX ? `${result / 10n}E${exponent + excess + 1}` : `${result}E${exponent + excess}`
  return coefficient < 0n ? `-${text}` : text
}
