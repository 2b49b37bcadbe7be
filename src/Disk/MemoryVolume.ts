import { Fault } from "../Fault/Fault.ts"
import { diskFault } from "./Failure.ts"
import { pathNames } from "./Path.ts"
import type { DirectoryLock, DiskOperation, File, OpenMode, SyncDone, Volume } from "./Volume.ts"
import { parentOf } from "./Volume.ts"

/**
 * A volume that lives and dies with the process: for tests and for databases that need no disk.
 *
 * Invariants
 * - It behaves as the Node volume does in all that the contract suite asks, and syncs always succeed.
 * - All files together stay within `capacityBytes`; a write beyond is refused with `ENOSPC` and changes nothing.
 */

/** Bytes of all files together unless the options say otherwise: 1 GiB. */
export const MEMORY_CAPACITY_BYTES = 1024 * 1024 * 1024

/** How large a volume in memory may grow. */
export interface MemoryVolumeOptions {
  /** Bytes of all files together, `MEMORY_CAPACITY_BYTES` unless given. */
  readonly capacityBytes?: number
}

/** What all files of a volume share: how much there is, and how much of it is taken. */
interface Space {
  readonly capacityBytes: number
  usedBytes: number
}

/** The content of a file, shared by its name and every open handle. It counts as used while it has a name. */
class Content {
  bytes = new Uint8Array(0)
  length = 0
  readonly #space: Space
  #named = true

  constructor(space: Space) {
    this.#space = space
  }

