/**
 * The timelines a database came from, in the catalog of its index file.
 *
 *     timeline/<timeline as 32 hex digits>   { parent: binary, forkLsn: long }
 *
 * Invariants
 * - A restore and a repair begin a new timeline at the LSN they end with, and say so in the commit that begins it. The log of the new timeline
 *   begins behind `forkLsn`, so a database at it may have no log.
 */
import { Binary, decode, encode } from "../Bson/Value.ts"
import { isFault } from "../Fault/Fault.ts"
import type { IndexFile } from "../Index/IndexFile.ts"
import type { TreeWriter } from "../Index/TreeWriter.ts"
import type { TreeVersion } from "../Index/Version.ts"
import { toHex } from "../Wal/Segment.ts"

/** Where a timeline began: behind commit `forkLsn` of its parent. */
export interface Fork {
  readonly parent: Uint8Array
  readonly forkLsn: number
}

const FORK_PREFIX = new TextEncoder().encode("timeline/")

const keyOf = (timeline: Uint8Array): Uint8Array => new TextEncoder().encode(`timeline/${toHex(timeline)}`)

/** Where the current timeline of a version began; undefined when it is the database's first. */
export function readFork(index: IndexFile, version: TreeVersion): Fork | undefined {
  const entry = index.entry(version, keyOf(index.timeline))
  if (entry === undefined) return undefined
  const { forkLsn, parent } = decode(entry)
  return { parent: new Uint8Array((parent as Binary).value()), forkLsn: Number(forkLsn) }
}

/** Notes where a timeline begins; for the commit that begins it. */
export function writeFork(writer: TreeWriter, timeline: Uint8Array, { forkLsn, parent }: Fork): void {
  writer.setEntry(keyOf(timeline), encode({ parent: new Binary(parent), forkLsn: BigInt(forkLsn) }))
}

/** Notes where the timelines before began, as another index file has them. What cannot be read there is left out. */
export function copyForks(from: IndexFile, writer: TreeWriter): void {
  try {
    for (const { key, value } of from.entries(from.current(), FORK_PREFIX)) writer.setEntry(key, value)
  } catch (error) {
    if (!isFault(error, "Damage")) throw error
  }
}

/** The fork as recovery of the log wants it, when the newest commit of the index file may be it. */
export function forkAt(index: IndexFile): { readonly fork?: { readonly lsn: number; readonly epoch: number } } {
  const version = index.current()
  const fork = readFork(index, version)
  return fork === undefined ? {} : { fork: { lsn: fork.forkLsn, epoch: version.checkpoint.epoch } }
}
