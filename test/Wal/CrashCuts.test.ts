import { assert, describe, it } from "@effect/vitest"
import { Random } from "../../src/Disk/Random.ts"
import type { SimulatedVolume } from "../../src/Disk/SimulatedVolume.ts"
import type { Log, LogState } from "../../src/Wal/Log.ts"
import type { Seen } from "./Harness.ts"
import { append, bodyFor, Machine, makeVolume } from "./Harness.ts"

/**
 * A scripted log is crashed between any two disk operations, in several ways each, and recovered: what comes back is a prefix of what
 * was appended, with everything in it that had been called durable. Recovery is crashed in the same way.
 */

/** What a machine had promised when it crashed. */
interface Promised {
  /** The bodies appended so far: record `lsn` is `appended[lsn - 1]`. */
  readonly appended: ReadonlyArray<Uint8Array>
  readonly appendedCount: number
  readonly durableLsn: number
  /** Up to here segments may have been released. */
  readonly checkpointLsn: number
}

const CRASHES_PER_CUT = 2

/** Checks an image against the promise; returns the recovered machine for what comes next. */
function verify(image: SimulatedVolume, promised: Promised, context: string): { machine: Machine; log: Log; records: Array<Seen> } {
  const machine = new Machine(image)
  const { log, records, report } = machine.open(promised.checkpointLsn)
  assert.isAtLeast(log.lastLsn, promised.durableLsn, `${context}: an acknowledged record is lost`)
  assert.isAtMost(log.lastLsn, promised.appendedCount, `${context}: more than was appended`)
  assert.strictEqual(records.length, log.lastLsn - promised.checkpointLsn, `${context}: a gap`)
  records.forEach((record, index) => {
    const lsn = promised.checkpointLsn + index + 1
    assert.strictEqual(record.lsn, lsn, context)
    assert.isTrue(Buffer.from(record.body).equals(promised.appended[lsn - 1]!), `${context}: LSN ${lsn} has another body`)
  })
  if (report.cut !== undefined) {
    assert.strictEqual(report.cut.fromLsn, log.lastLsn + 1, context)
    assert.isAtMost(report.cut.toLsn, promised.appendedCount, context)
  }
  return { machine, log, records }
}

/** Appends, ends turns, completes syncs, rotates and releases at random; the log's promise is kept up to date all the while. */
class Workload {
  readonly machine: Machine
  readonly log: Log
  readonly appended: Array<Uint8Array>
  checkpointLsn: number
  durableLsn: number
  readonly #random: Random

  constructor(machine: Machine, log: Log, appended: Array<Uint8Array>, checkpointLsn: number, seed: number) {
    this.machine = machine
    this.log = log
    this.appended = appended
    this.checkpointLsn = checkpointLsn
    this.durableLsn = log.durableLsn
    this.#random = new Random(seed)
    log.onDurable((lsn) => (this.durableLsn = lsn))
  }

  get promised(): Promised {
    const { appended, checkpointLsn, durableLsn } = this
    return { appended, appendedCount: appended.length, checkpointLsn, durableLsn }
  }

  run(steps: number): void {
    for (let step = 0; step < steps; step++) this.#step()
  }

  #step(): void {
    const random = this.#random
    const choice = random.below(20)
    if (choice < 9) return this.#append(random.chance(0.08) ? 6000 : random.below(900))
    if (choice < 13) return this.machine.endTurn()
    if (choice < 18) return void this.machine.volume.pump(random.below(this.machine.volume.syncsWaiting + 1))
    if (choice < 19) return this.log.rotate(() => {})
    this.checkpointLsn = Math.max(this.checkpointLsn, random.below(this.durableLsn + 1))
    this.log.release(this.checkpointLsn)
  }

  #append(length: number): void {
    const lsn = this.log.lastLsn + 1
    const body = bodyFor(lsn * 31 + length, length)
    this.appended.push(body)
    assert.strictEqual(append(this.log, body), lsn)
  }
}

