/**
 * `planck migrate`: brings a stopped server's documents to the versions that a service declares, or back; with `--plan` says only what that would
 * come to.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Disk } from "../Disk/Disk.ts"
import type { MigrationReport } from "../Storage/MigrationPlan.ts"
import { Storage } from "../Storage/Storage.ts"
import { Wasm } from "../Wasm/Wasm.ts"
import { findDatabase } from "./Database.ts"
import { Failure } from "./Failure.ts"
import type { Output } from "./Output.ts"
import { say } from "./Output.ts"
import { logLayer } from "./Running.ts"
import { readModule } from "./ServeCommand.ts"
import { counted } from "./Words.ts"

export interface MigrateCommandOptions {
  readonly directory: string
  readonly service: string | undefined
  /** The service whose versions are wanted. */
  readonly source: string
  /** A later version of it, which knows the way back. */
  readonly backFrom: string | undefined
  readonly plan: boolean
  readonly output: Output
}

export const migrate = Effect.fn("Cli.migrate")(function* (options: MigrateCommandOptions) {
  const { backFrom, directory, output, plan, service, source } = options
  const database = yield* findDatabase(directory, service)
  const module = yield* readModule(source)
  const newer = backFrom === undefined ? undefined : yield* readModule(backFrom)
  yield* Effect.gen(function* () {
    const wasm = yield* Wasm
    const reports = yield* wasm.planMigrations(module, newer)
    if (!plan) yield* wasm.migrate(module, newer)
    for (const report of reports) yield* say(output, describe(report, plan), { ...report, isDone: !plan })
    if (reports.length === 0) yield* say(output, "no documents have to be converted", { documents: 0, isDone: !plan })
    const failed = reports.reduce((sum, report) => sum + report.failed, 0)
    if (failed > 0) {
      const message = `${counted(failed, "document")} cannot be converted: the migration would fail and change nothing`
      return yield* new Failure({ code: "MigrationFailed", message })
    }
  }).pipe(Effect.provide(databaseLayer(database)), Effect.provide(logLayer(output.json)))
})

const databaseLayer = (directory: string) =>
  Wasm.layer().pipe(Layer.provideMerge(Storage.layer({ directory, flushOnClose: true })), Layer.provide(Disk.layer))

/** What became of a store, or would. */
function describe({ documents, failed, from, isReversible, listed, store, to, uniqueIndexes }: MigrationReport, isPlan: boolean): string {
  const what = isPlan ? "to convert" : "converted"
  const back = to < from ? "" : isReversible ? "; there is a way back" : "; there is no way back"
  return [
    `${store}: version ${from} to ${to}, ${counted(documents - failed, "document")} ${what}${back}`,
    ...listed.map(({ id, message, pointer }) => `  ${id} cannot be: ${pointer === "" ? "" : `${pointer} `}${message}`),
    ...(failed > listed.length ? [`  and ${failed - listed.length} more`] : []),
    ...(isPlan ? uniqueIndexes.map((name) => `  whether values of ${name} come twice shows when it is done`) : [])
  ].join("\n")
}
