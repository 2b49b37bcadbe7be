/**
 * Where documents lie, as the trees said last: (store, key) to the location in the value log, so that a document that is asked for again
 * costs one probe instead of a descent through every root of its tree.
 *
 * Invariants
 * - A place is told only for the list of roots it was found under. Roots never change, and every list of them has a number of its own, so a
 *   flush, a merge or a compaction needs to tell the table nothing: what it made wrong is not asked for any more.
 * - Only keys that are there have a place. A key that is not there is looked for in the trees.
 * - At most `bytesMax` bytes. It begins small and becomes `GROWTH` times as large, forgetting everything, whenever half of it is taken: what
 *   is forgotten has to be looked for once more, so it grows in few steps.
 * - When it cannot grow any more and few of a number of keys were found, it rests for a while: of a store much larger than it, asked for evenly,
 *   looking costs more than what is found saves. What it has stays meanwhile.
 */
import type { Root } from "../Index/Version.ts"
import type { Place } from "./Reader.ts"

/** An entry: list of roots, tree, four words of the key, segment, length, two words each of offset and LSN. */
const ENTRY_WORDS = 12
export const PLACE_BYTES = ENTRY_WORDS * 4
const ENTRIES_MIN = 1024
const GROWTH = 8
/** Places that a key may have, one behind the other. With half of all places taken one key in sixteen finds none; of two places, one in six. */
const WAYS = 4
const TWO_POW_32 = 0x1_0000_0000
/** Keys, as a share of the entries, after which is judged how many were found. */
const TRIAL_SHARE = 1 / 4
/** With fewer found than one of so many it rests, for so many trials. */
const ASKED_PER_FOUND = 8
const RESTING_TRIALS = 8

/** Numbers of lists of roots. Each commit of the index file makes a list for the trees it changed: 2^32 of them are years. */
const numbers = new WeakMap<ReadonlyArray<Root>, number>()
let last = 0

function numberOf(roots: ReadonlyArray<Root>): number {
  let number = numbers.get(roots)
  if (number === undefined) numbers.set(roots, (number = ++last))
  return number
}

export class PlaceTable {
  readonly #entriesMax: number
  #words: Uint32Array
  /** Entries - WAYS: keeps the lowest bits of a hash out, since a place is one of four. */
  #mask = 0
  #taken = 0
  /** Keys of this trial, and those that were found. */
  #asked = 0
  #found = 0
  /** Keys that are not looked for, nor noted. */
  #resting = 0
  // The list asked for last: readers ask about one store many times.
  #roots: ReadonlyArray<Root> | undefined
  #number = 0
  // The key asked for last.
  #a = 0
  #b = 0
  #c = 0
  #d = 0

  constructor(bytesMax: number) {
    this.#entriesMax = bytesMax < ENTRIES_MIN * PLACE_BYTES ? 0 : 2 ** Math.floor(Math.log2(bytesMax / PLACE_BYTES))
    this.#words = new Uint32Array(0)
  }

  get bytes(): number {
    return this.#words.byteLength
  }

  /** Fills `out` with where the document under the 16 bytes at `key[at]` lies, when that is known for these roots. */
  find(roots: ReadonlyArray<Root>, tree: number, key: Uint8Array, at: number, out: Place): boolean {
    const words = this.#words
    if (words.length === 0) return false
    if (this.#resting > 0) {
      this.#resting--
      return false
    }
    this.#asked++
    const number = this.#aim(roots, key, at)
    const home = this.#home(tree)
    let place = home
    while (!this.#has(place, number, tree)) {
      place += ENTRY_WORDS
      if (place === home + WAYS * ENTRY_WORDS) return false
    }
    this.#found++
    out.segment = words[place + 6]!
    out.length = words[place + 7]!
    out.offset = words[place + 8]! + words[place + 9]! * TWO_POW_32
    out.lsn = words[place + 10]! + words[place + 11]! * TWO_POW_32
    return true
  }

