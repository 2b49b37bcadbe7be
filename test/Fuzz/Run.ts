/** Runs the fuzzer in a thread and watches it: an input that does not end within a minute is a finding too. */
import { Worker } from "node:worker_threads"
import { Builder } from "../../src/Build/Builder.ts"
import type { WorkerReport, WorkerTask } from "./Worker.ts"

const LOOK_MS = 1000
/** Looks that may find the same input under way before it counts as endless: counted, for a machine may stand still. The longest takes 0.1 s. */
const LOOKS_MAX = 120

/** The services whose built files are samples: together they have every section. */
const SERVICES = ["../Fixtures/services/ledger", "../../examples/pizzahub"]

export interface FuzzOptions {
  readonly seed: number
  readonly from?: number
  readonly inputs: number
  readonly seconds?: number
  readonly only?: string
  readonly keepsGoing?: boolean
}

export async function fuzz(options: FuzzOptions): Promise<WorkerReport> {
  const modules: Array<Uint8Array> = []
  for (const service of SERVICES) {
    const builder = await Builder.open(new URL(service, import.meta.url).pathname)
    modules.push((await builder.build()).file)
    await builder.close()
  }
  const progress = new SharedArrayBuffer(4)
  const { from = 0, inputs, keepsGoing = false, only = "", seconds = Infinity, seed } = options
  const workerData: WorkerTask = { seed, from, inputs, seconds, only, modules, progress, keepsGoing }
  const worker = new Worker(new URL("./Worker.ts", import.meta.url), { workerData })
  return new Promise((resolve, reject) => {
    let [last, looks] = [-1, 0]
    const watch = setInterval(() => {
      const now = Atomics.load(new Int32Array(progress), 0)
      if (now !== last) [last, looks] = [now, 0]
      if (now === 0 || looks++ < LOOKS_MAX) return
      reject(new Error(`seed ${seed}, input ${now - 1} does not end: npm run -s test:fuzz -- --seed ${seed} --from ${now - 1} --inputs 1`))
      void worker.terminate()
    }, LOOK_MS)
    worker.once("message", (report: WorkerReport) => resolve(report))
    worker.once("error", reject)
    worker.once("exit", () => {
      clearInterval(watch)
      reject(new Error("the thread ended without a report"))
    })
  })
}
