/** `planck load`: documents from a dump, a file or standard input into a stopped server's data. */
import * as Effect from "effect/Effect"
import { closeSync, existsSync, openSync, readdirSync, statSync, writeSync } from "node:fs"
import { resolve } from "node:path"
import { Disk } from "../Disk/Disk.ts"
import { isDumpFolder, loadFolder, readFileChunks } from "../Exchange/DumpFolder.ts"
import { type Format, load as loadSource } from "../Exchange/Exchange.ts"
import { formatOf } from "../Exchange/Format.ts"
import type { LoadReport, RejectedRow } from "../Exchange/Load.ts"
import { findDatabase } from "./Database.ts"
import { stopped } from "./DumpCommand.ts"
import { Failure } from "./Failure.ts"
import type { Output } from "./Output.ts"
import { say } from "./Output.ts"
import { withProgress } from "./Progress.ts"
import { counted } from "./Words.ts"

export interface LoadCommandOptions {
  readonly directory: string
  readonly service: string | undefined
  /** A folder that `dump` wrote, a file, or `-`. */
  readonly source: string
  readonly store: string | undefined
  readonly format: Format | undefined
  readonly replaces: boolean
  readonly isFresh: boolean
  /** A file for bad rows. */
  readonly rejects: string | undefined
  readonly output: Output
}

export const load = Effect.fn("Cli.load")(function* (options: LoadCommandOptions) {
  const { volume } = yield* Disk
  const isFolder = statSync(options.source, { throwIfNoEntry: false })?.isDirectory() === true
  if (isFolder && !isDumpFolder(volume, options.source))
    return yield* new Failure({ code: "NoDump", message: `${options.source}: there is no dump in this folder` })
  if (!isFolder && options.source !== "-" && !volume.exists(options.source))
    return yield* new Failure({ code: "Unreadable", message: `${options.source}: there is no such file` })
  const isNew = isFolder && options.service === undefined && isVacant(options.directory)
  const directory = isNew ? options.directory : yield* findDatabase(options.directory, options.service)
  const reports = yield* rejecting(options.rejects, (reject) =>
    Effect.gen(function* () {
      const given = { replaces: options.replaces, isFresh: options.isFresh, ...(reject === undefined ? {} : { reject }) }
      return isFolder ? yield* fromFolder(options, given) : yield* fromFile(options, given)
    })
  ).pipe(Effect.provide(stopped(directory)))
  const human = reports.map(([store, report]) => `${store}: ${describe(report)}`)
  yield* say(options.output, human.join("\n"), { stores: Object.fromEntries(reports) })
}, Effect.provide(Disk.layer))

/** Whether a dump may become a new database there. */
const isVacant = (directory: string): boolean => !existsSync(directory) || readdirSync(directory).length === 0

interface Given {
  readonly replaces: boolean
  readonly isFresh: boolean
  readonly reject?: (row: RejectedRow) => void
}

const fromFolder = (options: LoadCommandOptions, given: Given) =>
  withProgress("load", options.output, (onProgress) =>
    loadFolder({ folder: options.source, ...given, onProgress: (doneBytes, totalBytes) => onProgress({ doneBytes, totalBytes }) })
  )

const fromFile = Effect.fnUntraced(function* ({ format: named, output, source, store }: LoadCommandOptions, given: Given) {
  const { volume } = yield* Disk
  const format = named ?? formatOf(source)
  if (store === undefined) return yield* new Failure({ code: "WrongUsage", message: "name the store to load into with --store" })
  if (format === undefined) return yield* new Failure({ code: "WrongUsage", message: `${source}: say with --format what it is` })
  const isStream = source === "-"
  const totalBytes = isStream ? 0 : statSync(source).size
  const report = yield* withProgress("load", output, (onProgress) =>
    loadSource({
      store,
      format,
      source: isStream ? source : resolve(source),
      ...given,
      chunks: isStream ? process.stdin : readFileChunks(volume, source),
      onProgress: (doneBytes) => onProgress({ doneBytes, totalBytes })
    })
  )
  return [[store, report]] as ReadonlyArray<readonly [string, LoadReport]>
})

/** Runs a load with a file for bad rows, one JSON value a line. */
const rejecting = <A, E, R>(
  path: string | undefined,
  run: (reject: ((row: RejectedRow) => void) | undefined) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | Failure, R> => {
  if (path === undefined) return run(undefined)
  const open = Effect.try({
    try: () => openSync(path, "a", 0o600),
    catch: (error) => new Failure({ code: "NotWritten", message: `${path}: ${error instanceof Error ? error.message : String(error)}` })
  })
  return Effect.acquireUseRelease(
    open,
    (file) => run((rejected) => void writeSync(file, `${JSON.stringify({ ...rejected, row: new TextDecoder().decode(rejected.row) })}\n`)),
    (file) => Effect.sync(() => closeSync(file))
  )
}

function describe(report: LoadReport): string {
  const parts = [`${counted(report.rows, "row")}`, `${report.inserted} inserted`]
  if (report.replaced > 0) parts.push(`${report.replaced} replaced`)
  if (report.same > 0) parts.push(`${report.same} were there already`)
  if (report.rejected > 0) parts.push(`${report.rejected} rejected`)
  return `${parts.join(", ")}${report.resumedAtBytes > 0 ? `; went on at byte ${report.resumedAtBytes}` : ""}`
}
