/** How much memory there is, for defaults that depend on it. */
import { totalmem } from "node:os"

const MIB = 1024 * 1024
const VALUE_CACHE_SHARE = 1 / 8
const VALUE_CACHE_BYTES_MIN = 256 * MIB

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
