import { assert, describe, it } from "@effect/vitest"
import type { SealedSegment } from "../../src/Wal/OpenSegment.ts"
import { BODY_BYTES_MAX, KIND_DDL, KIND_EPOCH, KIND_NOOP, RECORD_HEADER_BYTES } from "../../src/Wal/Record.ts"
import { decodeFooter, decodeHeader, FOOTER_BYTES, RECORDS_AT } from "../../src/Wal/Segment.ts"
import { append, bodyFor, DIRECTORY, freshLog, Machine, readAll, segmentFiles } from "./Harness.ts"

describe("Log: group commit", () => {
  it("numbers records from 1 without gaps", () => {
    const { log } = freshLog()
    assert.deepStrictEqual([append(log, 10), append(log, 0), append(log, 300)], [1, 2, 3])
    assert.strictEqual(log.lastLsn, 3)
    assert.strictEqual(log.durableLsn, 0)
  })

  it("writes one group at the end of the turn, by one write, and calls it durable when its sync completes", () => {
    const { machine, volume, log } = freshLog()
    append(log, 8)
    machine.settle()
    const told: Array<number> = []
    log.onDurable((lsn) => told.push(lsn))
    const operations: Array<string> = []
    volume.onOperation(({ operation }) => operations.push(operation))
    append(log, 10)
    append(log, 20)
    assert.deepStrictEqual(operations, [])
    machine.endTurn()
    assert.deepStrictEqual(operations, ["write", "sync"])
    assert.deepStrictEqual(told, [])
    machine.settle()
    assert.deepStrictEqual(told, [3])
    assert.strictEqual(log.durableLsn, 3)
  })

  it("fills the next group while a sync is in flight and writes it when that completes", () => {
    const { machine, volume, log } = freshLog()
    append(log, 8)
    machine.settle()
    append(log, 10)
    machine.endTurn()
    const operations: Array<string> = []
    volume.onOperation(({ operation }) => operations.push(operation))
    append(log, 10)
    machine.endTurn()
    append(log, 10)
    machine.endTurn()
    assert.deepStrictEqual(operations, [], "nothing is written while the sync is in flight")
    volume.pump()
    assert.deepStrictEqual(operations, ["syncCompletes", "write", "sync"])
    assert.strictEqual(log.durableLsn, 2, "the sync covered only what was written before it was called")
    machine.settle()
    assert.strictEqual(log.durableLsn, 4)
  })

  it("writes into every record what was durable when it was appended", () => {
    const { machine, log } = freshLog()
    append(log, 8)
    append(log, 8)
    machine.settle()
    append(log, 8)
    machine.settle()
    const { records } = new Machine(machine.volume.crash(1)).open()
    assert.deepStrictEqual(
      records.map((record) => record.durableLsn),
      [0, 0, 2]
    )
  })

  it("keeps kind, flags, commit time and the first bytes of the body", () => {
    const { machine, log } = freshLog()
    log.append(KIND_DDL, 1, 1234, bodyFor(1, 100), 40)
    machine.settle()
    const { records } = new Machine(machine.volume.crash(1)).open()
    assert.deepStrictEqual(records, [
      { lsn: 1, kind: KIND_DDL, flags: 1, epoch: 1, commitTimeMs: 1234, durableLsn: 0, body: bodyFor(1, 100).slice(0, 40) }
    ])
  })

  it("does not keep the caller's buffer", () => {
    const { machine, log } = freshLog()
    const body = bodyFor(1, 1000)
    append(log, body)
    body.fill(0)
    machine.settle()
    assert.deepStrictEqual(new Machine(machine.volume.crash(1)).open().records[0]!.body, bodyFor(1, 1000))
  })

  it("raises the epoch with an epoch record", () => {
    const { machine, log } = freshLog()
    append(log, 8)
    append(log, 0, KIND_EPOCH)
    append(log, 0, KIND_NOOP)
    machine.settle()
    const again = new Machine(machine.volume.crash(1)).open()
    assert.deepStrictEqual(
      again.records.map((record) => record.epoch),
      [1, 2, 2]
    )
    assert.strictEqual(again.log.epoch, 2)
  })

  it("detaches and reports a listener that throws; the log and the others go on", () => {
    const { machine, log } = freshLog()
    const told: Array<number> = []
    let calls = 0
    log.onDurable(() => {
      calls++
      throw new Error("listener")
    })
    log.onDurable((lsn) => told.push(lsn))
    append(log, 8)
    machine.settle()
    append(log, 8)
    machine.settle()
    assert.deepStrictEqual(told, [1, 2])
    assert.strictEqual(calls, 1)
    assert.match(String(machine.reported[0]), /listener/)
    assert.strictEqual(log.state, "open")
  })
})

