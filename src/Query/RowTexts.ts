/**
 * The JSON of documents that were written out before, under their place in the value log: what lies at a place never changes, so neither
 * does its text, and nobody has to tell this cache of writes.
 *
 * Invariants
 * - Texts lie in a ring of chunks; a new one overwrites the oldest. An entry is told only while its text is whole. No text lies in two chunks.
 * - Ring and table have at most `bytesMax` bytes together, or an even part of them where several databases of a process share them. When their
 *   number has changed it begins anew, with the part that is right then.
 * - While there is room a text comes in at once, later when it was asked for twice: an answer of very many rows must not push out the rest.
 * - A text may have a link: which document of another store a lookup led to, and where that lay when the two were compared. That too stays
 *   true for ever; whether that document is still the newest under its key is for the caller to find out.
 * - Chunks come as they are needed. The table is made for all of them at once; of memory that nobody wrote to the system has none.
 */
import type { ByteSink } from "../Bson/ByteSink.ts"
import { copyRange } from "../Bson/View.ts"
import { KEY_BYTES, type Place } from "../Storage/Reader.ts"

/** Longer texts are written anew each time; copying them is a small part of that. */
export const TEXT_BYTES_MAX = 16 * 1024
const RING_BYTES_MIN = 64 * 1024
const CHUNK_BYTES_MAX = 4 * 1024 * 1024
/** Bytes for each entry of the table: below what most texts take, so that the table seldom is what runs out. */
const BYTES_PER_ENTRY = 192
/** Bytes of a segment that share two places of the table: no more than two documents, where they are not very small. */
const REGION_BYTES = 128
/** An entry: segment, offset in the segment (two words), round of the ring, chunk and where in it, bytes (0: asked for once), 1 with a link. */
const ENTRY_WORDS = 8
/** In front of a text with a link: number of the lookup, key, segment, offset (two words). */
const LINK_BYTES = 4 + KEY_BYTES + 12
const TWO_POW_32 = 0x1_0000_0000

export const UNLINKED = -1
export const UNKEPT = -2

/** What a lookup leads to from a document. */
export interface Link {
  /** The number of the lookup. */
  readonly lookup: number
  /** 16 bytes. */
  readonly key: Uint8Array
  readonly target: Place
}

export class RowTexts {
  readonly #bytesMax: number
  readonly #sharers: () => number
  /** Among so many it was divided. */
  #divided = 1
  #chunkBytes = 0
  #chunksMax = 0
  #chunks: Array<Uint8Array> = []
  #views: Array<DataView> = []
  #words = new Uint32Array(0)
  /** Entries - 2: a document has one of two places beside each other. */
  #mask = 0
  /** The chunk that is being filled, where in it the next text goes, and how often the ring went round. */
  #chunk = 0
  #end = 0
  #round = 1

  /** None are kept when the part of `bytesMax` is below 64 KiB. `sharers` says how many databases share it now. */
  constructor(bytesMax: number, sharers: () => number = () => 1) {
    this.#bytesMax = bytesMax
    this.#sharers = sharers
    this.#divide()
  }

  /** Whether a text that comes in takes the place of another one. */
  get isFull(): boolean {
    return this.#round > 1 || this.#chunksMax === 0
  }