  /** Takes the length asked for, zeros where it grows; `false`, and nothing done, when there is no room. */
  resize(length: number): boolean {
    const growth = length - this.length
    if (this.#named && this.#space.usedBytes + growth > this.#space.capacityBytes) return false
    if (length > this.bytes.length) {
      const grown = new Uint8Array(Math.max(length, this.bytes.length * 2))
      grown.set(this.bytes.subarray(0, this.length))
      this.bytes = grown
    } else if (growth < 0) {
      this.bytes.fill(0, length, this.length)
    }
    this.length = length
    if (this.#named) this.#space.usedBytes += growth
    return true
  }

  /** Gives its room back: the name is gone, open handles may still read. */
  unname(): void {
    if (this.#named) this.#space.usedBytes -= this.length
    this.#named = false
  }
}

type Entry = Content | "directory"

class MemoryFile implements File {
  readonly path: string
  readonly #content: Content
  readonly #writable: boolean
  #closed = false

  constructor(path: string, content: Content, writable: boolean) {
    this.path = path
    this.#content = content
    this.#writable = writable
  }

  size(): number {
    this.#assertOpen("size")
    return this.#content.length
  }

  readAt(offset: number, into: Uint8Array): number {
    this.#assertOpen("read")
    const count = Math.max(0, Math.min(into.length, this.#content.length - offset))
    into.set(this.#content.bytes.subarray(offset, offset + count))
    return count
  }

  writeAt(offset: number, bytes: Uint8Array): void {
    this.#assertWritable("write", offset)
    if (bytes.length === 0) return
    if (!this.#content.resize(Math.max(this.#content.length, offset + bytes.length))) throw diskFault("write", this.path, "ENOSPC", offset)
    this.#content.bytes.set(bytes, offset)
  }

  truncate(sizeBytes: number): void {
    this.#assertWritable("truncate", sizeBytes)
    if (!this.#content.resize(sizeBytes)) throw diskFault("truncate", this.path, "ENOSPC", sizeBytes)
  }

  syncData(done: SyncDone): void {
    this.#assertOpen("sync")
    queueMicrotask(() => done(undefined))
  }

  truncateAndSync(sizeBytes: number, done: SyncDone): void {
    this.#assertWritable("truncate", sizeBytes)
    const isCut = this.#content.resize(sizeBytes)
    queueMicrotask(() => done(isCut ? undefined : diskFault("truncate", this.path, "ENOSPC", sizeBytes)))
  }

  close(): void {
    this.#closed = true
  }

  #assertOpen(operation: DiskOperation): void {
    if (this.#closed) throw diskFault(operation, this.path, "EBADF")
  }

  #assertWritable(operation: DiskOperation, offset: number): void {
    this.#assertOpen(operation)
    if (!this.#writable) throw diskFault(operation, this.path, "EBADF", offset)
  }
}

/**
 * A volume in memory.
 *
 * @example
 * ```ts
 * const volume = new MemoryVolume({ capacityBytes: 64 * 1024 * 1024 })
 * volume.makeDirectory("data")
 * ```
 */
export class MemoryVolume implements Volume {
  readonly #entries = new Map<string, Entry>([["", "directory"]])
  readonly #locks = new Set<string>()
  readonly #space: Space

  constructor(options: MemoryVolumeOptions = {}) {
    this.#space = { capacityBytes: options.capacityBytes ?? MEMORY_CAPACITY_BYTES, usedBytes: 0 }
  }

  open(path: string, mode: OpenMode): File {
    const place = pathNames("open", path).join("/")
    const entry = this.#entries.get(place)
    if (entry === "directory") throw diskFault("open", path, "EISDIR")
    if (mode !== "create") {
      if (entry === undefined) throw diskFault("open", path, "ENOENT")
      return new MemoryFile(path, entry, mode === "update")
    }
    if (entry !== undefined) throw diskFault("open", path, "EEXIST")
    this.#assertDirectory("open", path, parentPlace(place))
    const content = new Content(this.#space)
    this.#entries.set(place, content)
    return new MemoryFile(path, content, true)
  }

  exists(path: string): boolean {
    return this.#entries.has(pathNames("exists", path).join("/"))
  }

  list(directory: string): Array<string> {
    const place = pathNames("list", directory).join("/")
    this.#assertDirectory("list", directory, place)
    const names: Array<string> = []
    for (const other of this.#entries.keys()) {
      if (other !== "" && parentPlace(other) === place) names.push(other.slice(other.lastIndexOf("/") + 1))
    }
    return names.toSorted()
  }

  makeDirectory(path: string): void {
    let place = ""
    for (const name of pathNames("makeDirectory", path)) {
      place = place === "" ? name : `${place}/${name}`
      const entry = this.#entries.get(place)
      if (entry === undefined) this.#entries.set(place, "directory")
      else if (entry !== "directory") throw diskFault("makeDirectory", path, "EEXIST")
    }
  }

  rename(from: string, to: string): void {
    if (parentOf(from) !== parentOf(to)) throw diskFault("rename", from, "EXDEV")
    const source = pathNames("rename", from).join("/")
    const target = pathNames("rename", to).join("/")
    const content = this.#file("rename", from, source)
    const replaced = this.#entries.get(target)
    if (replaced === "directory") throw diskFault("rename", to, "EISDIR")
    if (replaced !== content) replaced?.unname()
    this.#entries.delete(source)
    this.#entries.set(target, content)
  }

  remove(path: string): void {
    const place = pathNames("remove", path).join("/")
    this.#file("remove", path, place).unname()
    this.#entries.delete(place)
  }

  syncDirectory(directory: string, done: SyncDone): void {
    const place = pathNames("syncDirectory", directory).join("/")
    const missing = this.#entries.get(place) !== "directory"
    queueMicrotask(() => done(missing ? diskFault("syncDirectory", directory, "ENOENT") : undefined))
  }

  lock(directory: string): DirectoryLock {
    const place = pathNames("lock", directory).join("/")
    this.#assertDirectory("lock", directory, place)
    const owner = "this process"
    if (this.#locks.has(place)) throw new Fault({ _tag: "DirectoryLocked", path: directory, owner })
    this.#locks.add(place)
    let held = true
    return {
      owner,
      release: () => {
        if (held) this.#locks.delete(place)
        held = false
      }
    }
  }

  #file(operation: DiskOperation, path: string, place: string): Content {
    const entry = this.#entries.get(place)
    if (entry === undefined) throw diskFault(operation, path, "ENOENT")
    if (entry === "directory") throw diskFault(operation, path, "EISDIR")
    return entry
  }

  #assertDirectory(operation: DiskOperation, path: string, place: string): void {
    const entry = this.#entries.get(place)
    if (entry === undefined) throw diskFault(operation, path, "ENOENT")
    if (entry !== "directory") throw diskFault(operation, path, "ENOTDIR")
  }
}

function parentPlace(place: string): string {
  const cut = place.lastIndexOf("/")
  return cut < 0 ? "" : place.slice(0, cut)
}
