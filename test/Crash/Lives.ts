/**
 * The life of one directory: a ledger that is served, loaded, killed, checked and served again.
 *
 * A round is: start (sometimes killed in the middle of it), compare everything with the journal, load until a random moment, kill -9 (sometimes a
 * clean stop), `planck verify` on what is left.
 */
import * as Effect from "effect/Effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { Disk } from "../../src/Disk/Disk.ts"
import { Random } from "../../src/Disk/Random.ts"
import { Storage } from "../../src/Storage/Storage.ts"
import { load, type Load, Moments, type Past } from "./Clients.ts"
import { Connection } from "./Connection.ts"
import { Difference, Journal } from "./Journal.ts"
import { isLinearizable } from "./Linearizability.ts"
import { type Kind, ServerProcess } from "./ServerProcess.ts"
import { ledgerDirectory } from "./Small.ts"
import { Numbers, type WorkloadOptions } from "./Workload.ts"

const WORKLOAD: WorkloadOptions = { clients: 8, entries: 40, registers: 3, textBytesMax: 300 * 1024 }
const KINDS: ReadonlyArray<Kind> = ["shipped", "small", "small", "tiny"]
/** After how many answers a server is killed at the latest, and after which time. */
const ANSWERS_MAX = 1200
const LOAD_MS_MAX = 4000
/** How much later than the answer it happens. */
const DELAY_MS_MAX = 25
/** Within which a start is killed when it is. */
const START_MS_MAX = 600
const KILLED_STARTS = 0.15
const CLEAN_STOPS = 0.08

/** What the rounds did, for the summary. */
export interface Tally {
  rounds: number
  answered: number
  unknown: number
  killedStarts: number
  cleanStops: number
  /** Calls of registers whose histories were judged. */
  calls: number
}

/** Runs rounds on one directory until `rounds` are done. Throws a `Difference` that says what differs. */
export class Life {
  readonly #past: Past = { journal: new Journal(), numbers: new Numbers(), moments: new Moments(), registers: new Map() }
  readonly #random: Random
  readonly #kind: Kind
  readonly #module: string
  readonly #tally: Tally
  readonly data = mkdtempSync(join(tmpdir(), "planck-crash-"))

  constructor(seed: number, module: string, tally: Tally) {
    this.#random = new Random(seed)
    this.#kind = KINDS[this.#random.below(KINDS.length)]!
    this.#module = module
    this.#tally = tally
  }

  /** One round; see above. */
  async round(): Promise<void> {
    if (this.#random.chance(KILLED_STARTS)) await this.#killedStart()
    const server = new ServerProcess(this.#kind, this.#module, this.data)
    try {
      const port = await server.port()
      if (port === undefined) throw new Difference(`the server did not start: ${(await server.ended).errors}`)
      await this.#compare(port)
      const counts: Load = { answered: 0, unknown: 0 }
      const loading = load(port, this.#random.next(), WORKLOAD, this.#past, counts)
      const isClean = this.#random.chance(CLEAN_STOPS)
      await this.#someMoment(counts, loading)
      server.signal(isClean ? "SIGTERM" : "SIGKILL")
      const { code, errors } = await server.ended
      await loading.catch((error: unknown) => {
        throw error instanceof Difference ? new Difference(`${error.message}\n${errors}`) : error
      })
      this.#tally.answered += counts.answered
      this.#tally.unknown += counts.unknown
      if (errors !== "") throw new Difference(`the server complained: ${errors}`)
      if (isClean) this.#tally.cleanStops++
      if (isClean && code !== 0 && code !== 130 && code !== 143) throw new Difference(`the server stopped with exit code ${code}`)
    } finally {
      server.signal("SIGKILL")
      await server.ended
    }
    await this.#verify()
    this.#tally.rounds++
  }

  /** What came back last, and whether every register ever was one; then the directory is removed. */
  async end(): Promise<void> {
    const server = new ServerProcess(this.#kind, this.#module, this.data)
    try {
      const port = await server.port()
      if (port === undefined) throw new Difference(`the server did not start: ${(await server.ended).errors}`)
      await this.#compare(port)
    } finally {
      server.signal("SIGKILL")
      await server.ended
    }
    for (const [id, operations] of this.#past.registers) {
      this.#tally.calls += operations.length
      if (isLinearizable(operations)) continue
      throw new Difference(`register ${id} was none:\n${operations.map((operation) => JSON.stringify(operation)).join("\n")}`)
    }
    this.remove()
  }

  remove(): void {
    rmSync(this.data, { recursive: true, force: true })
  }

  /** Waits for a random number of answers, and a little longer. */
  async #someMoment(counts: Load, loading: Promise<void>): Promise<void> {
    const answers = this.#random.below(ANSWERS_MAX)
    const delayMs = (this.#random.next() / 0x1_0000_0000) * DELAY_MS_MAX
    const over = loading.then(() => true)
    for (const startMs = Date.now(); counts.answered < answers && Date.now() - startMs < LOAD_MS_MAX;) {
      if (await Promise.race([over, sleep(1, false)])) return
    }
    await sleep(delayMs)
  }

  /** A process that dies while it opens the database, or soon after. */
  async #killedStart(): Promise<void> {
    const server = new ServerProcess(this.#kind, this.#module, this.data)
    await sleep(this.#random.below(START_MS_MAX))
    server.signal("SIGKILL")
    await server.ended
    this.#tally.killedStarts++
  }

  async #compare(port: number): Promise<void> {
    const connection = new Connection(port)
    try {
      const found = await connection.everything()
      if (found === undefined) throw new Difference("the server went away while it was read")
      this.#past.journal.recovered(found)
    } finally {
      connection.close()
    }
  }

  async #verify(): Promise<void> {
    const directory = ledgerDirectory(this.data)
    const report = await Effect.runPromise(Storage.verify(directory).pipe(Effect.provide(Disk.layer)))
    if (report.problemCount > 0)
      throw new Difference(
        `planck verify: ${report.problems.map(({ file, offset, message }) => `${file}:${offset}: ${message}`).join("; ")}`
      )
  }
}
