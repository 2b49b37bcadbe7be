import { assert, describe, it } from "@effect/vitest"
import * as Type from "../../src/Bson/Type.ts"
import { encode, Key, ObjectId, type Value } from "../../src/Bson/Value.ts"
import { firstElement, valueOffset } from "../../src/Bson/View.ts"
import { PLACES, VALUE_BYTES_MAX, ValueLinks } from "../../src/Query/ValueLinks.ts"

interface Met {
  readonly bytes: Uint8Array
  readonly type: number
  readonly at: number
}

function met(value: Value): Met {
  const bytes = encode({ value })
  return { bytes, type: bytes[firstElement(0)]!, at: valueOffset(bytes, firstElement(0)) }
}

const keyOf = (number: number): Uint8Array => Uint8Array.from({ length: 16 }, (_, index) => (number * 31 + index * 7) & 255)
const placeOf = (number: number) => ({ segment: 1 + (number % 5), offset: 2 ** 33 + number * 8, lsn: 1, length: 9 })

function add(links: ValueLinks, store: number, { at, bytes, type }: Met, number: number): void {
  links.add(store, bytes, type, at, keyOf(number), placeOf(number))
}

/** The number that a value was added with in a store, by its key and its place. */
function found(links: ValueLinks, store: number, { at, bytes, type }: Met, numbers: number): number | undefined {
  const keyAt = links.find(store, bytes, type, at)
  if (keyAt < 0) return undefined
  const key = [...links.keys.subarray(keyAt, keyAt + 16)]
  for (let number = 0; number < numbers; number++)
    if (links.ledTo(keyAt, placeOf(number)) && keyOf(number).every((byte, index) => byte === key[index])) return number
  throw new Error("key and place are of no number")
}

describe("ValueLinks", () => {
  it("tells apart values that differ in anything: type, length, or one byte", () => {
    const texts = ["", "a", "b", "ab", "abc", "abcd", "abcde", "abcdé", "abcdefgh", "abcdefgi", "x".repeat(VALUE_BYTES_MAX)]
    const others: ReadonlyArray<Value> = [7, 8, 7n, true, false, new Date(7), new ObjectId(new Uint8Array(12).fill(1)), new Key(keyOf(1))]
    const values = [...texts, ...others].map(met)
    const links = new ValueLinks()
    assert.isTrue(values.every((value) => found(links, 1, value, 99) === undefined))
    values.forEach((value, number) => add(links, 1, value, number))
    assert.deepStrictEqual(
      values.map((value) => found(links, 1, value, 99)),
      values.map((_, number) => number)
    )
    assert.isTrue(values.every((value) => found(links, 2, value, 99) === undefined))
  })

  it("has what was added last of a value, wherever it is met", () => {
    const links = new ValueLinks()
    add(links, 1, met("customer-1"), 3)
    add(links, 1, met("customer-1"), 4)
    const bytes = encode({ more: "in front", value: "customer-1" })
    const at = valueOffset(bytes, valueOffset(bytes, firstElement(0)) + 4 + "in front".length + 1)
    assert.strictEqual(found(links, 1, { bytes, type: Type.STRING, at }, 99), 4)
  })

  it("keeps nothing of long values, nor of documents without a place", () => {
    const links = new ValueLinks()
    add(links, 1, met("x".repeat(VALUE_BYTES_MAX + 1)), 1)
    add(links, 1, met({ a: 1 }), 1)
    const { at, bytes, type } = met("short")
    links.add(1, bytes, type, at, keyOf(1), { ...placeOf(1), segment: 0 })
    for (const value of ["x".repeat(VALUE_BYTES_MAX + 1), { a: 1 }, "short"]) assert.isUndefined(found(links, 1, met(value), 99))
  })

  it("says nothing wrong of more values than it keeps, and keeps most of fewer", () => {
    const links = new ValueLinks()
    const count = 2 * PLACES
    for (let number = 0; number < count; number++) add(links, 1, met(`c${number}`), number)
    let kept = 0
    let wrong = 0
    for (let number = 0; number < count; number++) {
      const { at, bytes, type } = met(`c${number}`)
      const keyAt = links.find(1, bytes, type, at)
      if (keyAt < 0) continue
      kept++
      if (!links.ledTo(keyAt, placeOf(number)) || links.ledTo(keyAt, placeOf(number + 1))) wrong++
    }
    assert.strictEqual(wrong, 0)
    assert.isAbove(kept, PLACES / 2)
    const few = new ValueLinks()
    for (let number = 0; number < 1000; number++) add(few, 1, met(`c${number}`), number)
    const missing = Array.from({ length: 1000 }, (_, number) => found(few, 1, met(`c${number}`), 1000)).filter((it) => it === undefined)
    assert.isBelow(missing.length, 80)
  })
})
