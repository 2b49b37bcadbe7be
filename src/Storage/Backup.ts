/**
 * Copies a database to a directory of backups, as of one commit, while it is open and goes on.
 *
 *     pin the newest commit of the index file  →  value segments: what the target lacks  →  index file  →  sync, read back  →  manifest
 *
 * Invariants
 * - What a pinned commit reaches is not written to until it is unpinned: pages, and value segments up to the lengths it names. So the copy is
 *   of one moment, whatever is written meanwhile.
 * - Nothing of an earlier backup changes: segments are copied once, and gone on with behind what a manifest names. A backup that ended early
 *   leaves files that no manifest names, and the next one writes them anew.
 * - The backup holds everything up to its LSN in index file and value log; no log goes with it.
 */
import { crc32 } from "node:zlib"
import { type DirectoryLock, type File, joinPath, parentOf, type Volume } from "../Disk/Volume.ts"
import type { IndexFile } from "../Index/IndexFile.ts"
import { encodeMeta } from "../Index/Meta.ts"
import { META_BYTES, PAGE_BYTES } from "../Index/Layout.ts"
import type { TreeVersion } from "../Index/Version.ts"
import { toHex } from "../Wal/Segment.ts"
import {
  BACKUP_VERSION,
  type BackupFile,
  type BackupManifest,
  backupNumbers,
  encodeManifest,
  manifestName,
  readManifest
} from "./BackupManifest.ts"
import { readSegments } from "./CatalogFile.ts"
import { directoryNames } from "./Directory.ts"
import { storageFault } from "./Reasons.ts"
import { segmentName } from "./ValueLog.ts"
import type { SegmentLength } from "./ValueSegment.ts"
import { type Steps, Work } from "./Work.ts"

/** What is read and written at a time. */
const CHUNK_BYTES = 256 * 1024
const NEW_MANIFEST = "manifest.new"
/** Where a value segment's header has its salt, which tells it from another of the same number. */
const SALT_AT = 32

export interface BackupOptions {
  readonly volume: Volume
  /** The database's directory, and its index file, which is open and at the commit to copy. */
  readonly directory: string
  readonly index: IndexFile
  /** The directory of backups; made when it does not exist. */
  readonly target: string
  readonly nowMs: number
}

export interface BackupReport extends BackupManifest {
  readonly number: number
  /** What had to be copied; the rest was there from an earlier backup. */
  readonly copiedBytes: number
}

export class Backup extends Work<BackupReport> {
  readonly #options: BackupOptions
  readonly #version: TreeVersion
  readonly #chunk = new Uint8Array(CHUNK_BYTES)
  readonly #open = new Set<File>()
  #lock: DirectoryLock | undefined
  #copiedBytes = 0

