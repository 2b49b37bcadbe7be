/** The `planck` command as a user runs it, in this process: what it printed and its exit code. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert } from "@effect/vitest"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { cli, exitCode } from "../../src/Cli/Cli.ts"

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** A command that may still be running. */
export class Running {
  out = ""
  err = ""
  readonly #fiber: Fiber.Fiber<void, unknown>
  #watchers: Array<() => void> = []
  #exit: Exit.Exit<void, unknown> | undefined

  constructor(argv: ReadonlyArray<string>) {
    const print = (stream: "out" | "err") => (text: string) => {
      this[stream] += `${text}\n`
      this.#changed()
    }
    const console: Console.Console = { ...globalThis.console, log: print("out"), error: print("err") }
    const program = cli(argv).pipe(Effect.provideService(Console.Console, console), Effect.provide(NodeServices.layer), Effect.asVoid)
    this.#fiber = Effect.runFork(program)
    this.#fiber.addObserver((exit) => {
      this.#exit = exit
      this.#changed()
    })
  }

  /** Waits until both streams together show the pattern; fails when the command ends without it. */
  async shows(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(`${this.out}\n${this.err}`)
      if (found !== null) return found
      if (this.#exit !== undefined) return assert.fail(`ended without ${pattern}:\n${this.out}\n${this.err}`)
      await new Promise<void>((wake) => this.#watchers.push(wake))
    }
  }

  /** Forgets what was printed so far, so that `shows` waits for something new. */
  forget(): void {
    this.out = ""
    this.err = ""
  }

  /** Waits for the end. */
  async end(): Promise<Ran> {
    const exit = await Effect.runPromise(Fiber.await(this.#fiber))
    return { code: exitCode(exit), out: this.out, err: this.err }
  }

  /** Asks it to stop, as a signal does, and waits for the end. */
  async stop(): Promise<Ran> {
    this.#fiber.interruptUnsafe()
    return this.end()
  }

  #changed(): void {
    for (const wake of this.#watchers.splice(0)) wake()
  }
}

/** Runs a command to its end. */
export const planck = (...argv: ReadonlyArray<string>): Promise<Ran> => new Running(argv).end()

/** The one JSON value that a stream holds. */
export const json = <A>(text: string): A => JSON.parse(text) as A

/** A failure as `--json` tells it. */
export interface Told {
  readonly code: string
  readonly message: string
  readonly mistakes: ReadonlyArray<{ readonly place: string; readonly message: string; readonly frame?: string }>
  readonly details?: Readonly<Record<string, unknown>>
}

/** The failure that standard error tells a program. */
export const told = (err: string): Told => json<{ readonly error: Told }>(err).error
