/**
 * From the text of `planck.yaml` and the environment to settings, purely.
 *
 * Invariants
 * - The environment wins over the file, the file over the default.
 * - Nothing is ignored: an unknown key or a wrong value is a reason, and all reasons are found in one reading.
 */
import * as Yaml from "effect/encoding/Yaml"
import type { ConfigReason } from "./Errors.ts"
import { ConfigSyntax, ConfigUnknownKey, ConfigWrongValue } from "./Errors.ts"
import { closest } from "./Closest.ts"
import { type Mount, MOUNT_EXPECTED, parseMount } from "./Mount.ts"
import type { Settings } from "./Settings.ts"
import { namedSettings } from "./Settings.ts"

/** What belongs to one service: the module to run, where it is mounted, and the values its manifest asks for. */
export interface ServiceSettings {
  readonly name: string
  /** The author's folder or a built `.wasm`, relative to the file. */
  readonly source: string | undefined
  /** Where it is found; by its name, below the root, when it is one of several and this says nothing. */
  readonly mount: Mount | undefined
  /** Values of the manifest's `config`, as written: the manifest's types decide whether they fit. */
  readonly config: Readonly<Record<string, unknown>>
}

export interface Configuration {
  readonly settings: Settings
  readonly services: ReadonlyArray<ServiceSettings>
  /** `PLANCK_…` variables that name no setting: values for a service's `config`, or misspelt. */
  readonly otherVariables: Readonly<Record<string, string>>
}

export interface ConfigurationSource {
  /** The file's name as errors say it, and its text; absent when there is no file. */
  readonly file?: { readonly name: string; readonly text: string }
  readonly environment: Readonly<Record<string, string | undefined>>
}

type Tree = Readonly<Record<string, unknown>>

const isTree = (value: unknown): value is Tree => typeof value === "object" && value !== null && !Array.isArray(value)

/** Variables that steer the process itself and are no settings. */
const OWN_VARIABLES: ReadonlySet<string> = new Set(["PLANCK_CONFIG"])
const SERVICE_KEYS: ReadonlyArray<string> = ["source", "mount", "config"]
const SERVICES = "services"

/**
 * Reads a configuration.
 *
 * @example
 * ```ts
 * import { readConfiguration } from "../src/Config/Configuration.ts"
 *
 * const read = readConfiguration({ file: { name: "planck.yaml", text: "http:\n  port: 8080\n" }, environment: { PLANCK_DIR: "shop" } })
 * if ("settings" in read) console.log(read.settings.http.port, read.settings.dir) // => 8080 shop
 * ```
 */
export function readConfiguration(source: ConfigurationSource): Configuration | ReadonlyArray<ConfigReason> {
  const reasons: Array<ConfigReason> = []
  const file = readFile(source, reasons)
  const values = new Map<string, unknown>()
  if (file !== undefined) readTree(file, source.file?.text ?? "", source.file?.name ?? "", values, reasons)
  const services = file === undefined ? [] : readServices(file, source.file?.text ?? "", source.file?.name ?? "", reasons)
  const otherVariables = readEnvironment(source.environment, values, reasons)
  if (reasons.length > 0) return reasons
  return { settings: assemble(values), services, otherVariables }
}

function readFile(source: ConfigurationSource, reasons: Array<ConfigReason>): Tree | undefined {
  if (source.file === undefined) return undefined
  try {
    const parsed = Yaml.parse(source.file.text)
    if (parsed === null || parsed === undefined) return {}
    if (isTree(parsed)) return parsed
    reasons.push(new ConfigSyntax({ file: source.file.name, detail: "expected a map of settings at the top" }))
  } catch (error) {
    reasons.push(new ConfigSyntax({ file: source.file.name, detail: error instanceof Error ? error.message : String(error) }))
  }
  return undefined
}

function readTree(tree: Tree, text: string, name: string, values: Map<string, unknown>, reasons: Array<ConfigReason>, prefix = ""): void {
  const known = childrenOf(prefix)
  for (const [child, value] of Object.entries(tree)) {
    const key = prefix + child
    if (key === SERVICES) continue
    const source = place(name, text, key)
    const named = namedSettings.find((candidate) => candidate.key === key)
    if (named !== undefined) {
      const read = named.setting.read(value)
      if (read === undefined) reasons.push(wrongValue(source, key, value, named.setting.expected))
      else values.set(key, read)
    } else if (!known.includes(child)) reasons.push(unknownKey(source, key, prefix, known))
    else if (isTree(value)) readTree(value, text, name, values, reasons, `${key}.`)
    else if (value !== null) reasons.push(wrongValue(source, key, value, `a map with ${childrenOf(`${key}.`).join(", ")}`))
  }
}

