/** `planck verify`: the full check of a database that nobody has open. */
import * as Effect from "effect/Effect"
import { Disk } from "../Disk/Disk.ts"
import { Storage } from "../Storage/Storage.ts"
import type { StorageReport, StoreReport } from "../Storage/Verify.ts"
import { findDatabase } from "./Database.ts"
import { Failure } from "./Failure.ts"
import type { Output } from "./Output.ts"
import { say } from "./Output.ts"
import { withProgress } from "./Progress.ts"
import { counted, sized } from "./Words.ts"

export interface VerifyCommandOptions {
  readonly directory: string
  readonly service: string | undefined
  readonly output: Output
}

export const verify = Effect.fn("Cli.verify")(function* ({ directory, output, service }: VerifyCommandOptions) {
  const database = yield* findDatabase(directory, service)
  const report = yield* withProgress("verify", output, (onProgress) => Storage.verify(database, onProgress)).pipe(
    Effect.provide(Disk.layer)
  )
  yield* say(output, describe(database, report), report)
  if (report.problemCount > 0) return yield* problems(database, report)
})

/** The failure that names every problem. */
export const problems = (database: string, report: StorageReport): Failure => {
  const mistakes = report.problems.map(({ file, message, offset }) => ({ place: `${file}:${offset}`, message }))
  const more = report.problemCount - mistakes.length
  const rest = more > 0 ? `, of which ${more} are not listed` : ""
  const message = `${database} is damaged: ${counted(report.problemCount, "problem")}${rest}`
  return new Failure({ code: "Damaged", message, mistakes, details: { problemCount: report.problemCount } })
}

function describe(database: string, report: StorageReport): string {
  const { space, tornTail } = report
  const behind =
    report.lastLsn > report.checkpointLsn ? `; ${counted(report.lastLsn - report.checkpointLsn, "commit")} only in the log` : ""
  const dead = space.valueBytes - space.liveValueBytes
  return [
    `${database} at LSN ${report.lastLsn}${behind}`,
    `database ${report.databaseId}, timeline ${report.timeline}`,
    ...report.stores.map(describeStore),
    `index file  ${sized(space.indexBytes)}, ${sized(space.freeIndexBytes)} of it free`,
    `value log   ${sized(space.valueBytes)}, ${sized(dead)} of it older versions and headers`,
    `log         ${sized(space.logBytes)}`,
    ...(space.reserveBytes > 0 ? [`reserve     ${sized(space.reserveBytes)}, for a compaction on a full disk`] : []),
    ...(space.unfinishedBytes > 0 ? [`unfinished  ${sized(space.unfinishedBytes)}, removed by the next start`] : []),
    ...space.setAside.map((file) => `left by a repair: ${file}`),
    ...space.strangers.map((file) => `not Planck's: ${file}`),
    ...(report.fallback === undefined ? [] : [`the index file counts at its older commit, the log has the rest: ${report.fallback}`]),
    ...(tornTail === undefined
      ? []
      : [`torn tail of the log at ${tornTail.file}:${tornTail.offset}: it was never acknowledged, the next start cuts it`]),
    ...report.leftovers.map(({ file, message, offset }) => `${file}:${offset}: ${message}; nothing needs it, and a crash leaves such`),
    ...(report.problemCount === 0 ? ["no problem found"] : [])
  ].join("\n")
}

function describeStore({ documentBytes, documents, indexes, name }: StoreReport): string {
  const parts = indexes.map((index) => `${index.name} ${index.isReady ? counted(index.entries, "entry") : "is being built"}`)
  return `store ${name}: ${counted(documents, "document")}, ${sized(documentBytes)}${parts.length === 0 ? "" : `; index ${parts.join(", ")}`}`
}
