/** Every snapshot of an engine: short ones, which hold what was in memory at their start, and long ones (LongSnapshots.ts). */
import type { Catalog } from "./Catalog.ts"
import { EngineSnapshot } from "./EngineSnapshot.ts"
import type { Footprint } from "./Footprint.ts"
import type { StorageLimits } from "./Limits.ts"
import { LongSnapshots } from "./LongSnapshots.ts"
import type { Snapshot } from "./Reader.ts"
import type { Sources } from "./Sources.ts"
import { Ring } from "./Ring.ts"
import type { ValueLog } from "./ValueLog.ts"

export class Snapshots {
  readonly long: LongSnapshots
  readonly #limits: StorageLimits
  readonly #now: () => number
  readonly #values: ValueLog
  readonly #wake: () => void
  /** In the order of their start. */
  readonly #short = new Ring()

  /** `wake` is called when a snapshot is over that may have kept something from being given back. */
  constructor(limits: StorageLimits, now: () => number, values: ValueLog, wake: () => void) {
    this.#limits = limits
    this.#now = now
    this.#values = values
    this.#wake = wake
    this.long = new LongSnapshots(limits, now, wake)
  }

  /** `sources` is already retained for it. `footprint` gets what is looked at. */
  start(sources: Sources, catalog: Catalog, lsn: number, footprint: Footprint | undefined): Snapshot {
    const started = new EngineSnapshot(sources, catalog, lsn, this.#now(), this.#ended, footprint)
    started.enter(this.#short)
    return started
  }

  /** Ends those that are older than they may be, or keep more than they may. */
  expire(): void {
    const oldest = this.#now() - this.#limits.snapshotTimeoutMs
    for (let snapshot = this.#oldest(); snapshot !== undefined && snapshot.startMs <= oldest; snapshot = this.#oldest()) snapshot.close()
    this.long.expire(() => this.#values.space.condemnedBytes)
  }

  close(): void {
    for (let snapshot = this.#oldest(); snapshot !== undefined; snapshot = this.#oldest()) snapshot.close()
    this.long.close()
  }

  #oldest(): EngineSnapshot | undefined {
    const { next } = this.#short
    return next instanceof EngineSnapshot ? next : undefined
  }

  readonly #ended = (snapshot: EngineSnapshot): void => {
    snapshot.leave()
    if (this.#values.isAnyCondemned) this.#wake()
  }
}
