/** `planck backup` and `planck restore`: a copy of the data as of one commit, of a running server too, and a new database from it. */
import * as Effect from "effect/Effect"
import { resolve } from "node:path"
import { Disk } from "../Disk/Disk.ts"
import { Storage } from "../Storage/Storage.ts"
import type { WorkPosition } from "../Storage/Work.ts"
import { findDatabase } from "./Database.ts"
import { onDatabase } from "./OnDatabase.ts"
import type { Output } from "./Output.ts"
import { say } from "./Output.ts"
import { withProgress } from "./Progress.ts"
import { problems } from "./VerifyCommand.ts"
import { counted, sized } from "./Words.ts"

export interface BackupCommandOptions {
  readonly directory: string
  readonly service: string | undefined
  readonly target: string
  readonly output: Output
}

export const backup = Effect.fn("Cli.backup")(function* ({ directory, output, service, target }: BackupCommandOptions) {
  const database = yield* findDatabase(directory, service)
  const report = yield* withProgress("backup", output, (onProgress) => take(database, resolve(target), onProgress))
  const { copiedBytes, files, lsn, number } = report
  const bytes = files.reduce((sum, it) => sum + it.bytes, 0)
  const human = `backup ${number} at LSN ${lsn} in ${target}: ${counted(files.length, "file")}, ${sized(bytes)}, of which ${sized(copiedBytes)} were copied`
  yield* say(output, human, report)
})

/** Takes a backup of a stopped database, or has the process that runs it do so. */
const take = (database: string, target: string, onProgress: (position: WorkPosition) => void) =>
  onDatabase(
    database,
    Effect.flatMap(Storage, (storage) => storage.backup(target, onProgress)),
    { verb: "backup", target },
    onProgress
  )

export interface RestoreCommandOptions {
  readonly source: string
  readonly directory: string
  readonly number: number | undefined
  readonly output: Output
}

export const restore = Effect.fn("Cli.restore")(function* ({ directory, number, output, source }: RestoreCommandOptions) {
  const report = yield* withProgress("restore", output, (onProgress) =>
    Storage.restore(source, directory, { ...(number === undefined ? {} : { number }), onProgress })
  ).pipe(Effect.provide(Disk.layer))
  const checked = yield* withProgress("verify", output, (onProgress) => Storage.verify(directory, onProgress)).pipe(
    Effect.provide(Disk.layer)
  )
  if (checked.problemCount > 0) return yield* problems(directory, checked)
  const human = [
    `restored backup ${report.number} at LSN ${report.lsn} into ${directory}: ${counted(checked.documents, "document")}, ${sized(report.bytes)}, no problem found`,
    `timeline ${report.timeline}, from ${report.parent}`
  ].join("\n")
  yield* say(output, human, { ...report, documents: checked.documents })
})
