/** Counts what the value segments hold from the trees alone: where the accounts are missing or out of date, or to check them. */
import type { IndexFile } from "../Index/IndexFile.ts"
import type { Catalog } from "./Catalog.ts"
import { Location } from "./TreeSource.ts"
import type { ValueAccount } from "./ValueAccounts.ts"
import type { ValueLog } from "./ValueLog.ts"
import { valueBytes } from "./ValueSegment.ts"

/** What looking at one value costs of a slice's budget, in its units of about 100 ns. */
const VALUE_COST = 3
/** Values looked at between two yields. */
const VALUES_PER_YIELD = 64

/** Adds the bytes that the trees of the current version name to `live`, by segment. Yields what it has cost since it last did. */
export function* countLive(index: IndexFile, catalog: Catalog, live: Map<number, number>): Generator<number, void, void> {
  const location = new Location()
  const version = index.current()
  let looked = 0
  for (const { id } of catalog.stores) {
    const walk = index.values(version, id)
    while (walk.next()) {
      location.read(walk.value, 0)
      live.set(location.segment, (live.get(location.segment) ?? 0) + valueBytes(location.length))
      if (++looked % VALUES_PER_YIELD === 0) yield VALUES_PER_YIELD * VALUE_COST
    }
  }
}

/**
 * Counts the accounts anew, in slices of `budget()`; nothing may be written meanwhile. What is not named counts as dead, tombstones too, and
 * as dead from the beginning on: the compaction that looks at it tells them apart.
 */
export function* recount(index: IndexFile, values: ValueLog, catalog: Catalog, budget: () => number): Generator<"more", void, void> {
  const live = new Map<number, number>()
  let left = budget()
  for (const cost of countLive(index, catalog, live)) {
    left -= cost
    if (left > 0) continue
    yield "more"
    left = budget()
  }
  const counted = new Map<number, ValueAccount>()
  for (const { segment } of values.lengths) {
    counted.set(segment, { liveBytes: live.get(segment) ?? 0, tombstoneBytes: 0, deadLsnMin: 1, tombstoneLsnMax: 0 })
  }
  values.accounts.recount(counted)
}
