import type { Random } from "./Random.ts"
import type { Fate } from "./SimulatedContent.ts"
import { SimulatedContent } from "./SimulatedContent.ts"

/**
 * A simulated directory: the names everyone sees, the names that are on disk, and the changes in between.
 *
 * Invariants
 * - After a crash any subset of the unsynced changes has happened, in their order; a rename has happened whole or not at all.
 * - A failed sync leaves an arbitrary part of what it covered on disk. Unlike a file's pages the rest is not forgotten: file systems
 *   keep names in a journal that is written again or stops everything, and nobody could repair a name that only seems to be there.
 */

export type SimulatedEntry = SimulatedContent | SimulatedDirectory

/** One unsynced change: a name goes, another comes, or (a rename) both. */
interface NameChange {
  readonly id: number
  readonly removes?: string
  readonly adds?: { readonly name: string; readonly entry: SimulatedEntry }
}

export class SimulatedDirectory {
  readonly entries = new Map<string, SimulatedEntry>()
  readonly #durable = new Map<string, SimulatedEntry>()
  #changes: Array<NameChange> = []

  change(change: NameChange): void {
    applyTo(this.entries, change)
    this.#changes.push(change)
  }

  /** A directory sync that was called after change `lastId` has completed. */
  sync(lastId: number): void {
    this.#bringToDisk((change) => change.id <= lastId)
  }

  /** A directory sync failed: some of the changes are on disk. */
  failSync(lastId: number, random: Random): void {
    this.#bringToDisk((change) => change.id <= lastId && random.chance(0.5))
  }

  #bringToDisk(isWritten: (change: NameChange) => boolean): void {
    const written = new Set(this.#changes.filter(isWritten))
    for (const change of written) applyTo(this.#durable, change)
    this.#changes = this.#changes.filter((change) => !written.has(change))
  }

  /** What a crash leaves of it and of everything in it. `nextFate` is asked once for every file and directory. */
  afterCrash(nextFate: () => Fate): SimulatedDirectory {
    const names = new Map(this.#durable)
    const fate = nextFate()
    this.#changes.forEach((change, index) => {
      if (fate(index, this.#changes.length).length()) applyTo(names, change)
    })
    const image = new SimulatedDirectory()
    for (const [name, entry] of names) {
      const left = entry instanceof SimulatedContent ? entry.afterCrash(nextFate()) : entry.afterCrash(nextFate)
      image.entries.set(name, left)
      image.#durable.set(name, left)
    }
    return image
  }

  /** The paths of all files in it and below, each after `prefix`. */
  paths(prefix: string): Array<string> {
    return [...this.entries].flatMap(([name, entry]) =>
      entry instanceof SimulatedContent ? [prefix + name] : entry.paths(`${prefix}${name}/`)
    )
  }

  /** Bytes of all files in it and below. */
  usedBytes(): number {
    let total = 0
    for (const entry of this.entries.values()) total += entry instanceof SimulatedContent ? entry.length : entry.usedBytes()
    return total
  }
}

function applyTo(names: Map<string, SimulatedEntry>, change: NameChange): void {
  if (change.removes !== undefined) names.delete(change.removes)
  if (change.adds !== undefined) names.set(change.adds.name, change.adds.entry)
}
