import { crc32 as zlibCrc32 } from "node:zlib"

/**
 * CRC-32 (the one of zlib, gzip and PNG) of a range of bytes, started from a seed, without allocating for short ranges.
 *
 * Invariants
 * - `checksum(bytes, at, length, seed)` is `zlib.crc32(range, seed)` for every range and seed; only the way there differs.
 * - A different seed gives a different checksum of the same bytes: this is how a segment's salt keeps foreign bytes out.
 * - A checksum is linear in seed and bytes: what another seed changes in it depends on their difference and on the length alone.
 */

/** From this length on zlib is faster or as fast, for all that its call and the range for it cost: the range is garbage, so not below it. */
const ZLIB_BYTES_MIN = 512

const POLYNOMIAL = 0xedb88320
const SLICES = 16
const tables = buildTables()

/** Entry `slice * 256 + byte` is the checksum of `byte` followed by `slice` zero bytes. */
function buildTables(): Int32Array {
  const built = new Int32Array(SLICES * 256)
  for (let byte = 0; byte < 256; byte++) {
    let value = byte
    for (let bit = 0; bit < 8; bit++) value = (value & 1) === 0 ? value >>> 1 : (value >>> 1) ^ POLYNOMIAL
    built[byte] = value
  }
  for (let slice = 1; slice < SLICES; slice++) {
    for (let byte = 0; byte < 256; byte++) {
      const previous = built[(slice - 1) * 256 + byte]!
      built[slice * 256 + byte] = (previous >>> 8) ^ built[previous & 0xff]!
    }
  }
  return built
}

/**
 * The checksum (u32) of `length` bytes from `at` on, started from `seed` (u32).
 *
 * @example
 * ```ts
 * checksum(new TextEncoder().encode("123456789"), 0, 9, 0) // => 0xcbf43926
 * ```
 */
export function checksum(bytes: Uint8Array, at: number, length: number, seed: number): number {
  if (length >= ZLIB_BYTES_MIN) return zlibCrc32(bytes.subarray(at, at + length), seed)
  let crc = ~seed
  let position = at
  const end = at + length
  for (const last = end - 8; position <= last; position += 8) {
    crc ^= bytes[position]! | (bytes[position + 1]! << 8) | (bytes[position + 2]! << 16) | (bytes[position + 3]! << 24)
    crc =
      tables[0x700 + (crc & 0xff)]! ^
      tables[0x600 + ((crc >>> 8) & 0xff)]! ^
      tables[0x500 + ((crc >>> 16) & 0xff)]! ^
      tables[0x400 + (crc >>> 24)]! ^
      tables[0x300 + bytes[position + 4]!]! ^
      tables[0x200 + bytes[position + 5]!]! ^
      tables[0x100 + bytes[position + 6]!]! ^
      tables[bytes[position + 7]!]!
  }
  for (; position < end; position++) crc = (crc >>> 8) ^ tables[(crc ^ bytes[position]!) & 0xff]!
  return ~crc >>> 0
}

/** As `checksum`, of bytes that a view shows as well, from its first on: two thirds faster for 100 bytes and more, as it takes 16 at a time. */
export function checksumInView(bytes: Uint8Array, view: DataView, at: number, length: number, seed: number): number {
  if (length >= ZLIB_BYTES_MIN) return zlibCrc32(bytes.subarray(at, at + length), seed)
  let crc = ~seed
  let position = at
  const end = at + length
  for (const last = end - SLICES; position <= last; position += SLICES) {
    const a = crc ^ view.getInt32(position, true)
    const b = view.getInt32(position + 4, true)
    const c = view.getInt32(position + 8, true)
    const d = view.getInt32(position + 12, true)
    crc = slice(a, 0xc00) ^ slice(b, 0x800) ^ slice(c, 0x400) ^ slice(d, 0)
  }
  for (; position < end; position++) crc = (crc >>> 8) ^ tables[(crc ^ bytes[position]!) & 0xff]!
  return ~crc >>> 0
}

/** What four bytes add to a checksum; `behind`: 256 for every byte that follows them in the group. */
function slice(four: number, behind: number): number {
  return (
    tables[behind + 0x300 + (four & 0xff)]! ^
    tables[behind + 0x200 + ((four >>> 8) & 0xff)]! ^
    tables[behind + 0x100 + ((four >>> 16) & 0xff)]! ^
    tables[behind + (four >>> 24)]!
  )
}

/** Entry `power * 1024 + place * 256 + byte` is what `2 ** power` zero bytes make of a register that has `byte` at `place`. */
const shifts = buildShifts()

/** Powers of two that a length may be made of. */
function buildShifts(): Int32Array {
  const built = new Int32Array(32 * 1024)
  for (let at = 0; at < 1024; at++) {
    const register = (at & 0xff) << ((at >>> 8) * 8)
    built[at] = (register >>> 8) ^ tables[register & 0xff]!
  }
  for (let at = 1024; at < built.length; at++) built[at] = shifted(built, (at >>> 10) - 1, built[at - 1024]!)
  return built
}

function shifted(by: Int32Array, power: number, register: number): number {
  const from = power << 10
  return (
    by[from + (register & 0xff)]! ^
    by[from + 0x100 + ((register >>> 8) & 0xff)]! ^
    by[from + 0x200 + ((register >>> 16) & 0xff)]! ^
    by[from + 0x300 + (register >>> 24)]!
  )
}

/**
 * The checksum (u32) of some bytes started from `to`, when started from `from` it is `found`; the bytes are not read, only their `length`
 * counts. Where `found` is wrong of the bytes the outcome is as well.
 *
 * @example
 * ```ts
 * const bytes = new TextEncoder().encode("123456789")
 * reseeded(checksum(bytes, 0, 9, 0), 9, 0, 7) === checksum(bytes, 0, 9, 7) // => true
 * ```
 */
export function reseeded(found: number, length: number, from: number, to: number): number {
  let difference = from ^ to
  for (let power = 0, left = length; left > 0; power++, left >>>= 1) {
    if ((left & 1) === 1) difference = shifted(shifts, power, difference)
  }
  return (found ^ difference) >>> 0
}
