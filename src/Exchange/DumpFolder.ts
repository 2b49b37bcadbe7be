/**
 * A dump of several stores: a folder with a file for each, and `dump.json`, which says what is in them.
 *
 * Invariants
 * - `dump.json` names only bytes that are on disk, so a dump that ended early goes on behind them: at the same LSN, or not at all.
 * - A folder is loaded only when every file is as `dump.json` says it was written; then the stores are defined, then the rows are loaded.
 */
import * as Effect from "effect/Effect"
import { crc32 } from "node:zlib"
import { formatHex } from "../Bson/Key.ts"
import { Disk } from "../Disk/Disk.ts"
import { type DiskError, toDiskError } from "../Disk/Errors.ts"
import { type File, joinPath, type SyncDone, type Volume } from "../Disk/Volume.ts"
import type { StoreDefinition } from "../Schema/Definition.ts"
import { Storage } from "../Storage/Storage.ts"
import { DumpDamaged, ExchangeError } from "./Errors.ts"
import { dump, load } from "./Exchange.ts"
import type { Format } from "./Format.ts"
import type { LoadOptions, LoadReport } from "./Load.ts"

const MANIFEST = "dump.json"
const NEW_MANIFEST = "dump.json.new"
const VERSION = 1
/** `dump.json` is written anew at least every so many bytes of documents. */
const NOTE_BYTES = 64 * 1024 * 1024
/** Files are read in pieces of this size. */
const READ_BYTES = 1024 * 1024
const MANIFEST_BYTES_MAX = 64 * 1024 * 1024

/** A file of a dump: the documents of a store. */
export interface DumpFile {
  readonly definition: StoreDefinition
  readonly file: string
  readonly rows: number
  readonly bytes: number
  readonly crc: number
  /** The key of the last document, as hex digits. */
  readonly lastKey?: string
  readonly isComplete: boolean
}

/** What `dump.json` says. */
export interface DumpManifest {
  readonly planckDump: number
  readonly databaseId: string
  readonly timeline: string
  readonly lsn: number
  readonly format: Format
  readonly stores: ReadonlyArray<DumpFile>
}

export interface DumpFolderOptions {
  readonly folder: string
  readonly format: Format
  /** All stores but those whose names begin with `$`, unless given. */
  readonly stores?: ReadonlyArray<string>
  /** Told after every chunk how many bytes were written. */
  readonly onProgress?: (doneBytes: number) => void
}

/**
 * Dumps stores into a folder; a dump of the same moment that ended there before is gone on with.
 *
 * @example
 * ```ts
 * const program = dumpFolder({ folder: "dump", format: "ndjson" }).pipe(Effect.map(({ stores }) => stores.length))
 * ```
 */
export const dumpFolder = Effect.fn("Exchange.dumpFolder")(function* (options: DumpFolderOptions) {
  const { volume } = yield* Disk
  const { engine, snapshot } = yield* Storage
  const reader = yield* snapshot
  const names = options.stores ?? engine.stores().flatMap((store) => (store.definition.name.startsWith("$") ? [] : [store.definition.name]))
  yield* attempt(() => volume.makeDirectory(options.folder))
  const begun: DumpManifest = {
    planckDump: VERSION,
    databaseId: formatHex(engine.index.databaseId, 0, 16),
    timeline: formatHex(engine.index.timeline, 0, 16),
    lsn: reader.lsn,
    format: options.format,
    stores: []
  }
  let manifest = yield* beginOrResume(volume, options.folder, begun)
  let doneBytes = manifest.stores.reduce((sum, it) => sum + it.bytes, 0)
  const note = (entry: DumpFile): Effect.Effect<void, DiskError> => {
    const others = manifest.stores.filter((it) => it.definition.name !== entry.definition.name)
    manifest = { ...manifest, stores: [...others, entry] }
    return writeManifest(volume, options.folder, manifest)
  }
  for (const name of names) {
    const known = manifest.stores.find((it) => it.definition.name === name)
    if (known?.isComplete === true) continue
    const definition = engine.store(name)?.definition ?? { name, idKind: "key", schema: {}, indexes: [] }
    const entry = known ?? {
      definition,
      file: `${encodeURIComponent(name)}.${options.format}`,
      rows: 0,
      bytes: 0,
      crc: 0,
      isComplete: false
    }
    const file = yield* Effect.acquireRelease(
      attempt(() => openAt(volume, joinPath(options.folder, entry.file), entry.bytes)),
      (file) => Effect.sync(() => file.close())
    )
    const written = { ...entry }
    let notedBytes = entry.bytes
    yield* dump({
      store: name,
      format: options.format,
      snapshot: reader,
      ...(entry.lastKey === undefined ? {} : { after: Uint8Array.from(Buffer.from(entry.lastKey, "hex")) }),
      write: (chunk, { lastKey, rows }) =>
        attempt(() => {
          file.writeAt(written.bytes, chunk)
          written.crc = crc32(chunk, written.crc)
          written.bytes += chunk.length
          written.rows = entry.rows + rows
          written.lastKey = formatHex(lastKey, 0, 16)
          doneBytes += chunk.length
          options.onProgress?.(doneBytes)
        }).pipe(
          Effect.andThen(
            Effect.suspend(() => {
              if (written.bytes - notedBytes < NOTE_BYTES) return Effect.void
              notedBytes = written.bytes
              return synced((done) => file.syncData(done)).pipe(Effect.andThen(note({ ...written })))
            })
          )
        )
    })
    yield* synced((done) => file.syncData(done))
    yield* note({ ...written, isComplete: true })
  }
  return manifest
}, Effect.scoped)

