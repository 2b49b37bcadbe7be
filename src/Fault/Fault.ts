/**
 * How the synchronous core reports failure: one throwable that carries a tagged reason and no stack.
 *
 * Invariants
 * - A Fault is created in bulk on untrusted input, so building one must stay cheap: no stack is captured.
 * - Nothing outside a folder's own code interprets the message; callers look at `reason._tag`.
 * - The folder's door (its Effect service) turns a Fault into the folder's tagged error.
 */

/** The least a reason has: its tag. Everything else is the folder's own. */
export interface Reason {
  readonly _tag: string
}

/**
 * A failure of the core with a tagged reason.
 *
 * @example
 * ```ts
 * import { Fault, isFault } from "../src/Fault/Fault.ts"
 *
 * try {
 *   throw new Fault({ _tag: "DiskFailure", path: "wal/1", code: "EIO" })
 * } catch (error) {
 *   if (!isFault(error, "DiskFailure")) throw error
 *   console.log(error.reason.path) // => wal/1
 * }
 * ```
 */
export class Fault<R extends Reason = Reason> extends Error {
  override readonly name = "Fault"
  readonly reason: R

  constructor(reason: R) {
    const limit = Error.stackTraceLimit
    Error.stackTraceLimit = 0
    super(describe(reason))
    Error.stackTraceLimit = limit
    this.reason = reason
  }
}

/** Whether `error` is a Fault, and, with `tag`, one with that reason. */
export function isFault<R extends Reason & Record<string, unknown>>(error: unknown, tag?: R["_tag"]): error is Fault<R> {
  return error instanceof Fault && (tag === undefined || error.reason._tag === tag)
}

/** `DiskFailure: path=wal/1 code=EIO`; a reason with a `message` is described by it alone. */
function describe(reason: Reason): string {
  if ("message" in reason && typeof reason.message === "string") return `${reason._tag}: ${reason.message}`
  const fields = Object.entries(reason).filter(([name]) => name !== "_tag")
  const text = fields.map(([name, value]) => `${name}=${typeof value === "object" ? JSON.stringify(value) : String(value)}`)
  return text.length === 0 ? reason._tag : `${reason._tag}: ${text.join(" ")}`
}
