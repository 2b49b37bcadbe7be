import { Fault } from "../Fault/Fault.ts"
import { crashFates } from "./Crash.ts"
import { diskFault } from "./Failure.ts"
import { pathNames } from "./Path.ts"
import { Random } from "./Random.ts"
import type { Fate, Landing } from "./SimulatedContent.ts"
import { NOTHING, SimulatedContent } from "./SimulatedContent.ts"
import type { SimulatedEntry } from "./SimulatedDirectory.ts"
import { SimulatedDirectory } from "./SimulatedDirectory.ts"
import type { DirectoryLock, DirectoryLocked, DiskFailure, DiskOperation, File, OpenMode, SyncDone, Volume } from "./Volume.ts"
import { nameOf, parentOf } from "./Volume.ts"

/**
 * A volume that fails and crashes on demand, the same way for the same seed.
 *
 * Invariants
 * - Until a crash or an injected failure it behaves as the Node volume does in all that the contract suite asks.
 * - Every operation that changes something is numbered, and so is the completion of every sync. Listeners hear of it before it takes
 *   effect: `crash` called there gives the image of a machine that stopped between this operation and the one before.
 * - A sync covers the changes made before it was called, and completes when the test pumps (or, with `automatic`, soon by itself).
 */

export interface SimulatedOptions {
  readonly seed: number
  /** Bytes of all files together; a write beyond is refused with `ENOSPC`. Unbounded unless given. */
  readonly capacityBytes?: number
  /** Whether syncs complete by themselves, in a microtask, or wait for `pump`. Default `manual`. */
  readonly syncs?: "manual" | "automatic"
}

/** What happens next: `index` counts from 1; reads and opens of existing files are not counted and carry the index of the last. */
export interface SimulatedOperation {
  readonly index: number
  readonly operation: DiskOperation | "create" | "syncCompletes" | "syncDirectoryCompletes"
  readonly path: string
  /** Of reads and writes, in bytes; of a truncation, the new length. */
  readonly offset?: number
  readonly length?: number
  /** Bytes by which a write or truncation makes the file longer. */
  readonly growth?: number
}

type Detail = Pick<SimulatedOperation, "offset" | "length" | "growth">

/** Decides whether an operation fails, and with which code. */
export type FailureRule = (operation: SimulatedOperation) => string | undefined

/** What becomes of a write that reports success: it gets to no place on disk, or to another one, in whole sectors. */
export type Mishap = "lost" | { readonly path: string; readonly sectorsBy: number }

/** Decides whether a write goes astray. */
export type MishapRule = (operation: SimulatedOperation) => Mishap | undefined

interface WaitingSync {
  readonly operation: "syncCompletes" | "syncDirectoryCompletes"
  readonly path: string
  readonly target: SimulatedContent | SimulatedDirectory
  readonly lastId: number
  readonly done: SyncDone
  /** What was to be done before was refused, so nothing is brought to disk. */
  readonly refused?: Fault<DiskFailure> | undefined
  /** The file is being cut: nobody may write to it. */
  readonly isCut?: boolean
}

const UNCOUNTED = new Set(["read", "open", "size", "exists", "list", "lock"])

/**
 * A simulated volume.
 *
 * @example
 * ```ts
 * const volume = new SimulatedVolume({ seed: 7 })
 * volume.failWhen((operation) => operation.index === 12 ? "EIO" : undefined)
 * const afterwards = volume.crash(3)
 * ```
 */
export class SimulatedVolume implements Volume {
  /** How many counted operations there have been. */
  operations = 0
  /** Whether automatic syncs wait for `pump` all the same, from now on. */
  holdsSyncs = false
  readonly #options: SimulatedOptions
  readonly #random: Random
  readonly #root: SimulatedDirectory
  readonly #locks = new Set<string>()
  readonly #syncs: Array<WaitingSync> = []
  readonly #rules: Array<FailureRule> = []
  readonly #mishaps: Array<MishapRule> = []
  readonly #listeners: Array<(operation: SimulatedOperation) => void> = []
  #lastId = 0

  constructor(options: SimulatedOptions, root: SimulatedDirectory = new SimulatedDirectory()) {
    this.#options = options
    this.#random = new Random(options.seed)
    this.#root = root
  }

  /** Hears of every operation before it takes effect, also of those that will fail. */
  onOperation(listener: (operation: SimulatedOperation) => void): void {
    this.#listeners.push(listener)
  }

  /** Lets operations fail; the first rule that names a code decides. A failing write may have written a part. */
  failWhen(rule: FailureRule): void {
    this.#rules.push(rule)
  }

