/**
 * The index file has two metas so that one may be lost: whatever is certainly on disk now, without the newer of them, still leads to everything
 * that was ever shown. So does everything that was written, synced or not: files that were removed are certainly gone then.
 */
import { Random } from "../../src/Disk/Random.ts"
import { EVERYTHING } from "../../src/Disk/SimulatedContent.ts"
import type { Machine } from "./Machine.ts"
import { Subject } from "./Subject.ts"
import { violated } from "./Violation.ts"

const META_BYTES = 4096
/** As docs/format.md has it. */
const TRANSACTION_AT = 16
const ROUNDS_MAX = 2000

/** Opens a copy of the disk in which the newer meta of a running database is destroyed, and reads all of it. The machine goes on. */
export async function fallBack(machine: Machine, subject: Subject, random: Random): Promise<void> {
  const path = `${subject.directory}/index.planck`
  // A failed sync may have torn one of them; the next opening makes both whole.
  if (machine.faults.injected > subject.injectedBefore) return
  if (!subject.isRunning || subject.lie !== undefined) return
  const volume = random.chance(0.5) ? machine.volume.durable() : machine.volume.crashBy(() => () => EVERYTHING)
  if (!volume.paths().includes(path)) return
  volume.rot(path, newerMeta(volume.peek(path)), 0xff)
  const copy = new Subject(subject.name, subject.directory, subject.limits, { ...machine, volume, now: machine.now })
  copy.continueFrom(subject)
  copy.start(new Random(1))
  for (let round = 0; !tryOpen(copy); round++) {
    if (round > ROUNDS_MAX) violated("work gets done", `${subject.name} does not come up without its newer meta`)
    for (const task of copy.tasks.splice(0)) task()
    volume.pumpAll()
    for (let turn = 0; turn < 4; turn++) await undefined
  }
  copy.running.close(() => {})
  machine.coverage.note("newer meta destroyed")
}

/** Opening it checks it: see `Subject`. */
function tryOpen(copy: Subject): boolean {
  try {
    return copy.open(1 << 20)
  } catch (error) {
    return violated("one meta may be lost", `${copy.name} does not come up without its newer meta: ${String(error)}`, error)
  }
}

/** Where the meta of the higher transaction begins; the first when they are of one. */
function newerMeta(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const isSecondNewer = view.getBigUint64(META_BYTES + TRANSACTION_AT, true) > view.getBigUint64(TRANSACTION_AT, true)
  return isSecondNewer ? META_BYTES : 0
}
