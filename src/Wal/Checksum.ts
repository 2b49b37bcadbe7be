import { crc32 as zlibCrc32 } from "node:zlib"

/**
 * CRC-32 (the one of zlib, gzip and PNG) of a range of bytes, started from a seed, without allocating for short ranges.
 *
 * Invariants
 * - `checksum(bytes, at, length, seed)` is `zlib.crc32(range, seed)` for every range and seed; only the way there differs.
 * - A different seed gives a different checksum of the same bytes: this is how a segment's salt keeps foreign bytes out.
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