  /** Lets the counted operation `index` fail with `code`. The call of a sync does not fail, its completion does. */
  failAt(index: number, code: string): void {
    this.failWhen((operation) => (operation.index === index && !UNCOUNTED.has(operation.operation) ? code : undefined))
  }

  /** Lets writes go astray that report success; the first rule that names a mishap decides. Nobody sees it before a crash. */
  strayWhen(rule: MishapRule): void {
    this.#mishaps.push(rule)
  }

  /** Takes back every rule. */
  heal(): void {
    this.#rules.length = 0
    this.#mishaps.length = 0
  }

  /** Syncs that were called and have not completed. */
  get syncsWaiting(): number {
    return this.#syncs.length
  }

  /** The paths of the syncs that wait, in the order in which they were called. */
  get waitingPaths(): ReadonlyArray<string> {
    return this.#syncs.map((sync) => sync.path)
  }

  /** Completes the sync that has waited longest (or the one at `position`); `false` when there is none. */
  pump(position = 0): boolean {
    const [sync] = this.#syncs.splice(position, 1)
    if (sync === undefined) return false
    this.#complete(sync)
    return true
  }

  /** Completes syncs, and those that are called meanwhile, until none waits. `limit` guards against a loop that never ends. */
  pumpAll(limit = 100_000): void {
    for (let count = 0; this.pump(); count++) if (count >= limit) throw new Error("syncs without end")
  }

