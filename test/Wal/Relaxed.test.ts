import { assert, describe, it } from "@effect/vitest"
import { append, appendRelaxed, freshLog, Machine } from "./Harness.ts"

describe("Log: relaxed records", () => {
  it("are written with the next record that is not, in their order, by one write", () => {
    const { machine, volume, log } = freshLog()
    append(log, 8)
    machine.settle()
    const operations: Array<string> = []
    volume.onOperation(({ operation }) => operations.push(operation))
    appendRelaxed(log, 10)
    appendRelaxed(log, 20)
    machine.settle()
    assert.deepStrictEqual(operations, [])
    append(log, 30)
    machine.settle()
    assert.deepStrictEqual(operations, ["write", "sync", "syncCompletes"])
    assert.strictEqual(log.durableLsn, 4)
    const { records } = new Machine(volume.crash(1)).open()
    assert.deepStrictEqual(
      records.map(({ lsn, body }) => `${lsn}: ${body.length}`),
      ["1: 8", "2: 10", "3: 20", "4: 30"]
    )
  })

  it("are written when they are asked for, and when they fill a quarter of the staging", () => {
    const { machine, log } = freshLog({ stagingBytesMax: 4096 })
    appendRelaxed(log, 10)
    machine.settle()
    assert.strictEqual(log.durableLsn, 0)
    log.sync()
    machine.settle()
    assert.strictEqual(log.durableLsn, 1)
    while (log.lastLsn < 20) {
      assert.strictEqual(log.admit(2000), "admitted")
      appendRelaxed(log, 200)
      machine.settle()
    }
    assert.isAtLeast(log.durableLsn, 16)
  })

  it("go along with a group while a sync is in flight, and are sealed when the log is closed", () => {
    const { machine, log } = freshLog()
    append(log, 8)
    machine.endTurn()
    appendRelaxed(log, 10)
    machine.settle()
    assert.strictEqual(log.durableLsn, 2)
    appendRelaxed(log, 10)
    log.close(() => {})
    machine.settle()
    assert.strictEqual(log.state, "closed")
    assert.strictEqual(log.durableLsn, 3)
  })
})