describe("Log: admission", () => {
  it("asks to wait while the staging is full, until the next group is durable", () => {
    const { machine, volume, log } = freshLog({ stagingBytesMax: 1000 })
    append(log, 8)
    machine.settle()
    append(log, 400)
    assert.strictEqual(log.admit(400), "admitted")
    append(log, 400)
    assert.strictEqual(log.admit(400), "wait")
    assert.strictEqual(log.takes(400), "admitted", "of who was let in before")
    machine.endTurn()
    volume.pump()
    assert.strictEqual(log.admit(400), "admitted")
  })

  it("takes a record of a writer that was let in although it came out longer than there is room for", () => {
    const { machine, log } = freshLog({ stagingBytesMax: 1000 })
    append(log, 400)
    assert.strictEqual(log.admit(300), "admitted")
    append(log, 5000)
    append(log, 8)
    assert.strictEqual(log.admit(8), "wait")
    machine.settle()
    assert.strictEqual(log.durableLsn, 3)
    assert.strictEqual(log.admit(8), "admitted")
  })

  it("refuses a record beyond every limit without having changed anything", () => {
    const { log } = freshLog({ stagingBytesMax: 1000 })
    assert.throws(() => append(log, BODY_BYTES_MAX + 1), /NotAdmitted.*tooLarge/)
    assert.strictEqual(log.lastLsn, 0, "nothing was appended")
  })

  it("admits a record longer than the staging alone, and refuses one beyond every limit", () => {
    const { machine, log } = freshLog({ stagingBytesMax: 1000 })
    assert.strictEqual(log.admit(5000), "admitted")
    append(log, 8)
    assert.strictEqual(log.admit(5000), "wait")
    machine.settle()
    append(log, 5000)
    machine.settle()
    assert.strictEqual(log.durableLsn, 2)
    assert.strictEqual(log.admit(BODY_BYTES_MAX + 1), "tooLarge")
  })
})

