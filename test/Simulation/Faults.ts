/**
 * What goes wrong with the disk of a simulation: a list of pending mishaps that operations run into.
 *
 * Invariants
 * - Every failure that an engine meets is counted, so that a refusal without a cause can be told from one that was provoked.
 */
import type { Random } from "../../src/Disk/Random.ts"
import type { Mishap, SimulatedOperation, SimulatedVolume } from "../../src/Disk/SimulatedVolume.ts"
import type { Coverage, Situation } from "./Coverage.ts"

interface Fault {
  readonly directory: string
  readonly code: string
  /** How many operations it still fails; Infinity until the disk is healed. */
  left: number
  readonly hits: (operation: SimulatedOperation) => boolean
}

/** A write that went astray, or a byte that rotted: from then on the disk has lied about this file. */
export interface Lie {
  readonly path: string
  readonly kind: "lost write" | "misdirected write" | "bit rot"
}

/** Whether `path` is `directory` or below it. */
export const isWithin = (path: string, directory: string): boolean => path === directory || path.startsWith(`${directory}/`)

const needsRoom = ({ operation, growth }: SimulatedOperation): boolean => operation === "create" || (growth ?? 0) > 0
const isSync = ({ operation }: SimulatedOperation): boolean => operation === "syncCompletes" || operation === "syncDirectoryCompletes"

/** The operations that may fail with EIO, one class drawn for each fault. */
const CLASSES: ReadonlyArray<(operation: SimulatedOperation) => boolean> = [
  ({ operation }) => operation === "write",
  ({ operation }) => operation === "read",
  ({ operation }) => operation === "read",
  isSync,
  isSync,
  ({ operation }) => operation === "syncDirectoryCompletes",
  ({ operation }) => ["create", "rename", "remove", "truncate", "makeDirectory"].includes(operation),
  ({ operation }) => operation === "open" || operation === "list"
]

export class Faults {
  readonly #coverage: Coverage
  readonly #isOpening: (path: string) => boolean
  #faults: Array<Fault> = []
  #volume: SimulatedVolume | undefined
  #stray: { readonly directory: string; readonly random: Random; readonly isLost: boolean } | undefined
  /** Failures met so far. */
  injected = 0
  /** Called when the disk has begun to lie. */
  onLie: (lie: Lie) => void = () => {}

  constructor(coverage: Coverage, isOpening: (path: string) => boolean) {
    this.#coverage = coverage
    this.#isOpening = isOpening
  }

  /** Lets this disk fail as was ordered; what was ordered for the disk before is forgotten. */
  attach(volume: SimulatedVolume): void {
    this.clear()
    this.#volume = volume
    volume.failWhen((operation) => this.#failure(operation))
    volume.strayWhen((operation) => this.#mishap(operation, volume))
  }

  clear(): void {
    this.#faults = []
    this.#stray = undefined
  }

  /** The next operation of some class below `directory`, some operations from now, fails. */
  failSoon(directory: string, random: Random): void {
    const isOfClass = CLASSES[random.below(CLASSES.length)]!
    let skipped = random.below(6)
    this.#faults.push({ directory, code: "EIO", left: 1, hits: (operation) => isOfClass(operation) && skipped-- <= 0 })
  }

  /** For some operations there is no room. */
  fillDisk(directory: string, random: Random): void {
    let skipped = random.below(8)
    this.#faults.push({
      directory,
      code: "ENOSPC",
      left: 1 + random.below(12),
      hits: (operation) => needsRoom(operation) && skipped-- <= 0
    })
  }

  /** From now on `directory` may take `bytes` more than it has, and no byte beyond. */
  fillUp(directory: string, bytes: number): void {
    const volume = this.#volume!
    const capacityBytes = volume.usedBytes(directory) + bytes
    this.#faults = this.#faults.filter((it) => it.left !== Infinity)
    this.#faults.push({
      directory,
      code: "ENOSPC",
      left: Infinity,
      hits: (operation) => needsRoom(operation) && volume.usedBytes(directory) + (operation.growth ?? 0) > capacityBytes
    })
  }

  /** The next write below `directory` reports success and does not get where it should. */
  strayNext(directory: string, random: Random): void {
    this.#stray = { directory, random, isLost: random.chance(0.5) }
  }

  /** Flips a bit of a file below `directory`. */
  rot(volume: SimulatedVolume, directory: string, random: Random): void {
    // Documents are most of what is read while a database runs.
    const extension = random.chance(0.5) ? ".values" : ""
    const paths = volume.paths().filter((path) => path.startsWith(`${directory}/`) && path.endsWith(extension))
    const path = paths[random.below(paths.length)]
    const size = path === undefined ? 0 : volume.peek(path).length
    if (path === undefined || size === 0) return
    volume.rot(path, random.below(size), 1 << random.below(8))
    this.#lie({ path, kind: "bit rot" })
  }

  #mishap({ path }: SimulatedOperation, volume: SimulatedVolume): Mishap | undefined {
    const stray = this.#stray
    if (stray === undefined || !isWithin(path, stray.directory)) return undefined
    this.#stray = undefined
    this.#lie({ path, kind: stray.isLost ? "lost write" : "misdirected write" })
    if (stray.isLost) return "lost"
    const paths = volume.paths().filter((it) => isWithin(it, stray.directory))
    const target = stray.random.chance(0.5) ? path : paths[stray.random.below(paths.length)]!
    return { path: target, sectorsBy: stray.random.below(33) - 16 || 1 }
  }

  #lie(lie: Lie): void {
    this.#coverage.note(lie.kind)
    this.onLie(lie)
  }

  #failure(operation: SimulatedOperation): string | undefined {
    for (const fault of this.#faults) {
      if (!isWithin(operation.path, fault.directory) || !fault.hits(operation)) continue
      if (--fault.left <= 0) this.#faults = this.#faults.filter((other) => other !== fault)
      this.injected++
      for (const situation of situationsOf(operation, fault.code, this.#isOpening(operation.path))) this.#coverage.note(situation)
      return fault.code
    }
    return undefined
  }
}

function situationsOf(event: SimulatedOperation, code: string, isOpening: boolean): ReadonlyArray<Situation> {
  const { operation, path } = event
  const isLog = path.includes("/wal")
  if (code === "ENOSPC") {
    if (isOpening) return ["no room while opening"]
    if (path.endsWith("/next.new")) return ["no room at rotate"]
    return [isLog ? "no room in the log" : "no room in a flush"]
  }
  if (isSync(event)) {
    const where = isLog ? "failed sync of the log" : "failed sync in a flush"
    return [
      ...(operation === "syncDirectoryCompletes" ? ["failed directory sync" as const] : []),
      isOpening ? "failed sync while opening" : where
    ]
  }
  if (operation === "read") return ["failed read"]
  return operation === "write" ? ["failed write"] : []
}
