/**
 * A copy of what otherwise the index file alone knows: the definitions of stores and indexes, and which value segments are the database's.
 * Nothing reads it but a repair, which has to do without the index file (docs/format.md, "Copy of the definitions").
 *
 *      0 8 bytes "PLNKDEFS"       16 u32 CRC from 0 of the body
 *      8 u32 format (1)           20 u32 CRC from 0 of the bytes 0 to 19
 *     12 u32 bytes of the body    24 the body: two BSON documents, see `CopiedDefinitions`
 *
 * Invariants
 * - The copy is on disk before the commit of the index file that it is about, and the log is released only by later commits: what a copy
 *   lacks is in the log.
 * - It is written under another name and renamed, so what has the name is whole.
 */
import { crc32 } from "node:zlib"
import { Binary, decode, encode } from "../Bson/Value.ts"
import { documentLength } from "../Bson/View.ts"
import { Fault } from "../Fault/Fault.ts"
import { type File, parentOf, type SyncDone, type Volume } from "../Disk/Volume.ts"
import type { Checkpoint } from "../Index/Meta.ts"
import { type Catalog, decodeDefinition, type DefinitionRecord, encodeDefinition } from "./Catalog.ts"
import { storageFault } from "./Reasons.ts"
import type { ValueLog } from "./ValueLog.ts"

const MAGIC = new TextEncoder().encode("PLNKDEFS")
const FORMAT = 1
const HEADER_BYTES = 24
const BODY_LENGTH_AT = 12
const BODY_CRC_AT = 16
const HEADER_CRC_AT = 20
/** The room of a thousand stores with long schemas; a longer body is no copy of ours. */
const BODY_BYTES_MAX = 256 * 1024 * 1024

/** A value segment of the database: it had `lengthBytes` then, and has more now only if it was growing. */
export interface CopiedSegment {
  readonly segment: number
  readonly lengthBytes: number
  readonly isGrowing: boolean
}

/** What the copy says. */
export interface CopiedDefinitions extends DefinitionRecord {
  readonly databaseId: Uint8Array
  readonly timeline: Uint8Array
  /** The checkpoint of the commit it is about. */
  readonly lsn: number
  readonly segments: ReadonlyArray<CopiedSegment>
}

export function encodeDefinitions(copied: CopiedDefinitions): Uint8Array {
  const { databaseId, lsn, segments, timeline } = copied
  const head = encode({
    databaseId: new Binary(databaseId),
    timeline: new Binary(timeline),
    lsn: BigInt(lsn),
    segments: segments.map((it) => ({ segment: it.segment, lengthBytes: BigInt(it.lengthBytes), isGrowing: it.isGrowing }))
  })
  const stores = encodeDefinition(copied)
  const bytes = new Uint8Array(HEADER_BYTES + head.length + stores.length)
  const view = new DataView(bytes.buffer)
  bytes.set(MAGIC, 0)
  view.setUint32(MAGIC.length, FORMAT, true)
  view.setUint32(BODY_LENGTH_AT, head.length + stores.length, true)
  bytes.set(head, HEADER_BYTES)
  bytes.set(stores, HEADER_BYTES + head.length)
  view.setUint32(BODY_CRC_AT, crc32(bytes.subarray(HEADER_BYTES)), true)
  view.setUint32(HEADER_CRC_AT, crc32(bytes.subarray(0, HEADER_CRC_AT)), true)
  return bytes
}

/** The copy at `path`; undefined when there is none. Faults with StorageDamaged and NewerFormat. */
export function readDefinitions(volume: Volume, path: string): CopiedDefinitions | undefined {
  if (!volume.exists(path)) return undefined
  const file = volume.open(path, "read")
  try {
    return decodeDefinitions(readWhole(file), path)
  } finally {
    file.close()
  }
}

function readWhole(file: File): Uint8Array {
  const bytes = new Uint8Array(Math.min(file.size(), HEADER_BYTES + BODY_BYTES_MAX + 1))
  return bytes.subarray(0, file.readAt(0, bytes))
}

