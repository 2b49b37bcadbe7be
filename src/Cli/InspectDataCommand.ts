/** `planck inspect` of data: a directory (through the server that has it, if one does), or one of its files. */
import * as Effect from "effect/Effect"
import { existsSync } from "node:fs"
import { dirname, join, resolve } from "node:path"
import { Disk } from "../Disk/Disk.ts"
import { DirectoryLocked } from "../Disk/Errors.ts"
import type { Status } from "../Storage/Status.ts"
import type { StorageError } from "../Storage/Errors.ts"
import { Storage } from "../Storage/Storage.ts"
import type { InspectedDirectory } from "../Storage/Inspect.ts"
import { describeFile, describePart, type InspectedFile } from "../Storage/InspectFile.ts"
import { askOwner } from "./OnDatabase.ts"
import { describeStatus } from "./StatusText.ts"
import { findDatabase } from "./Database.ts"
import { Failure } from "./Failure.ts"
import type { Output } from "./Output.ts"
import { say } from "./Output.ts"
import { counted, sized } from "./Words.ts"

export interface InspectDataOptions {
  readonly path: string
  readonly service: string | undefined
  readonly at: number | undefined
  readonly limit: number | undefined
  readonly output: Output
}

export const inspectDirectory = Effect.fn("Cli.inspectDirectory")(function* ({ output, path, service }: InspectDataOptions) {
  const database = yield* findDatabase(path, service)
  yield* Storage.inspect(database).pipe(
    Effect.provide(Disk.layer),
    Effect.flatMap((found) => say(output, describe(found), found)),
    Effect.catchTag("StorageError", (error): Effect.Effect<void, Failure | StorageError> =>
      error.reason instanceof DirectoryLocked ? inspectRunning(database, error.message, output) : Effect.fail(error)
    )
  )
})

const inspectRunning = (database: string, locked: string, output: Output) =>
  Effect.flatMap(
    askOwner<Status>(database, { verb: "status" }, locked, () => {}),
    (status) => say(output, describeStatus(database, status), status)
  )

/** A file of a database; the directory it belongs to is locked meanwhile. A copy that lies elsewhere is nobody's. */
export const inspectDataFile = Effect.fn("Cli.inspectDataFile")(function* ({ at, limit, output, path }: InspectDataOptions) {
  const options = { ...(at === undefined ? {} : { at }), ...(limit === undefined ? {} : { limit }) }
  const found = yield* Storage.inspectFile(path, ownerOf(path), options).pipe(Effect.provide(Disk.layer))
  if (found === undefined) return yield* new Failure({ code: "UnknownFile", message: `${path}: this is no file that Planck writes` })
  yield* say(output, lines(found).join("\n"), found)
})

const ownerOf = (path: string): string | undefined => {
  const folder = dirname(resolve(path))
  return [folder, dirname(folder)].find((directory) => existsSync(join(directory, "LOCK")))
}

const lines = (found: InspectedFile): ReadonlyArray<string> => [
  describeFile(found),
  ...found.parts.map(describePart),
  ...(found.next === undefined ? [] : [`goes on: --at ${found.next}`])
]

function describe(found: InspectedDirectory): string {
  const files = found.files.map(({ bytes, committedBytes, firstLsn, name }) => {
    const more = firstLsn !== undefined ? `, from LSN ${firstLsn}` : committedBytes === undefined ? ", not committed" : ""
    return `  ${name}  ${sized(bytes)}${more}`
  })
  const trees = found.trees.map(
    ({ entries, id, name, pages, roots }) =>
      `  ${id}  ${name}: ${counted(entries, "entry")} in ${counted(pages, "page")}, ${counted(roots, "root")}`
  )
  return [
    `${found.directory}: index file and value log at LSN ${found.checkpointLsn}`,
    `database ${found.databaseId}, timeline ${found.timeline}`,
    ...(found.fork === undefined ? [] : [`from timeline ${found.fork.parent} at LSN ${found.fork.forkLsn}`]),
    "files",
    ...files,
    "trees",
    ...trees
  ].join("\n")
}
