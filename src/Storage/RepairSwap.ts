/**
 * Puts what a repair has made in the place of what was damaged.
 *
 *     repair.json (what is to be renamed)  →  damaged files get other names  →  the new ones get theirs  →  repair.json goes
 *
 * Invariants
 * - Everything new is on disk before `repair.json` is. While that exists nobody opens the database, and doing the same again, from wherever a
 *   crash left it, ends the repair.
 * - No file is removed: damaged ones stay under another name in the same directory.
 */
import { joinPath, type Volume } from "../Disk/Volume.ts"
import { type DirectoryNames, directoryNames } from "./Directory.ts"
import { storageFault } from "./Reasons.ts"
import { type Steps, Work } from "./Work.ts"

/** Why a database is not opened in which `repair.json` is. */
export const UNFINISHED_REPAIR = "a repair of the database has begun and not ended: repair it again, which ends it"

/** Whether a file is one that a repair has left. */
export function isSetAside(path: string): boolean {
  return /\.(damaged-\d+|uncertain-\d+\.bson)$/.test(path)
}

/** One file's new name: both are paths relative to the database's directory. */
export interface Rename {
  readonly from: string
  readonly to: string
}

export interface SwapPlan {
  readonly planckRepair: 1
  readonly renames: ReadonlyArray<Rename>
  /** The name that the old index file gets. */
  readonly oldIndex: string
}

/** Carries a plan out, or, without one, ends what a crash has interrupted; the result is whether there was anything to do. */
export class RepairSwap extends Work<boolean> {
  readonly #volume: Volume
  readonly #names: DirectoryNames
  readonly #plan: SwapPlan | undefined

  constructor(volume: Volume, directory: string, plan?: SwapPlan) {
    super()
    this.#volume = volume
    this.#names = directoryNames(directory)
    this.#plan = plan
  }

  protected *run(): Steps<boolean> {
    if (this.#plan !== undefined) yield* this.#write(this.#plan)
    const plan = this.#plan ?? this.#read()
    if (plan === undefined) return false
    yield* this.#carryOut(plan)
    return true
  }

  protected close(): void {
    // Its files are closed where they are used.
  }

  *#write(plan: SwapPlan): Steps {
    const volume = this.#volume
    const { directory, newRepair, repair } = this.#names
    if (volume.exists(newRepair)) volume.remove(newRepair)
    const file = volume.open(newRepair, "create")
    try {
      file.writeAt(0, new TextEncoder().encode(JSON.stringify(plan)))
      yield* this.synced((done) => file.syncData(done))
    } finally {
      file.close()
    }
    volume.rename(newRepair, repair)
    yield* this.synced((done) => volume.syncDirectory(directory, done))
  }

  #read(): SwapPlan | undefined {
    const path = this.#names.repair
    if (!this.#volume.exists(path)) return undefined
    const file = this.#volume.open(path, "read")
    try {
      const bytes = new Uint8Array(file.size())
      file.readAt(0, bytes)
      return JSON.parse(new TextDecoder().decode(bytes)) as SwapPlan
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
      throw storageFault({ _tag: "StorageDamaged", file: path, offset: 0, message: "it is not what a repair wrote" })
    } finally {
      file.close()
    }
  }

  /** What was done before is left as it is. */
  *#carryOut(plan: SwapPlan): Steps {
    const volume = this.#volume
    const { definitions, directory, index, log, newDefinitions, newIndex, repair, values } = this.#names
    // While the new index file waits, the other is still the old one.
    if (volume.exists(newIndex) && volume.exists(index)) volume.rename(index, joinPath(directory, plan.oldIndex))
    for (const { from, to } of plan.renames) {
      const path = joinPath(directory, from)
      if (volume.exists(path)) volume.rename(path, joinPath(directory, to))
    }
    for (const path of [log, values, directory]) yield* this.synced((done) => volume.syncDirectory(path, done))
    if (volume.exists(newDefinitions)) volume.rename(newDefinitions, definitions)
    if (volume.exists(newIndex)) volume.rename(newIndex, index)
    yield* this.synced((done) => volume.syncDirectory(directory, done))
    volume.remove(repair)
    yield* this.synced((done) => volume.syncDirectory(directory, done))
  }
}
