/** The checker of histories: it accepts what one register could have done, and refuses what none could. */
import { assert, describe, it } from "@effect/vitest"
import { Random } from "../../src/Disk/Random.ts"
import { type Call, isLinearizable, type Operation, UNWRITTEN } from "./Linearizability.ts"

const write = (value: number, begin: number, end: number): Operation => ({ kind: "write", value, outcome: "done", begin, end })
const lostWrite = (value: number, begin: number, end: number): Operation => ({ kind: "write", value, outcome: undefined, begin, end })
const read = (outcome: number, begin: number, end: number): Operation => ({ kind: "read", outcome, begin, end })
const swap = (expected: number, value: number, outcome: number | "swapped" | undefined, begin: number, end: number): Operation => ({
  kind: "swap",
  expected,
  value,
  outcome,
  begin,
  end
})

const accepted = (...history: ReadonlyArray<Operation>): void => assert.isTrue(isLinearizable(history))
const refused = (...history: ReadonlyArray<Operation>): void => assert.isFalse(isLinearizable(history))

describe("the checker of histories accepts", () => {
  it("nothing, and what happened one after the other", () => {
    accepted()
    accepted(read(UNWRITTEN, 0, 1), write(5, 2, 3), read(5, 4, 5), swap(5, 6, "swapped", 6, 7), swap(5, 7, 6, 8, 9), read(6, 10, 11))
  })

  it("either value during a write", () => {
    accepted(write(1, 0, 1), write(2, 2, 9), read(1, 3, 4), read(2, 5, 6))
  })

  it("a write without an outcome that happened, early or late, and one that did not", () => {
    accepted(write(1, 0, 1), lostWrite(2, 2, 10), read(2, 3, 4), read(2, 11, 12))
    accepted(write(1, 0, 1), lostWrite(2, 2, 10), read(1, 3, 4), read(2, 11, 12))
    accepted(write(1, 0, 1), lostWrite(2, 2, 10), read(1, 3, 4), read(1, 11, 12))
  })
})

describe("the checker of histories refuses", () => {
  it("a stale read", () => refused(write(1, 0, 1), write(2, 2, 3), read(1, 4, 5)))

  it("a value that nobody wrote", () => refused(write(1, 0, 1), read(7, 2, 3)))

  it("a value that comes back", () => refused(write(1, 0, 1), write(2, 2, 9), read(2, 3, 4), read(1, 5, 6)))

  it("an acknowledged write that a crash took back", () => refused(write(1, 0, 1), write(2, 2, 3), read(1, 20, 21)))

  it("a read that a crash made untrue", () => refused(write(1, 0, 1), lostWrite(2, 2, 10), read(2, 3, 4), read(1, 11, 12)))

  it("a write of a dead process that happens after its death", () =>
    refused(write(1, 0, 1), lostWrite(2, 2, 10), read(1, 11, 12), read(2, 13, 14)))

  it("two swaps that both found the same value", () =>
    refused(write(1, 0, 1), swap(1, 2, "swapped", 2, 9), swap(1, 3, "swapped", 3, 8), read(3, 10, 11)))

  it("a swap that was refused although it fitted", () => refused(write(1, 0, 1), swap(1, 2, 1, 2, 3)))
})

/** Tries every order: slow, and so simple that it is right. */
function bruteForce(history: ReadonlyArray<Operation>, value = UNWRITTEN): boolean {
  if (history.every(({ outcome }) => outcome === undefined)) return true
  return history.some((operation, index) => {
    const rest = history.toSpliced(index, 1)
    if (rest.some(({ outcome, end }) => outcome !== undefined && end < operation.begin)) return false
    const next = valueAfter(value, operation)
    // Whoever was over before this one began, without an outcome, has had its last chance.
    const left = rest.filter(({ outcome, end }) => outcome !== undefined || end > operation.begin)
    return next !== undefined && bruteForce(left, next)
  })
}

function valueAfter(value: number, call: Call): number | undefined {
  if (call.kind === "read") return call.outcome === undefined || call.outcome === value ? value : undefined
  if (call.kind === "write") return call.value
  const fits = call.expected === value
  if (call.outcome === undefined) return fits ? call.value : value
  return (call.outcome === "swapped") === fits && (fits || call.outcome === value) ? (fits ? call.value : value) : undefined
}

/** What clients of a real register would have recorded; a share of it is falsified. */
function randomHistory(random: Random, count: number, falsehood: number): ReadonlyArray<Operation> {
  let value = UNWRITTEN
  return Array.from({ length: count }, (_, index): Operation => {
    const moment = index * 10
    const begin = moment - random.below(30) - index / 1000
    const end = moment + random.below(30) + 0.5 + index / 1000
    const isUnknown = random.chance(0.2)
    const happens = !isUnknown || random.chance(0.5)
    const wrong = random.chance(falsehood) ? 1 : 0
    const kind = random.below(3)
    const next = random.below(3)
    if (kind === 0) return { kind: "read", outcome: isUnknown ? undefined : value + wrong, begin, end }
    if (kind === 1) {
      if (happens && wrong === 0) value = next
      return { kind: "write", value: next, outcome: isUnknown ? undefined : "done", begin, end }
    }
    const expected = random.below(3)
    const fits = expected === value
    const outcome = isUnknown ? undefined : fits ? "swapped" : value
    if (fits && happens && wrong === 0) value = next
    return { kind: "swap", expected, value: next, outcome, begin, end }
  })
}

describe("the checker of random histories", () => {
  it("accepts every one that a register gave", () => {
    const random = new Random(1)
    for (let run = 0; run < 200; run++) assert.isTrue(isLinearizable(randomHistory(random, 60, 0)), `run ${run}`)
  })

  it("says of short ones what trying every order says", () => {
    const random = new Random(2)
    const verdicts = { true: 0, false: 0 }
    for (let run = 0; run < 1500; run++) {
      const history = randomHistory(random, 7, 0.3)
      const verdict = bruteForce(history)
      assert.strictEqual(isLinearizable(history), verdict, JSON.stringify(history))
      verdicts[`${verdict}`]++
    }
    assert.isAbove(verdicts.true, 300)
    assert.isAbove(verdicts.false, 300)
  })
})
