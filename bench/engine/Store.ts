/** What every engine of the suite has to do. Keys have 16 bytes; values are bytes. */
export interface EngineStore {
  /** Stores a batch of new or changed values as one write, without waiting for the disk. */
  readonly putBatch: (keys: ReadonlyArray<Buffer>, values: ReadonlyArray<Buffer>) => Promise<void> | void
  /** Stores one value, and settles once it is on disk. */
  readonly putSynced: (key: Buffer, value: Buffer) => Promise<void> | void
  /** A value that belongs to the caller; undefined when there is none. A promise only where what was just written cannot be read at once. */
  readonly get: (key: Buffer) => Uint8Array | undefined | Promise<Uint8Array | undefined>
  /** Reads up to `count` entries from `key` on; the bytes of their keys and values. */
  readonly scan: (key: Buffer, count: number) => Promise<number> | number
  /** Settles once nothing is left to be done in the background, as far as the engine tells. */
  readonly settle: () => Promise<void> | void
  /** Gives back the space of what was replaced, where the engine can be asked to. */
  readonly compact: () => Promise<void> | void
  readonly close: () => Promise<void> | void
}

export type OpenStore = (directory: string) => Promise<EngineStore>
