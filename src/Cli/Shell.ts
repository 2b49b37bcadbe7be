/**
 * The shell apart from the terminal: lines in, text out. It gathers lines until they are a statement, runs it, and shows what it gave.
 *
 * Invariants
 * - A line that is only the beginning of a statement is kept until the rest has come, or an empty line gives it up to the parser.
 * - Rows come in pages of PAGE_ROWS: of a find without a limit always, whatever it is at a terminal. An empty line, or `.more`, gives the
 *   next one.
 * - A statement that fails says why and leaves the shell as it was.
 */
import * as Effect from "effect/Effect"
import { Fault } from "../Fault/Fault.ts"
import { parseOperatorPql } from "../Query/Pql.ts"
import type { QueryReason } from "../Query/Reasons.ts"
import { printPql } from "../Query/Print.ts"
import type { TextResult } from "../Query/TextRunner.ts"
import { explanationText } from "./ExplanationText.ts"
import { failureOf } from "./Failure.ts"
import { countsOf } from "./QueryCommand.ts"
import type { Session } from "./Session.ts"
import { table } from "./Table.ts"
import { counted } from "./Words.ts"

/** Rows of a find shown at once. */
export const PAGE_ROWS = 50
/** Longest statement over several lines, in characters. */
const STATEMENT_LENGTH_MAX = 1024 * 1024

/** What begins with a dot: names, operands and meanings. */
export const COMMANDS: ReadonlyArray<readonly [name: string, operands: string, meaning: string]> = [
  [".help", "", "this"],
  [".stores", "", "stores, with their fields and indexes"],
  [".set", "name value", "the value of $name: JSON or text"],
  [".json", "", "rows and plans as JSON, or as tables and text again"],
  [".timing", "", "how long each statement took, or not"],
  [".more", "", "the next rows (an empty line does the same)"],
  [".clear", "", "forgets the lines of an unfinished statement (Ctrl-C does the same)"],
  [".exit", "", "leaves, as does Ctrl-D"]
]

const HELP = [
  "A statement may go over several lines; it ends where it is complete, or with an empty line. For example, of a store orders:",
  "  orders.filter(total > 10).orderBy(total desc).limit(5)",
  "  explain orders.filter(total > 10)",
  "Tab says what may come next. Beside statements there are:",
  ...COMMANDS.map(([name, operands, meaning]) => `  ${`${name} ${operands}`.padEnd(18)}  ${meaning}`)
]

export interface ShellOptions {
  readonly session: Session
  /** Characters of a line. */
  readonly width: () => number
  /** Whether somebody looks at it, who would rather not have all rows at once. */
  readonly isTerminal: boolean
}

/** What a line gave. */
export interface Shown {
  readonly lines: ReadonlyArray<string>
  readonly isOver: boolean
}

export class Shell {
  readonly #options: ShellOptions
  #text = ""
  #json = false
  #timing = true
  readonly #parameters: Record<string, unknown> = {}
  /** The statement for the rows behind those shown last. */
  #more: string | undefined
  /** Rows that have come and were not shown yet. */
  #rest: ReadonlyArray<string> = []

  constructor(options: ShellOptions) {
    this.#options = options
  }

