/**
 * What the tests of the index file share: opening and committing on a simulated volume, a model, and random batches.
 */
import type { EntrySource, Stepper } from "../../src/Index/Entry.ts"
import { compareBytes } from "../../src/Index/Layout.ts"
import type { Checkpoint } from "../../src/Index/Meta.ts"
import type { NewIndexFile } from "../../src/Index/IndexFile.ts"
import { IndexFile } from "../../src/Index/IndexFile.ts"
import type { TreeCursor } from "../../src/Index/TreeCursor.ts"
import type { TreeWriter } from "../../src/Index/TreeWriter.ts"
import type { TreeVersion } from "../../src/Index/Version.ts"
import type { IndexReport } from "../../src/Index/Verify.ts"
import { verifyIndex } from "../../src/Index/Verify.ts"
import type { Random } from "../../src/Disk/Random.ts"
import { SimulatedVolume } from "../../src/Disk/SimulatedVolume.ts"
import type { Fault } from "../../src/Fault/Fault.ts"

export const PATH = "data/index.planck"
export const DATABASE_ID = Uint8Array.from({ length: 16 }, (_, index) => index + 1)
export const TIMELINE = Uint8Array.from({ length: 16 }, (_, index) => 0xf0 + index)

/** Text of a key (one byte a character) → text of its value. */
export type Model = Map<string, string>

export interface Change {
  readonly key: string
  /** Nothing: the key goes. */
  readonly value: string | undefined
}

export const toBytes = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0))
export const toText = (bytes: Uint8Array, at: number, length: number): string => String.fromCharCode(...bytes.subarray(at, at + length))

export const checkpointAt = (lsn: number): Checkpoint => ({
  lsn,
  recordCrc: (lsn * 7919) >>> 0,
  epoch: 3,
  commitTimeMs: 1_700_000_000_000 + lsn,
  valueSegments: [{ segment: 5, lengthBytes: lsn * 100 }]
})

/** Opens or creates on a volume whose syncs are pumped here. */
export function openOn(volume: SimulatedVolume, options: Partial<NewIndexFile> & { readonly create?: boolean } = {}): IndexFile {
  const outcome: { fault: Fault | undefined; file: IndexFile | undefined; over: boolean } = {
    fault: undefined,
    file: undefined,
    over: false
  }
  const done = (fault: Fault | undefined, file: IndexFile | undefined) => Object.assign(outcome, { fault, file, over: true })
  const common = { volume, path: PATH, cacheBytes: 1 << 20, ...options }
  if (options.create === true) {
    if (!volume.exists("data")) volume.makeDirectory("data")
    volume.syncDirectory(".", () => {})
    IndexFile.create({ databaseId: DATABASE_ID, timeline: TIMELINE, salt: 0x1234_5678, ...common }, done)
  } else IndexFile.open(common, done)
  volume.pumpAll()
  if (outcome.fault !== undefined) throw outcome.fault
  if (outcome.file === undefined) throw new Error("the file was not opened")
  return outcome.file
}

/** The fault with which opening is refused. */
export async function openingFault(volume: SimulatedVolume): Promise<Fault> {
  return new Promise((resolve, reject) => {
    IndexFile.open({ volume, path: PATH, cacheBytes: 1 }, (fault) => {
      if (fault === undefined) reject(new Error("the file was opened"))
      else resolve(fault)
    })
    volume.pumpAll()
  })
}

export function newVolume(seed = 1): SimulatedVolume {
  return new SimulatedVolume({ seed })
}

export function run(stepper: Stepper, volume: SimulatedVolume, budget = 500): void {
  for (;;) {
    const progress = stepper.step(budget)
    if (progress === "done") return
    if (progress === "waiting") volume.pumpAll()
  }
}

export function commit(volume: SimulatedVolume, file: IndexFile, lsn: number, work: (writer: TreeWriter) => void): void {
  const writer = file.beginWrite()
  work(writer)
  run(
    writer.commit(checkpointAt(lsn), () => {}),
    volume
  )
}

