/** A whole database of which one file is not as it should be; backups, dumps, and the parts of a module. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { SimulatedVolume } from "../../src/Disk/SimulatedVolume.ts"
import { readDumpManifest } from "../../src/Exchange/DumpFolder.ts"
import { Fault } from "../../src/Fault/Fault.ts"
import { encodeManifest, manifestName, readManifest as readBackup } from "../../src/Storage/BackupManifest.ts"
import { Section } from "../../src/Wasm/Abi.ts"
import { readAssets } from "../../src/Wasm/Assets.ts"
import { readBinary } from "../../src/Wasm/Binary.ts"
import { readManifest } from "../../src/Wasm/ManifestReader.ts"
import { findCustom, readSections, writeSections } from "../../src/Wasm/Sections.ts"
import { SourceMap } from "../../src/Wasm/SourceMap.ts"
import { readTemplates } from "../../src/Wasm/Templates.ts"
import { crc32 } from "node:zlib"
import { Verify } from "../../src/Storage/Verify.ts"
import { DIRECTORY, open } from "../Damage/Specimen.ts"
import { afterCheck, mendIndex, mendLog, mendValues } from "./FileTargets.ts"
import { volumeOf } from "./Guard.ts"
import type { Target } from "./Target.ts"

const MIB = 1024 * 1024
const STEP_BYTES = MIB
const STEPS_MAX = 10_000
const DOCUMENTS_MAX = 100_000
/** Of the body of a section that is kept in the sample of a module: enough for its structure. */
const BODY_BYTES_MAX = 4096

/** The database of a specimen with one file in other bytes, opened, read and fully checked. */
export function databaseTargets(specimen: SimulatedVolume, kind: string): ReadonlyArray<Target> {
  return specimen.paths().map((path) => ({
    name: `${kind} database with another ${path.slice(path.lastIndexOf("/") + 1).replace(/^[0-9a-f]{32}-/, "")}`,
    weight: 1,
    samples: [new Uint8Array(specimen.peek(path))],
    mend: path.endsWith(".wal") ? mendLog : path.endsWith(".values") ? mendValues : mendIndex,
    read: async (bytes) => {
      const volume = specimen.durable()
      const file = volume.open(path, "update")
      file.truncate(0)
      file.writeAt(0, bytes)
      file.close()
      const isSound = await passesCheck(volume)
      await afterCheck(isSound, () => openAndRead(volume))
      return isSound
    }
  }))
}

/** The full check. */
async function passesCheck(volume: SimulatedVolume): Promise<boolean> {
  const check = new Verify(volume, DIRECTORY)
  for (let step = 0; step < STEPS_MAX; step++) {
    const progress = check.step(STEP_BYTES)
    if (progress === "done") return check.result.problemCount === 0
    volume.pumpAll()
    if (progress === "waiting") await Promise.resolve()
  }
  throw new Error("the check does not end")
}

async function openAndRead(volume: SimulatedVolume): Promise<void> {
  const { close, engine } = await open(volume)
  try {
    const snapshot = engine.snapshot()
    for (const store of engine.stores()) {
      const documents = snapshot.documents(store, undefined, 1)
      let left = DOCUMENTS_MAX
      while (documents.next()) if (left-- === 0) throw new Error("the documents do not end")
      for (const index of store.indexes.filter((it) => it.ready)) {
        const entries = snapshot.entries(index, undefined, 1)
        while (entries.next()) if (left-- === 0) throw new Error("the entries do not end")
      }
    }
    snapshot.close()
  } finally {
    close()
  }
}

export function manifestTargets(): ReadonlyArray<Target> {
  const id = "0".repeat(32)
  const file = { path: "values/00000001-00000000.values", name: "values/00000001.values", bytes: 4096, crc: 1 }
  const definition = { name: "things", idKind: "key", schema: { name: { type: "string" } }, indexes: [] }
  const dump = {
    planckDump: 1,
    databaseId: id,
    timeline: id,
    lsn: 5,
    format: "ndjson",
    stores: [{ definition, file: "things.ndjson", rows: 1, bytes: 20, crc: 7, lastKey: id, isComplete: true }]
  }
  return [
    {
      name: "manifest of a backup",
      weight: 60,
      samples: [encodeManifest({ planckBackup: 1, databaseId: id, timeline: id, lsn: 5, takenAtMs: 1, files: [file, file] })],
      mend: mendBackup,
      read: (bytes) => {
        const manifest = readBackup(volumeOf({ [`backups/${manifestName(1)}`]: bytes }), "backups", 1)
        // What whoever restores takes for granted.
        return manifest.files.reduce((sum, it) => sum + it.path.length + it.name.length + it.bytes + it.crc, manifest.lsn) >= 0
      }
    },
    {
      name: "manifest of a dump",
      weight: 20,
      samples: [new TextEncoder().encode(JSON.stringify(dump, undefined, 2))],
      read: (bytes) => {
        const exit = Effect.runSyncExit(readDumpManifest(volumeOf({ "dump/dump.json": bytes }), "dump"))
        if (Exit.isSuccess(exit)) return true
        const [defect] = exit.cause.reasons.filter(Cause.isDieReason)
        if (defect !== undefined) throw defect.defect
        return false
      }
    }
  ]
}

/** Makes the checksum behind the last line right. */
function mendBackup(bytes: Uint8Array): void {
  if (bytes.length < 10) return
  const sum = crc32(new TextDecoder().decode(bytes.subarray(0, bytes.length - 9)))
  bytes.set(new TextEncoder().encode(`${sum.toString(16).padStart(8, "0")}\n`), bytes.length - 9)
}

/** The sections of built modules, and their structure. */
export function moduleTargets(files: ReadonlyArray<Uint8Array>): ReadonlyArray<Target> {
  const custom = (name: string): ReadonlyArray<Uint8Array> =>
    files.flatMap((file) => {
      const section = findCustom(readSections(file), name)
      return section === undefined ? [] : [section.slice()]
    })
  const structures = files.map((file) => writeSections(readSections(file).map((it) => ({ ...it, body: it.body.slice(0, BODY_BYTES_MAX) }))))
  const limited = (samples: ReadonlyArray<Uint8Array>): ReadonlyArray<Uint8Array> => samples.filter((it) => it.length < MIB)
  const reading = (name: string, weight: number, samples: ReadonlyArray<Uint8Array>, read: (bytes: Uint8Array) => void): Target => ({
    name,
    weight,
    samples: limited(samples),
    read: (bytes) => {
      read(bytes)
      return true
    }
  })
  return [
    reading("structure of a module", 60, structures, (bytes) => void [readSections(bytes), readBinary(bytes)]),
    reading("manifest of a module", 60, custom(Section.manifest), (bytes) => void readManifest(bytes)),
    reading("assets of a module", 40, custom(Section.assets), (bytes) => void readAssets(bytes)),
    reading("templates of a module", 10, custom(Section.templates), (bytes) => void readTemplates(bytes, MIB)),
    reading("source map of a module", 10, custom(Section.sourcemap), (bytes) => void SourceMap.read(bytes))
  ]
}

/** Whether what a reader threw is a reason and no accident. */
export const isReason = (error: unknown): boolean => error instanceof Fault
