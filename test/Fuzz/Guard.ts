/**
 * What an input may cost. A reader that goes beyond it is a finding, as a crash is.
 *
 * - Memory: every array of bytes that is made while an input is read is counted.
 * - Work: a volume counts the bytes and calls that are asked of it. Loops that ask nothing of a volume are found by the watch (Main.ts): it
 *   counts inputs, and one that does not end keeps the count where it is.
 */
import { Buffer } from "node:buffer"
import type { DirectoryLock, File, OpenMode, SyncDone, Volume } from "../../src/Disk/Volume.ts"
import { MemoryVolume } from "../../src/Disk/MemoryVolume.ts"

const MIB = 1024 * 1024
/** Bytes that reading one input may take, all arrays together: caches and buffers of fixed sizes, and so much more for each of its bytes. */
const ALLOCATED_BYTES_MAX = 128 * MIB
const ALLOCATED_PER_BYTE_MAX = 256
/** Bytes that may be read of a volume for each byte on it, and calls of any kind, besides a few. */
const READ_PER_BYTE_MAX = 64
const READ_BYTES_MAX = 64 * MIB
const CALLS_MAX = 200_000

/** An input cost too much. No part of the product throws or catches this. */
export class TooMuch extends Error {
  override readonly name = "TooMuch"
}

let allocated = 0
let limit = Infinity

/** From now on every `new Uint8Array` and `new ArrayBuffer` of this thread is counted. */
export function countAllocations(): void {
  const construct = (target: new (...rest: Array<never>) => object, rest: ReadonlyArray<unknown>, wanted: unknown): object => {
    const [first] = rest
    if (typeof first === "number") {
      allocated += first
      if (allocated > limit) throw new TooMuch(`${allocated} bytes of memory, ${first} of them at once`)
    }
    return Reflect.construct(target, rest as Array<unknown>, wanted as new () => object) as object
  }
  globalThis.Uint8Array = new Proxy(Uint8Array, { construct: construct as never })
  globalThis.ArrayBuffer = new Proxy(ArrayBuffer, { construct: construct as never })
}

/** An input of so many bytes begins. */
export function beginInput(bytes: number): void {
  allocated = 0
  limit = ALLOCATED_BYTES_MAX + bytes * ALLOCATED_PER_BYTE_MAX
}

/** No input is read: what happens now may cost what it wants. */
export function endInput(): void {
  limit = Infinity
}

/** A volume in memory that holds these files and counts what is asked of it. */
export function volumeOf(files: Readonly<Record<string, Uint8Array>>): Volume {
  const inner = new MemoryVolume()
  let bytes = 0
  for (const [path, content] of Object.entries(files)) {
    inner.makeDirectory(path.slice(0, Math.max(0, path.lastIndexOf("/"))))
    const file = inner.open(path, "create")
    file.writeAt(0, content)
    file.close()
    bytes += content.length
  }
  return new CountingVolume(inner, bytes)
}

class CountingVolume implements Volume {
  readonly #inner: Volume
  readonly #readMax: number
  #read = 0
  #calls = 0

  constructor(inner: Volume, bytes: number) {
    this.#inner = inner
    this.#readMax = READ_BYTES_MAX + bytes * READ_PER_BYTE_MAX
  }

  spend(bytes: number): void {
    this.#read += bytes
    if (++this.#calls > CALLS_MAX) throw new TooMuch(`${CALLS_MAX} calls of the disk`)
    if (this.#read > this.#readMax) throw new TooMuch(`${this.#read} bytes read`)
  }

  open(path: string, mode: OpenMode): File {
    this.spend(0)
    const file = this.#inner.open(path, mode)
    return {
      path: file.path,
      size: () => (this.spend(0), file.size()),
      readAt: (offset, into) => {
        const count = file.readAt(offset, into)
        this.spend(count)
        return count
      },
      writeAt: (offset, bytes) => (this.spend(bytes.length), file.writeAt(offset, bytes)),
      truncate: (sizeBytes) => (this.spend(0), file.truncate(sizeBytes)),
      syncData: (done) => (this.spend(0), file.syncData(done)),
      truncateAndSync: (sizeBytes, done) => (this.spend(0), file.truncateAndSync(sizeBytes, done)),
      close: () => file.close()
    }
  }

  exists(path: string): boolean {
    return (this.spend(0), this.#inner.exists(path))
  }

  list(directory: string): Array<string> {
    return (this.spend(0), this.#inner.list(directory))
  }

  makeDirectory(path: string): void {
    this.#inner.makeDirectory(path)
  }

  rename(from: string, to: string): void {
    this.#inner.rename(from, to)
  }

  remove(path: string): void {
    this.#inner.remove(path)
  }

  syncDirectory(directory: string, done: SyncDone): void {
    this.#inner.syncDirectory(directory, done)
  }

  lock(directory: string): DirectoryLock {
    return this.#inner.lock(directory)
  }
}

/** Bytes as a person can repeat them. */
export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")
