/** How much memory there is, for defaults that depend on it. */
import { totalmem } from "node:os"

const MIB = 1024 * 1024
const VALUE_CACHE_SHARE = 1 / 8
const VALUE_CACHE_BYTES_MIN = 256 * MIB
const PAGE_CACHE_SHARE = 1 / 32
const PAGE_CACHE_BYTES_MIN = 128 * MIB
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
  return Math.max(VALUE_CACHE_BYTES_MIN, Math.floor((memory * VALUE_CACHE_SHARE) / MIB) * MIB)
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
  const share = Math.floor((memory * PAGE_CACHE_SHARE) / MIB) * MIB
  return Math.min(PAGE_CACHE_BYTES_MAX, Math.max(PAGE_CACHE_BYTES_MIN, share))
}

/** The limits of caches that depend on the memory there is. */
export function cacheBytesDefault(): { readonly indexCacheBytesMax: number; readonly valueCacheBytesMax: number } {
  return { indexCacheBytesMax: pageCacheBytesDefault(), valueCacheBytesMax: valueCacheBytesDefault() }
}