export interface LoadFolderOptions extends Pick<LoadOptions, "replaces" | "reject" | "isFresh"> {
  readonly folder: string
  /** Told how many bytes of the dump were taken, of how many. */
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void
}

/**
 * Loads every store of a dump, and defines it where it is missing. Gives a report for each.
 *
 * @example
 * ```ts
 * const program = loadFolder({ folder: "dump" }).pipe(Effect.map((reports) => reports.map(([store]) => store)))
 * ```
 */
export const loadFolder = Effect.fn("Exchange.loadFolder")(function* (options: LoadFolderOptions) {
  const { volume } = yield* Disk
  const { defineStores, engine } = yield* Storage
  const manifest = yield* readDumpManifest(volume, options.folder)
  for (const entry of manifest.stores) yield* checkFile(volume, options.folder, entry)
  yield* defineStores(manifest.stores.map((it) => it.definition).filter(({ name }) => engine.store(name) === undefined))
  const totalBytes = manifest.stores.reduce((sum, it) => sum + it.bytes, 0)
  const reports: Array<readonly [store: string, report: LoadReport]> = []
  let before = 0
  for (const { bytes, definition, file } of manifest.stores) {
    const source = joinPath(options.folder, file)
    const report = yield* load({
      ...options,
      store: definition.name,
      format: manifest.format,
      source,
      chunks: readFileChunks(volume, source),
      onProgress: (doneBytes) => options.onProgress?.(before + doneBytes, totalBytes)
    })
    before += bytes
    reports.push([definition.name, report])
  }
  return reports
})

/** Whether there is a dump in a folder. */
export const isDumpFolder = (volume: Volume, folder: string): boolean => volume.exists(joinPath(folder, MANIFEST))

/** The bytes of a file, from front to back. */
export async function* readFileChunks(volume: Volume, path: string): AsyncGenerator<Uint8Array> {
  const file = volume.open(path, "read")
  try {
    for (let offset = 0; ;) {
      const chunk = new Uint8Array(READ_BYTES)
      const length = file.readAt(offset, chunk)
      if (length === 0) return
      yield chunk.subarray(0, length)
      offset += length
    }
  } finally {
    file.close()
  }
}

const damaged = (file: string, offset: number, problem: string): ExchangeError =>
  new ExchangeError({ reason: new DumpDamaged({ file, offset, problem }) })

/** The dump to go on with: a new one, or the one in the folder when it is of the same moment and not finished. */
const beginOrResume = Effect.fnUntraced(function* (volume: Volume, folder: string, begun: DumpManifest) {
  if (!volume.exists(joinPath(folder, MANIFEST))) {
    const [name] = yield* attempt(() => volume.list(folder).filter((it) => it !== NEW_MANIFEST))
    if (name !== undefined) return yield* damaged(joinPath(folder, name), 0, "the folder of a new dump has to be empty")
    yield* writeManifest(volume, folder, begun)
    return begun
  }
  const found = yield* readDumpManifest(volume, folder, { allowsUnfinished: true })
  const isSame =
    found.databaseId === begun.databaseId && found.timeline === begun.timeline && found.lsn === begun.lsn && found.format === begun.format
  if (isSame) return found
  return yield* damaged(
    joinPath(folder, MANIFEST),
    0,
    `it is of another moment or database (LSN ${found.lsn}, not ${begun.lsn}): dump into another folder`
  )
})