  /** The volume as a machine finds it that lost power now. This one goes on undisturbed. */
  crash(seed: number): SimulatedVolume {
    const root = this.#root.afterCrash(crashFates(new Random(seed)))
    return new SimulatedVolume({ ...this.#options, seed }, root)
  }

  /** The same, with the fate of every unsynced change decided by the caller: `nextFate` is asked once for every directory and file. */
  crashBy(nextFate: () => Fate): SimulatedVolume {
    return new SimulatedVolume(this.#options, this.#root.afterCrash(nextFate))
  }

  /**
   * The volume as the next process finds it after this one was killed: all that was written is there, in the page cache; of the syncs
   * that were under way some complete. Nothing may be done with this one afterwards.
   */
  kill(seed: number): SimulatedVolume {
    const random = new Random(seed)
    for (const { target, lastId, refused } of this.#syncs.splice(0)) if (random.chance(0.5) && refused === undefined) target.sync(lastId)
    const next = new SimulatedVolume({ ...this.#options, seed }, this.#root)
    next.#lastId = this.#lastId
    return next
  }

  /** The volume with what is certainly on disk, and nothing else. */
  durable(): SimulatedVolume {
    return this.crashBy(() => () => NOTHING)
  }

  /** The path of every file there is, sorted. */
  paths(): Array<string> {
    return this.#root.paths("").toSorted()
  }

  /** Bytes of all files in a directory and below; 0 when there is none. */
  usedBytes(directory: string): number {
    const entry = this.#find("list", directory)
    return entry instanceof SimulatedDirectory ? entry.usedBytes() : 0
  }

  /** What a file shows, for the eyes of a test: no rule is asked and nothing is counted. */
  peek(path: string): Uint8Array {
    const content = this.#content("read", path)
    const bytes = new Uint8Array(content.length)
    content.read(0, bytes)
    return bytes
  }

  /** Bit rot: flips the bits of `mask` in the byte at `offset` of a file. */
  rot(path: string, offset: number, mask: number): void {
    this.#content("write", path).rot(offset, mask)
  }

  open(path: string, mode: OpenMode): File {
    if (mode !== "create") {
      this.#check("open", path)
      return new SimulatedFile(this, path, this.#content("open", path), mode === "update")
    }
    const directory = this.#directory("open", parentOf(path), path)
    const name = nameOf(path)
    if (directory.entries.has(name)) throw diskFault("open", path, "EEXIST")
    this.#check("create", path)
    const content = new SimulatedContent()
    directory.change({ id: ++this.#lastId, adds: { name, entry: content } })
    return new SimulatedFile(this, path, content, true)
  }

  exists(path: string): boolean {
    this.#check("exists", path)
    return this.#find("exists", path) !== undefined
  }

  list(directory: string): Array<string> {
    this.#check("list", directory)
    return [...this.#directory("list", directory, directory).entries.keys()].toSorted()
  }

  makeDirectory(path: string): void {
    let directory = this.#root
    for (const name of pathNames("makeDirectory", path)) {
      const entry = directory.entries.get(name)
      if (entry instanceof SimulatedContent) throw diskFault("makeDirectory", path, "EEXIST")
      if (entry !== undefined) {
        directory = entry
        continue
      }
      this.#check("makeDirectory", path)
      const made = new SimulatedDirectory()
      directory.change({ id: ++this.#lastId, adds: { name, entry: made } })
      directory = made
    }
  }

  rename(from: string, to: string): void {
    if (parentOf(from) !== parentOf(to)) throw diskFault("rename", from, "EXDEV")
    const content = this.#content("rename", from)
    const directory = this.#directory("rename", parentOf(from), from)
    if (directory.entries.get(nameOf(to)) instanceof SimulatedDirectory) throw diskFault("rename", to, "EISDIR")
    this.#check("rename", from)
    directory.change({ id: ++this.#lastId, removes: nameOf(from), adds: { name: nameOf(to), entry: content } })
  }

  remove(path: string): void {
    this.#content("remove", path)
    this.#check("remove", path)
    this.#directory("remove", parentOf(path), path).change({ id: ++this.#lastId, removes: nameOf(path) })
  }

  syncDirectory(path: string, done: SyncDone): void {
    this.#failure("syncDirectory", path)
    const target = this.#find("syncDirectory", path)
    if (!(target instanceof SimulatedDirectory)) {
      queueMicrotask(() => done(diskFault("syncDirectory", path, target === undefined ? "ENOENT" : "ENOTDIR")))
      return
    }
    this.#enqueue({ operation: "syncDirectoryCompletes", path, target, lastId: this.#lastId, done })
  }

  lock(directory: string): DirectoryLock {
    this.#directory("lock", directory, directory)
    const place = pathNames("lock", directory).join("/")
    const owner = "this simulation"
    if (this.#locks.has(place)) throw new Fault<DirectoryLocked>({ _tag: "DirectoryLocked", path: directory, owner })
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

  /** For the volume's files. */
  readContent(path: string, content: SimulatedContent, offset: number, into: Uint8Array): number {
    this.#check("read", path, { offset, length: into.length })
    return content.read(offset, into)
  }

  /** For the volume's files. */
  writeContent(path: string, content: SimulatedContent, offset: number, bytes: Uint8Array): void {
    this.#assertNotCut(path, content)
    const growth = Math.max(0, offset + bytes.length - content.length)
    const code = this.#failure("write", path, { offset, length: bytes.length, growth }) ?? this.#lackOfRoom(growth)
    const written = code === undefined ? bytes : bytes.subarray(0, this.#random.below(bytes.length))
    if (code !== undefined && this.#lackOfRoom(written.length) !== undefined) throw diskFault("write", path, code, offset)
    content.write(++this.#lastId, offset, written, code === undefined ? this.#landing(path, offset, bytes.length) : undefined)
    if (code !== undefined) throw diskFault("write", path, code, offset)
  }

  /** For the volume's files: why it was refused, if it was. */
  truncateContent(path: string, content: SimulatedContent, sizeBytes: number): Fault<DiskFailure> | undefined {
    this.#assertNotCut(path, content)
    const growth = Math.max(0, sizeBytes - content.length)
    const code = this.#failure("truncate", path, { offset: sizeBytes, growth }) ?? this.#lackOfRoom(growth)
    if (code !== undefined) return diskFault("truncate", path, code, sizeBytes)
    content.truncate(++this.#lastId, sizeBytes)
    return undefined
  }

  /** For the volume's files. */
  syncContent(path: string, content: SimulatedContent, done: SyncDone): void {
    this.#failure("sync", path)
    this.#enqueue({ operation: "syncCompletes", path, target: content, lastId: this.#lastId, done })
  }

  /** For the volume's files. */
  truncateAndSyncContent(path: string, content: SimulatedContent, sizeBytes: number, done: SyncDone): void {
    const refused = this.truncateContent(path, content, sizeBytes)
    if (refused === undefined) this.#failure("sync", path)
    this.#enqueue({ operation: "syncCompletes", path, target: content, lastId: this.#lastId, done, refused, isCut: true })
  }

  /** What is written while a file is cut may be lost on a real disk. */
  #assertNotCut(path: string, content: SimulatedContent): void {
    for (const { isCut, target } of this.#syncs)
      if (isCut === true && target === content) throw new Error(`${path} is written while it is cut`)
  }

  #enqueue(sync: WaitingSync): void {
    this.#syncs.push(sync)
    if (this.#options.syncs !== "automatic") return
    queueMicrotask(() => {
      const position = this.#syncs.indexOf(sync)
      if (position >= 0 && !this.holdsSyncs) this.pump(position)
    })
  }

  #complete(sync: WaitingSync): void {
    if (sync.refused !== undefined) return sync.done(sync.refused)
    const code = this.#failure(sync.operation, sync.path)
    if (code === undefined) {
      sync.target.sync(sync.lastId)
      sync.done(undefined)
      return
    }
    sync.target.failSync(sync.lastId, this.#random)
    const operation = sync.operation === "syncCompletes" ? "sync" : "syncDirectory"
    sync.done(diskFault(operation, sync.path, code))
  }

  #lackOfRoom(growth: number): string | undefined {
    const { capacityBytes } = this.#options
    return capacityBytes !== undefined && growth > 0 && this.#root.usedBytes() + growth > capacityBytes ? "ENOSPC" : undefined
  }

  #landing(path: string, offset: number, length: number): Landing | undefined {
    const event: SimulatedOperation = { index: this.operations, operation: "write", path, offset, length }
    for (const rule of this.#mishaps) {
      const mishap = rule(event)
      if (mishap === "lost") return "nowhere"
      if (mishap !== undefined) return { content: this.#content("write", mishap.path), sectorsBy: mishap.sectorsBy }
    }
    return undefined
  }

  /** Counts the operation, tells the listeners, and asks the rules for the code it fails with. */
  #failure(operation: SimulatedOperation["operation"], path: string, detail: Detail = {}): string | undefined {
    const isCounted = !UNCOUNTED.has(operation)
    if (isCounted) this.operations++
    const event: SimulatedOperation = { index: this.operations, operation, path, ...detail }
    if (isCounted) for (const listener of this.#listeners) listener(event)
    for (const rule of this.#rules) {
      const code = rule(event)
      if (code !== undefined) return code
    }
    return undefined
  }

  #check(operation: DiskOperation | "create", path: string, detail: Detail = {}): void {
    const code = this.#failure(operation, path, detail)
    if (code !== undefined) throw diskFault(operation === "create" ? "open" : operation, path, code, detail.offset)
  }

  #find(operation: DiskOperation, path: string): SimulatedEntry | undefined {
    let entry: SimulatedEntry | undefined = this.#root
    for (const name of pathNames(operation, path)) {
      if (!(entry instanceof SimulatedDirectory)) return undefined
      entry = entry.entries.get(name)
    }
    return entry
  }

  #content(operation: DiskOperation, path: string): SimulatedContent {
    const entry = this.#find(operation, path)
    if (entry === undefined) throw diskFault(operation, path, "ENOENT")
    if (entry instanceof SimulatedDirectory) throw diskFault(operation, path, "EISDIR")
    return entry
  }

  #directory(operation: DiskOperation, directory: string, path: string): SimulatedDirectory {
    const entry = this.#find(operation, directory)
    if (entry === undefined) throw diskFault(operation, path, "ENOENT")
    if (entry instanceof SimulatedContent) throw diskFault(operation, path, "ENOTDIR")
    return entry
  }
}

class SimulatedFile implements File {
  readonly path: string
  readonly #volume: SimulatedVolume
  readonly #content: SimulatedContent
  readonly #writable: boolean
  #closed = false

  constructor(volume: SimulatedVolume, path: string, content: SimulatedContent, writable: boolean) {
    this.#volume = volume
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
    return this.#volume.readContent(this.path, this.#content, offset, into)
  }

  writeAt(offset: number, bytes: Uint8Array): void {
    this.#assertOpen("write")
    if (!this.#writable) throw diskFault("write", this.path, "EBADF", offset)
    this.#volume.writeContent(this.path, this.#content, offset, bytes)
  }

  truncate(sizeBytes: number): void {
    this.#assertOpen("truncate")
    if (!this.#writable) throw diskFault("truncate", this.path, "EBADF", sizeBytes)
    const refused = this.#volume.truncateContent(this.path, this.#content, sizeBytes)
    if (refused !== undefined) throw refused
  }

  syncData(done: SyncDone): void {
    this.#assertOpen("sync")
    this.#volume.syncContent(this.path, this.#content, done)
  }

  truncateAndSync(sizeBytes: number, done: SyncDone): void {
    this.#assertOpen("truncate")
    if (!this.#writable) throw diskFault("truncate", this.path, "EBADF", sizeBytes)
    this.#volume.truncateAndSyncContent(this.path, this.#content, sizeBytes, done)
  }

  close(): void {
    this.#closed = true
  }

  #assertOpen(operation: DiskOperation): void {
    if (this.#closed) throw diskFault(operation, this.path, "EBADF")
  }
}
