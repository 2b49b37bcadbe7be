import * as Schema from "effect/Schema"

/** The file cannot be read. */
export class ConfigUnreadable extends Schema.TaggedError<ConfigUnreadable>()("ConfigUnreadable", {
  file: Schema.String,
  code: Schema.String
}) {
  override get message(): string {
    return `${this.file}: cannot be read (${this.code})`
  }
}

/** The file is not YAML, or not a map of settings. */
export class ConfigSyntax extends Schema.TaggedError<ConfigSyntax>()("ConfigSyntax", {
  file: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `${this.file}: ${this.detail}`
  }
}

/** A key that no setting has. `source` is `planck.yaml:3`, or the environment variable. */
export class ConfigUnknownKey extends Schema.TaggedError<ConfigUnknownKey>()("ConfigUnknownKey", {
  source: Schema.String,
  key: Schema.String,
  expected: Schema.String
}) {
  override get message(): string {
    return `${this.source}: unknown key "${this.key}"; expected ${this.expected}`
  }
}

/** A value that its setting does not accept. */
export class ConfigWrongValue extends Schema.TaggedError<ConfigWrongValue>()("ConfigWrongValue", {
  source: Schema.String,
  key: Schema.String,
  found: Schema.String,
  expected: Schema.String
}) {
  override get message(): string {
    return `${this.source}: ${this.key} is ${this.found}; expected ${this.expected}`
  }
}

/**
 * The configuration is refused as a whole, with everything that is wrong in it.
 *
 * @example
 * ```ts
 * const whyRefused = (error: unknown) => (error instanceof ConfigError ? error.reasons.map(({ message }) => message) : [])
 * ```
 */
export class ConfigError extends Schema.TaggedError<ConfigError>()("ConfigError", {
  reasons: Schema.Array(Schema.Union([ConfigUnreadable, ConfigSyntax, ConfigUnknownKey, ConfigWrongValue]))
}) {
  override get message(): string {
    return this.reasons.map((reason) => reason.message).join("\n")
  }
}

export type ConfigReason = ConfigError["reasons"][number]
