import type { Random } from "./Random.ts"

/**
 * A simulated file: what the page cache shows, what is on disk, and the changes in between.
 *
 * Invariants
 * - Sectors of 512 bytes are written whole or not at all and are never changed once made, so images share them.
 * - On disk after a crash: any subset of the sectors of any unsynced change, and any of the unsynced lengths, independently. That
 *   covers lost, torn and reordered writes and a length without its content.
 * - A failed sync leaves an arbitrary part of what it covered on disk and forgets the rest: no later sync brings it there.
 * - A disk that lies (`Landing`) shows in the page cache what was written, and on disk what its writes made of it: a crash tells.
 */

export const SECTOR_BYTES = 512

const ZERO_SECTOR = new Uint8Array(SECTOR_BYTES)

type Sector = Uint8Array | undefined

/** One unsynced write (sectors from `first` on, as they are after it) or truncation (no sectors, but a cut). */
interface Change {
  readonly id: number
  readonly first: number
  readonly sectors: ReadonlyArray<Uint8Array>
  /** The length after it. */
  readonly length: number
  /** A truncation: what lies beyond `length` becomes zero. */
  readonly cuts: boolean
}

/** Which parts of an unsynced change a crash leaves. */
export interface Survival {
  sector(): boolean
  length(): boolean
}

/** How the changes of one file or directory fare in one crash: `survivalOf(index, count)` for the `index`-th of `count` unsynced ones. */
export type Fate = (index: number, count: number) => Survival

/** Where a write really goes: to no place on disk at all, or to sectors of a file `sectorsBy` further on. */
export type Landing = "nowhere" | { readonly content: SimulatedContent; readonly sectorsBy: number }

export const NOTHING: Survival = { sector: () => false, length: () => false }
export const EVERYTHING: Survival = { sector: () => true, length: () => true }

function isZero(bytes: Uint8Array): boolean {
  for (let index = 0; index < bytes.length; index++) if (bytes[index] !== 0) return false
  return true
}

/** Sectors and length: a state of the file. */
class Extent {
  sectors: Array<Sector> = []
  length = 0

  copy(): Extent {
    const copy = new Extent()
    copy.sectors = this.sectors.slice()
    copy.length = this.length
    return copy
  }

  apply(change: Change, survival: Survival): void {
    if (change.cuts) {
      if (survival.length()) this.cut(change.length)
      return
    }
    for (let index = 0; index < change.sectors.length; index++) {
      if (survival.sector()) this.sectors[change.first + index] = change.sectors[index]
    }
    if (survival.length()) this.length = Math.max(this.length, change.length)
  }

  cut(length: number): void {
    if (length < this.length) {
      const kept = Math.ceil(length / SECTOR_BYTES)
      this.sectors.length = Math.min(this.sectors.length, kept)
      const last = this.sectors[kept - 1]
      if (last !== undefined && length % SECTOR_BYTES !== 0) {
        const zeroed = last.slice()
        zeroed.fill(0, length % SECTOR_BYTES)
        this.sectors[kept - 1] = zeroed
      }
    }
    this.length = length
  }
}

export class SimulatedContent {
  #cached = new Extent()
  #durable = new Extent()
  #changes: Array<Change> = []

  get length(): number {
    return this.#cached.length
  }

  read(offset: number, into: Uint8Array): number {
    const count = Math.max(0, Math.min(into.length, this.#cached.length - offset))
    for (let done = 0; done < count;) {
      const position = offset + done
      const within = position % SECTOR_BYTES
      const step = Math.min(SECTOR_BYTES - within, count - done)
      const sector = this.#cached.sectors[Math.floor(position / SECTOR_BYTES)] ?? ZERO_SECTOR
      into.set(sector.subarray(within, within + step), done)
      done += step
    }
    return count
  }

  /** Writes, as far as anyone can see; with `landing` the disk puts it elsewhere and keeps what was there. */
  write(id: number, offset: number, bytes: Uint8Array, landing?: Landing): void {
    if (bytes.length === 0) return
    const first = Math.floor(offset / SECTOR_BYTES)
    const end = Math.ceil((offset + bytes.length) / SECTOR_BYTES)
    const sectors: Array<Uint8Array> = []
    for (let index = first; index < end; index++) sectors.push(this.#merge(index, offset, bytes))
    const change = { id, first, sectors, length: Math.max(this.#cached.length, offset + bytes.length), cuts: false }
    this.#cached.apply(change, EVERYTHING)
    this.#changes.push(landing === undefined ? change : { ...change, sectors: [] })
    if (landing !== undefined && landing !== "nowhere") landing.content.#land(change, landing.sectorsBy)
  }

  /** Takes in sectors that were meant for another place, as far as they lie within the file. Nobody sees them before a crash. */
  #land(change: Change, sectorsBy: number): void {
    const first = Math.max(0, change.first + sectorsBy)
    const room = Math.max(0, Math.ceil(this.#cached.length / SECTOR_BYTES) - first)
    this.#changes.push({ ...change, first, sectors: change.sectors.slice(0, room), length: 0 })
  }

  /** Sector `index` with the part of `bytes` (which go to `offset`) that lies in it. */
  #merge(index: number, offset: number, bytes: Uint8Array): Uint8Array {
    const start = index * SECTOR_BYTES
    const from = Math.max(start, offset)
    const part = bytes.subarray(from - offset, Math.min(bytes.length, start + SECTOR_BYTES - offset))
    if (part.length === SECTOR_BYTES) return isZero(part) ? ZERO_SECTOR : part.slice()
    const sector = (this.#cached.sectors[index] ?? ZERO_SECTOR).slice()
    sector.set(part, from - start)
    return sector
  }

  truncate(id: number, length: number): void {
    const change = { id, first: 0, sectors: [], length, cuts: true }
    this.#cached.apply(change, EVERYTHING)
    this.#changes.push(change)
  }

  /** A sync that was called after change `lastId` has completed. */
  sync(lastId: number): void {
    for (const change of this.#changes) if (change.id <= lastId) this.#durable.apply(change, EVERYTHING)
    this.#changes = this.#changes.filter((change) => change.id > lastId)
  }

  /** A sync failed: see the invariants. Half of the time the page cache loses what it could not write as well. */
  failSync(lastId: number, random: Random): void {
    const survival = { sector: () => random.chance(0.5), length: () => random.chance(0.5) }
    for (const change of this.#changes) if (change.id <= lastId) this.#durable.apply(change, survival)
    this.#changes = this.#changes.filter((change) => change.id > lastId)
    if (random.chance(0.5)) return
    this.#cached = this.#durable.copy()
    for (const change of this.#changes) this.#cached.apply(change, EVERYTHING)
  }

  /** What a crash leaves of it, as a file of which everything is on disk. */
  afterCrash(fate: Fate): SimulatedContent {
    const image = new SimulatedContent()
    image.#durable = this.#durable.copy()
    this.#changes.forEach((change, index) => image.#durable.apply(change, fate(index, this.#changes.length)))
    image.#cached = image.#durable.copy()
    return image
  }

  /** Flips the bits of `mask` in one byte, in the page cache and on disk. */
  rot(offset: number, mask: number): void {
    for (const extent of [this.#cached, this.#durable]) {
      const index = Math.floor(offset / SECTOR_BYTES)
      const rotten = (extent.sectors[index] ?? ZERO_SECTOR).slice()
      rotten[offset % SECTOR_BYTES]! ^= mask
      extent.sectors[index] = rotten
    }
  }
}
