/**
 * Makes a database from a backup, in a directory of its own, on a new timeline.
 *
 *     value segments and index file, their checksums looked at  →  sync  →  two commits that begin the timeline  →  its name
 *
 * Invariants
 * - The directory is empty before, and has no `index.planck` before everything else is on disk: a restore that ended early is no database.
 * - The new timeline says which one it comes from, and at which commit. Both metas are on it.
 */
import { crc32 } from "node:zlib"
import { type DirectoryLock, type File, joinPath, parentOf, type Volume } from "../Disk/Volume.ts"
import type { Fault } from "../Fault/Fault.ts"
import { IndexFile } from "../Index/IndexFile.ts"
import { toHex } from "../Wal/Segment.ts"
import { type BackupFile, type BackupManifest, backupNumbers, readManifest } from "./BackupManifest.ts"
import { directoryNames } from "./Directory.ts"
import { storageFault } from "./Reasons.ts"
import { writeFork } from "./Timeline.ts"
import { type Steps, Work } from "./Work.ts"

const CHUNK_BYTES = 256 * 1024
const CACHE_BYTES = 1024 * 1024
const COMMIT_BUDGET = 100_000

export interface RestoreOptions {
  readonly volume: Volume
  /** The directory of backups. */
  readonly source: string
  /** Which one; the newest unless given. */
  readonly number?: number
  /** The database's directory, which does not exist or is empty. */
  readonly directory: string
  readonly random: (into: Uint8Array) => void
}

export interface RestoreReport {
  readonly number: number
  readonly lsn: number
  readonly databaseId: string
  readonly parent: string
  readonly timeline: string
  readonly bytes: number
}

export class Restore extends Work<RestoreReport> {
  readonly #options: RestoreOptions
  readonly #chunk = new Uint8Array(CHUNK_BYTES)
  readonly #open = new Set<File>()
  #index: IndexFile | undefined
  #lock: DirectoryLock | undefined

  constructor(options: RestoreOptions) {
    super()
    this.#options = options
  }

  protected *run(): Steps<RestoreReport> {
    const { directory, source, volume } = this.#options
    const names = directoryNames(directory)
    const numbers = backupNumbers(volume, source)
    const number = this.#options.number ?? numbers.at(-1)
    if (number === undefined || !numbers.includes(number)) {
      const there = numbers.length === 0 ? "no backup" : `the backups ${numbers.join(", ")}`
      throw storageFault({
        _tag: "NoBackup",
        path: source,
        message: `${source} has ${there}${number === undefined ? "" : `, not ${number}`}`
      })
    }
    const manifest = readManifest(volume, source, number)
    this.#requireEmpty()
    volume.makeDirectory(directory)
    this.#lock = volume.lock(directory)
    volume.makeDirectory(names.values)
    volume.makeDirectory(names.log)
    this.totalBytes = manifest.files.reduce((sum, it) => sum + it.bytes, 0)
    for (const file of manifest.files)
      yield* this.#copy(file, file.name === "index.planck" ? names.newIndex : joinPath(directory, file.name))
    yield* this.synced((done) => volume.syncDirectory(names.values, done))
    for (let path = directory; ; path = parentOf(path)) {
      yield* this.synced((done) => volume.syncDirectory(path, done))
      if (path === parentOf(path) || path === ".") break
    }
    const timeline = yield* this.#beginTimeline(names.newIndex, manifest)
    volume.rename(names.newIndex, names.index)
    yield* this.synced((done) => volume.syncDirectory(directory, done))
    return {
      number,
      lsn: manifest.lsn,
      databaseId: manifest.databaseId,
      parent: manifest.timeline,
      timeline: toHex(timeline),
      bytes: this.totalBytes
    }
  }

  protected close(): void {
    for (const file of this.#open) file.close()
    this.#index?.close()
    this.#lock?.release()
  }

  #requireEmpty(): void {
    const { directory, volume } = this.#options
    const name = volume.exists(directory) ? volume.list(directory)[0] : undefined
    if (name === undefined) return
    const message = `${directory} is not empty (${name}): restore into a new directory`
    throw storageFault({ _tag: "TargetTaken", path: directory, message })
  }

  *#copy({ bytes, crc: expected, path }: BackupFile, target: string): Steps {
    const { source, volume } = this.#options
    const from = volume.open(joinPath(source, path), "read")
    this.#open.add(from)
    const to = volume.open(target, "create")
    this.#open.add(to)
    let crc = 0
    for (let offset = 0; offset < bytes;) {
      const chunk = this.#chunk.subarray(0, Math.min(CHUNK_BYTES, bytes - offset))
      if (from.readAt(offset, chunk) < chunk.length)
        throw storageFault({ _tag: "StorageDamaged", file: from.path, offset: from.size(), message: `the backup has ${bytes} bytes of it` })
      crc = crc32(chunk, crc)
      to.writeAt(offset, chunk)
      offset += chunk.length
      if (this.spend(chunk.length)) yield "more"
    }
    if (crc !== expected)
      throw storageFault({ _tag: "StorageDamaged", file: from.path, offset: 0, message: "it fails the checksum in the backup's manifest" })
    yield* this.synced((done) => to.syncData(done))
    for (const file of [from, to]) {
      this.#open.delete(file)
      file.close()
    }
  }

  *#beginTimeline(path: string, manifest: BackupManifest): Steps<Uint8Array> {
    const { random, volume } = this.#options
    const opened = yield* this.told<{ fault: Fault | undefined; file: IndexFile | undefined }>((done) =>
      IndexFile.open({ volume, path, cacheBytes: CACHE_BYTES }, (fault, file) => done({ fault, file }))
    )
    const index = opened.file
    if (index === undefined) throw opened.fault ?? new Error("the index file was neither opened nor refused")
    this.#index = index
    const { checkpoint } = index.current()
    if (checkpoint.lsn !== manifest.lsn || toHex(index.timeline) !== manifest.timeline)
      throw storageFault({
        _tag: "StorageDamaged",
        file: path,
        offset: 0,
        message: "the index file is not the one that the manifest is about"
      })
    const timeline = new Uint8Array(16)
    random(timeline)
    const fork = { parent: index.timeline, forkLsn: checkpoint.lsn }
    for (let commit = 0; commit < 2; commit++) {
      const writer = index.beginWrite()
      writeFork(writer, timeline, fork)
      const stepper = writer.commit({ ...checkpoint, timeline }, this.wake)
      for (let progress = stepper.step(COMMIT_BUDGET); progress !== "done"; progress = stepper.step(COMMIT_BUDGET)) yield progress
    }
    return timeline
  }
}
