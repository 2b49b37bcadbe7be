/**
 * One machine of a test: a server over a volume, from its start to its end.
 *
 * Invariant: it ends with `stop` and leaves nothing running; a start that fails has ended by itself.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import type { Settings } from "../Config/Settings.ts"
import { Disk } from "../Disk/Disk.ts"
import type { Volume } from "../Disk/Volume.ts"
import type { HttpError } from "../Http/Errors.ts"
import { Query } from "../Query/Query.ts"
import { Server } from "../Server.ts"
import type { StorageError } from "../Storage/Errors.ts"
import { Storage } from "../Storage/Storage.ts"
import type { WasmError } from "../Wasm/Errors.ts"
import { TestTime } from "./TestTime.ts"

/** A line of the log. */
export interface TestLogLine {
  readonly level: string
  readonly message: string
  /** `service`, `handler`, `requestId`, and what the line says besides. */
  readonly fields: Readonly<Record<string, unknown>>
}

export interface MachineOptions {
  readonly module: Uint8Array
  readonly service: string
  readonly settings: Settings
  readonly config: Readonly<Record<string, unknown>>
  readonly log: (line: TestLogLine) => void
}

/** Why a machine does not start. */
export type StartError = HttpError | StorageError | WasmError

export interface Machine {
  readonly url: string
  readonly time: TestTime
  readonly database: Query["Service"]
  readonly storage: Storage["Service"]
  /** Ends the requests of the test that are under way. */
  readonly connections: AbortController
  readonly stop: Effect.Effect<void>
}

const DIRECTORY = "data"

/** Starts a server; it ends with `stop`. */
export const startMachine = Effect.fnUntraced(function* (volume: Volume, options: MachineOptions) {
  const time = new TestTime(yield* Clock.Clock)
  const scope = yield* Scope.make()
  const server = Server.layer({
    directory: DIRECTORY,
    service: options.service,
    settings: options.settings,
    config: options.config,
    development: true,
    freshInstances: true,
    accessLog: "off"
  })
  const around = Layer.mergeAll(
    Layer.succeed(Disk, Disk.over(volume)),
    Layer.succeed(Clock.Clock, time.clock),
    Logger.layer([capture(options.log)])
  )
  const layer = Query.layer().pipe(Layer.provideMerge(server), Layer.provide(around), Layer.fresh)
  const ended = (exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> => Scope.close(scope, exit)
  const context = yield* Layer.buildWithScope(layer, scope).pipe(Effect.onError(() => ended(Exit.void)))
  const { deploy, url } = Context.get(context, Server)
  yield* deploy(options.module).pipe(Effect.onError(() => ended(Exit.void)))
  const connections = new AbortController()
  return {
    url,
    time,
    database: Context.get(context, Query),
    storage: Context.get(context, Storage),
    connections,
    stop: Effect.suspend(() => {
      connections.abort()
      return ended(Exit.void)
    })
  } satisfies Machine
})

const capture = (log: (line: TestLogLine) => void): Logger.Logger<unknown, void> =>
  Logger.make(({ fiber, logLevel, message }) =>
    log({
      level: logLevel.toLowerCase(),
      message: [message].flat().map(String).join(" "),
      fields: { ...fiber.getRef(References.CurrentLogAnnotations) }
    })
  )