  /** Remembers what the trees with these roots said. */
  add(roots: ReadonlyArray<Root>, tree: number, key: Uint8Array, at: number, location: Place): void {
    if (this.#resting > 0) return
    if (this.#taken * 2 >= this.#words.length / ENTRY_WORDS) this.#grow()
    const words = this.#words
    if (words.length === 0) return
    const number = this.#aim(roots, key, at)
    const place = this.#placeFor(this.#home(tree), tree)
    if (words[place] === 0) this.#taken++
    words[place] = number
    words[place + 1] = tree
    words[place + 2] = this.#a
    words[place + 3] = this.#b
    words[place + 4] = this.#c
    words[place + 5] = this.#d
    words[place + 6] = location.segment
    words[place + 7] = location.length
    words[place + 8] = location.offset
    words[place + 9] = Math.floor(location.offset / TWO_POW_32)
    words[place + 10] = location.lsn
    words[place + 11] = Math.floor(location.lsn / TWO_POW_32)
  }

  /** Of the places from `home` on the key's own old one, or the one that is empty or was found under the oldest list. */
  #placeFor(home: number, tree: number): number {
    const words = this.#words
    let oldest = home
    for (let place = home; place < home + WAYS * ENTRY_WORDS; place += ENTRY_WORDS) {
      if (this.#isKey(place, tree)) return place
      if (words[place]! < words[oldest]!) oldest = place
    }
    return oldest
  }

  /** Reads the key into numbers; the number of the list. */
  #aim(roots: ReadonlyArray<Root>, key: Uint8Array, at: number): number {
    this.#a = (key[at]! | (key[at + 1]! << 8) | (key[at + 2]! << 16) | (key[at + 3]! << 24)) >>> 0
    this.#b = (key[at + 4]! | (key[at + 5]! << 8) | (key[at + 6]! << 16) | (key[at + 7]! << 24)) >>> 0
    this.#c = (key[at + 8]! | (key[at + 9]! << 8) | (key[at + 10]! << 16) | (key[at + 11]! << 24)) >>> 0
    this.#d = (key[at + 12]! | (key[at + 13]! << 8) | (key[at + 14]! << 16) | (key[at + 15]! << 24)) >>> 0
    if (this.#roots !== roots) {
      this.#roots = roots
      this.#number = numberOf(roots)
    }
    return this.#number
  }

  /** The first of the places of the key. */
  #home(tree: number): number {
    let hash = Math.imul(this.#a ^ tree, 0x9e37_79b1)
    hash = Math.imul(hash ^ (hash >>> 15) ^ this.#b, 0x85eb_ca6b)
    hash = Math.imul(hash ^ (hash >>> 13) ^ this.#c, 0xc2b2_ae35)
    hash ^= this.#d
    // Keys that count up differ in few bits, at either end: the end of MurmurHash3 (Austin Appleby, public domain) spreads them.
    hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b)
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35)
    return ((hash ^ (hash >>> 16)) & this.#mask) * ENTRY_WORDS
  }

  #has(place: number, number: number, tree: number): boolean {
    return this.#words[place] === number && this.#isKey(place, tree)
  }

  #isKey(place: number, tree: number): boolean {
    const words = this.#words
    return (
      words[place + 5] === this.#d &&
      words[place + 4] === this.#c &&
      words[place + 3] === this.#b &&
      words[place + 2] === this.#a &&
      words[place + 1] === tree
    )
  }

  #grow(): void {
    const entries = this.#words.length / ENTRY_WORDS
    if (entries === this.#entriesMax) return this.#judge()
    const larger = Math.min(this.#entriesMax, Math.max(ENTRIES_MIN, entries * GROWTH))
    this.#words = new Uint32Array(larger * ENTRY_WORDS)
    this.#mask = larger - WAYS
    this.#taken = 0
  }

  /** Half of the places are taken, and there will be no more. */
  #judge(): void {
    if (this.#asked < this.#entriesMax * TRIAL_SHARE) return
    if (this.#found * ASKED_PER_FOUND < this.#asked) this.#resting = this.#asked * RESTING_TRIALS
    this.#asked = 0
    this.#found = 0
  }
}
