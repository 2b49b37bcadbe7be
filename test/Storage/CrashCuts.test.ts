/**
 * A scripted life of a database is cut between any two disk operations and brought up again: everything acknowledged is there, nothing
 * that was rolled back is, and every index says what a scan says. The same with a disk that fails at any operation.
 */
import { assert, describe, it } from "@effect/vitest"
import { SimulatedVolume } from "../../src/Disk/SimulatedVolume.ts"
import { verify } from "../../src/Storage/Verify.ts"
import { CrashMachine } from "./CrashMachine.ts"
import { assertHolds, assertRepairable, History } from "./CrashModel.ts"
import { CrashScript, isRefusal } from "./CrashScript.ts"

/** Starts that may fail in a row: each of 16 writes may find the disk full. */
const STARTS_MAX = 40

/** Lives of a script that end early and are gone on with. */
const LIVES_MAX = 14

/** Steps of a script that runs once for every operation that can fail. */
const STEPS_WITH_FAILURE = 46

/** What had been promised when the power went. */
interface Promised {
  readonly history: History
  readonly acknowledgedLsn: number
  readonly lastLsn: number
}

function promisedBy({ machine, history }: CrashScript): Promised {
  const { acknowledgedLsn } = machine
  return { history, acknowledgedLsn, lastLsn: machine.isRunning ? machine.engine.lastLsn : Infinity }
}

/** Starts a machine after a crash and holds it to the promise, before and after maintenance has done all it can. */
function assertRecovers(machine: CrashMachine, promised: Promised, context: string): void {
  try {
    machine.start()
  } catch (error) {
    throw new Error(`${context}: ${String(error)}`, { cause: error })
  }
  const { engine } = machine
  const lsn = engine.lastLsn
  assert.isAtLeast(lsn, promised.acknowledgedLsn, `${context}: an acknowledged commit is lost`)
  assert.isAtMost(lsn, promised.lastLsn, `${context}: a commit that never was`)
  assert.strictEqual(engine.durableLsn, lsn, `${context}: what is shown is durable`)
  const state = promised.history.at(lsn)
  assertHolds(engine, state, `${context}, LSN ${lsn}`)
  engine.freeze()
  machine.settle()
  assertHolds(engine, state, `${context}, LSN ${lsn}, settled`)
  assertRepairable(machine, state, `${context}, LSN ${lsn}, settled`)
  assert.isFalse(engine.isBuilding, `${context}: every index gets ready`)
  assert.deepStrictEqual(machine.reported, [], context)
}

/** A machine that has never run, and the script it is going to run. */
function newScript(seed: number): CrashScript {
  return new CrashScript(new CrashMachine(new SimulatedVolume({ seed })), new History(), seed)
}

describe("a database that loses power", () => {
  let refused = 0

  it.each([1, 2, 3])("comes up with everything acknowledged after every cut of script %i", (seed) => {
    const script = newScript(seed)
    const { machine } = script
    let cuts = 0
    machine.volume.onOperation(({ index, operation, path }) => {
      const context = `script ${seed}, cut before operation ${index} (${operation} ${path})`
      assertRecovers(machine.crash(index), promisedBy(script), context)
      cuts++
    })
    machine.start()
    script.begin()
    for (let step = 0; step < 80; step++) script.step()
    machine.settle()
    assertHolds(machine.engine, script.history.latest, `script ${seed}`)
    assert.isAbove(cuts, 200)
    refused += script.refused
    machine.stop()
    verify(machine.volume, "data/shop", (fault, report) => assert.deepStrictEqual(report?.problems ?? fault, []))
  })

  it("has refused commits of these scripts for the sake of a unique index", () => assert.isAbove(refused, 3))

  it.each([4, 5])("can lose it again while it comes up, and go on from there (script %i)", (seed) => {
    const script = newScript(seed)
    const lives: Array<{ readonly machine: CrashMachine; readonly promised: Promised; readonly context: string }> = []
    script.machine.volume.onOperation(({ index }) => {
      if (index % 12 !== 0 || lives.length === LIVES_MAX) return
      const promised = { ...promisedBy(script), history: script.history.copy() }
      lives.push({ machine: script.machine.crash(index), promised, context: `script ${seed}, cut before operation ${index}` })
    })
    script.machine.start()
    script.begin()
    for (let step = 0; step < 100; step++) script.step()
    for (const { machine, promised, context } of lives) {
      const second = new CrashScript(machine, promised.history.copy(), seed * 1000)
      machine.volume.onOperation(({ index }) => {
        if (index % 10 !== 0) return
        assertRecovers(machine.crash(index), promisedBy(second), `${context}, cut before operation ${index} of the next life`)
      })
      machine.acknowledgedLsn = promised.acknowledgedLsn
      second.restarted()
      for (let step = 0; step < 12; step++) second.step()
      machine.settle()
      assertHolds(machine.engine, second.history.latest, context)
    }
    assert.isAbove(lives.length, 10)
  })
})

