/** `planck shell`: statements one after another, at a terminal or from standard input. */
import * as Effect from "effect/Effect"
import { homedir } from "node:os"
import { join } from "node:path"
import type { StoreDefinition } from "../Schema/Definition.ts"
import { completePql } from "../Query/Complete.ts"
import { findDatabase } from "./Database.ts"
import { Lines } from "./Lines.ts"
import { openSession } from "./Session.ts"
import { COMMANDS, Shell } from "./Shell.ts"

export interface ShellCommandOptions {
  readonly directory: string
  readonly service: string | undefined
  readonly extended: boolean
  /** Where lines come from and where results go; the process's own unless given. */
  readonly input?: NodeJS.ReadableStream
  readonly output?: NodeJS.WritableStream & { readonly columns?: number; readonly isTTY?: boolean }
  /** Where lines are remembered; `.planck/history` in the home folder unless given. */
  readonly historyFile?: string
}

const WIDTH = 120

export const shell = Effect.fn("Cli.shell")(
  function* (options: ShellCommandOptions) {
    const database = yield* findDatabase(options.directory, options.service)
    const session = yield* openSession(database, options.extended)
    const output = options.output ?? process.stdout
    const isTerminal = output.isTTY === true
    let stores = yield* session.stores
    const core = new Shell({ session, isTerminal, width: () => output.columns ?? WIDTH })
    const open = Effect.sync(
      () =>
        new Lines({
          input: options.input ?? process.stdin,
          output,
          isTerminal,
          historyFile: options.historyFile ?? join(homedir(), ".planck", "history"),
          complete: (line) => completed(line, core.unfinished, stores, core.parameterNames),
          hasUnfinished: () => core.unfinished !== ""
        })
    )
    const lines = yield* Effect.acquireRelease(open, (opened) => Effect.sync(() => opened.close()))
    const write = (text: string): void => void output.write(`${text}\n`)
    if (isTerminal)
      write(`${session.isShared ? "a server has the database: statements read only" : "the database is open"}; .help says what there is`)
    for (;;) {
      const line = yield* lines.next(core.prompt)
      if (line === undefined) break
      const before = core.unfinished
      const shown = yield* core.line(line)
      for (const text of shown.lines) write(text)
      if (shown.isOver) break
      if (before !== "" && core.unfinished === "") lines.joinHistory(`${before}\n${line}`)
      // A statement may have made an index or dropped a store. A server is not asked again: it changes them by a deploy.
      if (!session.isShared) stores = yield* session.stores
    }
  },
  (effect) => Effect.scoped(effect)
)

/** What readline wants of a completer: alternatives, and the text they take the place of. */
export function completed(
  line: string,
  unfinished: string,
  stores: ReadonlyArray<StoreDefinition>,
  parameters: ReadonlyArray<string>
): [Array<string>, string] {
  const command = unfinished === "" ? /^\s*(\.\w*)$/.exec(line)?.[1] : undefined
  if (command !== undefined) return [COMMANDS.map(([name]) => name).filter((name) => name.startsWith(command)), command]
  const before = unfinished === "" ? "" : `${unfinished}\n`
  const { from, items } = completePql(before + line, before.length + line.length, stores, parameters)
  return [items.map((item) => item.text), (before + line).slice(from)]
}
