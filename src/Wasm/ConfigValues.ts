/**
 * A service's configuration: the values its manifest asks for, checked once, kept as BSON.
 *
 * Invariant: a secret is given to the guest that asks for it and to nobody else; `redact` takes it out of every text on its way to a log.
 */
import * as Type from "../Bson/Type.ts"
import { fieldName, findElement, nextElement, readString, valueOffset } from "../Bson/View.ts"
import { Writer } from "../Bson/Writer.ts"
import { variableOf } from "../Config/Settings.ts"
import type { Field } from "../Schema/Definition.ts"
import { compileInput } from "../Schema/Input.ts"
import type { Manifest } from "./Manifest.ts"
import { type Issue, refusal } from "./Reasons.ts"

/** A value as (bytes, type, at, length); type 0 when it is optional and not given. */
export interface ConfigValue {
  readonly bytes: Uint8Array
  readonly type: number
  readonly at: number
  readonly length: number
}

/** Where values come from: plain JSON values or, from the environment, text; by name. */
export type ConfigSource = Readonly<Record<string, unknown>>

/** Shorter secrets are not searched for in logs: they would turn up everywhere. */
export const REDACTED_LENGTH_MIN = 4
const REDACTED = "<redacted>"
const MISSING: ConfigValue = { bytes: new Uint8Array(0), type: 0, at: 0, length: 0 }

export class ConfigValues {
  private readonly values: ReadonlyMap<string, ConfigValue>
  private readonly secrets: ReadonlyArray<string>

  private constructor(values: ReadonlyMap<string, ConfigValue>, secrets: ReadonlyArray<string>) {
    this.values = values
    this.secrets = secrets
  }

  /**
   * Checks what was given against what the manifest declares. Text is coerced to the declared type, as it is for a query.
   * Throws a Fault `InvalidConfiguration` with every value that is missing, mistyped or not declared.
   */
  static read(manifest: Manifest, source: ConfigSource): ConfigValues {
    const issues: Issue[] = []
    const values = new Map<string, ConfigValue>()
    const secrets: string[] = []
    for (const name of Object.keys(source)) {
      if (Object.hasOwn(manifest.config, name)) continue
      const known = Object.keys(manifest.config)
      issues.push({
        pointer: `/${name}`,
        code: "unknown_field",
        message: known.length === 0 ? "the service takes no configuration" : `the service knows ${known.join(", ")}`
      })
    }
    for (const [name, { secret, ...field }] of Object.entries(manifest.config)) {
      const value = readValue(name, field as Field, source[name], issues)
      values.set(name, value)
      if (secret === true && value.type === Type.STRING) secrets.push(readString(value.bytes, value.at))
    }
    if (issues.length > 0) {
      const { name } = manifest
      const said = issues.map((issue) => `${issue.pointer.slice(1)} ${issue.message}`).join("; ")
      const first = issues[0]?.pointer.slice(1) ?? ""
      const place = `services.${name}.config.${first} of planck.yaml, or ${variableOf(`${name}.${first}`)}`
      const message = `the configuration of ${name} is wrong: ${said} (set ${place})`
      throw refusal({ _tag: "InvalidConfiguration", service: manifest.name, issues, message })
    }
    return new ConfigValues(
      values,
      secrets.filter((secret) => secret.length >= REDACTED_LENGTH_MIN)
    )
  }

  /** The value of that name; undefined when the manifest declares none. */
  find(name: string): ConfigValue | undefined {
    return this.values.get(name)
  }

  /** The text without any secret. */
  redact(text: string): string {
    let clean = text
    for (const secret of this.secrets) if (clean.includes(secret)) clean = clean.replaceAll(secret, REDACTED)
    return clean
  }
}

/** The declared value of that name; what is wrong with it goes to `issues`. */
function readValue(name: string, field: Field, given: unknown, issues: Issue[]): ConfigValue {
  const reader = compileInput({ [name]: field })
  const writer = new Writer()
  const found =
    typeof given === "string"
      ? reader.fromStrings([[name, given]], writer)
      : reader.fromJson(Buffer.from(JSON.stringify({ [name]: given })), writer)
  issues.push(...found)
  if (found.length > 0) return MISSING
  const bytes = writer.toBytes()
  const element = findElement(bytes, 0, fieldName(name))
  if (element < 0) return MISSING
  const at = valueOffset(bytes, element)
  return { bytes, type: bytes[element] ?? 0, at, length: nextElement(bytes, element) - at }
}
