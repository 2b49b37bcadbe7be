/**
 * Every budget of an engine, with its default. A limit that is hit gives back-pressure or a typed refusal, never a crash.
 */

export interface StorageLimits {
  /** Bytes of the active memtable (documents, entries, keys) at which it freezes and a flush becomes due. */
  readonly memtableBytesMax: number
  /** Frozen memtables that may wait for their flush before writers have to wait. */
  readonly frozenMemtablesMax: number
  /** Bytes of one document's BSON. */
  readonly documentBytesMax: number
  /** Bytes of all documents written by one transaction. */
  readonly transactionBytesMax: number
  /** Documents written or removed by one transaction. */
  readonly transactionWritesMax: number
  /** Bytes at which a value segment is closed and the next one begun. */
  readonly valueSegmentBytesMax: number
  /** Bytes of value segments kept in memory. A database that is opened by its layer, or with a `Budget`, has an eighth of the machine's memory when that is more. */
  readonly valueCacheBytesMax: number
  /** Bytes of a tree in the index file up to which flushes change it directly; to a larger one they come through a small root before it. */
  readonly directTreeBytesMax: number
  /** Entries of a small root that are merged into the large one in one transaction of the index file: a few MiB, a tenth of a second. */
  readonly foldEntriesMax: number
  /** Lost bytes, in percent of all value segments, at which compaction begins: documents that were replaced or removed. */
  readonly compactionDeadPercentMax: number
  /** Lost bytes, in percent of all value segments, from which on compaction comes before flushes, so that writers wait for it. */
  readonly compactionUrgentPercentMax: number
  /** Lost bytes, in percent of one value segment, at which it is compacted in any case. */
  readonly segmentDeadPercentMax: number
  /** Bytes of value segments compacted together: about as much room is needed until they are given back. */
  readonly compactionBytesMax: number
  /** Bytes of documents that a compaction moves in one transaction of the index file; a flush may come between two. */
  readonly compactionBatchBytesMax: number
  /** Bytes of a file that keeps room on the disk, so that a compaction can begin on a full one; none when 0. */
  readonly reserveBytes: number
  /** Bytes kept to find documents that were read before without going through the index. A database that is opened by its layer, or with a `Budget`, has a 256th of the machine's memory when that is more. */
  readonly placeCacheBytesMax: number
  /** Bytes of index pages kept in memory. A database that is opened by its layer, or with a `Budget`, has a 32nd of the machine's memory when that is more. */
  readonly indexCacheBytesMax: number
  /** Free bytes of the index file from which on it is made smaller without being asked to, when they are the greater part. */
  readonly indexFreeBytesMax: number
  /** Free bytes that are left in the index file when it is made smaller, for the transactions to come. */
  readonly indexSpareBytes: number
  /** Fewest bytes cut from the end of the index file at once: less would be grown again by the next commit. */
  readonly indexTrimBytesMin: number
  /** Milliseconds after which a snapshot expires. */
  readonly snapshotTimeoutMs: number
  /** Milliseconds after which a snapshot for a backup or an export expires. */
  readonly longSnapshotTimeoutMs: number
  /** Bytes of given-up value segments kept for readers, above which such snapshots expire, the oldest first. */
  readonly longSnapshotBytesMax: number
  /** Bytes of a segment of the log. */
  readonly logSegmentBytesMax: number
  /** Bytes of records that may wait for being written, besides one record of a writer that was let in before. */
  readonly logStagingBytesMax: number
  /** Bytes of the log kept for a named hold, above which it is broken. */
  readonly logHoldBytesMax: number
  /** Milliseconds after which a named hold is broken that its owner has not moved. */
  readonly logHoldAgeMsMax: number
  /** Milliseconds after which a sync is asked for, at the latest, by a commit of level `interval`. */
  readonly syncIntervalMs: number
  /** Stores of one database, and indexes of one store. */
  readonly storesMax: number
  readonly indexesPerStoreMax: number
}

const MIB = 1024 * 1024

export const DEFAULT_LIMITS: StorageLimits = {
  memtableBytesMax: 32 * MIB,
  frozenMemtablesMax: 2,
  documentBytesMax: 16 * MIB,
  transactionBytesMax: 64 * MIB,
  transactionWritesMax: 100_000,
  valueSegmentBytesMax: 64 * MIB,
  valueCacheBytesMax: 256 * MIB,
  directTreeBytesMax: 8 * MIB,
  foldEntriesMax: 16_384,
  compactionDeadPercentMax: 8,
  compactionUrgentPercentMax: 11,
  segmentDeadPercentMax: 50,
  compactionBytesMax: 512 * MIB,
  compactionBatchBytesMax: 4 * MIB,
  reserveBytes: 0,
  placeCacheBytesMax: 32 * MIB,
  indexCacheBytesMax: 128 * MIB,
  indexFreeBytesMax: 32 * MIB,
  indexSpareBytes: MIB / 2,
  indexTrimBytesMin: MIB,
  snapshotTimeoutMs: 5000,
  longSnapshotTimeoutMs: 6 * 3_600_000,
  longSnapshotBytesMax: 8 * 1024 * MIB,
  logSegmentBytesMax: 16 * MIB,
  logStagingBytesMax: 8 * MIB,
  logHoldBytesMax: 1024 * MIB,
  logHoldAgeMsMax: 24 * 3_600_000,
  syncIntervalMs: 100,
  storesMax: 1000,
  indexesPerStoreMax: 64
}
