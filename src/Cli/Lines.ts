/**
 * Lines from a terminal, with history, completion and colours, or from any other stream.
 *
 * Invariants
 * - Ctrl-C takes back what has been typed of a statement; only where nothing has been, it ends the lines.
 * - A statement over several lines is one line of the history.
 */
import * as Effect from "effect/Effect"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import { createInterface, type Interface } from "node:readline"
import { highlight } from "./Highlight.ts"

export interface LinesOptions {
  readonly input: NodeJS.ReadableStream
  readonly output: NodeJS.WritableStream
  readonly isTerminal: boolean
  /** Where lines are remembered from one shell to the next. */
  readonly historyFile: string
  /** Alternatives for the end of a line, and the text they take the place of. */
  readonly complete: (line: string) => [Array<string>, string]
  /** Whether lines of a statement have come that is not complete. */
  readonly hasUnfinished: () => boolean
}

/** Lines that are remembered from one shell to the next. */
const HISTORY_MAX = 1000

export class Lines {
  readonly #interface: Interface
  readonly #options: LinesOptions
  readonly #waiting: Array<string> = []
  /** Newest first; readline's own list. */
  #history: Array<string> = []
  #resume: ((line: string | undefined) => void) | undefined
  #isClosed = false

  constructor(options: LinesOptions) {
    const { complete, historyFile, input, isTerminal, output } = options
    this.#options = options
    this.#interface = createInterface({
      input,
      ...(isTerminal ? { output, history: readHistory(historyFile) } : {}),
      terminal: isTerminal,
      historySize: HISTORY_MAX,
      removeHistoryDuplicates: true,
      completer: complete
    })
    if (isTerminal) colour(this.#interface, input)
    this.#interface.on("history", (history: Array<string>) => {
      this.#history = history
      writeHistory(historyFile, history)
    })
    this.#interface.on("line", (line) => this.#give(line))
    this.#interface.on("close", () => {
      this.#isClosed = true
      this.#give(undefined)
    })
    this.#interface.on("SIGINT", () => this.#interrupt())
  }

  /** The next line; undefined at the end. */
  next(prompt: string): Effect.Effect<string | undefined> {
    return Effect.callback<string | undefined>((resume) => {
      if (this.#options.isTerminal && !this.#isClosed) {
        this.#interface.setPrompt(prompt)
        this.#interface.prompt()
      }
      if (this.#waiting.length > 0 || this.#isClosed) return resume(Effect.succeed(this.#waiting.shift()))
      this.#resume = (line) => resume(Effect.succeed(line))
    })
  }

  /** Makes one line of the history of the lines of a statement, when they are the last ones there. A comment would take the rest with it. */
  joinHistory(statement: string): void {
    const lines = statement.split("\n")
    const history = this.#history
    if (lines.length < 2 || statement.includes("//") || lines.some((line, number) => history[lines.length - 1 - number] !== line)) return
    history.splice(0, lines.length, lines.map((line) => line.trim()).join(" "))
    writeHistory(this.#options.historyFile, history)
  }

  close(): void {
    this.#interface.close()
  }

  #interrupt(): void {
    const isTyped = this.#interface.line !== ""
    if (isTyped) {
      this.#interface.write(null, { ctrl: true, name: "e" })
      this.#interface.write(null, { ctrl: true, name: "u" })
    }
    if (this.#options.hasUnfinished()) this.#give(".clear")
    else if (!isTyped) this.#give(undefined)
  }

  #give(line: string | undefined): void {
    const resume = this.#resume
    this.#resume = undefined
    if (resume !== undefined) resume(line)
    else if (line !== undefined) this.#waiting.push(line)
  }
}

/** Writes the line in colours whenever it is drawn. */
function colour(lines: Interface, input: NodeJS.ReadableStream): void {
  const internal = lines as unknown as { _writeToOutput?: (text: string) => void; _refreshLine?: () => void; readonly line: string }
  const write = internal._writeToOutput?.bind(lines)
  if (write === undefined || internal._refreshLine === undefined) return
  internal._writeToOutput = (text) => {
    const { line } = internal
    const at = line === "" ? -1 : text.lastIndexOf(line)
    write(at < 0 ? text : text.slice(0, at) + highlight(line) + text.slice(at + line.length))
  }
  input.on("keypress", () => internal._refreshLine?.())
}

/** The lines of earlier shells, newest first; none when they cannot be read. */
function readHistory(file: string): Array<string> {
  return existsSync(file) ? readFileSync(file, "utf8").split("\n").filter(Boolean) : []
}

/** Remembers the lines; a home that cannot be written to is no reason to fail. */
function writeHistory(file: string, history: ReadonlyArray<string>): void {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    writeFileSync(file, `${history.slice(0, HISTORY_MAX).join("\n")}\n`, { mode: 0o600 })
  } catch {
    // The lines of this shell are still there with the arrow keys.
  }
}
