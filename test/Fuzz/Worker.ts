/** Reads inputs in a thread of its own, so that the thread that watches it goes on when one does not end. */
import { isMainThread, parentPort, workerData } from "node:worker_threads"
import { countAllocations } from "./Guard.ts"
import { describeFinding, Fuzzer } from "./Fuzzer.ts"
import { allTargets } from "./Targets.ts"

export interface WorkerTask {
  readonly seed: number
  readonly from: number
  readonly inputs: number
  readonly seconds: number
  readonly only: string
  readonly modules: ReadonlyArray<Uint8Array>
  /** The number of the input under way plus 1; 0 before the first. */
  readonly progress: SharedArrayBuffer
  /** Go on after a finding. */
  readonly keepsGoing: boolean
}

/** What the thread has to say in the end. */
export interface WorkerReport {
  readonly findings: ReadonlyArray<string>
  readonly done: number
  readonly counts: ReadonlyArray<readonly [target: string, inputs: number, taken: number, refused: number]>
}

const FINDINGS_MAX = 50

if (!isMainThread) await work(workerData as WorkerTask)

async function work(task: WorkerTask): Promise<void> {
  const targets = allTargets(task.modules).filter(({ name }) => name.includes(task.only))
  const fuzzer = new Fuzzer(targets, task.seed)
  const progress = new Int32Array(task.progress)
  const findings = new Map<string, string>()
  countAllocations()
  const endMs = Date.now() + task.seconds * 1000
  let done = 0
  for (; done < task.inputs && Date.now() < endMs; done++) {
    Atomics.store(progress, 0, task.from + done + 1)
    const finding = await fuzzer.give(task.from + done)
    if (finding === undefined) continue
    // One of each kind is enough.
    const { error, target } = finding
    const kind = `${target} ${error instanceof Error ? /^\s+at .*src\/.*$/m.exec(error.stack ?? "")?.[0] : String(error)}`
    if (!findings.has(kind)) findings.set(kind, describeFinding(finding, task.seed))
    if (!task.keepsGoing || findings.size >= FINDINGS_MAX) break
  }
  const counts = [...fuzzer.counts].map(([name, { inputs, refused, taken }]) => [name, inputs, taken, refused] as const)
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- it is a port, not a window
  parentPort!.postMessage({ findings: [...findings.values()], done, counts } satisfies WorkerReport)
}