/** Changes as a source, sorted by key. */
export function sourceOf(changes: Iterable<Change>): EntrySource {
  const sorted = [...changes]
    .map(({ key, value }) => ({ key: toBytes(key), value: value === undefined ? undefined : toBytes(value) }))
    .toSorted((a, b) => compareBytes(a.key, 0, a.key.length, b.key, 0, b.key.length))
  let index = -1
  const empty = new Uint8Array(0)
  return {
    next: () => ++index < sorted.length,
    get key() {
      return sorted[index]!.key
    },
    keyAt: 0,
    get keyLength() {
      return sorted[index]!.key.length
    },
    get value() {
      return sorted[index]!.value ?? empty
    },
    valueAt: 0,
    get valueLength() {
      return sorted[index]!.value?.length ?? 0
    },
    get remove() {
      return sorted[index]!.value === undefined
    }
  }
}

export function applyToModel(model: Model, changes: Iterable<Change>): Model {
  const after = new Map(model)
  for (const { key, value } of changes) {
    if (value === undefined) after.delete(key)
    else after.set(key, value)
  }
  return after
}

/** Everything a cursor shows from its first entry on (or, backwards, from its last). */
export function scan(cursor: TreeCursor, backwards = false): Array<[string, string]> {
  const found: Array<[string, string]> = []
  for (let on = backwards ? cursor.last() : cursor.first(); on; on = backwards ? cursor.previous() : cursor.next()) {
    found.push([toText(cursor.key, cursor.keyAt, cursor.keyLength), toText(cursor.value, cursor.valueAt, cursor.valueLength)])
  }
  return found
}

export const sortedEntries = (model: Model): Array<[string, string]> => [...model].toSorted(([a], [b]) => (a < b ? -1 : 1))

export function contents(file: IndexFile, version: TreeVersion, treeId: number): Array<[string, string]> {
  return scan(file.cursor(version, treeId))
}

export function verify(volume: SimulatedVolume): IndexReport {
  const file = volume.open(PATH, "read")
  const report = verifyIndex(file)
  file.close()
  return report
}

/** How keys and values of a test look; lengths in bytes. */
export interface Shape {
  readonly name: string
  key(random: Random): string
  value(random: Random): string
}

const randomText = (random: Random, length: number, letters = 256): string =>
  String.fromCharCode(...Array.from({ length }, () => random.below(letters)))

export const shapes: ReadonlyArray<Shape> = [
  { name: "random keys of 16 bytes", key: (random) => randomText(random, 16), value: (random) => randomText(random, 20) },
  { name: "short keys", key: (random) => randomText(random, 1 + random.below(3)), value: (random) => randomText(random, random.below(4)) },
  {
    name: "keys of one to two letters in any length, zeros among them",
    key: (random) => randomText(random, 1 + random.below(12), 2),
    value: (random) => randomText(random, random.below(65))
  },
  {
    name: "long keys with a long common start",
    key: (random) => "x".repeat(900) + randomText(random, 1 + random.below(140)),
    value: (random) => randomText(random, 64)
  },
  {
    name: "longest keys, nothing in common",
    key: (random) => randomText(random, 2) + "y".repeat(1038 - random.below(2)),
    value: () => ""
  },
  { name: "ascending keys", key: (random) => String(1e9 + random.below(2000)).padStart(16, "0"), value: (random) => randomText(random, 8) }
]

/** A batch over keys of a shape, some of them among those in the model. */
export function randomBatch(random: Random, shape: Shape, model: Model, size: number, removeShare: number): Map<string, Change> {
  const present = [...model.keys()]
  const batch = new Map<string, Change>()
  for (let index = 0; index < size; index++) {
    const known = present.length > 0 && random.chance(0.5)
    const key = known ? present[random.below(present.length)]! : shape.key(random)
    batch.set(key, { key, value: random.chance(removeShare) ? undefined : shape.value(random) })
  }
  return batch
}
