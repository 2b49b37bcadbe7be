/** Documents that a repair does not put back, in files of their own: BSON, one document behind the other, a file for each store. */
import { joinPath, type SyncDone, type Volume } from "../Disk/Volume.ts"

interface AsideFile {
  readonly path: string
  readonly name: string
  bytes: number
  count: number
}

export class RepairAside {
  readonly #volume: Volume
  readonly #directory: string
  readonly #number: number
  readonly #files = new Map<number, AsideFile>()

  /** `number` is that of the repair. */
  constructor(volume: Volume, directory: string, number: number) {
    this.#volume = volume
    this.#directory = directory
    this.#number = number
  }

  /** Ids of the stores that have any. */
  get stores(): ReadonlyArray<number> {
    return [...this.#files.keys()]
  }

  get paths(): ReadonlyArray<string> {
    return [...this.#files.values()].map((it) => it.path)
  }

  /** How many documents of a store there are, and the name of their file. */
  of(store: number): { readonly count: number; readonly file?: string } {
    const file = this.#files.get(store)
    return file === undefined ? { count: 0 } : { count: file.count, file: file.name }
  }

  /** Adds the document of `length` bytes at `bytes[at]`. Faults with DiskFailure. */
  add(store: number, bytes: Uint8Array, at: number, length: number): void {
    const file = this.#files.get(store) ?? this.#create(store)
    const opened = this.#volume.open(file.path, "update")
    try {
      opened.writeAt(file.bytes, bytes.subarray(at, at + length))
    } finally {
      opened.close()
    }
    file.bytes += length
    file.count++
  }

  *sync(wait: (start: (done: SyncDone) => void) => Generator<"waiting", void, void>): Generator<"waiting", void, void> {
    for (const { path } of this.#files.values()) {
      const file = this.#volume.open(path, "update")
      try {
        yield* wait((done) => file.syncData(done))
      } finally {
        file.close()
      }
    }
  }

  /** Takes back what was written. */
  remove(): void {
    for (const { path } of this.#files.values()) if (this.#volume.exists(path)) this.#volume.remove(path)
  }

  #create(store: number): AsideFile {
    const name = `store-${store}.uncertain-${this.#number}.bson`
    const path = joinPath(this.#directory, name)
    if (this.#volume.exists(path)) this.#volume.remove(path)
    this.#volume.open(path, "create").close()
    const file = { path, name, bytes: 0, count: 0 }
    this.#files.set(store, file)
    return file
  }
}