describe("Log: segments", () => {
  it("begins a new one when a record does not fit, and seals the one before", () => {
    const { machine, volume, log } = freshLog()
    const sealed: Array<SealedSegment> = []
    log.onSeal((segment) => sealed.push(segment))
    for (let count = 0; count < 20; count++) {
      append(log, 1000)
      machine.settle()
    }
    const files = segmentFiles(volume)
    // 8192 bytes: 4096 of header, 3 records of 1056, 64 of footer.
    assert.strictEqual(files.length, 7)
    assert.deepStrictEqual(
      sealed.map(({ firstLsn, lastLsn }) => [firstLsn, lastLsn]),
      [1, 4, 7, 10, 13, 16].map((first) => [first, first + 2])
    )
    assert.deepStrictEqual(
      sealed.map(({ path }) => path),
      files.slice(0, 6)
    )
    const bytes = readAll(volume, files[0]!)
    const header = decodeHeader(bytes)!
    const offset = bytes.length - FOOTER_BYTES
    assert.strictEqual(offset, RECORDS_AT + 3 * (RECORD_HEADER_BYTES + 1000))
    const footer = decodeFooter(bytes, new DataView(bytes.buffer), offset, offset, header.salt)!
    assert.deepInclude(footer, { firstLsn: 1, lastLsn: 3, firstCommitTimeMs: 1000, lastCommitTimeMs: 1002, epoch: 1 })
  })

  it("is closed at the length that was asked for, a quarter of the greatest at the least", () => {
    const { machine, volume, log } = freshLog({ segmentBytesMax: 64 * 1024 })
    const lengthOf = (bytes: number): number => {
      log.segmentBytes = bytes
      const before = segmentFiles(volume).length
      while (segmentFiles(volume).length < before + 2) {
        append(log, 1000)
        machine.settle()
      }
      return readAll(volume, segmentFiles(volume).at(-2)!).length
    }
    const asked = [1e9, 32 * 1024, 1].map(lengthOf)
    for (const [index, longest] of [64 * 1024, 32 * 1024, 16 * 1024].entries()) {
      assert.isAtMost(asked[index]!, longest)
      assert.isAbove(asked[index]!, longest - 2000)
    }
  })

  it("prepares the next one, zero-filled and synced, when the open one is half full", () => {
    const { machine, volume, log } = freshLog()
    append(log, 1000)
    machine.settle()
    assert.notInclude(volume.list(DIRECTORY), "next.new")
    append(log, 1000)
    machine.settle()
    assert.include(volume.list(DIRECTORY), "next.new")
    const image = volume.crash(1)
    const spare = readAll(image, `${DIRECTORY}/next.new`)
    assert.strictEqual(spare.length, 8192, "header and zeros up to the size of a segment")
    assert.isDefined(decodeHeader(spare))
  })

  it("costs the group that begins a prepared one no more than a rename and the syncs that run beside its own", () => {
    const { machine, volume, log } = freshLog()
    for (let count = 0; count < 3; count++) {
      append(log, 1000)
      machine.settle()
    }
    const operations: Array<string> = []
    volume.onOperation(({ operation }) => operations.push(operation))
    append(log, 1000)
    machine.endTurn()
    assert.deepStrictEqual(operations, ["write", "rename", "write", "truncate", "sync", "sync", "syncDirectory"])
    volume.pump()
    volume.pump()
    assert.strictEqual(log.durableLsn, 3, "not durable before the name is")
    volume.pump()
    assert.strictEqual(log.durableLsn, 4)
  })

  it("gives a record that fits in no segment one of its own", () => {
    const { machine, volume, log } = freshLog()
    append(log, 10)
    append(log, 50_000)
    append(log, 10)
    machine.settle()
    assert.strictEqual(log.durableLsn, 3)
    assert.strictEqual(segmentFiles(volume).length, 3)
    const { records } = new Machine(volume.crash(1)).open()
    assert.deepStrictEqual(
      records.map((record) => record.body.length),
      [10, 50_000, 10]
    )
  })

  it("can have records staged for several segments at once", () => {
    const { machine, volume, log } = freshLog()
    for (let count = 0; count < 30; count++) append(log, 1500)
    machine.settle()
    assert.strictEqual(log.durableLsn, 30)
    const { records } = new Machine(volume.crash(1)).open()
    assert.strictEqual(records.length, 30)
    for (const record of records) assert.deepStrictEqual(record.body, bodyFor(record.lsn, 1500))
  })

  it("rotates on demand: what was appended so far is sealed, what follows lies in a new one", () => {
    const { machine, volume, log } = freshLog()
    append(log, 10)
    let done = false
    log.rotate((fault) => {
      assert.isUndefined(fault)
      done = true
    })
    append(log, 10)
    assert.isFalse(done)
    machine.settle()
    assert.isTrue(done)
    assert.strictEqual(segmentFiles(volume).length, 2)
    assert.deepStrictEqual(
      log.sealedSegments.map(({ firstLsn, lastLsn }) => [firstLsn, lastLsn]),
      [[1, 1]]
    )
    done = false
    log.rotate(() => (done = true))
    machine.settle()
    assert.isTrue(done)
    log.rotate(() => (done = true))
    machine.settle()
    assert.strictEqual(segmentFiles(volume).length, 2, "an empty segment is not sealed")
  })

  it("releases whole sealed segments, and keeps the newest of them", () => {
    const { machine, volume, log } = freshLog()
    for (let count = 0; count < 12; count++) append(log, 1000)
    machine.settle()
    log.release(5)
    assert.deepStrictEqual(
      log.sealedSegments.map(({ firstLsn }) => firstLsn),
      [4, 7]
    )
    log.release(12)
    assert.deepStrictEqual(
      log.sealedSegments.map(({ firstLsn }) => firstLsn),
      [7]
    )
    assert.strictEqual(segmentFiles(volume).length, 2)
    const again = new Machine(volume.crash(1)).open(9)
    assert.deepStrictEqual(
      again.records.map(({ lsn }) => lsn),
      [10, 11, 12]
    )
  })

  it("closes sealed, with everything that was appended on disk, and opens again without a copy", () => {
    const { machine, volume, log } = freshLog()
    append(log, 10)
    append(log, 6000)
    let closed = false
    log.close((fault) => {
      assert.isUndefined(fault)
      closed = true
    })
    assert.strictEqual(log.admit(1), "closed")
    machine.settle()
    assert.isTrue(closed)
    assert.strictEqual(log.state, "closed")
    const before = segmentFiles(volume)
    const next = new Machine(volume)
    const operations: Array<string> = []
    volume.onOperation(({ operation }) => operations.push(operation))
    const { records, log: again } = next.open()
    assert.strictEqual(records.length, 2)
    assert.notInclude(operations, "write")
    let closedAgain = false
    again.close(() => (closedAgain = true))
    next.settle()
    assert.isTrue(closedAgain)
    assert.deepStrictEqual(segmentFiles(volume), before, "opening and closing leaves nothing behind")
  })
})

