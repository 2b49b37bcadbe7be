/**
 * How the fields of documents lie that are all alike: types and names in their order. Of a document like the one learned last two fields are
 * found by comparing words, not bytes.
 *
 * Invariants
 * - A document matches only if its fields have the types and names of those learned, in their order: all of them, and nothing else is in it, or,
 *   where only the fields that are there count, those up to the later of the two.
 * - No word is read that begins behind the end of a document: a word is compared only once all bytes of its field in front of it were equal.
 */
import * as Type from "../Bson/Type.ts"
import { documentEnd, equalBytes, fixedSize, nextElement, valueOffset, viewOf } from "../Bson/View.ts"

/** Documents with more fields, or longer names, are not learned. */
const FIELDS_MAX = 32
const WORDS_MAX = 160
const WORD_BYTES = 4
/** Of values that begin with their length: how much longer they are, as a number below 0. */
const LONGER_BY: ReadonlyMap<number, number> = new Map([
  [Type.STRING, 4],
  [Type.DOCUMENT, 0],
  [Type.ARRAY, 0],
  [Type.BINARY, 5]
])
/** Of documents in a row that did not match one in so many is learned. */
const LEARNED_EACH = 16

export class FieldLayout {
  /** Where the two fields begin in the document that matched; -1 when it has none. */
  first = -1
  second = -1
  readonly #isWhole: boolean
  #firstName: Uint8Array | undefined
  #secondName: Uint8Array | undefined
  #firstField = -1
  #secondField = -1
  #misses = 0
  #fields = 0
  /** Type and name of each field as words, with zeros behind them, and which bits of each word count. */
  readonly #words = new Int32Array(WORDS_MAX)
  readonly #masks = new Int32Array(WORDS_MAX)
  /** By field: the number of the word behind its own, bytes of type and name, and bytes of the value or -1 - what it is longer by. */
  readonly #stops = new Int32Array(FIELDS_MAX)
  readonly #headers = new Int32Array(FIELDS_MAX)
  readonly #sizes = new Int32Array(FIELDS_MAX)

  /** `whole`: also that one of the two is not there has to be found. `upToBoth`: documents with both fields match, others do not. */
  constructor(extent: "whole" | "upToBoth") {
    this.#isWhole = extent === "whole"
  }

  /** Whether the document is like the one learned with these names, which carry their NUL; then `first` and `second` say where they are. */
  matches(bytes: Uint8Array, documentAt: number, first: Uint8Array, second: Uint8Array): boolean {
    if (first !== this.#firstName || second !== this.#secondName) return false
    const view = viewOf(bytes)
    const end = documentAt + view.getInt32(documentAt, true) - 1
    // The last word of a field may go on behind it.
    if (end + WORD_BYTES > bytes.length) return false
    const words = this.#words
    const masks = this.#masks
    const fields = this.#fields
    let at = documentAt + 4
    let word = 0
    this.first = -1
    this.second = -1
    for (let field = 0; field < fields; field++) {
      const stop = this.#stops[field]!
      for (let from = at; word < stop; from += WORD_BYTES) {
        if ((view.getInt32(from, true) & masks[word]!) !== words[word]) return false
        word++
      }
      if (field === this.#firstField) this.first = at
      if (field === this.#secondField) this.second = at
      at += this.#headers[field]!
      const size = this.#sizes[field]!
      at += size >= 0 ? size : view.getInt32(at, true) - 1 - size
    }
    if (this.#isWhole && at !== end) return false
    this.#misses = 0
    return true
  }

  /** Notes that a document did not match; it may be learned. Of fields with the same name the first counts. */
  missed(bytes: Uint8Array, documentAt: number, first: Uint8Array, second: Uint8Array): void {
    if (this.#misses++ % LEARNED_EACH !== 0) return
    this.#firstName = undefined
    this.#firstField = -1
    this.#secondField = -1
    const end = documentEnd(bytes, documentAt)
    let fields = 0
    let word = 0
    for (let at = documentAt + 4; at < end && !this.#knowsEnough; at = nextElement(bytes, at)) {
      const header = valueOffset(bytes, at) - at
      const size = sizeOf(bytes[at]!)
      if (fields === FIELDS_MAX || word + Math.ceil(header / WORD_BYTES) > WORDS_MAX || size === undefined) return
      for (let from = 0; from < header; from += WORD_BYTES) this.#learnWord(word++, bytes, at + from, Math.min(WORD_BYTES, header - from))
      if (this.#firstField < 0 && equalBytes(bytes, at + 1, first, 0, first.length)) this.#firstField = fields
      if (this.#secondField < 0 && equalBytes(bytes, at + 1, second, 0, second.length)) this.#secondField = fields
      this.#stops[fields] = word
      this.#headers[fields] = header
      this.#sizes[fields++] = size
    }
    if (!this.#isWhole && !this.#knowsEnough) return
    this.#fields = fields
    this.#firstName = first
    this.#secondName = second
  }

  get #knowsEnough(): boolean {
    return !this.#isWhole && this.#firstField >= 0 && this.#secondField >= 0
  }

  #learnWord(word: number, bytes: Uint8Array, at: number, length: number): void {
    let value = 0
    let mask = 0
    for (let index = 0; index < length; index++) {
      value |= bytes[at + index]! << (index * 8)
      mask |= 0xff << (index * 8)
    }
    this.#words[word] = value
    this.#masks[word] = mask
  }
}

/** Bytes of a value of this type, or -1 - how much longer it is than it says; undefined where it has to be looked through. */
function sizeOf(type: number): number | undefined {
  const size = fixedSize(type)
  if (size >= 0) return size
  const longer = LONGER_BY.get(type)
  return longer === undefined ? undefined : -1 - longer
}