  /** Writes the text of the document at a place; false when it is not here. */
  write(sink: ByteSink, segment: number, offset: number): boolean {
    const place = this.#findWhole(segment, offset)
    if (place < 0) return false
    const words = this.#words
    const length = words[place + 6]!
    const start = sink.length
    sink.ensure(length)
    copyRange(this.#views[words[place + 4]!]!, words[place + 5]!, sink.view, start, length)
    sink.length = start + length
    return true
  }

  /**
   * Where the link of this lookup is that the document at a place has, for `keysOf`, `keyAt` and `ledTo`, until the next `add`. `UNLINKED`
   * where there is none and `add` would keep one, `UNKEPT` where not even the text would be.
   */
  findLink(lookup: number, segment: number, offset: number): number {
    const place = this.#findWhole(segment, offset)
    if (place < 0) return segment === 0 || this.isFull ? UNKEPT : UNLINKED
    const words = this.#words
    if (words[place + 7] === 0) return UNLINKED
    return this.#views[words[place + 4]!]!.getUint32(words[place + 5]! - LINK_BYTES, true) === lookup ? place : UNLINKED
  }

  /** The memory that the key of a link lies in, and where. */
  keysOf(link: number): Uint8Array {
    return this.#chunks[this.#words[link + 4]!]!
  }

  keyAt(link: number): number {
    return this.#words[link + 5]! - LINK_BYTES + 4
  }

  /** Whether this is the place that a link led to. */
  ledTo(link: number, { offset, segment }: Place): boolean {
    const view = this.#views[this.#words[link + 4]!]!
    const at = this.keyAt(link) + KEY_BYTES
    return (
      view.getUint32(at, true) === segment &&
      view.getUint32(at + 4, true) === offset >>> 0 &&
      view.getUint32(at + 8, true) === Math.floor(offset / TWO_POW_32)
    )
  }

  /** Keeps the text that a sink has from `start` on. A text that is here already is kept once more, for the sake of its link. */
  add(sink: ByteSink, start: number, segment: number, offset: number, link?: Link): void {
    const length = sink.length - start
    if (segment === 0 || length > TEXT_BYTES_MAX) return
    if (this.#sharers() !== this.#divided) this.#divide()
    const linkBytes = link === undefined ? 0 : LINK_BYTES
    if ((this.#words.length === 0 || this.#end + linkBytes + length > this.#chunkBytes) && !this.#turn()) return
    const words = this.#words
    const known = this.#find(segment, offset)
    const place = known < 0 ? this.#olderOfTwo(segment, offset) : known
    words[place] = segment
    words[place + 1] = offset
    words[place + 2] = Math.floor(offset / TWO_POW_32)
    words[place + 3] = this.#round
    words[place + 4] = this.#chunk
    words[place + 5] = this.#end + linkBytes
    words[place + 6] = 0
    words[place + 7] = link === undefined ? 0 : 1
    if (this.#round > 1 && known < 0) return
    words[place + 6] = length
    const view = this.#views[this.#chunk]!
    if (link !== undefined) this.#writeLink(view, this.#end, link)
    copyRange(sink.view, start, view, this.#end + linkBytes, length)
    this.#end += linkBytes + length
  }

  #writeLink(view: DataView, at: number, { key, lookup, target }: Link): void {
    view.setUint32(at, lookup, true)
    for (let index = 0; index < KEY_BYTES; index++) view.setUint8(at + 4 + index, key[index]!)
    view.setUint32(at + 4 + KEY_BYTES, target.segment, true)
    view.setUint32(at + 8 + KEY_BYTES, target.offset, true)
    view.setUint32(at + 12 + KEY_BYTES, Math.floor(target.offset / TWO_POW_32), true)
  }

  /** Which of the two places of a document has its text, whole; or -1. */
  #findWhole(segment: number, offset: number): number {
    const words = this.#words
    if (segment === 0 || words.length === 0) return -1
    const place = this.#find(segment, offset)
    if (place < 0 || words[place + 6] === 0) return -1
    // A link goes before its text does, and what is left of one may read as another: then neither counts.
    return this.#isWhole(words[place + 3]!, words[place + 4]!, words[place + 5]! - words[place + 7]! * LINK_BYTES) ? place : -1
  }

  /** Whether nothing was written over a text since. */
  #isWhole(round: number, chunk: number, at: number): boolean {
    if (round === this.#round) return true
    return round === this.#round - 1 && (chunk > this.#chunk || (chunk === this.#chunk && at >= this.#end))
  }

  /** Goes on to the next chunk, which may be the first again; false when there is none. */
  #turn(): boolean {
    if (this.#chunksMax === 0) return false
    if (this.#words.length === 0) this.#words = new Uint32Array((this.#mask + 2) * ENTRY_WORDS)
    else this.#chunk++
    this.#end = 0
    if (this.#chunk === this.#chunksMax) {
      this.#chunk = 0
      this.#round++
    } else if (this.#chunk === this.#chunks.length) {
      const chunk = new Uint8Array(this.#chunkBytes)
      this.#chunks.push(chunk)
      this.#views.push(new DataView(chunk.buffer))
    }
    return true
  }

  /** Begins anew, without a text, with the part of the memory that is this database's now. */
  #divide(): void {
    this.#divided = this.#sharers()
    const bytesMax = Math.floor(this.#bytesMax / Math.max(1, this.#divided))
    let entries = 2
    while (entries * BYTES_PER_ENTRY < bytesMax) entries *= 2
    const ringBytesMax = bytesMax - entries * ENTRY_WORDS * 4
    this.#mask = entries - 2
    this.#chunkBytes = Math.min(CHUNK_BYTES_MAX, ringBytesMax)
    this.#chunksMax = bytesMax < RING_BYTES_MIN ? 0 : Math.floor(ringBytesMax / this.#chunkBytes)
    this.#chunks = []
    this.#views = []
    this.#words = new Uint32Array(0)
    this.#chunk = 0
    this.#end = 0
    this.#round = 1
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
    const age = words[home + 3]! - words[other + 3]! || words[home + 4]! - words[other + 4]! || words[home + 5]! - words[other + 5]!
    return age <= 0 ? home : other
  }

  /** Documents that lie beside each other have their entries beside each other: they are often asked for together. */
  #home(segment: number, offset: number): number {
    const region = Math.floor(offset / REGION_BYTES) * 2 + Math.imul(segment, 0x9e37_79b1)
    return (region & this.#mask) * ENTRY_WORDS
  }
}
