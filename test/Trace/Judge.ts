/** Opens a crash image with the engine and holds what it finds to the journal. */
import { BSON } from "bson"
import type { SimulatedVolume } from "../../src/Disk/SimulatedVolume.ts"
import { Fault } from "../../src/Fault/Fault.ts"
import type { StorageLimits } from "../../src/Storage/Limits.ts"
import { verify } from "../../src/Storage/Verify.ts"
import { Difference, type Entry, type Found, type Journal } from "../Crash/Journal.ts"
import { Database } from "../Storage/Database.ts"

/** Recovers the image, compares, and lets the full check look at what the recovery left. Throws a `Difference`. */
export async function judge(image: SimulatedVolume, directory: string, limits: Partial<StorageLimits>, journal: Journal): Promise<Found> {
  try {
    const database = new Database({ volume: image, directory, limits }).open()
    const found = read(database)
    journal.check(found)
    const fault = database.close()
    if (fault !== undefined) throw fault
    await check(image, directory)
    return found
  } catch (error) {
    // Whatever the engine says against an image is wrong: the disk was sound.
    throw error instanceof Fault ? new Difference(`the engine refuses what is left: ${error.message}`) : error
  }
}

function read({ engine }: Database): Found {
  const snapshot = engine.snapshot()
  const documents = <A>(name: string): ReadonlyArray<A> => {
    const store = engine.store(name)
    if (store === undefined) return []
    const rows: Array<A> = []
    const cursor = snapshot.documents(store, undefined, 1)
    while (cursor.next()) {
      const { at, bytes, length } = cursor.document
      rows.push(BSON.deserialize(bytes.slice(at, at + length)) as A)
    }
    return rows
  }
  try {
    return { entries: documents<Entry>("entries"), marks: documents("marks"), claims: documents("claims") }
  } finally {
    snapshot.close()
  }
}

const check = (image: SimulatedVolume, directory: string): Promise<void> =>
  new Promise((resolve, reject) => {
    verify(image, directory, (fault, report) => {
      if (report === undefined) reject(fault ?? new Error("neither a report nor a fault"))
      else if (report.problemCount === 0) resolve()
      else
        reject(
          new Difference(`planck verify: ${report.problems.map(({ file, message, offset }) => `${file}:${offset}: ${message}`).join("; ")}`)
        )
    })
  })