/** The state after calls that the type checker does not know to change it. */
const stateOf = (log: Log): LogState => log.state

describe("Wal: crash cuts", () => {
  it.each([1, 2, 3, 4])("recovers everything acknowledged from every cut of script %i", (seed) => {
    const machine = new Machine(makeVolume({ seed }))
    const { log } = machine.open()
    const workload = new Workload(machine, log, [], 0, seed)
    let cuts = 0
    machine.volume.onOperation(({ index, operation, path }) => {
      for (let crash = 0; crash < CRASHES_PER_CUT; crash++) {
        const image = machine.volume.crash(index * 10 + crash)
        verify(image, workload.promised, `seed ${seed}, crash ${crash} before operation ${index} (${operation} ${path})`)
        cuts++
      }
    })
    workload.run(220)
    machine.settle()
    log.close(() => {})
    machine.settle()
    assert.strictEqual(workload.durableLsn, workload.appended.length)
    verify(machine.volume.crash(1), workload.promised, "at the end")
    assert.isAbove(cuts, 300)
  })

  it.each([5, 6])("recovers from every cut of a recovery, and goes on from there (script %i)", (seed) => {
    const machine = new Machine(makeVolume({ seed }))
    const workload = new Workload(machine, machine.open().log, [], 0, seed)
    const images: Array<{ readonly image: SimulatedVolume; readonly promised: Promised }> = []
    machine.volume.onOperation(({ index }) => {
      if (index % 5 === 0) images.push({ image: machine.volume.crash(index), promised: workload.promised })
    })
    workload.run(250)
    for (const [number, { image, promised }] of images.entries()) {
      const context = `seed ${seed}, image ${number}`
      const again: Array<SimulatedVolume> = []
      image.onOperation(({ index }) => again.push(image.crash(index)))
      const { machine: recovered, log } = verify(image, promised, context)
      again.push(image.crash(99))
      for (const [cut, second] of again.entries()) verify(second, promised, `${context}, cut ${cut} of the recovery`)
      // The second life: new records under LSNs that the first one may have used and lost.
      const kept = promised.appended.slice(0, log.lastLsn)
      const life = new Workload(recovered, log, kept, promised.checkpointLsn, seed * 100 + number)
      image.onOperation(({ index }) => {
        if (index % 3 === 0) verify(image.crash(index), life.promised, `${context}, second life, before operation ${index}`)
      })
      life.run(30)
    }
    assert.isAbove(images.length, 20)
  })

  it.each(["EIO", "ENOSPC"])("loses nothing acknowledged when any operation fails with %s, and goes on or refuses", (code) => {
    for (let target = 1; target < 160; target++) {
      const machine = new Machine(makeVolume({ seed: target }))
      const { log } = machine.open()
      const workload = new Workload(machine, log, [], 0, 9)
      machine.volume.failAt(machine.volume.operations + target, code)
      try {
        for (let step = 0; step < 40 && log.state === "open"; step++) workload.run(5)
      } catch (error) {
        // The release of a segment may fail, and an append after the failure is refused.
        assert.match(String(error), /DiskFailure|NotAdmitted/)
      }
      const unwritten = workload.appended.length > log.lastLsn
      if (unwritten) workload.appended.length = log.lastLsn
      machine.settle()
      if (log.state === "full") {
        log.retry()
        machine.settle()
        if (stateOf(log) === "open") assert.strictEqual(log.durableLsn, log.lastLsn, `operation ${target}`)
      }
      for (let crash = 0; crash < CRASHES_PER_CUT; crash++) {
        verify(machine.volume.crash(crash), workload.promised, `${code} at operation ${target}`)
      }
      // Without a crash, the same process image: what the page cache shows after a failed sync is not trusted either.
      machine.volume.heal()
      const { machine: restarted } = verify(machine.volume, workload.promised, `${code} at operation ${target}, restarted`)
      verify(restarted.volume.crash(target), workload.promised, `${code} at operation ${target}, restarted and crashed`)
    }
  })
})