  constructor(options: BackupOptions) {
    super()
    this.#options = options
    this.#version = options.index.current()
    options.index.pin(this.#version)
  }

  protected *run(): Steps<BackupReport> {
    const { index, target, volume } = this.#options
    yield* this.#makeDirectories()
    this.#lock = volume.lock(target)
    const numbers = backupNumbers(volume, target)
    const number = (numbers.at(-1) ?? 0) + 1
    const known = this.#knownFiles(numbers)
    const segments = readSegments(index, this.#version)
    this.totalBytes = index.sizeBytes + segments.reduce((sum, it) => sum + it.lengthBytes, 0)
    const values: Array<BackupFile> = []
    for (const segment of segments) values.push(yield* this.#copySegment(segment, known))
    const files = [yield* this.#copyIndex(number), ...values]
    for (const name of ["values", "index"]) yield* this.synced((done) => volume.syncDirectory(joinPath(target, name), done))
    const manifest: BackupManifest = {
      planckBackup: BACKUP_VERSION,
      databaseId: toHex(index.databaseId),
      timeline: toHex(index.timeline),
      lsn: this.#version.checkpoint.lsn,
      takenAtMs: this.#options.nowMs,
      files
    }
    yield* this.#writeManifest(number, manifest)
    return { ...manifest, number, copiedBytes: this.#copiedBytes }
  }

  protected close(): void {
    for (const file of this.#open) file.close()
    this.#options.index.unpin(this.#version)
    this.#lock?.release()
  }

  *#makeDirectories(): Steps {
    const { target, volume } = this.#options
    for (const name of ["values", "index"]) volume.makeDirectory(joinPath(target, name))
    for (let path = target; ; path = parentOf(path)) {
      yield* this.synced((done) => volume.syncDirectory(path, done))
      if (path === parentOf(path) || path === ".") return
    }
  }

  /** What earlier backups have of each file: the most that any manifest names. Another database's backups are left alone. */
  #knownFiles(numbers: ReadonlyArray<number>): ReadonlyMap<string, BackupFile> {
    const { index, target, volume } = this.#options
    const known = new Map<string, BackupFile>()
    for (const number of numbers) {
      const manifest = readManifest(volume, target, number)
      if (manifest.databaseId !== toHex(index.databaseId)) {
        const message = `${target} has backups of another database (${manifest.databaseId})`
        throw storageFault({ _tag: "TargetTaken", path: target, message })
      }
      for (const file of manifest.files) {
        if ((known.get(file.path)?.bytes ?? 0) < file.bytes && this.#isThere(file)) known.set(file.path, file)
      }
    }
    return known
  }

  #isThere({ bytes, path }: BackupFile): boolean {
    const { target, volume } = this.#options
    if (!volume.exists(joinPath(target, path))) return false
    const file = volume.open(joinPath(target, path), "read")
    try {
      return file.size() >= bytes
    } finally {
      file.close()
    }
  }

  *#copySegment({ lengthBytes, segment }: SegmentLength, known: ReadonlyMap<string, BackupFile>): Steps<BackupFile> {
    const { directory, volume } = this.#options
    const name = segmentName(segment)
    const from = this.#opened(volume.open(joinPath(directoryNames(directory).values, name), "read"))
    const salt = new Uint8Array(4)
    from.readAt(SALT_AT, salt)
    const path = `values/${name.replace(".values", "")}-${toHex(salt)}.values`
    const before = known.get(path)
    const start = before !== undefined && before.bytes <= lengthBytes ? before : { bytes: 0, crc: 0 }
    const isWhole = before !== undefined && before.bytes >= lengthBytes
    // A longer one is of a later moment of this database: what is wanted is its beginning.
    const crc = isWhole && before.bytes === lengthBytes ? before.crc : yield* this.#copy(from, path, start, lengthBytes, isWhole)
    this.#closed(from)
    return { path, name: `values/${name}`, bytes: lengthBytes, crc }
  }

  /** Copies what lies behind `start`, or, when it is there already, only reads; gives the checksum of all of it. */
  *#copy(from: File, path: string, start: { bytes: number; crc: number }, lengthBytes: number, isThere: boolean): Steps<number> {
    const to = isThere ? undefined : this.#openTarget(path, start.bytes)
    let crc = start.crc
    for (let offset = start.bytes; offset < lengthBytes;) {
      const chunk = this.#read(from, offset, lengthBytes)
      to?.writeAt(offset, chunk)
      crc = crc32(chunk, crc)
      offset += chunk.length
      if (to !== undefined) this.#copiedBytes += chunk.length
      if (this.spend(chunk.length)) yield "more"
    }
    if (to === undefined) return crc
    yield* this.synced((done) => to.syncData(done))
    yield* this.#readBack(to, start, lengthBytes, crc)
    this.#closed(to)
    return crc
  }

  /** The pages as they lie; both metas are the pinned commit's. */
  *#copyIndex(number: number): Steps<BackupFile> {
    const { directory, volume } = this.#options
    const path = `index/${String(number).padStart(8, "0")}.planck`
    const meta = encodeMeta(this.#version.meta)
    const from = this.#opened(volume.open(directoryNames(directory).index, "read"))
    const to = this.#openTarget(path, 0)
    const lengthBytes = this.#version.meta.pageCount * PAGE_BYTES
    let crc = 0
    for (let offset = 0; offset < lengthBytes;) {
      const chunk = this.#read(from, offset, lengthBytes)
      if (offset === 0) for (const at of [0, META_BYTES]) chunk.set(meta, at)
      to.writeAt(offset, chunk)
      crc = crc32(chunk, crc)
      offset += chunk.length
      this.#copiedBytes += chunk.length
      if (this.spend(chunk.length)) yield "more"
    }
    yield* this.synced((done) => to.syncData(done))
    yield* this.#readBack(to, { bytes: 0, crc: 0 }, lengthBytes, crc)
    this.#closed(from)
    this.#closed(to)
    return { path, name: "index.planck", bytes: lengthBytes, crc }
  }

  *#readBack(file: File, start: { bytes: number; crc: number }, lengthBytes: number, expected: number): Steps {
    let crc = start.crc
    for (let offset = start.bytes; offset < lengthBytes;) {
      const chunk = this.#read(file, offset, lengthBytes)
      crc = crc32(chunk, crc)
      offset += chunk.length
      if (this.spend(0)) yield "more"
    }
    if (crc === expected) return
    throw storageFault({ _tag: "StorageDamaged", file: file.path, offset: start.bytes, message: "it does not read back as it was written" })
  }

  #read(file: File, offset: number, lengthBytes: number): Uint8Array {
    const chunk = this.#chunk.subarray(0, Math.min(CHUNK_BYTES, lengthBytes - offset))
    if (file.readAt(offset, chunk) === chunk.length) return chunk
    throw storageFault({ _tag: "StorageDamaged", file: file.path, offset, message: `the file ends before byte ${lengthBytes}` })
  }

  /** The file to copy to, cut to what a manifest names of it. */
  #openTarget(path: string, lengthBytes: number): File {
    const { target, volume } = this.#options
    const file = joinPath(target, path)
    if (lengthBytes === 0 && volume.exists(file)) volume.remove(file)
    if (lengthBytes === 0) return this.#opened(volume.open(file, "create"))
    const known = this.#opened(volume.open(file, "update"))
    if (known.size() < lengthBytes) {
      throw storageFault({
        _tag: "StorageDamaged",
        file,
        offset: known.size(),
        message: `an earlier backup has ${lengthBytes} bytes of it`
      })
    }
    known.truncate(lengthBytes)
    return known
  }

  *#writeManifest(number: number, manifest: BackupManifest): Steps {
    const { target, volume } = this.#options
    const path = joinPath(target, NEW_MANIFEST)
    if (volume.exists(path)) volume.remove(path)
    const file = this.#opened(volume.open(path, "create"))
    file.writeAt(0, encodeManifest(manifest))
    yield* this.synced((done) => file.syncData(done))
    this.#closed(file)
    volume.rename(path, joinPath(target, manifestName(number)))
    yield* this.synced((done) => volume.syncDirectory(target, done))
    readManifest(volume, target, number)
  }

  #opened(file: File): File {
    this.#open.add(file)
    return file
  }

  #closed(file: File): void {
    this.#open.delete(file)
    file.close()
  }
}
