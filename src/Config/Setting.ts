/**
 * The kinds of settings: how a value is written in `planck.yaml` or the environment, and what is accepted.
 *
 * Invariants
 * - A setting has a default, so an empty configuration is a whole one.
 * - Numbers have a minimum and a maximum; sizes are held in bytes and times in milliseconds, whatever unit they were written in.
 */

/** One setting: what it is for, what it is when nobody sets it, and how a written value is read. */
export interface Setting<A> {
  readonly kind: "setting"
  readonly default: A
  /** What the default is, where that depends on the machine. */
  readonly defaultText?: string
  readonly description: string
  /** What a value has to be, as an error says it: `an integer from 1 to 65535`. */
  readonly expected: string
  /** The value, or `undefined` when what was written is not one. Text comes from the environment, anything else from YAML. */
  readonly read: (written: unknown) => A | undefined
}

interface Bounds {
  readonly default: number
  readonly defaultText?: string
  readonly min: number
  readonly max: number
}

const BYTE_UNITS: Record<string, number> = { b: 1, kib: 1024, mib: 1024 ** 2, gib: 1024 ** 3, kb: 1e3, mb: 1e6, gb: 1e9 }
const TIME_UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** A whole number. */
export function integer(description: string, bounds: Bounds): Setting<number> {
  return numeric(description, bounds, {}, `an integer from ${bounds.min} to ${bounds.max}`)
}

/** A size, held in bytes; written as a number of bytes or as `64MiB`. */
export function bytes(description: string, bounds: Bounds): Setting<number> {
  return numeric(description, bounds, BYTE_UNITS, `a size from ${bounds.min} to ${bounds.max} bytes, like 64MiB`)
}

/** A time, held in milliseconds; written as a number of milliseconds or as `5s`. */
export function duration(description: string, bounds: Bounds): Setting<number> {
  return numeric(description, bounds, TIME_UNITS, `a time from ${bounds.min} to ${bounds.max} ms, like 5s`)
}

/** A text, not empty. */
export function text(description: string, options: { readonly default: string }): Setting<string> {
  const read = (written: unknown) => (typeof written === "string" && written !== "" ? written : undefined)
  return { kind: "setting", default: options.default, description, expected: "a text", read }
}

/** One of a few words. */
export function choice<const A extends string>(
  description: string,
  options: { readonly default: A; readonly of: ReadonlyArray<A> }
): Setting<A> {
  const read = (written: unknown) => options.of.find((word) => word === written)
  return { kind: "setting", default: options.default, description, expected: `one of ${options.of.join(", ")}`, read }
}

function numeric(description: string, bounds: Bounds, units: Record<string, number>, expected: string): Setting<number> {
  const read = (written: unknown) => {
    const value = typeof written === "number" ? written : typeof written === "string" ? quantity(written, units) : undefined
    return value !== undefined && Number.isInteger(value) && value >= bounds.min && value <= bounds.max ? value : undefined
  }
  const { default: value, defaultText } = bounds
  return { kind: "setting", default: value, ...(defaultText === undefined ? {} : { defaultText }), description, expected, read }
}

/** `"12"` → 12, `"64MiB"` → 67108864 where the unit is known, else undefined. */
function quantity(written: string, units: Record<string, number>): number | undefined {
  const match = /^(\d{1,15}(?:\.\d{1,6})?)\s*([a-z]*)$/i.exec(written.trim())
  if (match === null) return undefined
  const unit = (match[2] ?? "").toLowerCase()
  const factor = unit === "" ? 1 : units[unit]
  return factor === undefined ? undefined : Number(match[1]) * factor
}
