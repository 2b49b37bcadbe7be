/** What `serve` and `dev` share: configuration, logging, and the gateway. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import type { LoadedConfiguration } from "../Config/Config.ts"
import { Config, resolvePath } from "../Config/Config.ts"
import type { ConfigError } from "../Config/Errors.ts"
import { type Settings, variableOf } from "../Config/Settings.ts"
import { Disk } from "../Disk/Disk.ts"
import { Http } from "../Http/Http.ts"
import type { HttpOptions } from "../Http/Options.ts"
import { budgetLayer } from "../Server.ts"
import { Failure } from "./Failure.ts"

export interface RunningOptions {
  /** The folder in which `planck.yaml` is looked for. */
  readonly base: string
  readonly config: string | undefined
  readonly port: number | undefined
  readonly dir: string | undefined
}

const PORT_MAX = 65_535

/** Reads the configuration; flags win over it. */
export const loadConfiguration = (options: RunningOptions): Effect.Effect<LoadedConfiguration, ConfigError | Failure> =>
  Effect.gen(function* () {
    const loaded = yield* Config.pipe(
      Effect.provide(Config.layer({ directory: options.base, file: options.config, environment: process.env }))
    )
    const { port } = options
    if (port !== undefined && (port < 0 || port > PORT_MAX)) {
      return yield* new Failure({ code: "WrongFlag", message: `--port is ${port}; expected an integer from 0 to ${PORT_MAX}` })
    }
    const http = port === undefined ? loaded.settings.http : { ...loaded.settings.http, port }
    return { ...loaded, settings: { ...loaded.settings, http } }
  })

/** Where the data lies: `--dir` from the working folder, `dir` of the configuration from the folder of its file. */
export const dataDirectory = (options: RunningOptions, loaded: LoadedConfiguration): string =>
  options.dir ?? resolvePath(loaded, loaded.settings.dir)

/** The values for a service's own configuration: its section of the file, over it the environment (`PLANCK_<SERVICE>_<NAME>`). */
export function serviceConfig(
  loaded: LoadedConfiguration,
  service: string,
  names: ReadonlyArray<string>
): Readonly<Record<string, unknown>> {
  const written = loaded.services.find((candidate) => candidate.name === service)?.config ?? {}
  const values: Record<string, unknown> = { ...written }
  for (const name of names) {
    const text = loaded.otherVariables[variableOf(`${service}.${name}`)]
    if (text !== undefined) values[name] = text
  }
  return values
}

const LEVELS = { debug: "Debug", info: "Info", warn: "Warn", error: "Error" } as const

/** Logs on standard error: as lines for a person, with `--json` as values for a program. */
export const logLayer = (json: boolean) => Logger.layer([Logger.withConsoleError(json ? Logger.formatJson : Logger.formatLogFmt)])

/** A gateway and the disk of this machine, with logs on standard error at the level of the configuration. */
export const gatewayLayer = (settings: Settings, json: boolean, options: Pick<HttpOptions, "livePages"> = {}) => {
  const logs = Layer.mergeAll(logLayer(json), Layer.succeed(References.MinimumLogLevel, LEVELS[settings.log.level]))
  const http = Http.layer({ ...settings.http, accessLog: "errors", ...options })
  return Layer.mergeAll(http, Disk.layer, budgetLayer(settings)).pipe(Layer.provideMerge(logs))
}
