/**
 * The JSON of documents that were written out before, under their place in the value log: what lies at a place never changes, so neither
 * does its text, and nobody has to tell this cache of writes.
 *
 * Invariants
 * - Texts lie in a ring of at most `bytesMax` bytes; a new one overwrites the oldest. An entry is told only while its text is whole.
 * - While there is room a text comes in at once, later when it was asked for twice: an answer of very many rows must not push out the rest.
 * - The ring begins small and doubles, forgetting everything, each time it is full.
 */
import type { ByteSink } from "../Bson/ByteSink.ts"
import { copyRange } from "../Bson/View.ts"

/** Longer texts are written anew each time; copying them is a small part of that. */
export const TEXT_BYTES_MAX = 16 * 1024
const RING_BYTES_MIN = 64 * 1024
/** Bytes of the ring for each entry of the table: below what most texts take, so that the table seldom is what runs out. */
const BYTES_PER_ENTRY = 128
/** An entry: segment, offset in the segment (two words), round of the ring, where in the ring, bytes (0: asked for once). */
const ENTRY_WORDS = 6
const TWO_POW_32 = 0x1_0000_0000

export class RowTexts {
  readonly #bytesMax: number
  #ring = new Uint8Array(0)
  #view = new DataView(this.#ring.buffer)
  #words = new Uint32Array(0)
  /** Entries - 2: a document has one of two places beside each other. */
  #mask = 0
  /** Where the next text goes, and how often the ring went round. */
  #end = 0
  #round = 1

  /** None are kept when `bytesMax` is below 64 KiB. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** Writes the text of the document at a place; false when it is not here. */
  write(sink: ByteSink, segment: number, offset: number): boolean {
    const words = this.#words
    if (segment === 0 || words.length === 0) return false
    const place = this.#find(segment, offset)
    if (place < 0) return false
    const length = words[place + 5]!
    const at = words[place + 4]!
    if (length === 0 || !this.#isWhole(words[place + 3]!, at)) return false
    const start = sink.length
    sink.ensure(length)
    copyRange(this.#view, at, sink.view, start, length)
    sink.length = start + length
    return true
  }

  /** Keeps the text that a sink has from `start` on. */
  add(sink: ByteSink, start: number, segment: number, offset: number): void {
    const length = sink.length - start
    if (segment === 0 || length > TEXT_BYTES_MAX) return
    if (this.#end + length > this.#ring.length && !this.#turn()) return
    const words = this.#words
    const known = this.#find(segment, offset)
    const place = known < 0 ? this.#olderOfTwo(segment, offset) : known
    words[place] = segment
    words[place + 1] = offset
    words[place + 2] = Math.floor(offset / TWO_POW_32)
    words[place + 3] = this.#round
    words[place + 5] = 0
    if (this.#round > 1 && known < 0) return
    words[place + 4] = this.#end
    words[place + 5] = length
    this.#ring.set(sink.bytes.subarray(start, sink.length), this.#end)
    this.#end += length
  }

  /** Whether nothing was written over a text since. */
  #isWhole(round: number, at: number): boolean {
    return round === this.#round || (round === this.#round - 1 && at >= this.#end)
  }

  /** Makes the ring larger, or goes round; false when there is none. */
  #turn(): boolean {
    const bytes = Math.max(RING_BYTES_MIN, this.#ring.length * 2)
    this.#end = 0
    if (bytes > this.#bytesMax) {
      this.#round++
      return this.#ring.length > 0
    }
    this.#ring = new Uint8Array(bytes)
    this.#view = new DataView(this.#ring.buffer)
    let entries = 1
    while (entries * BYTES_PER_ENTRY < bytes) entries *= 2
    this.#words = new Uint32Array(entries * ENTRY_WORDS)
    this.#mask = entries - 2
    return true
  }

  /** Which of the two places of a document has its text, or -1. */
  #find(segment: number, offset: number): number {
    const words = this.#words
    const low = offset >>> 0
    const high = Math.floor(offset / TWO_POW_32)
    const place = this.#home(segment, offset)
    if (words[place + 1] === low && words[place] === segment && words[place + 2] === high) return place
    const other = place + ENTRY_WORDS
    return words[other + 1] === low && words[other] === segment && words[other + 2] === high ? other : -1
  }

  #olderOfTwo(segment: number, offset: number): number {
    const words = this.#words
    const home = this.#home(segment, offset)
    const other = home + ENTRY_WORDS
    const age = words[home + 3]! - words[other + 3]! || words[home + 4]! - words[other + 4]!
    return age <= 0 ? home : other
  }

  /** Documents that lie beside each other have their entries beside each other: they are often asked for together. */
  #home(segment: number, offset: number): number {
    const region = Math.floor(offset / BYTES_PER_ENTRY) * 2 + Math.imul(segment, 0x9e37_79b1)
    return (region & this.#mask) * ENTRY_WORDS
  }
}