/** Runs a short script on a disk that fails as `arrange` says; every refusal is answered as an operator would. */
async function liveWith(seed: number, arrange: (volume: SimulatedVolume) => void): Promise<CrashScript> {
  const script = newScript(seed)
  const { machine } = script
  arrange(machine.volume)
  const attempts = [() => machine.start(), () => script.begin(), ...Array.from({ length: STEPS_WITH_FAILURE }, () => () => script.step())]
  for (const attempt of attempts) {
    try {
      attempt()
    } catch (error) {
      if (!isRefusal(error)) throw error
    }
    if (!machine.isRunning) await startAgain(script)
    const { engine } = machine
    const admission = engine.admission()
    if (admission === "full") assertHolds(engine, script.history.at(engine.durableLsn), `seed ${seed}: reads on a full disk`, "durable")
    if (admission === "poisoned") break
    engine.retry()
  }
  return script
}

/** A start may fail with the disk; the one after it succeeds. */
async function startAgain(script: CrashScript): Promise<void> {
  for (let attempt = 0; !script.machine.isRunning; attempt++) {
    await Promise.resolve()
    try {
      script.restarted()
    } catch (error) {
      if (!isRefusal(error) || attempt === STARTS_MAX) throw error
    }
  }
}

/** Whatever happened to it: it reads at its durable LSN, comes up after a crash, and comes up without one. */
function assertSurvived(script: CrashScript, seed: number, context: string): void {
  const { machine, history } = script
  const { engine } = machine
  assertHolds(engine, history.at(engine.durableLsn), `${context}, running`, "durable")
  const promised = promisedBy(script)
  assertRecovers(machine.crash(seed), promised, `${context}, crashed`)
  machine.volume.heal()
  machine.stop()
  assertRecovers(new CrashMachine(machine.volume), promised, `${context}, restarted`)
}

describe("a database whose disk fails", () => {
  it.each(["EIO", "ENOSPC"])("loses nothing acknowledged when any one operation answers %s", async (code) => {
    const seed = 6
    const operations = (await liveWith(seed, () => {})).machine.volume.operations
    assert.isAbove(operations, 100)
    for (let target = 1; target <= operations; target++) {
      const script = await liveWith(seed, (volume) => volume.failAt(target, code))
      assertSurvived(script, target, `${code} at operation ${target}`)
    }
  })

  it("goes on when there is room again, after any length of a full disk", async () => {
    const seed = 7
    const operations = (await liveWith(seed, () => {})).machine.volume.operations
    for (let first = 20; first < operations; first += 3) {
      let refused = 0
      const script = await liveWith(seed, (volume) =>
        volume.failWhen(({ index, operation, growth }) => {
          const needsRoom = operation === "create" || (growth ?? 0) > 0
          return needsRoom && index >= first && refused < first % 17 && ++refused > 0 ? "ENOSPC" : undefined
        })
      )
      const { engine } = script.machine
      assert.notStrictEqual(engine.admission(), "poisoned", `full from operation ${first}: ${String(engine.fault)}`)
      script.machine.volume.heal()
      // A refusal from before may still be on its way.
      script.machine.settle()
      engine.retry()
      script.machine.settle()
      assert.strictEqual(engine.admission(), "open", `full from operation ${first}`)
      assert.strictEqual(engine.durableLsn, engine.lastLsn, `full from operation ${first}`)
      assertSurvived(script, first, `full from operation ${first}`)
    }
  })
})