function decodeDefinitions(bytes: Uint8Array, file: string): CopiedDefinitions {
  const damaged = (offset: number, message: string) => storageFault({ _tag: "StorageDamaged", file, offset, message })
  if (bytes.length < HEADER_BYTES || MAGIC.some((byte, at) => bytes[at] !== byte)) throw damaged(0, "this is no copy of the definitions")
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  if (crc32(bytes.subarray(0, HEADER_CRC_AT)) !== view.getUint32(HEADER_CRC_AT, true)) throw damaged(0, "the header fails its checksum")
  const format = view.getUint32(MAGIC.length, true)
  if (format > FORMAT)
    throw storageFault({ _tag: "NewerFormat", file, message: `${file} has format ${format}; this build knows up to ${FORMAT}` })
  const body = bytes.subarray(HEADER_BYTES)
  if (body.length !== view.getUint32(BODY_LENGTH_AT, true)) throw damaged(bytes.length, "it is not as long as its header says")
  if (crc32(body) !== view.getUint32(BODY_CRC_AT, true)) throw damaged(HEADER_BYTES, "the definitions fail their checksum")
  const head = decode(body) as unknown as Head // What encodeDefinitions made comes back in the same shape.
  return {
    databaseId: new Uint8Array(head.databaseId.value()),
    timeline: new Uint8Array(head.timeline.value()),
    lsn: Number(head.lsn),
    segments: head.segments.map((it) => ({ ...it, lengthBytes: Number(it.lengthBytes) })),
    ...decodeDefinition(body, documentLength(body, 0))
  }
}

interface Head {
  readonly databaseId: Binary
  readonly timeline: Binary
  readonly lsn: bigint | number
  readonly segments: ReadonlyArray<{ readonly segment: number; readonly lengthBytes: bigint | number; readonly isGrowing: boolean }>
}

export interface DefinitionsKeeperOptions {
  readonly volume: Volume
  readonly path: string
  readonly newPath: string
  readonly databaseId: Uint8Array
  readonly timeline: Uint8Array
}

/** Keeps the copy true: for the one transaction of the index file that runs. */
export class DefinitionsKeeper {
  readonly #options: DefinitionsKeeperOptions
  /** As of the index file's newest commit. */
  #catalog: Catalog
  #kept = ""
  #keptCatalog: Catalog | undefined

  constructor(options: DefinitionsKeeperOptions, catalog: Catalog) {
    this.#options = options
    this.#catalog = catalog
  }

  /**
   * Before a commit with `catalog` (the one before unless given) and the segments of the value log as they are now: brings the copy to disk
   * if it would say something new. Throws the fault of a failed write or sync; nothing but the copy has changed then.
   */
  *keep(
    values: ValueLog,
    { lsn }: Pick<Checkpoint, "lsn">,
    catalog: Catalog | undefined,
    wake: () => void
  ): Generator<"waiting", void, void> {
    const next = catalog ?? this.#catalog
    const growing = new Set(values.growing.map((it) => it.segment))
    const segments = values.lengths.map((it) => ({ ...it, isGrowing: growing.has(it.segment) }))
    const kept = segments.map((it) => (it.isGrowing ? `${it.segment}+` : `${it.segment}`)).join()
    if (kept !== this.#kept || !isSame(next, this.#keptCatalog)) {
      const { databaseId, timeline } = this.#options
      const stores = next.stores.map((it) => it.record)
      yield* this.#write(encodeDefinitions({ databaseId, timeline, lsn, segments, nextId: next.nextId, stores }), wake)
      this.#kept = kept
      this.#keptCatalog = next
    }
    this.#catalog = next
  }

  *#write(bytes: Uint8Array, wake: () => void): Generator<"waiting", void, void> {
    const { newPath, path, volume } = this.#options
    if (volume.exists(newPath)) volume.remove(newPath)
    const file = volume.open(newPath, "create")
    let isWhole = false
    try {
      file.writeAt(0, bytes)
      yield* synced((done) => file.syncData(done), wake)
      isWhole = true
    } finally {
      file.close()
      if (!isWhole) this.#discard()
    }
    volume.rename(newPath, path)
    yield* synced((done) => volume.syncDirectory(parentOf(path), done), wake)
  }

  /** Removes what a full or failing disk did not take: the commit may not be tried again. */
  #discard(): void {
    const { newPath, volume } = this.#options
    try {
      volume.remove(newPath)
    } catch (error) {
      // The failure under way says more. The next copy takes its place, or the next opening removes it.
      if (!(error instanceof Fault)) throw error
    }
  }
}

function isSame(a: Catalog, b: Catalog | undefined): boolean {
  if (b === undefined || a.nextId !== b.nextId || a.stores.length !== b.stores.length) return false
  return a.stores.every((store, place) => store.record === b.stores[place]!.record)
}

function* synced(start: (done: SyncDone) => void, wake: () => void): Generator<"waiting", void, void> {
  const outcome: { isOver: boolean; fault: Parameters<SyncDone>[0] } = { isOver: false, fault: undefined }
  start((fault) => {
    outcome.isOver = true
    outcome.fault = fault
    wake()
  })
  while (!outcome.isOver) yield "waiting"
  if (outcome.fault !== undefined) throw outcome.fault
}
