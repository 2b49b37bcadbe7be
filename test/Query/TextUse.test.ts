import { assert, describe, it } from "@effect/vitest"
import { ByteSink } from "../../src/Bson/ByteSink.ts"
import { RowTexts } from "../../src/Query/RowTexts.ts"
import { RESTS_MAX, ROWS_PER_FOUND, TextUse, TextUses, TRIAL_ROWS } from "../../src/Query/TextUse.ts"

const KIB = 1024
const ROWS = 64
const TRIAL_STATEMENTS = TRIAL_ROWS / ROWS
/** Where nothing lies that anybody has written. */
const FAR = 1_000_000_000

/** Texts with no room for more. */
function full(): RowTexts {
  const texts = new RowTexts(64 * KIB)
  const sink = new ByteSink()
  for (let byte = 0; byte < 100; byte++) sink.byte(0x61)
  for (let number = 0; number < 2000; number++) texts.add(sink, 0, 1, number * 128)
  assert.isTrue(texts.isFull)
  // Twice: now it is kept.
  for (let time = 0; time < 2; time++) texts.add(sink, 0, 2, 0)
  return texts
}

/** Runs statements of `ROWS` rows, `known` of which are there; which of the statements asked. */
function run(use: TextUse, statements: number, known: number): ReadonlyArray<boolean> {
  const sink = new ByteSink()
  return Array.from({ length: statements }, () => {
    const asking = use.begin()
    if (asking === undefined) return false
    sink.reset()
    for (let row = 0; row < ROWS; row++) asking.write(sink, 2, row < known ? 0 : FAR + row * 128)
    return true
  })
}

const countOf = (asked: ReadonlyArray<boolean>, which: boolean): number => asked.filter((it) => it === which).length

describe("TextUse", () => {
  it("asks for every text while there is room for more, found or not", () => {
    const use = new TextUse(new RowTexts(64 * KIB))
    assert.strictEqual(countOf(run(use, 10 * TRIAL_STATEMENTS, 0), true), 10 * TRIAL_STATEMENTS)
  })

  it("asks for every text as long as enough of them are found", () => {
    const use = new TextUse(full())
    assert.strictEqual(countOf(run(use, 10 * TRIAL_STATEMENTS, ROWS / ROWS_PER_FOUND), true), 10 * TRIAL_STATEMENTS)
  })

  it("does without after a trial that found too few, longer after each, and never for good", () => {
    const use = new TextUse(full())
    let rests = 1
    for (let trial = 0; trial < 8; trial++) {
      assert.strictEqual(countOf(run(use, TRIAL_STATEMENTS, ROWS / ROWS_PER_FOUND - 1), true), TRIAL_STATEMENTS)
      assert.strictEqual(countOf(run(use, TRIAL_STATEMENTS * rests, ROWS), false), TRIAL_STATEMENTS * rests)
      rests = Math.min(RESTS_MAX, rests * 2)
    }
  })

  it("asks for every text again once a trial has found enough, and begins with a short rest when that is over", () => {
    const use = new TextUse(full())
    const rest = (): number => {
      let statements = 0
      while (run(use, 1, ROWS)[0] === false) statements++
      return statements
    }
    const rests = Array.from({ length: 3 }, () => {
      run(use, TRIAL_STATEMENTS - 1, 0)
      run(use, 1, 0)
      const statements = rest()
      // The statement that ended the rest found all of its rows: the trial goes on.
      run(use, TRIAL_STATEMENTS - 1, ROWS)
      return statements
    })
    assert.deepStrictEqual(rests, [TRIAL_STATEMENTS, TRIAL_STATEMENTS, TRIAL_STATEMENTS])
  })

  it("is told apart by what it is known by: one that finds nothing keeps nobody else from asking", () => {
    const uses = new TextUses(full())
    const sink = new ByteSink()
    const [one, other] = [{}, {}]
    let asked = 0
    for (let statement = 0; statement < 3 * TRIAL_STATEMENTS; statement++) {
      const asking = uses.begin(one)
      for (let row = 0; row < ROWS; row++) asking?.write(sink, 2, FAR + row * 128)
      if (uses.begin(other)?.write(sink, 2, 0) === true) asked++
      sink.reset()
    }
    assert.isUndefined(uses.begin(one))
    assert.strictEqual(asked, 3 * TRIAL_STATEMENTS)
  })
})
