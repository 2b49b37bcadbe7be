/** How much memory there is, for defaults that depend on it. */
import { totalmem } from "node:os"

const MIB = 1024 * 1024
const VALUE_CACHE_SHARE = 1 / 8
const VALUE_CACHE_BYTES_MIN = 256 * MIB
const PAGE_CACHE_SHARE = 1 / 32
const PAGE_CACHE_BYTES_MIN = 128 * MIB
const PLACE_CACHE_SHARE = 1 / 256
const PLACE_CACHE_BYTES_MIN = 32 * MIB
const TEXT_CACHE_SHARE = 1 / 64
const TEXT_CACHE_BYTES_MIN = 64 * MIB
/** Tables of places and texts lie in one buffer each, which can be no larger. */
const TABLE_BYTES_MAX = 2048 * MIB
/** The frames of index pages lie in one buffer, which can be no larger. */
const PAGE_CACHE_BYTES_MAX = 2047 * MIB

/** Bytes of memory that this process may use: what its container allows, or else what the machine has. */
export function memoryBytes(): number {
  const machineBytes = totalmem()
  const allowedBytes = process.constrainedMemory()
  return allowedBytes > 0 && allowedBytes < machineBytes ? allowedBytes : machineBytes
}

/**
 * Memory for documents read from disk when nobody says how much: an eighth of what there is, in whole MiB, at least 256 MiB.
 *
 * @example
 * ```ts
 * import { valueCacheBytesDefault } from "../src/Config/Memory.ts"
 *
 * valueCacheBytesDefault(16 * 1024 ** 3) // => 2147483648
 * ```
 */
export function valueCacheBytesDefault(memory: number = memoryBytes()): number {
  return shareOf(memory, VALUE_CACHE_SHARE, VALUE_CACHE_BYTES_MIN)
}

/**
 * Memory for index pages when nobody says how much: a 32nd of what there is, in whole MiB, at least 128 MiB, less than 2 GiB. So the trees of as many
 * documents of 200 bytes fit as `valueCacheBytesDefault` has room for.
 *
 * @example
 * ```ts
 * import { pageCacheBytesDefault } from "../src/Config/Memory.ts"
 *
 * pageCacheBytesDefault(16 * 1024 ** 3) // => 536870912
 * ```
 */
export function pageCacheBytesDefault(memory: number = memoryBytes()): number {
  return Math.min(PAGE_CACHE_BYTES_MAX, shareOf(memory, PAGE_CACHE_SHARE, PAGE_CACHE_BYTES_MIN))
}

/**
 * Memory for the places of documents when nobody says how much: a 256th of what there is, in whole MiB, at least 32 MiB, at most 2 GiB. A place takes
 * 48 bytes, and about half of them stay empty.
 *
 * @example
 * ```ts
 * import { placeCacheBytesDefault } from "../src/Config/Memory.ts"
 *
 * placeCacheBytesDefault(16 * 1024 ** 3) // => 67108864
 * ```
 */
export function placeCacheBytesDefault(memory: number = memoryBytes()): number {
  return Math.min(TABLE_BYTES_MAX, shareOf(memory, PLACE_CACHE_SHARE, PLACE_CACHE_BYTES_MIN))
}

/**
 * Memory for the JSON of documents when nobody says how much: a 64th of what there is, in whole MiB, at least 64 MiB, at most 2 GiB.
 *
 * @example
 * ```ts
 * import { textCacheBytesDefault } from "../src/Config/Memory.ts"
 *
 * textCacheBytesDefault(16 * 1024 ** 3) // => 268435456
 * ```
 */
export function textCacheBytesDefault(memory: number = memoryBytes()): number {
  return Math.min(TABLE_BYTES_MAX, shareOf(memory, TEXT_CACHE_SHARE, TEXT_CACHE_BYTES_MIN))
}

/** The limits of the engine's caches that depend on the memory there is. */
export function cacheBytesDefault(): {
  readonly indexCacheBytesMax: number
  readonly valueCacheBytesMax: number
  readonly placeCacheBytesMax: number
} {
  return {
    indexCacheBytesMax: pageCacheBytesDefault(),
    valueCacheBytesMax: valueCacheBytesDefault(),
    placeCacheBytesMax: placeCacheBytesDefault()
  }
}

const shareOf = (memory: number, share: number, leastBytes: number): number =>
  Math.max(leastBytes, Math.floor((memory * share) / MIB) * MIB)
