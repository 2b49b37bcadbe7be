/**
 * What arrays are tested for as wholes: how many elements they have, and whether some or all of them pass a filter of their own.
 *
 * Invariants
 * - These tests see the array that a path ends at, not its elements one by one (`whole`); any other value fails them.
 * - As those in `Test.ts` they hold no state that changes.
 */
import { compareValues } from "../Bson/Compare.ts"
import type { PathVisitor } from "../Bson/Path.ts"
import * as Type from "../Bson/Type.ts"
import type { EncodedValue } from "../Bson/Value.ts"
import { documentEnd, firstElement, skipValue, valueOffset } from "../Bson/View.ts"

/** Whether one element, given as a value, passes. */
export type ElementPredicate = (bytes: Uint8Array, type: number, at: number) => boolean

/** An array of so many elements. */
export class SizeTest implements PathVisitor {
  readonly whole = true
  private readonly size: number

  constructor(size: number) {
    this.size = size
  }

  visit(bytes: Uint8Array, type: number, at: number): boolean {
    if (type !== Type.ARRAY) return false
    const end = documentEnd(bytes, at)
    let count = 0
    for (let element = firstElement(at); element < end && count <= this.size; count++) {
      element = skipValue(bytes, bytes[element]!, valueOffset(bytes, element))
    }
    return count === this.size
  }
}

/** An array with an element that passes, or (`all`) without one that does not. */
export class ElementsTest implements PathVisitor {
  readonly whole = true
  private readonly passes: ElementPredicate
  private readonly all: boolean

  constructor(passes: ElementPredicate, all: boolean) {
    this.passes = passes
    this.all = all
  }

  visit(bytes: Uint8Array, type: number, at: number): boolean {
    if (type !== Type.ARRAY) return false
    const end = documentEnd(bytes, at)
    for (let element = firstElement(at); element < end;) {
      const elementType = bytes[element]!
      const valueAt = valueOffset(bytes, element)
      if (this.passes(bytes, elementType, valueAt) !== this.all) return !this.all
      element = skipValue(bytes, elementType, valueAt)
    }
    return this.all
  }
}

/** The element equal to a value. */
export function equalElement(operand: EncodedValue): ElementPredicate {
  return (bytes, type, at) => compareValues(bytes, type, at, operand.bytes, operand.type, operand.at) === 0
}
