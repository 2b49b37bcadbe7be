/**
 * Snapshots for backups and exports: everything up to their LSN is flushed, so they hold one version of the trees and no memtable.
 *
 * Invariants
 * - A long snapshot sees exactly the LSN at which it was asked for: the memtable froze there, and the trees were pinned by the commit that
 *   brought them to it.
 * - It ends by being closed, after its time, or when too many given-up value segments are kept (for whichever reader); every later use of it
 *   is a SnapshotExpired fault.
 */
import type { IndexFile } from "../Index/IndexFile.ts"
import type { Catalog } from "./Catalog.ts"
import { EngineSnapshot } from "./EngineSnapshot.ts"
import type { StorageLimits } from "./Limits.ts"
import type { Snapshot } from "./Reader.ts"
import { type Generation, Sources } from "./Sources.ts"
import type { ValueLog } from "./ValueLog.ts"
import type { SegmentLength } from "./ValueSegment.ts"

/** A long snapshot and the files it reads from. */
export interface LongSnapshot extends Snapshot {
  /** The value segments that its documents lie in, as long as they were. They are not removed before it ends. */
  readonly segments: ReadonlyArray<SegmentLength>
}

/** A long snapshot that was asked for. */
export class LongSnapshotRequest {
  /** Set when everything up to its LSN is in the trees. */
  snapshot: LongSnapshot | undefined
  /** Nobody wants it any more. */
  isCancelled = false

  cancel(): void {
    this.isCancelled = true
    this.snapshot?.close()
  }
}

class Held extends EngineSnapshot implements LongSnapshot {
  readonly segments: ReadonlyArray<SegmentLength>

  constructor(
    at: { readonly sources: Sources; readonly catalog: Catalog; readonly lsn: number; readonly nowMs: number },
    segments: ReadonlyArray<SegmentLength>,
    ended: (snapshot: EngineSnapshot) => void
  ) {
    super(at.sources, at.catalog, at.lsn, at.nowMs, ended, undefined)
    this.segments = segments
  }
}

export class LongSnapshots {
  readonly #limits: StorageLimits
  readonly #now: () => number
  readonly #ended: () => void
  readonly #requests = new Map<Generation, Array<LongSnapshotRequest>>()
  /** In the order of their start. */
  readonly #held = new Set<EngineSnapshot>()

  /** `ended` is called whenever one is over, so that what it kept can go. */
  constructor(limits: StorageLimits, now: () => number, ended: () => void) {
    this.#limits = limits
    this.#now = now
    this.#ended = ended
  }

  /** Asks for the snapshot at the boundary of a memtable that has just frozen. */
  request(generation: Generation): LongSnapshotRequest {
    const request = new LongSnapshotRequest()
    this.#requests.set(generation, [...(this.#requests.get(generation) ?? []), request])
    return request
  }

  /** The memtable is in the trees, and nothing newer: what they are now is what is pinned. */
  flushed(generation: Generation, { index, values }: { readonly index: IndexFile; readonly values: ValueLog }): void {
    const { boundary } = generation
    const requests = this.#requests.get(generation)
    if (requests === undefined || boundary === undefined) return
    this.#requests.delete(generation)
    for (const request of requests) {
      if (request.isCancelled) continue
      const { lsn, catalog } = boundary
      const held = new Held({ sources: new Sources([], index, values), catalog, lsn, nowMs: this.#now() }, values.lengths, (snapshot) => {
        this.#held.delete(snapshot)
        this.#ended()
      })
      this.#held.add(held)
      request.snapshot = held
    }
  }

  /** Those there are. */
  get held(): ReadonlyArray<{ readonly lsn: number; readonly startMs: number }> {
    return [...this.#held].map(({ lsn, startMs }) => ({ lsn, startMs }))
  }

  /** Ends those that are too old and, while more than may be is kept for readers, the oldest. */
  expire(keptBytes: () => number): void {
    const oldest = this.#now() - this.#limits.longSnapshotTimeoutMs
    for (const snapshot of this.#held) {
      if (snapshot.startMs > oldest && keptBytes() <= this.#limits.longSnapshotBytesMax) return
      snapshot.close()
    }
  }

  close(): void {
    for (const snapshot of this.#held) snapshot.close()
  }
}
