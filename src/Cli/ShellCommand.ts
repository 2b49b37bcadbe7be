/** `planck shell`: statements one after another, at a terminal or from standard input. */
import * as Effect from "effect/Effect"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { homedir } from "node:os"
import { dirname, join } from "node:path"
import { createInterface, type Interface } from "node:readline"
import type { StoreDefinition } from "../Schema/Definition.ts"
import { completePql } from "../Query/Complete.ts"
import { findDatabase } from "./Database.ts"
import { highlight } from "./Highlight.ts"
import { openSession } from "./Session.ts"
import { Shell } from "./Shell.ts"

export interface ShellCommandOptions {
  readonly directory: string
  readonly service: string | undefined
  readonly extended: boolean
  /** Where lines come from and where results go; the process's own unless given. */
  readonly input?: NodeJS.ReadableStream
  readonly output?: NodeJS.WritableStream & { readonly columns?: number; readonly isTTY?: boolean }
}

/** Lines that are remembered from one shell to the next. */
const HISTORY_MAX = 1000
const WIDTH = 120

export const shell = Effect.fn("Cli.shell")(
  function* (options: ShellCommandOptions) {
    const database = yield* findDatabase(options.directory, options.service)
    const session = yield* openSession(database, options.extended)
    const output = options.output ?? process.stdout
    const isTerminal = output.isTTY === true
    const stores = yield* session.stores
    const core = new Shell({ session, width: () => output.columns ?? WIDTH })
    const lines = yield* openLines(options, isTerminal, stores, core)
    const write = (text: string): void => void output.write(`${text}\n`)
    if (isTerminal)
      write(`${session.isShared ? "a server has the database: statements read only" : "the database is open"}; .help says what there is`)
    for (;;) {
      const line = yield* lines.next(core.prompt)
      if (line === undefined) break
      const shown = yield* core.line(line)
      for (const text of shown.lines) write(text)
      if (shown.isOver) break
    }
  },
  (effect) => Effect.scoped(effect)
)

/** Lines on demand; closed with the scope. */
const openLines = (options: ShellCommandOptions, isTerminal: boolean, stores: ReadonlyArray<StoreDefinition>, core: Shell) =>
  Effect.acquireRelease(
    Effect.sync(() => new Lines(options, isTerminal, stores, core)),
    (lines) => Effect.sync(() => lines.close())
  )

class Lines {
  readonly #interface: Interface
  readonly #isTerminal: boolean
  readonly #waiting: Array<string> = []
  #resume: ((line: string | undefined) => void) | undefined
  #isClosed = false

  constructor(options: ShellCommandOptions, isTerminal: boolean, stores: ReadonlyArray<StoreDefinition>, core: Shell) {
    this.#isTerminal = isTerminal
    this.#interface = createInterface({
      input: options.input ?? process.stdin,
      ...(isTerminal ? { output: options.output ?? process.stdout, history: isTerminal ? readHistory() : [] } : {}),
      terminal: isTerminal,
      historySize: HISTORY_MAX,
      removeHistoryDuplicates: true,
      completer: (line: string) => completed(line, core.unfinished, stores)
    })
    if (isTerminal) colour(this.#interface)
    this.#interface.on("history", (history: ReadonlyArray<string>) => writeHistory(history))
    this.#interface.on("line", (line) => this.#give(line))
    this.#interface.on("close", () => {
      this.#isClosed = true
      this.#give(undefined)
    })
    this.#interface.on("SIGINT", () => this.#give(core.unfinished === "" ? undefined : ".clear"))
  }

  /** The next line; undefined at the end. */
  next(prompt: string): Effect.Effect<string | undefined> {
    return Effect.callback<string | undefined>((resume) => {
      if (this.#isTerminal && !this.#isClosed) {
        this.#interface.setPrompt(prompt)
        this.#interface.prompt()
      }
      if (this.#waiting.length > 0 || this.#isClosed) return resume(Effect.succeed(this.#waiting.shift()))
      this.#resume = (line) => resume(Effect.succeed(line))
    })
  }

  close(): void {
    this.#interface.close()
  }

  #give(line: string | undefined): void {
    const resume = this.#resume
    this.#resume = undefined
    if (resume !== undefined) resume(line)
    else if (line !== undefined) this.#waiting.push(line)
  }
}

/** What readline wants of a completer: alternatives, and the text they take the place of. */
export function completed(line: string, unfinished: string, stores: ReadonlyArray<StoreDefinition>): [Array<string>, string] {
  const before = unfinished === "" ? "" : `${unfinished}\n`
  const { from, items } = completePql(before + line, before.length + line.length, stores)
  return [items.map((item) => item.text), (before + line).slice(from)]
}

/** Writes the line in colours whenever it is drawn. */
function colour(lines: Interface): void {
  const internal = lines as unknown as { _writeToOutput?: (text: string) => void; _refreshLine?: () => void; readonly line: string }
  const write = internal._writeToOutput?.bind(lines)
  if (write === undefined || internal._refreshLine === undefined) return
  internal._writeToOutput = (text) => {
    const { line } = internal
    const at = line === "" ? -1 : text.lastIndexOf(line)
    write(at < 0 ? text : text.slice(0, at) + highlight(line) + text.slice(at + line.length))
  }
  process.stdin.on("keypress", () => internal._refreshLine?.())
}

const historyFile = (): string => join(homedir(), ".planck", "history")

/** The lines of earlier shells, newest first; none when they cannot be read. */
function readHistory(): Array<string> {
  const file = historyFile()
  return existsSync(file) ? readFileSync(file, "utf8").split("\n").filter(Boolean) : []
}

/** Remembers the lines; a home that cannot be written to is no reason to fail. */
function writeHistory(history: ReadonlyArray<string>): void {
  try {
    mkdirSync(dirname(historyFile()), { recursive: true, mode: 0o700 })
    writeFileSync(historyFile(), `${history.slice(0, HISTORY_MAX).join("\n")}\n`, { mode: 0o600 })
  } catch {
    // The lines of this shell are still there with the arrow keys.
  }
}
