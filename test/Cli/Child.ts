/** A process of its own, for what only a process shows: signals, exit codes, the environment, a kill. */
import { assert } from "@effect/vitest"
import { type ChildProcess, spawn } from "node:child_process"
import { join } from "node:path"

export const MAIN = join(import.meta.dirname, "../../src/Main.ts")

export interface Ended {
  /** The exit code, or 128 + the signal's number as a shell says it. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface ChildOptions {
  readonly env?: NodeJS.ProcessEnv
  readonly cwd?: string
  readonly bare?: boolean
}

export class Child implements AsyncDisposable {
  out = ""
  err = ""
  readonly ended: Promise<Ended>
  readonly #process: ChildProcess
  #watchers: Array<() => void> = []
  #isOver = false

  /** `bare`: with `env` and nothing else of this process's environment. */
  constructor(command: string, argv: ReadonlyArray<string>, options: ChildOptions = {}) {
    const { bare = false, cwd, env } = options
    const environment = bare ? env : { ...process.env, ...env }
    this.#process = spawn(command, argv, { ...(cwd === undefined ? {} : { cwd }), env: environment, stdio: ["ignore", "pipe", "pipe"] })
    this.#process.stdout?.on("data", (text) => this.#printed("out", String(text)))
    this.#process.stderr?.on("data", (text) => this.#printed("err", String(text)))
    this.ended = new Promise((resolve) =>
      this.#process.once("close", (code, signal) => {
        this.#isOver = true
        this.#wake()
        resolve({ code, signal })
      })
    )
  }

  get pid(): number {
    return this.#process.pid ?? assert.fail("it did not start")
  }

  signal(name: NodeJS.Signals): void {
    this.#process.kill(name)
  }

  /** Waits until both streams together show the pattern; fails when the process ends without it. */
  async shows(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(`${this.out}\n${this.err}`)
      if (found !== null) return found
      if (this.#isOver) return assert.fail(`ended without ${pattern}:\n${this.out}\n${this.err}`)
      await new Promise<void>((wake) => this.#watchers.push(wake))
    }
  }

  /** Whatever a test left behind ends with it. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOver) this.#process.kill("SIGKILL")
    await this.ended
  }

  #printed(stream: "out" | "err", text: string): void {
    this[stream] += text
    this.#wake()
  }

  #wake(): void {
    for (const wake of this.#watchers.splice(0)) wake()
  }
}

/** The command from the sources, as a process. */
export const planckProcess = (
  argv: ReadonlyArray<string>,
  options: { readonly env?: NodeJS.ProcessEnv; readonly cwd?: string } = {}
): Child => new Child(process.execPath, [MAIN, ...argv], options)
