/** What a database's directory holds: its files, its stores and indexes, and the trees they are in. Reads the index file, and no document. */
import { joinPath, type Volume } from "../Disk/Volume.ts"
import type { Fault } from "../Fault/Fault.ts"
import { IndexFile } from "../Index/IndexFile.ts"
import { parseSegmentName, toHex } from "../Wal/Segment.ts"
import { readCatalog, readSegments } from "./CatalogFile.ts"
import { type DirectoryNames, directoryNames } from "./Directory.ts"
import { readFork } from "./Timeline.ts"
import { segmentName } from "./ValueLog.ts"
import { type Steps, Work } from "./Work.ts"

const CACHE_BYTES = 1024 * 1024

export interface InspectedTree {
  readonly id: number
  readonly name: string
  readonly roots: number
  /** Tombstones of newer roots included. */
  readonly entries: number
  readonly pages: number
}

export interface InspectedDirectory {
  readonly directory: string
  readonly databaseId: string
  readonly timeline: string
  /** Where the timeline began, when it is not the database's first. */
  readonly fork?: { readonly parent: string; readonly forkLsn: number }
  readonly checkpointLsn: number
  /** Every file, with what of it is committed where that is known. */
  readonly files: ReadonlyArray<{
    readonly name: string
    readonly bytes: number
    readonly committedBytes?: number
    readonly firstLsn?: number
  }>
  readonly trees: ReadonlyArray<InspectedTree>
}

export class Inspect extends Work<InspectedDirectory> {
  readonly #volume: Volume
  readonly #names: DirectoryNames
  #index: IndexFile | undefined

  constructor(volume: Volume, directory: string) {
    super()
    this.#volume = volume
    this.#names = directoryNames(directory)
  }

  protected *run(): Steps<InspectedDirectory> {
    const options = { volume: this.#volume, path: this.#names.index, cacheBytes: CACHE_BYTES, mode: "read" } as const
    const opened = yield* this.told<{ fault: Fault | undefined; file: IndexFile | undefined }>((done) =>
      IndexFile.open(options, (fault, file) => done({ fault, file }))
    )
    const index = opened.file
    if (index === undefined) throw opened.fault ?? new Error("the index file was neither opened nor refused")
    this.#index = index
    const version = index.current()
    const fork = readFork(index, version)
    return {
      directory: this.#names.directory,
      databaseId: toHex(index.databaseId),
      timeline: toHex(index.timeline),
      ...(fork === undefined ? {} : { fork: { parent: toHex(fork.parent), forkLsn: fork.forkLsn } }),
      checkpointLsn: version.checkpoint.lsn,
      files: this.#files(index),
      trees: readCatalog(index, version).stores.flatMap(({ definition, id, indexes }) => [
        { id, name: definition.name, ...index.statistics(version, id) },
        ...indexes.map((it) => ({ id: it.id, name: `${definition.name}.${it.definition.name}`, ...index.statistics(version, it.id) }))
      ])
    }
  }

  protected close(): void {
    this.#index?.close()
  }

  #files(index: IndexFile): InspectedDirectory["files"] {
    const committed = new Map(readSegments(index, index.current()).map((it) => [segmentName(it.segment), it.lengthBytes]))
    const values = this.#list(this.#names.values).map((name) => {
      const committedBytes = committed.get(name)
      return {
        name: `values/${name}`,
        bytes: this.#size(joinPath(this.#names.values, name)),
        ...(committedBytes === undefined ? {} : { committedBytes })
      }
    })
    const log = this.#list(this.#names.log).map((name) => {
      const firstLsn = parseSegmentName(name)?.firstLsn
      return { name: `wal/${name}`, bytes: this.#size(joinPath(this.#names.log, name)), ...(firstLsn === undefined ? {} : { firstLsn }) }
    })
    const definitions = this.#list(this.#names.directory).filter(
      (name) => joinPath(this.#names.directory, name) === this.#names.definitions
    )
    return [
      { name: "index.planck", bytes: this.#size(this.#names.index), committedBytes: index.sizeBytes },
      ...definitions.map((name) => ({ name, bytes: this.#size(this.#names.definitions) })),
      ...values,
      ...log
    ]
  }

  #list(directory: string): ReadonlyArray<string> {
    return this.#volume.exists(directory) ? this.#volume.list(directory) : []
  }

  #size(path: string): number {
    const file = this.#volume.open(path, "read")
    try {
      return file.size()
    } finally {
      file.close()
    }
  }
}
