/** `planck advise`: which statements cost most, and the indexes they miss; also of a running server. */
import * as Effect from "effect/Effect"
import type { AdvisedStatement } from "../Query/StatementStore.ts"
import { adviseStatements } from "../Query/StatementStore.ts"
import { Storage } from "../Storage/Storage.ts"
import { findDatabase } from "./Database.ts"
import { onDatabase } from "./OnDatabase.ts"
import type { Output } from "./Output.ts"
import { say } from "./Output.ts"
import { counted, sized } from "./Words.ts"

export interface AdviseCommandOptions {
  readonly directory: string
  readonly service: string | undefined
  readonly limit: number | undefined
  readonly output: Output
}

const LIMIT = 20

export const advise = Effect.fn("Cli.advise")(function* ({ directory, limit, output, service }: AdviseCommandOptions) {
  const database = yield* findDatabase(directory, service)
  const work = Effect.map(Storage, ({ engine }) => adviseStatements(engine))
  const all = yield* onDatabase(database, work, { verb: "advise" }, () => {})
  const statements = all.slice(0, limit ?? LIMIT)
  yield* say(output, describe(statements, all.length), { statements })
})

function describe(statements: ReadonlyArray<AdvisedStatement>, total: number): string {
  if (total === 0) return "nothing is known yet: a server notes what its statements cost, every minute and when it stops"
  return [
    `${counted(total, "shape")} of statements, those that took the most time first`,
    ...statements.flatMap((it) => [
      "",
      it.statement,
      `  ${counted(it.count, "run")}, ${it.slow} slow; half within ${ms(it.p50Ms)}, 99 of 100 within ${ms(it.p99Ms)}, the longest ${ms(it.maxMs)}`,
      `  ${it.readPerReturned.toPrecision(3)} read for each row returned`,
      ...(it.index === undefined
        ? []
        : [
            `  would help: ${it.index.statement}`,
            `  which costs ${counted(it.index.entries, "entry")}, about ${sized(it.index.bytes)}, and an entry more for each write`
          ])
    ])
  ].join("\n")
}

const ms = (value: number): string => `${value.toPrecision(3)} ms`
