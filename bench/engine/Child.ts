/** One engine in a process of its own, told by its parent what to do: `node Child.ts <peer> <directory>`. */
import { readFileSync, rmSync } from "node:fs"
import { monitorEventLoopDelay } from "node:perf_hooks"
import { openControl } from "./Control.ts"
import { type KeyOrder, keyOf, Numbers, Values, Zipf } from "./Entries.ts"
import { openPlanck } from "./PlanckStore.ts"
import type { EngineStore, OpenStore } from "./Store.ts"

export type YcsbKind = "a" | "b" | "c" | "d" | "e" | "f"

export type Command =
  | { readonly kind: "load"; readonly from: number; readonly count: number; readonly order: KeyOrder; readonly valueBytes: number }
  | { readonly kind: "overwrite"; readonly count: number }
  /** Writes in small batches for some seconds, for the sake of what the event loop is kept from. The control writes so many bytes for each entry. */
  | { readonly kind: "busy"; readonly seconds: number; readonly bytesPerEntry: number }
  | { readonly kind: "syncedPuts"; readonly seconds: number; readonly clients: number }
  | { readonly kind: "gets"; readonly seconds: number }
  | { readonly kind: "scans"; readonly seconds: number }
  | { readonly kind: "ycsb"; readonly work: YcsbKind; readonly seconds: number }
  | { readonly kind: "compact" }
  | { readonly kind: "empty" }
  | { readonly kind: "reopen" }
  | { readonly kind: "close" }

/** What a command cost: time on the wall and on the processors, bytes handed to the disk, memory. */
export interface Outcome {
  readonly operations: number
  readonly micros: number
  readonly cpuMicros: number
  readonly writtenBytes: number
  readonly rssBytes: number
  /** At most, since the process began. */
  readonly rssBytesMost: number
  /** Entries in the store afterwards. */
  readonly entries: number
  readonly delayP999Ms: number
}

const BATCH = 1000
const BUSY_BATCH = 100
const SCAN_LENGTH = 100
const SCAN_LENGTH_MAX = 100
const CHECK_EVERY = 64

const [peer = "", directory = ""] = process.argv.slice(2)
const modules: Readonly<Record<string, string>> = {
  "classic-level": "classic-level.mjs",
  lmdb: "lmdb.mjs",
  "lmdb-nosync": "lmdb.mjs",
  "node:sqlite": "sqlite-engine.mjs"
}
let controlBytesPerEntry = 0
const openStore: OpenStore =
  peer === "planck"
    ? openPlanck
    : peer === "control"
      ? openControl(() => controlBytesPerEntry)
      : ((await import(new URL(`../compare/${modules[peer]}`, import.meta.url).href)) as { open: OpenStore }).open

let store: EngineStore = await openStore(directory)
let loaded = 0
let order: KeyOrder = "random"
let values = new Values(200)
const numbers = new Numbers(11)
/** The key that is asked for: an engine that answers at once has read it by then. */
const asked = Buffer.allocUnsafeSlow(16)
let zipf: Zipf | undefined

/** Lets the process do what else it has to between two batches, as a server would; otherwise nobody could say how long it was kept from it. */
const turn = (): Promise<void> => new Promise((done) => setImmediate(done))

/** The keys of a batch, filled anew for each: no engine keeps them, and what a client allocates is not to be measured. */
const batchKeys = Array.from({ length: BATCH }, () => Buffer.allocUnsafeSlow(16))
const batchValues = new Array<Buffer>(BATCH)
const smallKeys = batchKeys.slice(0, BUSY_BATCH)
const smallValues = new Array<Buffer>(BUSY_BATCH)

/** Writes a batch of entries; `of` says which key each one has, and which value. */
async function putBatch(
  of: (offset: number) => { readonly key: number; readonly value: number },
  [keys, contents]: readonly [ReadonlyArray<Buffer>, Array<Buffer>] = [batchKeys, batchValues]
): Promise<void> {
  for (let offset = 0; offset < keys.length; offset++) {
    const { key, value } = of(offset)
    keyOf(key, order, keys[offset])
    contents[offset] = values.of(value)
  }
  await store.putBatch(keys, contents)
  await turn()
}

async function load(from: number, count: number): Promise<number> {
  for (let at = from; at < from + count; at += BATCH) await putBatch((offset) => ({ key: at + offset, value: at + offset }))
  loaded = Math.max(loaded, from + count)
  await store.settle()
  return count
}

/** A new value under a key that is there. */
const another = (): { readonly key: number; readonly value: number } => ({ key: numbers.below(loaded), value: numbers.next() })

/** Writes new values under keys that are there, in batches. */
async function overwrite(count: number): Promise<number> {
  for (let done = 0; done < count; done += BATCH) await putBatch(another)
  await store.settle()
  return count
}

