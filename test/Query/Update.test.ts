import { assert, describe, it } from "@effect/vitest"
import { compareValues } from "../../src/Bson/Compare.ts"
import { validate } from "../../src/Bson/Validate.ts"
import { Decimal128, decode, encode, type Value } from "../../src/Bson/Value.ts"
import { Writer } from "../../src/Bson/Writer.ts"
import { isFault } from "../../src/Fault/Fault.ts"
import type { ArrayChange } from "../../src/Query/Ast.ts"
import { Operands } from "../../src/Query/Operands.ts"
import { Shape } from "../../src/Query/Shape.ts"
import { compileUpdate, type PathChange, UpdateRun } from "../../src/Query/UpdateProgram.ts"
import { Random } from "../Storage/Random.ts"

type Document = { readonly [name: string]: Value }
interface Changes {
  readonly set?: Document
  readonly inc?: Document
  readonly unset?: ReadonlyArray<string>
  readonly push?: Document
  readonly addToSet?: Document
  readonly pull?: Document
}

/** The document after the changes, by way of bytes. */
function apply(document: Document, { unset = [], ...changed }: Changes): Record<string, Value> {
  const statement = encode(changed)
  const shape = new Shape()
  shape.scan(0, statement, 0)
  const operands = new Operands()
  operands.load(shape, statement, [])
  const changes: Array<PathChange> = []
  for (const [op, values] of Object.entries(changed) as ReadonlyArray<["set" | "inc" | ArrayChange, Document]>) {
    for (const path of Object.keys(values)) changes.push({ path, change: { op, slot: changes.length } })
  }
  for (const path of unset) changes.push({ path, change: { op: "unset" } })
  const writer = new Writer()
  const before = encode(document)
  new UpdateRun(compileUpdate(changes), operands).apply(before, 0, writer)
  assert.strictEqual(validate(writer.bytes, 0, writer.length), writer.length)
  assert.deepStrictEqual(before, encode(document), "the document is left as it was")
  return decode(writer.bytes, 0)
}

function refusal(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (isFault(error, "InvalidUpdate") || isFault(error, "InvalidStatement")) return error.message
    throw error
  }
  throw new Error("it was accepted")
}

