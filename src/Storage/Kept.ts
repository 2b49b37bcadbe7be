/**
 * Results kept for as long as what they rest on is unchanged.
 *
 * Invariants
 * - A result is given again only if no commit since the snapshot it was made on has changed anything that was looked at for it. What was
 *   looked at is known exactly or more coarsely, never less: a document by its key, a range of an index by what its keys have in common.
 * - All results, with what keeping them costs, stay within `bytesMax`. The one that came first goes first, but one that was asked for again
 *   stays another round.
 * - While there is room a result is kept at once, afterwards when it was made twice within about as many as there is room for: copying what is
 *   asked for once would only cost.
 */
import type { ChangeTable } from "./ChangeTable.ts"
import { type Footprint, isUnchanged } from "./Footprint.ts"

/** What an entry takes besides its result and name: objects, table, stripes of a usual list. About. */
const ENTRY_BYTES = 400
/** Share of `bytesMax` that one result may take. */
const RESULT_SHARE_MAX = 1 / 16
/** Names of results that were made once and not kept, each where its hash leads; a power of two. */
const MADE_ONCE_MAX = 1 << 12

class Entry<out A> {
  readonly value: A
  readonly lsn: number
  readonly stripes: Int32Array
  readonly sizeBytes: number
  /** Whether it was given again since it was kept, or since it last escaped being dropped. */
  isUsed = false

  constructor(value: A, lsn: number, stripes: Int32Array, sizeBytes: number) {
    this.value = value
    this.lsn = lsn
    this.stripes = stripes
    this.sizeBytes = sizeBytes
  }
}

export class Kept<A> {
  /** Results given again, and questions for which there was none, so far. */
  hits = 0
  misses = 0
  #sizeBytes = 0
  readonly #entries = new Map<string, Entry<A>>()
  readonly #changes: ChangeTable
  readonly #bytesMax: number
  readonly #madeOnce = new Int32Array(MADE_ONCE_MAX)
  /** Goes round the entries from the oldest on, those that came meanwhile included: what was dropped is passed over once. */
  #round: IterableIterator<[string, Entry<A>]> | undefined
  /** Whether something had to go. */
  #isFull = false

  constructor(changes: ChangeTable, bytesMax: number) {
    this.#changes = changes
    this.#bytesMax = bytesMax
  }

  /** The result kept under a name, if it still holds. */
  find(name: string): A | undefined {
    const found = this.#entries.get(name)
    if (found !== undefined && isUnchanged(this.#changes, found.stripes, found.lsn)) {
      found.isUsed = true
      this.hits++
      return found.value
    }
    this.misses++
    return undefined
  }

  /**
   * Whether a result of this name, for which there was none, is to be kept once it is made: asked before it is, so that what is needed only for
   * that can be left out. It is noted that it is being made.
   */
  admits(name: string): boolean {
    return !this.#isFull || this.#entries.has(name) || this.#wasMade(name)
  }

  /** Keeps a result of `bytes` bytes that was made on a snapshot at `lsn`, if `admits` said so; `make` gives it when there is room for it. */
  keep(name: string, bytes: number, lsn: number, footprint: Footprint, make: () => A): void {
    const stripes = footprint.stripes()
    const sizeBytes = ENTRY_BYTES + name.length + bytes + stripes.byteLength
    if (footprint.isBoundless || sizeBytes > this.#bytesMax * RESULT_SHARE_MAX) return
    this.#drop(name)
    this.#makeRoom(sizeBytes)
    this.#entries.set(name, new Entry(make(), lsn, stripes, sizeBytes))
    this.#sizeBytes += sizeBytes
  }

  /** Forgets everything. */
  clear(): void {
    this.#entries.clear()
    this.#sizeBytes = 0
  }

  #makeRoom(bytes: number): void {
    while (this.#entries.size > 0 && this.#sizeBytes + bytes > this.#bytesMax) {
      this.#isFull = true
      this.#round ??= this.#entries.entries()
      const next = this.#round.next()
      if (next.done === true) {
        this.#round = undefined
        continue
      }
      const [name, entry] = next.value
      this.#drop(name)
      if (!entry.isUsed) continue
      entry.isUsed = false
      this.#entries.set(name, entry)
      this.#sizeBytes += entry.sizeBytes
    }
  }

  /** Whether a result of this name was made lately; from now on it was. */
  #wasMade(name: string): boolean {
    let hash = 0x811c_9dc5
    for (let index = 0; index < name.length; index++) hash = Math.imul(hash ^ name.charCodeAt(index), 0x0100_0193)
    const place = (hash ^ (hash >>> 16)) & (MADE_ONCE_MAX - 1)
    if (this.#madeOnce[place] === hash) return true
    this.#madeOnce[place] = hash
    return false
  }

  #drop(name: string): void {
    const entry = this.#entries.get(name)
    if (entry === undefined) return
    this.#entries.delete(name)
    this.#sizeBytes -= entry.sizeBytes
  }
}