describe("Log: failures", () => {
  const failing = ["syncCompletes", "sync"] as const

  it("is poisoned by a failed sync: nothing more is acknowledged or admitted, and every listener hears of it", () => {
    const { machine, volume, log } = freshLog()
    append(log, 10)
    machine.settle()
    const states: Array<string> = []
    const told: Array<number> = []
    log.onState((state) => states.push(state))
    log.onDurable((lsn) => told.push(lsn))
    volume.failWhen(({ operation }) => (operation === failing[0] ? "EIO" : undefined))
    append(log, 10)
    machine.endTurn()
    append(log, 10)
    machine.settle()
    assert.deepStrictEqual(states, ["poisoned"])
    assert.deepStrictEqual(told, [])
    assert.strictEqual(log.durableLsn, 1)
    assert.strictEqual(log.admit(1), "poisoned")
    assert.strictEqual(log.fault?.reason.code, "EIO")
    volume.heal()
    log.retry()
    machine.settle()
    assert.strictEqual(log.state, "poisoned", "for good")
    let fault: unknown
    log.rotate((failed) => (fault = failed))
    machine.settle()
    assert.strictEqual(fault, log.fault)
  })

  it("is poisoned by a write that fails", () => {
    const { machine, volume, log } = freshLog()
    append(log, 10)
    machine.settle()
    volume.failWhen(({ operation }) => (operation === "write" ? "EIO" : undefined))
    append(log, 10)
    machine.settle()
    assert.strictEqual(log.state, "poisoned")
    let closed: unknown
    log.close((fault) => (closed = fault))
    machine.settle()
    assert.strictEqual(closed, log.fault)
    assert.strictEqual(log.state, "closed")
  })

  it("is read-only without room, keeps the group, and goes on when there is room again", () => {
    const { machine, volume, log } = freshLog()
    append(log, 10)
    machine.settle()
    const states: Array<string> = []
    log.onState((state) => states.push(state))
    volume.failWhen(({ operation }) => (operation === "write" ? "ENOSPC" : undefined))
    append(log, 1000)
    append(log, 1000)
    machine.settle()
    assert.strictEqual(log.state, "full")
    assert.strictEqual(log.admit(10), "full")
    assert.strictEqual(log.durableLsn, 1)
    log.retry()
    machine.settle()
    assert.strictEqual(log.state, "full", "still no room")
    volume.heal()
    log.retry()
    machine.settle()
    assert.deepStrictEqual(states, ["full", "open", "full", "open"])
    assert.strictEqual(log.durableLsn, 3)
    append(log, 10)
    machine.settle()
    const { records } = new Machine(volume.crash(1)).open()
    assert.deepStrictEqual(
      records.map(({ body }) => body.length),
      [10, 1000, 1000, 10]
    )
  })

  it("survives a lack of room at every operation of a rotation", () => {
    for (let offset = 1; offset < 20; offset++) {
      const { machine, volume, log } = freshLog()
      for (let count = 0; count < 3; count++) append(log, 1000)
      machine.settle()
      volume.failAt(volume.operations + offset, "ENOSPC")
      for (let count = 0; count < 4; count++) append(log, 1000)
      machine.settle()
      if (log.state === "full") {
        log.retry()
        machine.settle()
      }
      // A sync that finds no room has failed: what it covered is lost.
      if (log.state === "poisoned") continue
      assert.strictEqual(log.durableLsn, 7, `operation ${offset}`)
      const { records } = new Machine(volume.crash(offset)).open()
      assert.strictEqual(records.length, 7)
    }
  })

  it("does not mind when the next segment cannot be prepared in time", () => {
    const { machine, volume, log } = freshLog()
    append(log, 1000)
    machine.settle()
    volume.failWhen(({ path }) => (path.endsWith("next.new") ? "ENOSPC" : undefined))
    append(log, 1000)
    machine.settle()
    assert.strictEqual(log.state, "open")
    assert.notInclude(volume.list(DIRECTORY), "next.new")
    append(log, 1000)
    machine.settle()
    assert.strictEqual(log.durableLsn, 3)
    append(log, 1000)
    machine.settle()
    assert.strictEqual(log.state, "full", "now it is needed")
    volume.heal()
    log.retry()
    machine.settle()
    assert.strictEqual(log.durableLsn, 4)
  })

  it("tries once more for room when it is closed", () => {
    const { machine, volume, log } = freshLog()
    append(log, 10)
    machine.settle()
    volume.failWhen(({ operation }) => (operation === "write" ? "ENOSPC" : undefined))
    append(log, 10)
    machine.settle()
    assert.strictEqual(log.state, "full")
    volume.heal()
    let closed: unknown = "not yet"
    log.close((fault) => (closed = fault))
    machine.settle()
    assert.isUndefined(closed)
    assert.strictEqual(new Machine(volume).open().records.length, 2)
  })

  it("closes without what could not be written, and says so", () => {
    const { machine, volume, log } = freshLog()
    append(log, 10)
    machine.settle()
    volume.failWhen(({ operation }) => (operation === "write" ? "ENOSPC" : undefined))
    append(log, 10)
    let closed: unknown
    log.close((fault) => (closed = fault))
    machine.settle()
    assert.match(String(closed), /ENOSPC/)
    volume.heal()
    assert.strictEqual(new Machine(volume).open().records.length, 1)
  })
})
