/** `planck dump`: the documents of a stopped server's data, to a folder or, of one store, to standard output. */
import * as Effect from "effect/Effect"
import { Disk } from "../Disk/Disk.ts"
import { dumpFolder } from "../Exchange/DumpFolder.ts"
import { dump as dumpStore, type Format } from "../Exchange/Exchange.ts"
import { Storage } from "../Storage/Storage.ts"
import { findDatabase } from "./Database.ts"
import { Failure } from "./Failure.ts"
import type { Output } from "./Output.ts"
import { say } from "./Output.ts"
import { withProgress } from "./Progress.ts"
import { counted, sized } from "./Words.ts"

export interface DumpCommandOptions {
  readonly directory: string
  readonly service: string | undefined
  readonly folder: string | undefined
  readonly stores: ReadonlyArray<string>
  readonly format: Format
  readonly output: Output
}

/** A stopped database, open for as long as it takes. */
export const stopped = (directory: string) => Storage.layer({ directory, limits: { snapshotTimeoutMs: Infinity } })

export const dump = Effect.fn("Cli.dump")(function* (options: DumpCommandOptions) {
  const directory = yield* findDatabase(options.directory, options.service)
  const { folder } = options
  yield* Effect.gen(function* () {
    if (folder === undefined) yield* toStandardOutput(options)
    else yield* toFolder(options, folder)
  }).pipe(Effect.provide(stopped(directory)), Effect.provide(Disk.layer))
})

const toFolder = Effect.fnUntraced(function* ({ format, output, stores }: DumpCommandOptions, folder: string) {
  const given = stores.length === 0 ? {} : { stores }
  const manifest = yield* withProgress("dump", output, (onProgress) =>
    dumpFolder({ folder, format, ...given, onProgress: (doneBytes) => onProgress({ doneBytes, totalBytes: 0 }) })
  )
  const lines = manifest.stores.map(
    ({ bytes, definition, file, rows }) => `${definition.name}: ${counted(rows, "document")}, ${sized(bytes)} in ${file}`
  )
  yield* say(output, [...lines, `dumped at LSN ${manifest.lsn} into ${folder}`].join("\n"), { folder, ...manifest })
})

const toStandardOutput = Effect.fnUntraced(function* ({ format, stores }: DumpCommandOptions) {
  const [store, another] = stores
  if (store === undefined || another !== undefined) {
    return yield* new Failure({ code: "WrongUsage", message: "name a folder to dump into, or one store with --store for standard output" })
  }
  yield* dumpStore({ store, format, write: (chunk) => Effect.promise(() => write(chunk)) })
})

/** Resolves when standard output has taken the bytes. */
const write = (chunk: Uint8Array): Promise<void> =>
  new Promise((resolve, reject) =>
    process.stdout.write(chunk, (error) => (error === null || error === undefined ? resolve() : reject(error)))
  )
