/** A promise that was not kept. `promise` is one of a few names, so that a shrunk history can be held to fail the same way. */
export class Violation extends Error {
  override readonly name = "Violation"
  readonly promise: string

  constructor(promise: string, message: string, cause?: unknown) {
    super(`${promise}: ${message}`, cause === undefined ? undefined : { cause })
    this.promise = promise
  }
}

export function violated(promise: string, message: string, cause?: unknown): never {
  throw new Violation(promise, message, cause)
}
