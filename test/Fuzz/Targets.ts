/** Every reader of bytes from a disk. */
import { readdirSync, readFileSync } from "node:fs"
import { SimulatedVolume } from "../../src/Disk/SimulatedVolume.ts"
import { parentOf } from "../../src/Disk/Volume.ts"
import { DIRECTORY, newSpecimen } from "../Damage/Specimen.ts"
import { bsonTargets } from "./BsonTargets.ts"
import { fileTargets } from "./FileTargets.ts"
import type { Target } from "./Target.ts"
import { databaseTargets, manifestTargets, moduleTargets } from "./WholeTargets.ts"

const AFTER_CRASH = new URL("../Fixtures/format-1/after-crash", import.meta.url).pathname

/** A database that was killed: its log has records that only an opening brings to the trees, and a torn tail. */
function killedSpecimen(): SimulatedVolume {
  const volume = new SimulatedVolume({ seed: 1 })
  for (const name of readdirSync(AFTER_CRASH, { recursive: true, withFileTypes: true })) {
    if (!name.isFile()) continue
    const path = `${DIRECTORY}${`${name.parentPath}/${name.name}`.slice(AFTER_CRASH.length)}`
    volume.makeDirectory(parentOf(path))
    const file = volume.open(path, "create")
    file.writeAt(0, readFileSync(`${name.parentPath}/${name.name}`))
    file.syncData(() => {})
  }
  for (const directory of [".", "data", DIRECTORY, `${DIRECTORY}/wal`, `${DIRECTORY}/values`]) volume.syncDirectory(directory, () => {})
  volume.pumpAll()
  return volume
}

/** `modules`: built files, whose sections are samples. */
export function allTargets(modules: ReadonlyArray<Uint8Array>): ReadonlyArray<Target> {
  const specimen = newSpecimen()
  return [
    ...bsonTargets(),
    ...fileTargets(specimen),
    ...manifestTargets(),
    ...moduleTargets(modules),
    ...databaseTargets(specimen, "stopped"),
    ...databaseTargets(killedSpecimen(), "killed")
  ]
}
