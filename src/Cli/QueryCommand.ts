/** `planck query`: one statement. On the data of a stopped server it may change them; a running server is asked, and lets read only. */
import * as Effect from "effect/Effect"
import type { TextResult } from "../Query/TextRunner.ts"
import { findDatabase } from "./Database.ts"
import type { Output } from "./Output.ts"
import { say } from "./Output.ts"
import { openSession } from "./Session.ts"
import { counted } from "./Words.ts"

export interface QueryCommandOptions {
  readonly directory: string
  readonly statement: string
  readonly service: string | undefined
  readonly parameters: Readonly<Record<string, string>>
  /** Rows as Extended JSON. */
  readonly extended: boolean
  readonly output: Output
}

export const query = Effect.fn("Cli.query")(
  function* ({ directory, extended, output, parameters, service, statement }: QueryCommandOptions) {
    const database = yield* findDatabase(directory, service)
    const session = yield* openSession(database, extended)
    const result = yield* session.run(statement, parametersOf(parameters))
    yield* say({ json: false }, output.json ? machine(result) : human(result), undefined)
  },
  (effect) => Effect.scoped(effect)
)

/** A parameter is JSON where it can be read as such, else the text itself. */
export function parametersOf(given: Readonly<Record<string, string>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(given).map(([name, text]) => {
      try {
        return [name, JSON.parse(text) as unknown]
      } catch {
        return [name, text]
      }
    })
  )
}

function human({ explanation, next, rows, upserted, values }: TextResult): string {
  if (explanation !== undefined) return JSON.stringify(explanation, undefined, 2)
  if (rows === undefined) return countsOf(values ?? {}, upserted)
  const more = next === undefined ? [] : [`more: .after("${next}")`]
  return [...rows, counted(rows.length, "row"), ...more].join("\n")
}

/** One JSON value. */
function machine({ explanation, next, rows, upserted, values }: TextResult): string {
  if (explanation !== undefined) return JSON.stringify(explanation)
  if (rows === undefined && upserted !== undefined) return `${JSON.stringify(values).slice(0, -1)},"upserted":[${upserted.join(",")}]}`
  if (rows === undefined) return JSON.stringify(values ?? {})
  return `{"rows":[${rows.join(",")}]${next === undefined ? "" : `,"next":${JSON.stringify(next)}`}}`
}

/** `matched 0, modified 0, upserted "A-1"`. */
export const countsOf = (values: Readonly<Record<string, number>>, upserted: ReadonlyArray<string> = []): string =>
  [...Object.entries(values).map(([name, value]) => `${name} ${value}`), ...upserted.map((id) => `upserted ${id}`)].join(", ")
