import { assert, describe, it } from "@effect/vitest"
import { append, freshLog, Machine } from "./Harness.ts"

describe("Log: a segment that is full", () => {
  it("cuts a segment later that the system refuses to cut for want of room, and seals it then", () => {
    const { machine, volume, log } = freshLog()
    for (let count = 0; count < 3; count++) append(log, 1000)
    machine.settle()
    const sealed: Array<number> = []
    log.onSeal((segment) => sealed.push(segment.lastLsn))
    volume.failWhen(({ operation }) => (operation === "truncate" ? "ENOSPC" : undefined))
    for (let count = 0; count < 8; count++) append(log, 1000)
    machine.settle()
    assert.strictEqual(log.state, "full")
    assert.strictEqual(log.durableLsn, 3)
    log.retry()
    machine.settle()
    assert.strictEqual(log.state, "full", "still no room")
    assert.deepStrictEqual(sealed, [])
    volume.heal()
    log.retry()
    machine.settle()
    assert.strictEqual(log.state, "open")
    assert.strictEqual(log.durableLsn, 11)
    assert.isAbove(sealed.length, 1)
    assert.deepStrictEqual(
      sealed,
      sealed.toSorted((a, b) => a - b)
    )
    const { records } = new Machine(volume.crash(1)).open()
    assert.strictEqual(records.length, 11)
  })

  it("is poisoned by a sync that fails beside a segment that was not cut", () => {
    const { machine, volume, log } = freshLog()
    for (let count = 0; count < 3; count++) append(log, 1000)
    machine.settle()
    volume.failWhen(({ operation }) => (operation === "truncate" ? "ENOSPC" : operation === "syncCompletes" ? "EIO" : undefined))
    for (let count = 0; count < 4; count++) append(log, 1000)
    machine.settle()
    assert.strictEqual(log.state, "poisoned")
  })
})