async function busy(seconds: number): Promise<number> {
  const end = performance.now() + seconds * 1000
  let count = 0
  for (; performance.now() < end; count += BUSY_BATCH) await putBatch(another, [smallKeys, smallValues])
  return count
}

/** Repeats `work` for some seconds; how often. */
async function repeat(seconds: number, work: () => Promise<unknown> | unknown): Promise<number> {
  const end = performance.now() + seconds * 1000
  let count = 0
  for (;;) {
    const pending = work()
    if (pending instanceof Promise) await pending
    count++
    if (count % CHECK_EVERY > 0) continue
    if (performance.now() >= end) return count
    await turn()
  }
}

const anyKey = (): Buffer => keyOf(numbers.below(loaded), order)

async function syncedPuts(seconds: number, clients: number): Promise<number> {
  const end = performance.now() + seconds * 1000
  let count = 0
  const client = async (): Promise<void> => {
    while (performance.now() < end) {
      const index = loaded++
      await store.putSynced(keyOf(index, order), values.of(index))
      count++
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
  return count
}

function read(index: number): Promise<void> | void {
  const check = (found: Uint8Array | undefined): void => {
    if (found === undefined) throw new Error(`entry ${index} of ${loaded} is missing`)
  }
  const found = store.get(keyOf(index, order, asked))
  return found instanceof Promise ? found.then(check) : check(found)
}

const write = (index: number): Promise<void> | void => store.putBatch([keyOf(index, order)], [values.of(index + numbers.below(1000))])

/** The core workloads of YCSB (Cooper et al., SoCC 2010); writes wait for no disk, in any engine. */
function ycsb(kind: YcsbKind): () => Promise<unknown> | unknown {
  zipf ??= new Zipf(loaded, 5)
  const skewed = zipf
  const share = { a: 50, b: 95, c: 100, d: 95, e: 95, f: 50 }[kind]
  return () => {
    const isFirst = numbers.below(100) < share
    if (kind === "d") return isFirst ? read(loaded - 1 - skewed.rank()) : write(loaded++)
    if (kind === "e") return isFirst ? store.scan(keyOf(skewed.next(), order), 1 + numbers.below(SCAN_LENGTH_MAX)) : write(loaded++)
    const index = skewed.next()
    if (isFirst) return read(index)
    const pending = kind === "f" ? read(index) : undefined
    return pending instanceof Promise ? pending.then(() => write(index)) : write(index)
  }
}

async function run(command: Command): Promise<number> {
  switch (command.kind) {
    case "load":
      order = command.order
      values = new Values(command.valueBytes)
      return load(command.from, command.count)
    case "overwrite":
      return overwrite(command.count)
    case "busy":
      controlBytesPerEntry = command.bytesPerEntry
      return busy(command.seconds)
    case "syncedPuts":
      return syncedPuts(command.seconds, command.clients)
    case "gets":
      return repeat(command.seconds, () => read(numbers.below(loaded)))
    case "scans":
      return repeat(command.seconds, () => store.scan(anyKey(), SCAN_LENGTH))
    case "ycsb":
      return repeat(command.seconds, ycsb(command.work))
    case "compact":
      await store.compact()
      return 1
    case "empty":
      await store.close()
      rmSync(directory, { recursive: true })
      loaded = 0
      store = await openStore(directory)
      return 1
    case "reopen":
      store = await openStore(directory)
      await read(0)
      return 1
    case "close":
      await store.close()
      return 1
  }
}

/** Bytes this process has handed to the disk so far. */
function writtenBytes(): number {
  try {
    return Number(/^write_bytes: (\d+)$/m.exec(readFileSync("/proc/self/io", "utf8"))?.[1] ?? 0)
  } catch {
    return 0
  }
}

process.on("message", (command: Command) => {
  void (async () => {
    const delay = monitorEventLoopDelay({ resolution: 1 })
    const [written, cpu, start] = [writtenBytes(), process.cpuUsage(), performance.now()]
    delay.enable()
    const operations = await run(command)
    delay.disable()
    const micros = (performance.now() - start) * 1000
    const { user, system } = process.cpuUsage(cpu)
    const outcome: Outcome = {
      operations,
      micros,
      cpuMicros: user + system,
      writtenBytes: writtenBytes() - written,
      rssBytes: process.memoryUsage.rss(),
      rssBytesMost: process.resourceUsage().maxRSS * 1024,
      entries: loaded,
      delayP999Ms: delay.percentile(99.9) / 1e6
    }
    process.send?.(outcome)
  })().catch((error: unknown) => {
    console.error(error)
    process.exit(1)
  })
})
process.send?.("ready")
