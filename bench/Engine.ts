/**
 * Suite `engine`: storage engines beside each other, without a server or a query. Each has a process of its own; they take turns within each
 * round, so that whatever else the machine does meets all of them. The clock of writes stops when the engine has settled.
 */
import { type ChildProcess, execFileSync, fork } from "node:child_process"
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Command, Outcome, YcsbKind } from "./engine/Child.ts"
import type { KeyOrder } from "./engine/Entries.ts"
import { runOwn } from "./engine/Own.ts"
import { median, type Report, type Row } from "./Report.ts"

interface Options {
  readonly quick: boolean
  /** One of the plans alone, counted from 1; behind them Planck's own figures. */
  readonly plan?: number
  readonly say: (line: string) => void
}

const compare = join(import.meta.dirname, "compare")
const PEERS = ["planck", "classic-level", "lmdb", "lmdb-nosync", "node:sqlite"] as const
/** Those that ten million entries do not take an hour: what ratios are to is among them. */
const LARGE_PEERS: ReadonlyArray<string> = ["planck", "classic-level", "lmdb-nosync"]
const YCSB: ReadonlyArray<YcsbKind> = ["a", "b", "c", "d", "e", "f"]
/** What the ratio of a work is to; the best of the others where nothing is named. */
const REFERENCE: Readonly<Record<string, string>> = {
  puts: "classic-level",
  "synced-puts": "classic-level",
  get: "lmdb-nosync",
  scan: "lmdb-nosync"
}
const SYNCED_CLIENTS = 64
/** How many rounds' time each engine reads before it is measured. */
const WARM_UP_ROUNDS = 2
/** Entries that each engine loads, and forgets, before loading is measured. */
const WARM_UP_ENTRIES = 200_000
/** Share of the entries that are written again, in steps, before space is looked at once more. */
const OVERWRITES = 2
const SPACE_POLL_MS = 250
/** Documents that are written with and without an index. */
const OWN_DOCUMENTS = 500_000
const OWN_DOCUMENTS_QUICK = 100_000
const BUSY_ROUNDS = 3
/** Times the seconds of a round: of a thousand turns one counts. */
const BUSY_SECONDS_FACTOR = 2
/** What is stored at the least for an entry beside its value: the BSON around it (`{ _id, value }`), and 16 bytes to find it by. */
const BYTES_PER_ENTRY = 43 + 16

/** One engine in its process. */
class Engine {
  readonly peer: string
  readonly directory: string
  readonly #child: ChildProcess

  private constructor(peer: string, directory: string, child: ChildProcess) {
    this.peer = peer
    this.directory = directory
    this.#child = child
  }

  static async start(peer: string, directory: string): Promise<Engine> {
    const child = fork(join(import.meta.dirname, "engine", "Child.ts"), [peer, directory], {
      env: { ...process.env, NOSYNC: peer === "lmdb-nosync" ? "1" : "0" }
    })
    await new Promise((ready, failed) => {
      child.once("message", ready)
      child.once("exit", (code) => failed(new Error(`${peer} exited with ${code} before it was ready`)))
    })
    return new Engine(peer, directory, child)
  }

  run(command: Command): Promise<Outcome> {
    return new Promise((done, failed) => {
      const exited = (code: number | null): void => failed(new Error(`${this.peer} exited with ${code} in ${command.kind}`))
      this.#child.once("exit", exited)
      this.#child.once("message", (outcome) => {
        this.#child.off("exit", exited)
        done(outcome as Outcome)
      })
      this.#child.send(command)
    })
  }

  stop(): void {
    this.#child.removeAllListeners("exit")
    this.#child.kill("SIGKILL")
  }
}

