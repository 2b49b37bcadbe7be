/** A database that statements can be given to: opened here, or asked through the server that has it. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Layer from "effect/Layer"
import * as Context from "effect/Context"
import { ask, type ControlRequest } from "../Control/Control.ts"
import { Disk } from "../Disk/Disk.ts"
import { DirectoryLocked } from "../Disk/Errors.ts"
import { isFault } from "../Fault/Fault.ts"
import { type TextResult, TextRunner } from "../Query/TextRunner.ts"
import type { StoreDefinition } from "../Schema/Definition.ts"
import type { StorageError } from "../Storage/Errors.ts"
import { Storage } from "../Storage/Storage.ts"
import { detailsOf, Failure } from "./Failure.ts"

export interface Session {
  /** Whether a server has the database: then only statements that read are taken. */
  readonly isShared: boolean
  readonly run: (statement: string, parameters: Readonly<Record<string, unknown>>) => Effect.Effect<TextResult, Failure | StorageError>
  readonly stores: Effect.Effect<ReadonlyArray<StoreDefinition>, Failure>
}

/** Opens the database for the scope, or finds the server that has it. Rows are Extended JSON when asked for, which a server does not give. */
export const openSession = Effect.fnUntraced(function* (directory: string, extended: boolean) {
  const scope = yield* Scope.Scope
  const layer = Storage.layer({ directory }).pipe(Layer.provide(Disk.layer))
  const own = yield* Scope.fork(scope)
  return yield* Layer.buildWithScope(layer, own).pipe(
    Effect.map((context) => ownSession(Context.get(context, Storage), extended)),
    Effect.catchTag("StorageError", (error): Effect.Effect<Session, StorageError | Failure> =>
      error.reason instanceof DirectoryLocked
        ? Effect.andThen(Scope.close(own, Exit.void), sharedSession(directory, error.message, extended))
        : Effect.fail(error)
    )
  )
})

function ownSession(storage: Storage["Service"], extended: boolean): Session {
  const runner = new TextRunner(storage.engine, { now: () => performance.now(), extended })
  return {
    isShared: false,
    run: (statement, parameters) =>
      attempt(() => runner.run(statement, parameters)).pipe(
        Effect.tap(({ waitLsn }) => storage.awaitDurable(waitLsn)),
        Effect.tap(({ kind }) => (kind === "createIndex" ? finishBuild(storage) : kind === "drop" ? storage.flush : Effect.void)),
        Effect.map(({ waitLsn: _waitLsn, ...result }) => result)
      ),
    stores: Effect.sync(() => definitionsOf(storage))
  }
}

/** Waits until an index is built, or it is known that it cannot be; what is built has to be on disk to outlive this process. */
const finishBuild = (storage: Storage["Service"]): Effect.Effect<void, StorageError> =>
  Effect.andThen(storage.defineStores(definitionsOf(storage)), storage.flush)

function definitionsOf({ engine }: Storage["Service"]): ReadonlyArray<StoreDefinition> {
  return engine.stores().map((store) => store.definition)
}

const sharedSession = Effect.fnUntraced(function* (directory: string, locked: string, extended: boolean) {
  if (extended) return yield* new Failure({ code: "DirectoryLocked", message: `${locked}; Extended JSON needs a stopped server` })
  const request = <A>(asked: ControlRequest): Effect.Effect<A, Failure> =>
    ask(directory, asked, () => {}).pipe(
      Effect.map((answer) => answer as A), // The server is this program, and answers what this one would have given.
      Effect.mapError(
        ({ code, details, message }) =>
          new Failure({ code, message: code === "NoControl" ? `${locked}; ${message}` : message, details: detailsOf(details) })
      )
    )
  const session: Session = {
    isShared: true,
    run: (statement, parameters) => request<TextResult>({ verb: "query", statement, parameters }),
    stores: request<ReadonlyArray<StoreDefinition>>({ verb: "stores" })
  }
  // A server that cannot be asked is found out now, not at the first statement.
  yield* session.stores
  return session
})

/** What the core refuses is a failure with the reason's tag as its code. */
function attempt<A>(work: () => A): Effect.Effect<A, Failure> {
  return Effect.suspend(() => {
    try {
      return Effect.succeed(work())
    } catch (error) {
      if (!isFault(error)) throw error
      const message = error.message.startsWith(`${error.reason._tag}: `) ? error.message.slice(error.reason._tag.length + 2) : error.message
      return Effect.fail(new Failure({ code: error.reason._tag, message, details: detailsOf(error.reason) }))
    }
  })
}
