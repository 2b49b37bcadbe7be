/** Work on a database that either nobody has open, or a server that can be asked. */
import * as Effect from "effect/Effect"
import { ask, type ControlRequest } from "../Control/Control.ts"
import { Disk } from "../Disk/Disk.ts"
import { DirectoryLocked } from "../Disk/Errors.ts"
import type { StorageError } from "../Storage/Errors.ts"
import { Storage } from "../Storage/Storage.ts"
import type { WorkPosition } from "../Storage/Work.ts"
import { Failure } from "./Failure.ts"

/** Opens the database and does the work; when a process has the directory, asks that one for the same. */
export const onDatabase = <A>(
  directory: string,
  work: Effect.Effect<A, StorageError, Storage>,
  request: ControlRequest,
  onProgress: (position: WorkPosition) => void
): Effect.Effect<A, Failure | StorageError> =>
  work.pipe(
    Effect.provide(Storage.layer({ directory })),
    Effect.provide(Disk.layer),
    Effect.catchTag("StorageError", (error): Effect.Effect<A, Failure | StorageError> =>
      error.reason instanceof DirectoryLocked ? askOwner(directory, request, error.message, onProgress) : Effect.fail(error)
    )
  )

/** Asks the process that has the directory; `locked` says which one that is. */
export const askOwner = <A>(directory: string, request: ControlRequest, locked: string, onProgress: (position: WorkPosition) => void) =>
  ask(directory, request, onProgress).pipe(
    Effect.map((answer) => answer as A), // The server is this program, and answers what the work would have given.
    Effect.mapError(
      ({ code, details, message }) => new Failure({ code, message: code === "NoControl" ? `${locked}; ${message}` : message, details })
    )
  )
