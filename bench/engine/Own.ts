/** Planck's own figures, which no peer has: what an index costs those who write, and what a kill costs the next start. */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { median, type Row } from "../Report.ts"

const INDEXED_ROUNDS = 3
const RECOVERY_ROUNDS = 3
/** Documents that are written before the kill, by the bytes of their values: several memtables of them. */
const FILLED: ReadonlyArray<readonly [number, number]> = [
  [200, 600_000],
  [2048, 120_000]
]

interface Cost {
  readonly micros: number
  readonly cpuMicros: number
}

interface Indexed {
  readonly inserts: Cost
  readonly updates: Cost
}

const started = (...given: ReadonlyArray<string>): ChildProcess =>
  spawn(process.execPath, [...process.execArgv, join(import.meta.dirname, "OwnChild.ts"), ...given], {
    stdio: ["ignore", "pipe", "inherit"]
  })

/** The first line that a child says. */
function line<A>(child: ChildProcess): Promise<A> {
  return new Promise((done, failed) => {
    let text = ""
    child.stdout!.setEncoding("utf8").on("data", (piece: string) => {
      text += piece
      if (text.includes("\n")) done(JSON.parse(text) as A)
    })
    child.once("exit", (code) => failed(new Error(`a child exited with ${code}`)))
  })
}

/** `documents`: how many are written, and written over, with and without an index. */
export async function runOwn(documents: number, say: (line: string) => void): Promise<ReadonlyArray<Row>> {
  const folder = mkdtempSync(join(tmpdir(), "planck-bench-own-"))
  try {
    say("what an index costs")
    const rows = [...(await indexCost(folder, documents))]
    for (const [valueBytes, count] of FILLED) {
      say(`opening after a kill, values of ${valueBytes} bytes`)
      rows.push(await recovery(folder, valueBytes, count))
    }
    return rows
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function indexCost(folder: string, documents: number): Promise<ReadonlyArray<Row>> {
  const seen: [Array<Indexed>, Array<Indexed>] = [[], []]
  for (let round = 0; round < INDEXED_ROUNDS; round++) {
    for (const indexes of [0, 1] as const) {
      const directory = join(folder, `indexed-${indexes}`)
      seen[indexes].push(await line<Indexed>(started("indexed", directory, `${indexes}`, `${documents}`)))
      rmSync(directory, { recursive: true })
    }
  }
  return (["inserts", "updates"] as const).flatMap((work) => {
    const [without, one] = seen.map((rounds) => median(rounds.map((it) => it[work].micros))) as [number, number]
    return seen.map((rounds, indexes): Row => {
      const cpuMicros = median(rounds.map((it) => it[work].cpuMicros))
      const perSecond = 1e6 / (indexes === 0 ? without : one)
      const peer = indexes === 0 ? "no index" : "one index"
      return { ...EMPTY, work: `own ${work}`, peer, perSecond, cpuMicros, ratio: (indexes === 0 ? without : one) / without }
    })
  })
}

async function recovery(folder: string, valueBytes: number, count: number): Promise<Row> {
  const openedMs: Array<number> = []
  const rates: Array<number> = []
  for (let round = 0; round < RECOVERY_ROUNDS; round++) {
    const directory = join(folder, "killed")
    const filling = started("fill", directory, `${valueBytes}`, `${count}`)
    await line(filling)
    filling.removeAllListeners("exit")
    await new Promise((exited) => {
      filling.once("exit", exited)
      filling.kill("SIGKILL")
    })
    const bytes = logBytes(join(directory, "wal"))
    const opened = await line<{ readonly openedMs: number }>(started("open", directory))
    openedMs.push(opened.openedMs)
    rates.push(bytes / 1e6 / (opened.openedMs / 1000))
    rmSync(directory, { recursive: true })
  }
  return { ...EMPTY, work: `own recovery ${valueBytes}B`, peer: "planck", p50Ms: median(openedMs), ratio: median(rates) }
}

const EMPTY: Row = { work: "", peer: "", perSecond: null, p50Ms: null, p99Ms: null, cpuMicros: null, syncsPerSecond: null, ratio: 1 }

function logBytes(directory: string): number {
  return readdirSync(directory)
    .filter((name) => name.endsWith(".wal"))
    .reduce((sum, name) => sum + statSync(join(directory, name)).size, 0)
}
