/**
 * Why a module was refused, or a service could not be set up: one tagged error, `WasmError`, with a tagged reason. The core throws the reason in
 * a Fault, the door turns it into the error. What goes wrong while a request is handled is never one of these: it is an answer.
 */
import * as Data from "effect/Data"
import type { WasmReason } from "./Reasons.ts"

export type { Issue, WasmReason } from "./Reasons.ts"

/**
 * The error of this folder's door. `reason._tag` says what happened; `message` is ready to be shown.
 *
 * @example
 * ```ts
 * const isNoModule = (error: unknown) => error instanceof WasmError && error.reason._tag === "ForbiddenImport"
 * ```
 */
export class WasmError extends Data.TaggedError("WasmError")<{ readonly reason: WasmReason }> {
  override get message(): string {
    return this.reason.message
  }
}
