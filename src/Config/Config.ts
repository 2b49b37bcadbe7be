/** The configuration of this process: `planck.yaml` and the environment, read once. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { existsSync, readFileSync } from "node:fs"
import { dirname, isAbsolute, resolve } from "node:path"
import type { Configuration } from "./Configuration.ts"
import { readConfiguration } from "./Configuration.ts"
import { ConfigError, ConfigUnreadable } from "./Errors.ts"

export interface LoadedConfiguration extends Configuration {
  /** The folder that relative paths of the configuration start from. */
  readonly base: string
  /** The file that was read, if there was one. */
  readonly file: string | undefined
}

export interface ConfigOptions {
  /** The folder in which `planck.yaml` is looked for. */
  readonly directory: string
  /** A file named by the user: it has to exist. */
  readonly file?: string | undefined
  readonly environment: Readonly<Record<string, string | undefined>>
}

export class Config extends Context.Service<Config, LoadedConfiguration>()("planck/Config") {
  /** Reads `planck.yaml` of a folder (or a named file) and the environment; fails with everything that is wrong in them. */
  static readonly layer = (options: ConfigOptions): Layer.Layer<Config, ConfigError> => Layer.effect(Config, load(options))
}

/** A path of the configuration, seen from the folder of its file. */
export const resolvePath = (configuration: LoadedConfiguration, path: string): string =>
  isAbsolute(path) ? path : resolve(configuration.base, path)

const load = Effect.fnUntraced(function* (options: ConfigOptions) {
  const named = options.file ?? options.environment["PLANCK_CONFIG"]
  const path = resolve(options.directory, named ?? "planck.yaml")
  const present = named !== undefined || existsSync(path)
  const text = present ? yield* readText(path) : undefined
  const read = readConfiguration({
    ...(text === undefined ? {} : { file: { name: path, text } }),
    environment: options.environment
  })
  if (!("settings" in read)) return yield* new ConfigError({ reasons: [...read] })
  return { ...read, base: present ? dirname(path) : options.directory, file: present ? path : undefined }
})

const readText = (path: string): Effect.Effect<string, ConfigError> =>
  Effect.try({
    try: () => readFileSync(path, "utf8"),
    catch: (error) => new ConfigError({ reasons: [new ConfigUnreadable({ file: path, code: codeOf(error) })] })
  })

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : String(error)
