/**
 * Who asks for texts of documents: the statements of one shape, the lists of one lookup. Whoever finds few of them does without for a while.
 *
 * Invariants
 * - While there is room for more texts everybody asks, for everybody's are kept at once.
 * - Without room a user is on trial for about `TRIAL_ROWS` rows at a time. Of fewer found than one in `ROWS_PER_FOUND` looking costs more
 *   than what is found saves: the statements that follow, as many as ran meanwhile, ask for nothing and leave nothing; after each further
 *   trial of that kind twice as many, at most `RESTS_MAX` times as many as ran in it.
 */
import type { ByteSink } from "../Bson/ByteSink.ts"
import type { Link, RowTexts } from "./RowTexts.ts"

export const TRIAL_ROWS = 4096
export const ROWS_PER_FOUND = 4
export const RESTS_MAX = 16

export class TextUse {
  readonly #texts: RowTexts
  #statements = 0
  #asked = 0
  #found = 0
  /** Statements that still do without. */
  #resting = 0
  /** How many times as many as on trial do without after the next trial of this kind. */
  #rests = 1

  constructor(texts: RowTexts) {
    this.#texts = texts
  }

  /** Begins a statement; undefined when it does without texts. */
  begin(): TextUse | undefined {
    if (this.#asked >= TRIAL_ROWS) this.#judge()
    if (this.#resting > 0) {
      this.#resting--
      return undefined
    }
    this.#statements++
    return this
  }

  /** As `RowTexts.write`. */
  write(sink: ByteSink, segment: number, offset: number): boolean {
    this.#asked++
    if (!this.#texts.write(sink, segment, offset)) return false
    this.#found++
    return true
  }

  /** As `RowTexts.findLink`. */
  findLink(lookup: number, segment: number, offset: number): number {
    return this.#texts.findLink(lookup, segment, offset)
  }

  /** As `RowTexts.add`. */
  add(sink: ByteSink, start: number, segment: number, offset: number, link?: Link): void {
    this.#texts.add(sink, start, segment, offset, link)
  }

  #judge(): void {
    if (!this.#texts.isFull || this.#found * ROWS_PER_FOUND >= this.#asked) this.#rests = 1
    else {
      this.#resting = this.#statements * this.#rests
      this.#rests = Math.min(RESTS_MAX, this.#rests * 2)
    }
    this.#statements = 0
    this.#asked = 0
    this.#found = 0
  }
}

/** The users of the texts of an executor, as long as what they are known by is there. */
export class TextUses {
  readonly #texts: RowTexts
  readonly #uses = new WeakMap<object, TextUse>()

  constructor(texts: RowTexts) {
    this.#texts = texts
  }

  /** Begins a statement of the user that is known by `owner`: a plan, a lookup, or a store. */
  begin(owner: object): TextUse | undefined {
    let use = this.#uses.get(owner)
    if (use === undefined) this.#uses.set(owner, (use = new TextUse(this.#texts)))
    return use.begin()
  }
}
