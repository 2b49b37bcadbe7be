import * as Data from "effect/Data"

/**
 * A test asked for what cannot be: a request to a machine that is down, a store that the service does not have. `message` says which.
 *
 * @example
 * ```ts
 * const isDown = (error: unknown) => error instanceof TestError && error.message.includes("restart")
 * ```
 */
export class TestError extends Data.TaggedError("TestError")<{ readonly message: string }> {}
