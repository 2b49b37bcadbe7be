/**
 * Tests on two fields of a document, found in one walk over it: filters with two conditions are common, and looking for fields is most of
 * what they cost.
 *
 * Invariants
 * - The answer is that of the two tests one after the other, whether the document is like the one before or not. Of fields with the same name the first counts.
 */
import { type Path, type PathVisitor, resolve } from "../Bson/Path.ts"
import * as Type from "../Bson/Type.ts"
import { FieldLayout } from "./FieldLayout.ts"
import { readInt32, skipValue, valueOffset } from "../Bson/View.ts"

/** A test on a path of one component. */
export class FieldTest {
  /** The name with its NUL. */
  readonly name: Uint8Array
  readonly #path: Path
  readonly #test: PathVisitor
  readonly #isNegated: boolean

  constructor(path: Path, name: Uint8Array, test: PathVisitor, isNegated: boolean) {
    this.name = name
    this.#path = path
    this.#test = test
    this.#isNegated = isNegated
  }

  /** Whether the document passes whose field has this type and lies at `valueAt`; type 0 when it is missing. */
  passes(bytes: Uint8Array, documentAt: number, type: number, valueAt: number): boolean {
    const found = type === Type.ARRAY ? resolve(this.#path, bytes, documentAt, this.#test) : this.#test.visit(bytes, type, valueAt)
    return found !== this.#isNegated
  }
}

const FIRST = 1
const SECOND = 2

/** Whether a document passes both tests, which are on different fields. */
export function bothFields(first: FieldTest, second: FieldTest): (bytes: Uint8Array, at: number) => boolean {
  const firstLetter = first.name[0]
  const secondLetter = second.name[0]
  const layout = new FieldLayout("upToBoth")
  return (bytes, documentAt) => {
    if (layout.matches(bytes, documentAt, first.name, second.name)) {
      const { first: firstAt, second: secondAt } = layout
      return (
        first.passes(bytes, documentAt, bytes[firstAt]!, firstAt + 1 + first.name.length) &&
        second.passes(bytes, documentAt, bytes[secondAt]!, secondAt + 1 + second.name.length)
      )
    }
    layout.missed(bytes, documentAt, first.name, second.name)
    const end = documentAt + readInt32(bytes, documentAt) - 1
    let unseen = FIRST | SECOND
    for (let at = documentAt + 4; at < end && unseen !== 0;) {
      const type = bytes[at]!
      const letter = bytes[at + 1]
      let valueAt: number
      if (letter === firstLetter && (unseen & FIRST) !== 0 && isName(bytes, at + 1, first.name)) {
        valueAt = at + 1 + first.name.length
        if (!first.passes(bytes, documentAt, type, valueAt)) return false
        unseen ^= FIRST
      } else if (letter === secondLetter && (unseen & SECOND) !== 0 && isName(bytes, at + 1, second.name)) {
        valueAt = at + 1 + second.name.length
        if (!second.passes(bytes, documentAt, type, valueAt)) return false
        unseen ^= SECOND
      } else valueAt = valueOffset(bytes, at)
      at = skipValue(bytes, type, valueAt)
    }
    if ((unseen & FIRST) !== 0 && !first.passes(bytes, documentAt, Type.MISSING, 0)) return false
    return (unseen & SECOND) === 0 || second.passes(bytes, documentAt, Type.MISSING, 0)
  }
}

/** Where two fields of a document begin, found in one walk over it. */
export class TwoFields {
  /** Offset of the element, -1 when the document has none of this name. */
  first = -1
  second = -1
  readonly #layout = new FieldLayout("whole")

  /**
   * Looks for both names, which carry their NUL. Of fields with the same name the first counts. Documents that are alike are looked through
   * faster when the names are the same arrays each time.
   */
  find(bytes: Uint8Array, documentAt: number, first: Uint8Array, second: Uint8Array): void {
    const layout = this.#layout
    if (layout.matches(bytes, documentAt, first, second)) {
      this.first = layout.first
      this.second = layout.second
      return
    }
    this.#walk(bytes, documentAt, first, second)
    layout.missed(bytes, documentAt, first, second)
  }

  #walk(bytes: Uint8Array, documentAt: number, first: Uint8Array, second: Uint8Array): void {
    this.first = -1
    this.second = -1
    const end = documentAt + readInt32(bytes, documentAt) - 1
    for (let at = documentAt + 4; at < end && (this.first < 0 || this.second < 0);) {
      const letter = bytes[at + 1]
      if (letter === first[0] && this.first < 0 && isName(bytes, at + 1, first)) this.first = at
      if (letter === second[0] && this.second < 0 && isName(bytes, at + 1, second)) this.second = at
      at = skipValue(bytes, bytes[at]!, valueOffset(bytes, at))
    }
  }
}

function isName(bytes: Uint8Array, at: number, name: Uint8Array): boolean {
  for (let index = 0; index < name.length; index++) if (bytes[at + index] !== name[index]) return false
  return true
}