  /** What stands in front of the next line. */
  get prompt(): string {
    if (this.#text !== "") return "     ... "
    return this.#options.session.isShared ? "planck (reads only)> " : "planck> "
  }

  /** The `$names` that have a value. */
  get parameterNames(): ReadonlyArray<string> {
    return Object.keys(this.#parameters)
  }

  /** The lines of a statement that is not complete yet. */
  get unfinished(): string {
    return this.#text
  }

  /** Takes a line. */
  line(line: string): Effect.Effect<Shown> {
    const trimmed = line.trim()
    if (this.#text === "") {
      if (trimmed === "" || trimmed === ".more") return this.#nextPage()
      if (trimmed.startsWith(".")) return this.#command(trimmed)
    }
    if (trimmed === ".clear") return this.#clear()
    const text = this.#text === "" ? line : `${this.#text}\n${line}`
    if (trimmed !== "" && isUnfinished(text, this.#parameters) && text.length < STATEMENT_LENGTH_MAX) {
      this.#text = text
      return Effect.succeed({ lines: [], isOver: false })
    }
    this.#text = ""
    return this.#run(text)
  }

  /** Forgets an unfinished statement. */
  #clear(): Effect.Effect<Shown> {
    this.#text = ""
    return Effect.succeed({ lines: [], isOver: false })
  }

  #nextPage(): Effect.Effect<Shown> {
    if (this.#rest.length > 0) {
      const rows = this.#page(this.#rest)
      return Effect.succeed({ lines: [...this.#rows(rows), ...this.#footer({ kind: "find", rows })], isOver: false })
    }
    const statement = this.#more
    return statement === undefined ? Effect.succeed({ lines: [], isOver: false }) : this.#run(statement)
  }

  #run(text: string): Effect.Effect<Shown> {
    const { session } = this.#options
    const paged = pagedStatement(text, this.#parameters)
    this.#more = undefined
    this.#rest = []
    return session.run(paged ?? text, this.#parameters).pipe(
      Effect.map((whole) => {
        const result = whole.rows === undefined ? whole : { ...whole, rows: this.#page(whole.rows) }
        if (paged !== undefined && result.next !== undefined) this.#more = nextStatement(paged, result.next)
        return { lines: [...this.#show(result), ...this.#footer(result)], isOver: false }
      }),
      Effect.catch((error) => {
        const { details, message } = failureOf(error)
        return Effect.succeed({ lines: [...pointer(text, details ?? {}), `✗ ${message}`], isOver: false })
      })
    )
  }

  #show({ explanation, rows, upserted, values }: TextResult): ReadonlyArray<string> {
    if (explanation !== undefined) return this.#json ? JSON.stringify(explanation, undefined, 2).split("\n") : explanationText(explanation)
    return rows === undefined ? [countsOf(values ?? {}, upserted)] : this.#rows(rows)
  }

  #rows(rows: ReadonlyArray<string>): ReadonlyArray<string> {
    if (rows.length === 0) return []
    return this.#json ? rows : table(rows, this.#options.width())
  }

  /** The rows that are shown now; the others wait. */
  #page(rows: ReadonlyArray<string>): ReadonlyArray<string> {
    if (!this.#options.isTerminal) return rows
    this.#rest = rows.slice(PAGE_ROWS)
    return rows.slice(0, PAGE_ROWS)
  }

  #footer({ elapsedMs, rows }: TextResult): ReadonlyArray<string> {
    const time = this.#timing && elapsedMs !== undefined ? [`${elapsedMs.toFixed(elapsedMs < 10 ? 2 : 0)} ms`] : []
    const count = rows === undefined ? [] : [counted(rows.length, "row")]
    const more = this.#more === undefined && this.#rest.length === 0 ? [] : ["more with an empty line"]
    const parts = [...count, ...more, ...time]
    return parts.length === 0 ? [] : [`(${parts.join(", ")})`]
  }

  #command(text: string): Effect.Effect<Shown> {
    const [name = "", ...rest] = text.split(/\s+/)
    const shown = (...lines: ReadonlyArray<string>): Effect.Effect<Shown> => Effect.succeed({ lines, isOver: false })
    switch (name) {
      case ".exit":
      case ".quit":
        return Effect.succeed({ lines: [], isOver: true })
      case ".json":
        this.#json = !this.#json
        return shown(this.#json ? "rows and plans as JSON" : "rows as tables, plans as text")
      case ".timing":
        this.#timing = !this.#timing
        return shown(this.#timing ? "timing is shown" : "timing is not shown")
      case ".set":
        return shown(this.#set(rest))
      case ".clear":
        return this.#clear()
      case ".stores":
        return this.#stores()
      default:
        return shown(...(name === ".help" ? [] : [`✗ there is no ${name}`]), ...HELP)
    }
  }

  #set([name = "", ...words]: ReadonlyArray<string>): string {
    const text = words.join(" ")
    if (!/^\$?[A-Za-z_]\w*$/.test(name) || text === "") return "✗ .set name value"
    const key = name.replace("$", "")
    try {
      this.#parameters[key] = JSON.parse(text) as unknown
    } catch {
      this.#parameters[key] = text
    }
    return `$${key} is ${JSON.stringify(this.#parameters[key])}`
  }

  #stores(): Effect.Effect<Shown> {
    return this.#options.session.stores.pipe(
      Effect.map((stores) => ({
        lines: stores.flatMap(({ idKind, indexes, name, schema }) => [
          `${name} (_id: ${idKind})`,
          ...Object.entries(schema).map(([field, { optional, type }]) => `  ${field}: ${type}${optional === true ? ", optional" : ""}`),
          ...indexes.map((index) => `  index ${index.name} on ${index.on.map(({ direction, path }) => `${path} ${direction}`).join(", ")}`)
        ]),
        isOver: false
      })),
      Effect.catch((error) => Effect.succeed({ lines: [`✗ ${error.message}`], isOver: false }))
    )
  }
}

/** Whether the text is right as far as it goes, and more has to come. */
function isUnfinished(text: string, parameters: Readonly<Record<string, unknown>>): boolean {
  const reason = reasonOf(text, parameters)
  return reason !== undefined && (text.slice(reason.offset).trim() === "" || reason.found === "an open string")
}

function reasonOf(
  text: string,
  parameters: Readonly<Record<string, unknown>>
): Extract<QueryReason, { readonly _tag: "InvalidPql" }> | undefined {
  try {
    parseOperatorPql(text, parameters as never)
    return undefined
  } catch (error) {
    if (error instanceof Fault && error.reason._tag === "InvalidPql")
      return error.reason as Extract<QueryReason, { readonly _tag: "InvalidPql" }>
    return undefined
  }
}

/** A find without a limit of its own as one that gives a page. */
function pagedStatement(text: string, parameters: Readonly<Record<string, unknown>>): string | undefined {
  if (reasonOf(text, parameters) !== undefined) return undefined
  const statement = parseOperatorPql(text, parameters as never)
  if (statement.kind !== "find" || statement.limit !== undefined) return undefined
  return printPql({ ...statement, limit: PAGE_ROWS })
}

/** The same page, of what is behind a cursor. What was skipped before the first page is not skipped again. */
function nextStatement(text: string, cursor: string): string {
  const statement = parseOperatorPql(text)
  if (statement.kind !== "find") return text
  const { skip: _skip, ...rest } = statement
  return printPql({ ...rest, after: cursor })
}

/** The line of a mistake with a mark below it. */
function pointer(text: string, { column, line }: Readonly<Record<string, unknown>>): ReadonlyArray<string> {
  if (typeof line !== "number" || typeof column !== "number") return []
  return [text.split("\n")[line - 1] ?? "", `${" ".repeat(column - 1)}^`]
}
