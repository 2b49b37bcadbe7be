/** The ledger as a process of its own, to be killed. */
import { type ChildProcess, spawn } from "node:child_process"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DEADLINE_MS } from "./Small.ts"

/** `shipped`: `planck serve` with the smallest memtable it takes. `small` and `tiny`: with small files and memtables (`Small.ts`). */
export type Kind = "shipped" | "small" | "tiny"

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** What it wrote on standard error. */
  readonly errors: string
}

const MAIN = new URL("../../src/Main.ts", import.meta.url).pathname
const SERVE = new URL("./Serve.ts", import.meta.url).pathname
const SERVING = /"event":"serving".*?"port":(\d+)/

export class ServerProcess {
  readonly ended: Promise<Ended>
  readonly #process: ChildProcess

  constructor(kind: Kind, module: string, data: string) {
    const argv = kind === "shipped" ? [MAIN, "serve", module, "--dir", data, "--port", "0", "--json"] : [SERVE, kind, module, data]
    // Compiled code is kept between the rounds: without it most of a round would be spent on reading the sources.
    const env = {
      ...process.env,
      NODE_COMPILE_CACHE: join(tmpdir(), "planck-compiled"),
      PLANCK_STORAGE_MEMTABLE_BYTES_MAX: "1MiB",
      PLANCK_GUEST_DEADLINE_MS: String(DEADLINE_MS),
      PLANCK_LOG_LEVEL: "error"
    }
    this.#process = spawn(process.execPath, argv, { env, stdio: ["ignore", "pipe", "pipe"] })
    let errors = ""
    this.#process.stderr!.on("data", (chunk: Buffer) => (errors += chunk.toString()))
    this.ended = new Promise((resolve) => this.#process.once("close", (code, signal) => resolve({ code, signal, errors })))
  }

  /** The port it listens on, once the database is open and the module at work; undefined when it ended before. */
  async port(): Promise<number | undefined> {
    let text = ""
    const serving = new Promise<number>((resolve) =>
      this.#process.stdout!.on("data", (chunk: Buffer) => {
        text += chunk.toString()
        const found = SERVING.exec(text)
        if (found !== null) resolve(Number(found[1]))
      })
    )
    return Promise.race([serving, this.ended.then(() => undefined)])
  }

  signal(name: NodeJS.Signals): void {
    this.#process.kill(name)
  }
}