/** Runs the suite. */
export async function runEngine(options: Options): Promise<Report> {
  if (!existsSync(join(compare, "node_modules", "classic-level"))) {
    options.say("installing the peers of bench/compare")
    execFileSync("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: compare, stdio: ["ignore", "ignore", "inherit"] })
  }
  const plans: ReadonlyArray<Plan> = options.quick
    ? [{ order: "random", count: 200_000, valueBytes: 200, loads: 5, rounds: 2, seconds: 1 }]
    : [
        { order: "random", count: 1_000_000, valueBytes: 200, loads: 3, rounds: 3, seconds: 3 },
        { order: "ordered", count: 1_000_000, valueBytes: 200, loads: 3, rounds: 3, seconds: 3 },
        { order: "random", count: 200_000, valueBytes: 2048, loads: 3, rounds: 3, seconds: 3 },
        { order: "random", count: 10_000, valueBytes: 65_536, loads: 3, rounds: 2, seconds: 3 },
        {
          order: "random",
          count: 10_000_000,
          valueBytes: 200,
          loads: 1,
          rounds: 1,
          seconds: 5,
          warmUpSeconds: 45,
          overwrites: 1 / 4,
          peers: LARGE_PEERS
        }
      ]
  const rows: Array<Row> = []
  const chosen = options.plan === undefined ? plans : plans.slice(options.plan - 1, options.plan)
  for (const plan of chosen) rows.push(...(await runPlan(plan, options)))
  if (options.plan === undefined || chosen.length === 0) {
    rows.push(...(await runOwn(options.quick ? OWN_DOCUMENTS_QUICK : OWN_DOCUMENTS, options.say)))
  }
  return { suite: "engine", notes: NOTES, rows }
}

const NOTES = [
  "ratio: puts and synced-puts to classic-level, get and scan to lmdb-nosync, ycsb to the best of the others",
  "disk: ratio is bytes on disk over those of the documents as BSON and 16 more for each; write-amplification: bytes handed to the disk over the same; disk-overwriting: on average while entries are written again without a pause; open, memory and loop-delay: milliseconds or MiB in the column p50",
  "loop-delay: of the event loop at 99.9 %, batches of 100, ratio to a control that writes and syncs as many bytes for each entry as Planck",
  "own inserts and updates: settled, ratio of the time without an index; own recovery: opening after SIGKILL in the column p50, MB of the log a second in the column ratio",
  "rocksdb is left out: its newest build for Node aborts on Node 24"
]

interface Plan {
  readonly order: KeyOrder
  readonly count: number
  readonly valueBytes: number
  /** How often everything is loaded, each time into an empty store. */
  readonly loads: number
  readonly rounds: number
  readonly seconds: number
  /** How long each engine reads before it is measured, if not for WARM_UP_ROUNDS: so that what is to be in memory is there. */
  readonly warmUpSeconds?: number
  /** Share of the entries that are written again; OVERWRITES otherwise. */
  readonly overwrites?: number
  /** Who takes part; everybody otherwise. */
  readonly peers?: ReadonlyArray<string>
}

async function runPlan(plan: Plan, options: Options): Promise<ReadonlyArray<Row>> {
  const name = `${plan.count / 1000}k×${plan.valueBytes}B ${plan.order}`
  const folder = mkdtempSync(join(tmpdir(), "planck-bench-engine-"))
  const engines: Array<Engine> = []
  const samples = new Map<string, Array<Outcome>>()
  const note = (work: string, engine: Engine, outcome: Outcome): void => {
    const key = `${work}|${engine.peer}`
    samples.set(key, [...(samples.get(key) ?? []), outcome])
  }
  const each = async (work: string, command: Command): Promise<void> => {
    for (const engine of engines) note(work, engine, await engine.run(command))
  }
  const extra: Array<Row> = []
  try {
    for (const peer of plan.peers ?? PEERS) engines.push(await Engine.start(peer, join(folder, peer.replace(":", "-"))))
    const { order, valueBytes } = plan
    const load = (count: number): Command => ({ kind: "load", from: 0, count, order, valueBytes })
    for (const engine of engines) await engine.run(load(Math.min(plan.count, WARM_UP_ENTRIES)))
    for (let round = 0; round < plan.loads; round++) {
      options.say(`${name}: loading, round ${round + 1} of ${plan.loads}`)
      for (const engine of engines) await engine.run({ kind: "empty" })
      await each("puts", load(plan.count))
    }
    const entriesOf = (work: string, engine: Engine): number => samples.get(`${work}|${engine.peer}`)?.at(-1)?.entries ?? plan.count
    const space = (when: string, after: string): ReadonlyArray<Row> =>
      engines.map((engine) =>
        figure(
          `disk-${when}`,
          engine.peer,
          null,
          folderBytes(engine.directory) / (entriesOf(after, engine) * (plan.valueBytes + BYTES_PER_ENTRY))
        )
      )
    const amplified = space("loaded", "puts")
    for (const engine of engines)
      extra.push(
        figure(
          "write-amplification",
          engine.peer,
          null,
          median(samples.get(`puts|${engine.peer}`)!.map((it) => it.writtenBytes)) / logicalBytes(plan)
        )
      )
    extra.push(...amplified)
    const warmUp = async (kind: "gets" | "scans"): Promise<void> => {
      for (const engine of engines) await engine.run({ kind, seconds: plan.warmUpSeconds ?? plan.seconds * WARM_UP_ROUNDS })
    }
    // What is measured before the just-in-time compilers are done is the compiler, and before the caches are full the disk.
    await warmUp("gets")
    await warmUp("scans")
    // Reads come before all writes but the loading: a faster engine takes more of these within its seconds, and has more to look through then.
    for (let round = 0; round < plan.rounds; round++) {
      options.say(`${name}: reads, round ${round + 1} of ${plan.rounds}`)
      await each("get", { kind: "gets", seconds: plan.seconds })
      await each("scan", { kind: "scans", seconds: plan.seconds })
    }
    for (let round = 0; round < plan.rounds; round++) {
      options.say(`${name}: round ${round + 1} of ${plan.rounds}`)
      for (const work of YCSB) await each(`ycsb-${work}`, { kind: "ycsb", work, seconds: plan.seconds })
      await each("synced-puts", { kind: "syncedPuts", seconds: plan.seconds, clients: SYNCED_CLIENTS })
    }
    options.say(`${name}: busy event loops`)
    extra.push(...(await busy(engines, join(folder, "control"), plan.seconds)))
    options.say(`${name}: overwriting`)
    for (const engine of engines) extra.push(...(await overwritten(engine, plan, note)))
    extra.push(...space("overwritten", "overwrites"))
    await each("compact", { kind: "compact" })
    extra.push(...space("compacted", "compact"))
    await warmUp("scans")
    await each("scan-compacted", { kind: "scans", seconds: plan.seconds })
    for (const engine of engines) {
      await engine.run({ kind: "close" })
      const opened = await engine.run({ kind: "reopen" })
      extra.push(figure("open", engine.peer, opened.micros / 1000, 0))
      extra.push(figure("memory", engine.peer, opened.rssBytes / 2 ** 20, 0))
      extra.push(figure("memory-most", engine.peer, opened.rssBytesMost / 2 ** 20, 0))
    }
    return [...rowsOf(samples), ...extra].map((row) => ({ ...row, work: `${name} ${row.work}` }))
  } finally {
    for (const engine of engines) engine.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** What a hundred writes a turn keep the event loop from, at 99.9 %, beside a control that writes and syncs the same bytes. */
async function busy(engines: ReadonlyArray<Engine>, path: string, seconds: number): Promise<ReadonlyArray<Row>> {
  const control = await Engine.start("control", path)
  const delays = new Map<string, Array<number>>()
  // Planck's turn comes first in each round, the control's last.
  let bytesPerEntry = 0
  try {
    for (let round = 0; round < BUSY_ROUNDS; round++) {
      for (const engine of [...engines, control]) {
        const outcome = await engine.run({ kind: "busy", seconds: seconds * BUSY_SECONDS_FACTOR, bytesPerEntry })
        if (engine.peer === "planck") bytesPerEntry = outcome.writtenBytes / outcome.operations
        delays.set(engine.peer, [...(delays.get(engine.peer) ?? []), outcome.delayP999Ms])
      }
    }
  } finally {
    control.stop()
  }
  const base = median(delays.get("control")!)
  return [...delays].map(([peer, ms]) => figure("loop-delay", peer, median(ms), median(ms) / base))
}

/** Writes entries again, without a pause and until the engine has settled; how much of the disk that takes meanwhile, on average in the second half. */
async function overwritten(
  engine: Engine,
  plan: Plan,
  note: (work: string, engine: Engine, outcome: Outcome) => void
): Promise<ReadonlyArray<Row>> {
  const seen = [folderBytes(engine.directory)]
  const look = setInterval(() => seen.push(folderBytes(engine.directory)), SPACE_POLL_MS)
  const outcome = await engine.run({ kind: "overwrite", count: plan.count * (plan.overwrites ?? OVERWRITES) })
  clearInterval(look)
  note("overwrites", engine, outcome)
  const late = seen.slice(seen.length >>> 1)
  const bytes = late.reduce((sum, it) => sum + it, 0) / late.length
  return [figure("disk-overwriting", engine.peer, null, bytes / (outcome.entries * (plan.valueBytes + BYTES_PER_ENTRY)))]
}

const logicalBytes = (plan: Plan): number => plan.count * (plan.valueBytes + BYTES_PER_ENTRY)

function figure(work: string, peer: string, p50Ms: number | null, ratio: number): Row {
  return { work, peer, perSecond: null, p50Ms, p99Ms: null, cpuMicros: null, syncsPerSecond: null, ratio }
}

/** Bytes that the files of a folder take on the disk; holes do not count, nor does what is removed meanwhile. */
function folderBytes(folder: string): number {
  const blockBytes = 512
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + (statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.blocks ?? 0) * blockBytes, 0)
}

function rowsOf(samples: ReadonlyMap<string, ReadonlyArray<Outcome>>): ReadonlyArray<Row> {
  const perSecond = (outcomes: ReadonlyArray<Outcome>): number => median(outcomes.map((it) => (it.operations * 1e6) / it.micros))
  const works = new Map<string, Map<string, ReadonlyArray<Outcome>>>()
  for (const [key, outcomes] of samples) {
    const [work = "", peer = ""] = key.split("|")
    works.set(work, (works.get(work) ?? new Map<string, ReadonlyArray<Outcome>>()).set(peer, outcomes))
  }
  return [...works].flatMap(([work, peers]) => {
    const reference = REFERENCE[work.replace("-compacted", "")]
    const others = [...peers].filter(([peer]) => peer !== "planck").map(([, outcomes]) => perSecond(outcomes))
    const base = reference === undefined ? Math.max(...others) : perSecond(peers.get(reference) ?? [])
    return [...peers].map(([peer, outcomes]): Row => ({
      work,
      peer,
      perSecond: perSecond(outcomes),
      p50Ms: null,
      p99Ms: median(outcomes.map((it) => it.delayP999Ms)),
      cpuMicros: median(outcomes.map((it) => it.cpuMicros / it.operations)),
      syncsPerSecond: null,
      ratio: perSecond(outcomes) / base
    }))
  })
}