describe("an update of bytes", () => {
  it("sets, adds and removes, and leaves the rest where it is", () => {
    const document = { a: 1, b: { c: "x", d: [1, { e: 2 }] }, f: null }
    assert.deepStrictEqual(apply(document, { set: { a: "new" } }), { a: "new", b: { c: "x", d: [1, { e: 2 }] }, f: null })
    assert.deepStrictEqual(apply(document, { set: { "b.d.1.e": 5, "b.d.0": true } }), { a: 1, b: { c: "x", d: [true, { e: 5 }] }, f: null })
    assert.deepStrictEqual(apply(document, { set: { "g.h.i": 1 }, unset: ["a", "b.c"] }), {
      b: { d: [1, { e: 2 }] },
      f: null,
      g: { h: { i: 1 } }
    })
    assert.deepStrictEqual(apply(document, { inc: { a: 2, n: 5, "b.m": 1n }, unset: ["nothing", "b.nothing.x", "a2.b"] }), {
      a: 3,
      b: { c: "x", d: [1, { e: 2 }], m: 1n },
      f: null,
      n: 5
    })
    assert.deepStrictEqual(Object.keys(apply({ z: 1, y: 2 }, { set: { y: 3, x: 4 } })), ["z", "y", "x"])
  })

  it("appends to arrays, adds what is not in yet, and takes elements out", () => {
    assert.deepStrictEqual(apply({ a: [1], z: 0 }, { push: { a: "x" } }), { a: [1, "x"], z: 0 })
    assert.deepStrictEqual(apply({ a: [1] }, { push: { a: { $each: [2, [3]] }, "b.c": 5 } }), { a: [1, 2, [3]], b: { c: [5] } })
    assert.deepStrictEqual(apply({ a: [1] }, { push: { a: [2, 3] } }), { a: [1, [2, 3]] })
    assert.deepStrictEqual(apply({ a: [1, "b"] }, { addToSet: { a: { $each: [Decimal128.fromString("1.0"), "c", "c"] } } }), {
      a: [1, "b", "c"]
    })
    assert.deepStrictEqual(apply({}, { addToSet: { a: { x: 1 } } }), { a: [{ x: 1 }] })
    assert.deepStrictEqual(apply({ a: [1, 2, 1, "x"] }, { pull: { a: 1 } }), { a: [2, "x"] })
    assert.deepStrictEqual(apply({ a: [1, 2, 3] }, { pull: { a: { $each: [3, 1] }, nothing: 5, "b.c": 1 } }), { a: [2] })
    const lines = [{ q: 1 }, { q: 5 }, 7]
    assert.deepStrictEqual(apply({ lines }, { pull: { lines: { $any: { q: { $lt: 5 } } } } }), { lines: [{ q: 5 }, 7] })
    assert.deepStrictEqual(apply({ lines }, { pull: { lines: { $any: { $gte: 7 } } } }), { lines: [{ q: 1 }, { q: 5 }] })
    assert.deepStrictEqual(
      apply({ a: Array.from({ length: 12 }, (_, n) => n) }, { pull: { a: 0 } })["a"],
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
    )
  })

  it("refuses changes of arrays that do not fit", () => {
    assert.include(
      refusal(() => apply({ a: 1 }, { push: { a: 1 } })),
      "a is int: push changes arrays"
    )
    assert.include(
      refusal(() => apply({ a: {} }, { pull: { a: 1 } })),
      "a is document: pull changes arrays"
    )
    assert.include(
      refusal(() => apply({}, { push: { a: { $each: 1 } } })),
      "$each takes a list"
    )
    assert.include(
      refusal(() => apply({}, { push: { a: { $any: {} } } })),
      "push knows $each, not $any"
    )
    assert.include(
      refusal(() => apply({}, { pull: { a: { $any: { x: { $gtt: 1 } } } } })),
      "$gtt is no operator"
    )
    assert.include(
      refusal(() => apply({}, { push: { a: { $each: [], $slice: 1 } } })),
      "$each stands alone"
    )
  })

  it("agrees with changes of plain objects", () => {
    const random = new Random(11)
    for (let round = 0; round < 2000; round++) {
      const document = randomDocument(random, 3)
      const changes: { set: Record<string, Value>; unset: Array<string> } = { set: {}, unset: [] }
      const taken: Array<string> = []
      for (let index = 0; index < 4; index++) {
        const path = Array.from({ length: 1 + random.below(3) }, () => random.pick(["a", "b", "c"])).join(".")
        if (taken.some((other) => `${other}.`.startsWith(`${path}.`) || `${path}.`.startsWith(`${other}.`))) continue
        taken.push(path)
        if (random.chance(60)) changes.set[path] = random.below(100)
        else changes.unset.push(path)
      }
      const expected = structuredClone(document) as Record<string, Value>
      let fits = true
      for (const [path, value] of Object.entries(changes.set)) fits &&= assign(expected, path.split("."), value)
      for (const path of changes.unset) remove(expected, path.split("."))
      if (fits) assert.deepStrictEqual(apply(document, changes), expected)
      else
        assert.match(
          refusal(() => apply(document, changes)),
          /has no fields to change/
        )
    }
  })

  it("adds numbers exactly, in the wider of the two types", () => {
    const decimal = (text: string): Decimal128 => Decimal128.fromString(text)
    const cases: ReadonlyArray<readonly [Value, Value, Value]> = [
      [1, 2, 3],
      [2147483647, 1, 2147483648n],
      [-2147483648, -1, -2147483649n],
      [1n, 2, 3n],
      [9007199254740993n, 1, 9007199254740994n],
      [0.5, 1, 1.5],
      [1, 0.5, 1.5],
      [decimal("1.50"), 2, decimal("3.50")],
      [decimal("0.1"), decimal("0.02"), decimal("0.12")],
      [1, decimal("0.1"), decimal("1.1")],
      [decimal("1E+3"), decimal("1E-3"), decimal("1000.001")],
      [decimal("0E-20"), decimal("1E+60"), decimal("1E+60")],
      [decimal("-1.5"), decimal("1.5"), decimal("0.0")],
      [9223372036854775807n, decimal("1"), decimal("9223372036854775808")],
      [decimal("Infinity"), 1, decimal("Infinity")],
      [decimal("Infinity"), decimal("-Infinity"), decimal("NaN")],
      [decimal("2.5"), 4.5e15, decimal("4500000000000002.5")]
    ]
    for (const [value, amount, sum] of cases) {
      const given = encode({ n: apply({ n: value }, { inc: { n: amount } })["n"] ?? null })
      const expected = encode({ n: sum })
      assert.strictEqual(given[4], expected[4], `${value} + ${amount}: type`)
      assert.strictEqual(compareValues(given, given[4]!, 7, expected, expected[4]!, 7), 0, `${value} + ${amount} = ${sum}`)
    }
  })

  it("refuses what does not fit, and what is not exact", () => {
    const cases: ReadonlyArray<readonly [Document, Changes, RegExp]> = [
      [{ a: 1 }, { set: { "a.b": 1 } }, /a is int: it has no fields to change/],
      [{ a: null }, { inc: { "a.b": 1 } }, /a is null: it has no fields/],
      [{ a: [1] }, { set: { "a.b": 1 } }, /a\.b: the array has no such element/],
      [{ a: [1] }, { set: { "a.1": 1 } }, /a\.1: the array has no such element/],
      [{ a: [1] }, { unset: ["a.0"] }, /which unset cannot take out/],
      [{ a: "1" }, { inc: { a: 1 } }, /a is string: inc adds to numbers/],
      [{ a: null }, { inc: { a: 1 } }, /a is null: inc adds to numbers/],
      [{ a: 9223372036854775807n }, { inc: { a: 1 } }, /beyond 64 bits/],
      [{ a: 9007199254740993n }, { inc: { a: 0.5 } }, /no exact double/],
      [{ a: 1 }, { set: { a: 1, "a.b": 2 } }, /a is changed twice, or as a whole and in part/],
      [{ a: 1 }, { set: { a: 1 }, inc: { a: 2 } }, /a is changed twice/],
      [{ a: 1 }, { set: { _id: 1 } }, /_id never changes/],
      [{ a: 1 }, { unset: ["_id.x"] }, /_id never changes/],
      [{ a: Decimal128.fromString("1E+60") }, { inc: { a: Decimal128.fromString("1") } }, /more than the 34 digits/],
      [{ a: Decimal128.fromString("1E+6000") }, { inc: { a: Decimal128.fromString("1") } }, /more than the 34 digits/],
      [{ a: Decimal128.fromString("1") }, { inc: { a: 0.5 } }, /not exact as a decimal/]
    ]
    for (const [document, changes, message] of cases)
      assert.match(
        refusal(() => apply(document, changes)),
        message
      )
  })
})

function randomDocument(random: Random, depth: number): Document {
  const document: Record<string, Value> = {}
  for (const name of ["a", "b", "c"]) {
    if (random.chance(40)) document[name] = depth > 0 && random.chance(60) ? randomDocument(random, depth - 1) : random.below(10)
  }
  return document
}

/** Sets a path of a plain object; false when something on the way is no object. */
function assign(target: Record<string, Value>, [name = "", ...rest]: ReadonlyArray<string>, value: Value): boolean {
  if (rest.length === 0) {
    target[name] = value
    return true
  }
  const inner = target[name] ?? {}
  if (typeof inner !== "object") return false
  target[name] = inner
  return assign(inner as Record<string, Value>, rest, value)
}

function remove(target: Record<string, Value>, [name = "", ...rest]: ReadonlyArray<string>): void {
  const inner = target[name]
  if (rest.length === 0) delete target[name]
  else if (typeof inner === "object" && inner !== null) remove(inner as Record<string, Value>, rest)
}
