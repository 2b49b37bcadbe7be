import { assert, describe, it } from "@effect/vitest"
import type { Exchange } from "../../src/Http/Exchange.ts"
import { Outbox } from "../../src/Http/Outbox.ts"

/** An outbox whose turns the test ends, over exchanges that are names. */
const makeOutbox = (heldMax: number, isRefused: (name: string) => boolean = () => false) => {
  const sent: Array<string> = []
  const failed: Array<string> = []
  const tasks: Array<() => void> = []
  const clock = { ms: 5 }
  const name = (exchange: Exchange) => exchange.requestId
  const outbox: Outbox = new Outbox(heldMax, {
    send: (exchange) => {
      if (isRefused(name(exchange))) throw new Error("a field no header may have")
      sent.push(name(exchange))
    },
    failed: (exchange) => {
      failed.push(name(exchange))
      hold(`problem of ${name(exchange)}`)
    },
    nowMs: () => clock.ms,
    afterTurn: (task) => void tasks.push(task)
  })
  const hold = (requestId: string) => outbox.hold({ requestId } as Exchange)
  const endTurn = () => {
    for (const task of tasks.splice(0)) task()
  }
  return { hold, endTurn, sent, failed, tasks, clock }
}

describe("Outbox", () => {
  it("holds answers to the end of the turn and sends them in order", () => {
    const { hold, endTurn, sent, tasks } = makeOutbox(10)
    for (const name of ["a", "b", "c"]) hold(name)
    assert.deepStrictEqual(sent, [])
    assert.strictEqual(tasks.length, 1)
    endTurn()
    assert.deepStrictEqual(sent, ["a", "b", "c"])
  })

  it("sends each answer once, whatever turns end", () => {
    const { hold, endTurn, sent } = makeOutbox(10)
    hold("a")
    endTurn()
    endTurn()
    hold("b")
    endTurn()
    assert.deepStrictEqual(sent, ["a", "b"])
  })

  it("sends at once when it holds as many as it may", () => {
    const { hold, endTurn, sent } = makeOutbox(2)
    for (const name of ["a", "b", "c"]) hold(name)
    assert.deepStrictEqual(sent, ["a", "b"])
    endTurn()
    assert.deepStrictEqual(sent, ["a", "b", "c"])
  })

  it("sends each at once when it may hold but one", () => {
    const { hold, sent } = makeOutbox(1)
    hold("a")
    assert.deepStrictEqual(sent, ["a"])
    hold("b")
    assert.deepStrictEqual(sent, ["a", "b"])
  })

  it("sends at once what was held for two milliseconds", () => {
    const { hold, sent, clock } = makeOutbox(10)
    hold("a")
    clock.ms += 1
    hold("b")
    assert.deepStrictEqual(sent, [])
    clock.ms += 1
    hold("c")
    assert.deepStrictEqual(sent, ["a", "b", "c"])
  })

  for (const heldMax of [1, 10]) {
    it(`answers a failure to send apart, and sends the others, holding ${heldMax} at most`, () => {
      const { hold, endTurn, sent, failed } = makeOutbox(heldMax, (name) => name === "b")
      for (const name of ["a", "b", "c"]) hold(name)
      endTurn()
      endTurn()
      assert.deepStrictEqual(failed, ["b"])
      assert.deepStrictEqual(sent.toSorted(), ["a", "c", "problem of b"])
    })
  }
})
