/** A small database that was stopped cleanly, and everything that can be read out of it. */
import { BSON } from "bson"
import { Random } from "../../src/Disk/Random.ts"
import { SimulatedVolume } from "../../src/Disk/SimulatedVolume.ts"
import type { Fault } from "../../src/Fault/Fault.ts"
import { ChunkAllocator } from "../../src/Storage/Arena.ts"
import type { Engine } from "../../src/Storage/Engine.ts"
import { Opening } from "../../src/Storage/Opening.ts"
import type { EntryCursor } from "../../src/Storage/Reader.ts"
import { verify } from "../../src/Storage/Verify.ts"
import { Database } from "../Storage/Database.ts"
import { ORDERS, orderKey, putOrder } from "../Storage/Shop.ts"

export const DIRECTORY = "data/shop"
const KIB = 1024
const LIMITS = {
  memtableBytesMax: 4096 * KIB,
  valueSegmentBytesMax: 8 * KIB,
  valueCacheBytesMax: 64 * KIB,
  indexCacheBytesMax: 512 * KIB,
  logSegmentBytesMax: 8 * KIB,
  logStagingBytesMax: 64 * KIB,
  indexSpareBytes: 0,
  indexTrimBytesMin: 8 * KIB
}
const ROUNDS_MAX = 10_000

/** What can be read: a line for each document and each entry of an index, and what the full check says. */
export interface Reading {
  readonly text: string
  readonly findings: Findings
  /** What the opening had to say: another commit of the index file, or a tail that was cut. */
  readonly report: string
}

interface Place {
  readonly file: string
  readonly offset: number
}

/** What the full check has to say. */
export interface Findings {
  readonly problems: ReadonlyArray<Place>
  /** What is not as it was written and does no harm. */
  readonly leftovers: ReadonlyArray<Place>
}

/** A database of three flushes and a compaction of its index file between them, with several segments, in a few files of a few KiB. */
export function newSpecimen(): SimulatedVolume {
  const database = new Database({ volume: new SimulatedVolume({ seed: 1 }), directory: DIRECTORY, limits: LIMITS }).open()
  database.engine.define([ORDERS])
  for (let round = 0; round < 3; round++) {
    for (let n = 0; n < 12; n++) {
      const transaction = database.engine.transact()
      const store = database.engine.store("orders")!
      const number = round * 6 + n
      if (n % 5 === 4) transaction.delete(store, orderKey(number))
      else putOrder(transaction, store, number, { status: ["open", "paid"][n % 2]!, total: n, note: "n".repeat(100 + n * 40) })
      transaction.commit()
      database.sync()
    }
    // Also the last time, as a server does when it stops.
    database.engine.freeze()
    database.settle()
    if (round < 2) {
      database.engine.compact(() => {})
      database.settle()
    }
  }
  database.close()
  return database.volume
}

const allocator = new ChunkAllocator({ shared: false, pooledChunksMax: 16 })

/** Checks, opens and reads everything. Throws the fault that says what is damaged. */
export async function read(volume: SimulatedVolume): Promise<Reading> {
  const findings = await check(volume)
  return { ...(await readAll(volume)), findings }
}

/** Opens what is on the volume and reads everything. Throws the fault that says what is damaged. */
export async function readAll(volume: SimulatedVolume): Promise<Omit<Reading, "findings">> {
  const { engine, close } = await open(volume)
  try {
    const lines: Array<string> = []
    const snapshot = engine.snapshot()
    for (const store of engine.stores()) {
      const { name } = store.definition
      for (const direction of [1, -1] as const) {
        const cursor = snapshot.documents(store, undefined, direction)
        while (cursor.next()) {
          const { bytes, at, length } = cursor.document
          lines.push(`${name} ${direction} ${JSON.stringify(BSON.deserialize(bytes.slice(at, at + length)))}`)
        }
      }
      for (const index of store.indexes) {
        lines.push(`${name}.${index.definition.name} ${index.ready ? entriesOf(snapshot.entries(index, undefined, 1)) : "is not ready"}`)
      }
    }
    snapshot.close()
    const { cut, fallback } = engine.report
    return { text: `LSN ${engine.lastLsn}\n${lines.join("\n")}`, report: JSON.stringify({ cut, fallback }) }
  } finally {
    close()
  }
}

function entriesOf(cursor: EntryCursor): string {
  const entries: Array<string> = []
  while (cursor.next())
    entries.push(Buffer.from(cursor.entry.bytes.slice(cursor.entry.at, cursor.entry.at + cursor.entry.length)).toString("hex"))
  return entries.join()
}

/** The full check; a fault that prevents it is a problem too. */
export function check(volume: SimulatedVolume): Promise<Findings> {
  return new Promise((resolve) => {
    verify(volume, DIRECTORY, (fault, report) => {
      if (fault !== undefined) resolve({ problems: [placeOf(fault)], leftovers: [] })
      else resolve({ problems: report?.problems ?? [], leftovers: report?.leftovers ?? [] })
    })
  })
}

/** Where a fault says that something is wrong. */
export function placeOf(fault: Fault): Place {
  const { file, path, offset } = fault.reason as unknown as { file?: string; path?: string; offset?: number }
  return { file: file ?? path ?? "", offset: offset ?? -1 }
}

/** Opens what is on the volume. */
export async function open(volume: SimulatedVolume): Promise<{ engine: Engine; close: () => void }> {
  const random = new Random(7)
  const tasks: Array<() => void> = []
  const opening = new Opening({
    volume,
    directory: DIRECTORY,
    limits: LIMITS,
    allocator,
    now: () => 1_700_000_000_000,
    random: (into) => random.fillBytes(into),
    schedule: (task) => tasks.push(task),
    report: (error) => {
      throw error
    }
  })
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const progress = opening.step(1 << 20)
    if (progress === "done") {
      const { engine } = opening
      return { engine, close: () => engine.close(() => {}) }
    }
    for (const task of tasks.splice(0)) task()
    volume.pumpAll()
    for (let turn = 0; turn < 4; turn++) await undefined
  }
  throw new Error("the database does not get open")
}