const writeManifest = (volume: Volume, folder: string, manifest: DumpManifest): Effect.Effect<void, DiskError> =>
  Effect.gen(function* () {
    const path = joinPath(folder, NEW_MANIFEST)
    const file = yield* attempt(() => {
      if (volume.exists(path)) volume.remove(path)
      const file = volume.open(path, "create")
      file.writeAt(0, new TextEncoder().encode(`${JSON.stringify(manifest, undefined, 2)}\n`))
      return file
    })
    yield* synced((done) => file.syncData(done)).pipe(Effect.ensuring(Effect.sync(() => file.close())))
    yield* attempt(() => volume.rename(path, joinPath(folder, MANIFEST)))
    yield* synced((done) => volume.syncDirectory(folder, done))
  })

/** What `dump.json` in a folder says. Fails with DumpDamaged when it cannot be one, or is that of a dump that did not end. */
export const readDumpManifest = Effect.fnUntraced(function* (volume: Volume, folder: string, { allowsUnfinished = false } = {}) {
  const path = joinPath(folder, MANIFEST)
  const text = yield* attempt(() => readWhole(volume, path))
  const value = yield* Effect.try({
    try: () => (JSON.parse(text) as Partial<DumpManifest> | null) ?? {},
    catch: (error) => damaged(path, 0, error instanceof Error ? error.message : String(error))
  })
  if (value.planckDump !== VERSION)
    return yield* damaged(path, 0, `it is of version ${String(value.planckDump)}; this build knows ${VERSION}`)
  if (!isManifest(value)) return yield* damaged(path, 0, "it does not say what a dump's has to")
  const unfinished = value.stores.find((it) => !it.isComplete)
  if (unfinished !== undefined && !allowsUnfinished)
    return yield* damaged(joinPath(folder, unfinished.file), unfinished.bytes, "the dump was not finished: run it again to go on")
  return value
})

function isManifest(value: Partial<DumpManifest>): value is DumpManifest {
  const isFile = (it: DumpFile | null): boolean =>
    typeof it?.file === "string" &&
    !it.file.includes("/") &&
    [it.rows, it.bytes, it.crc].every(Number.isSafeInteger) &&
    typeof it.definition?.name === "string"
  return typeof value.lsn === "number" && typeof value.format === "string" && Array.isArray(value.stores) && value.stores.every(isFile)
}

const checkFile = Effect.fnUntraced(function* (volume: Volume, folder: string, { bytes, crc, file }: DumpFile) {
  const path = joinPath(folder, file)
  if (!volume.exists(path)) return yield* damaged(path, 0, "the file is missing")
  const found = { bytes: 0, crc: 0 }
  const open = yield* attempt(() => volume.open(path, "read"))
  const chunk = new Uint8Array(READ_BYTES)
  yield* Effect.gen(function* () {
    for (;;) {
      const length = yield* attempt(() => open.readAt(found.bytes, chunk))
      if (length === 0) return
      found.crc = crc32(chunk.subarray(0, length), found.crc)
      found.bytes += length
      yield* Effect.yieldNow
    }
  }).pipe(Effect.ensuring(Effect.sync(() => open.close())))
  if (found.bytes !== bytes) return yield* damaged(path, Math.min(found.bytes, bytes), `it has ${found.bytes} bytes, ${bytes} were written`)
  if (found.crc !== crc) return yield* damaged(path, 0, "it is not as it was written: its checksum is another")
})

function readWhole(volume: Volume, path: string): string {
  const file = volume.open(path, "read")
  try {
    const bytes = new Uint8Array(Math.min(file.size(), MANIFEST_BYTES_MAX))
    file.readAt(0, bytes)
    return new TextDecoder().decode(bytes)
  } finally {
    file.close()
  }
}

/** A file that is to be gone on with behind `bytes`, or a new one. */
function openAt(volume: Volume, path: string, bytes: number): File {
  if (bytes === 0 && volume.exists(path)) volume.remove(path)
  if (bytes === 0) return volume.open(path, "create")
  const file = volume.open(path, "update")
  file.truncate(bytes)
  return file
}

function synced(start: (done: SyncDone) => void): Effect.Effect<void, DiskError> {
  return Effect.callback<void, DiskError>((resume) =>
    start((fault) =>
      resume(
        fault === undefined
          ? Effect.void
          : attempt<void>(() => {
              throw fault
            })
      )
    )
  )
}

function attempt<A>(work: () => A): Effect.Effect<A, DiskError> {
  return Effect.suspend(() => {
    try {
      return Effect.succeed(work())
    } catch (error) {
      const known = toDiskError(error)
      return known === undefined ? Effect.die(error) : Effect.fail(known)
    }
  })
}