function readServices(tree: Tree, text: string, name: string, reasons: Array<ConfigReason>): ReadonlyArray<ServiceSettings> {
  const services = tree[SERVICES]
  if (services === undefined || services === null) return []
  if (!isTree(services)) {
    reasons.push(wrongValue(place(name, text, SERVICES), SERVICES, services, "a map from service name to its settings"))
    return []
  }
  return Object.entries(services).map(([service, value]): ServiceSettings => {
    const key = `${SERVICES}.${service}`
    const entry = isTree(value) ? value : {}
    if (!isTree(value)) reasons.push(wrongValue(place(name, text, key), key, value, `a map with ${SERVICE_KEYS.join(", ")}`))
    for (const child of Object.keys(entry)) {
      if (SERVICE_KEYS.includes(child)) continue
      reasons.push(unknownKey(place(name, text, `${key}.${child}`), `${key}.${child}`, `${key}.`, SERVICE_KEYS))
    }
    const source = entry["source"]
    if (source !== undefined && typeof source !== "string") {
      reasons.push(wrongValue(place(name, text, `${key}.source`), `${key}.source`, source, "the path of a folder or a .wasm"))
    }
    const written = entry["mount"]
    const mount = typeof written === "string" ? parseMount(written) : undefined
    if (written !== undefined && mount === undefined) {
      reasons.push(wrongValue(place(name, text, `${key}.mount`), `${key}.mount`, written, MOUNT_EXPECTED))
    }
    return {
      name: service,
      source: typeof source === "string" ? source : undefined,
      mount,
      config: isTree(entry["config"]) ? entry["config"] : {}
    }
  })
}

function readEnvironment(
  environment: ConfigurationSource["environment"],
  values: Map<string, unknown>,
  reasons: Array<ConfigReason>
): Readonly<Record<string, string>> {
  const others: Record<string, string> = {}
  for (const [variable, value] of Object.entries(environment)) {
    if (!variable.startsWith("PLANCK_") || value === undefined || OWN_VARIABLES.has(variable)) continue
    const named = namedSettings.find((candidate) => candidate.variable === variable)
    if (named === undefined) {
      others[variable] = value
      continue
    }
    const read = named.setting.read(value)
    if (read === undefined) reasons.push(wrongValue(`environment variable ${variable}`, named.key, value, named.setting.expected))
    else values.set(named.key, read)
  }
  return others
}

/** Names one level below `prefix` (`http.` → host, port, …); `services` stands at the top beside the settings. */
function childrenOf(prefix: string): ReadonlyArray<string> {
  const below = namedSettings
    .filter((named) => named.key.startsWith(prefix))
    .map((named) => named.key.slice(prefix.length).split(".")[0] ?? "")
  return [...new Set(prefix === "" ? [...below, SERVICES] : below)]
}

function assemble(values: ReadonlyMap<string, unknown>): Settings {
  const result: Record<string, unknown> = {}
  for (const { key, setting } of namedSettings) {
    const path = key.split(".")
    let group = result
    for (const name of path.slice(0, -1)) group = (group[name] ??= {}) as Record<string, unknown>
    group[path.at(-1) ?? ""] = values.has(key) ? values.get(key) : setting.default
  }
  // The table `settings` gives both the type and the keys that were just filled, one for one.
  return result as unknown as Settings
}

/**
 * Every setting as it is when nothing is configured.
 *
 * @example
 * ```ts
 * console.log(defaultSettings.http.port) // => 3000
 * ```
 */
export const defaultSettings: Settings = assemble(new Map())

function unknownKey(source: string, key: string, prefix: string, known: ReadonlyArray<string>): ConfigUnknownKey {
  const near = closest(key.slice(prefix.length), known)
  const expected = near === undefined ? `one of ${known.join(", ")}` : `"${prefix}${near}"? Known here: ${known.join(", ")}`
  return new ConfigUnknownKey({ source, key, expected })
}

function wrongValue(source: string, key: string, found: unknown, expected: string): ConfigWrongValue {
  return new ConfigWrongValue({ source, key, found: JSON.stringify(found) ?? String(found), expected })
}

/** `planck.yaml:3`: the first line on which the last part of the key stands below its parents. */
function place(name: string, text: string, key: string): string {
  const lines = text.split("\n")
  let line = -1
  for (const part of key.split(".")) {
    const next = lines.findIndex((candidate, index) => index > line && keyOnLine(candidate) === part)
    if (next < 0) return name
    line = next
  }
  return `${name}:${line + 1}`
}

const keyOnLine = (line: string): string | undefined => /^\s*["']?([^"'#:]+?)["']?\s*:/.exec(line)?.[1]
