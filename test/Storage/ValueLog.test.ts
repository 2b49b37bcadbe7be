import { assert, describe, it } from "@effect/vitest"
import { SimulatedVolume } from "../../src/Disk/SimulatedVolume.ts"
import { ProcessBudget } from "../../src/Storage/Budget.ts"
import { PUT } from "../../src/Storage/MemtableLayout.ts"
import { DocumentView } from "../../src/Storage/Reader.ts"
import { Location } from "../../src/Storage/TreeSource.ts"
import { FLUSHED, ValueLog } from "../../src/Storage/ValueLog.ts"

function opened() {
  const volume = new SimulatedVolume({ seed: 1 })
  volume.makeDirectory("values")
  const budget = new ProcessBudget({})
  const log = new ValueLog(
    {
      volume,
      directory: "values",
      databaseId: new Uint8Array(16),
      segmentBytesMax: 1 << 20,
      cache: budget.values,
      places: budget.places,
      random: (into) => into.fill(7)
    },
    { next: 1, growing: [], committed: [], condemned: [], transaction: 0 }
  )
  let lsn = 0
  return {
    log,
    volume,
    /** Appends a document of `length` bytes, all of them `fill`. */
    append: (length: number, fill: number): Location => {
      const location = new Location()
      log.append(
        { kind: PUT, store: 1, lsn: ++lsn, key: new Uint8Array(16), keyAt: 0 },
        new Uint8Array(length).fill(fill),
        0,
        length,
        location,
        FLUSHED
      )
      return location
    },
    toDisk: (): void => {
      log.sync(() => {})
      volume.pumpAll()
    },
    read: (location: Location): ReadonlyArray<number> => {
      const view = new DocumentView()
      log.read(location, view)
      return [...view.bytes.subarray(view.at, view.at + view.length)]
    }
  }
}

const filled = (length: number, fill: number): ReadonlyArray<number> => Array.from({ length }, () => fill)

describe("ValueLog", () => {
  it("reads what was written over entries that were given up, also when their bytes were read with those before", () => {
    const { append, log, read, toDisk } = opened()
    const first = append(100, 1)
    toDisk()
    log.commit()
    append(1000, 2)
    toDisk()
    log.rewind(1)
    assert.deepStrictEqual(read(first), filled(100, 1))
    const second = append(40, 3)
    const third = append(50, 4)
    assert.deepStrictEqual(read(first), filled(100, 1))
    toDisk()
    log.commit()
    assert.deepStrictEqual([read(first), read(second), read(third)], [filled(100, 1), filled(40, 3), filled(50, 4)])
  })

  it("hears of a sync that failed after its work was given up", () => {
    const { append, log, toDisk, volume } = opened()
    const outcomes: Array<string> = []
    const sync = (): void => log.sync((fault) => outcomes.push(fault?.reason.code ?? "done"))
    append(100, 1)
    toDisk()
    log.commit()
    append(100, 2)
    let isFailing = true
    volume.failWhen(({ operation }) => (isFailing && operation === "syncCompletes" ? "EIO" : undefined))
    sync()
    log.rewind(1)
    volume.pumpAll()
    isFailing = false
    append(100, 3)
    sync()
    volume.pumpAll()
    assert.deepStrictEqual(outcomes, ["EIO", "EIO"], "bytes written over what was being synced may be lost")
    log.rewind(1)
    append(100, 4)
    sync()
    volume.pumpAll()
    assert.deepStrictEqual(outcomes, ["EIO", "EIO", "done"], "everything it could have lost was written again")
  })
})
