import * as Schema from "effect/Schema"

/** Another process listens there. */
export class AddressInUse extends Schema.TaggedError<AddressInUse>()("AddressInUse", { host: Schema.String, port: Schema.Int }) {
  override get message(): string {
    return `port ${this.port} on ${this.host} is in use: stop what listens there, or choose another with http.port in planck.yaml or PLANCK_HTTP_PORT`
  }
}

/** The address is not this machine's, or this user may not listen on it. */
export class AddressRefused extends Schema.TaggedError<AddressRefused>()("AddressRefused", {
  host: Schema.String,
  port: Schema.Int,
  code: Schema.String
}) {
  override get message(): string {
    return `cannot listen on ${this.host}:${this.port} (${this.code}): check http.host and http.port`
  }
}

/** Two services of one process would be at the same place. */
export class MountTaken extends Schema.TaggedError<MountTaken>()("MountTaken", {
  service: Schema.String,
  other: Schema.String,
  mount: Schema.String
}) {
  override get message(): string {
    return `${this.service} and ${this.other} are both mounted at ${this.mount}: give one another place with services.${this.service}.mount in planck.yaml`
  }
}

/**
 * The gateway could not be set up. What goes wrong with a request is never an error of this kind: it is an answer.
 *
 * @example
 * ```ts
 * const isPortTaken = (error: unknown) => error instanceof HttpError && error.reason._tag === "AddressInUse"
 * ```
 */
export class HttpError extends Schema.TaggedError<HttpError>()("HttpError", {
  reason: Schema.Union([AddressInUse, AddressRefused, MountTaken])
}) {
  override get message(): string {
    return this.reason.message
  }
}
