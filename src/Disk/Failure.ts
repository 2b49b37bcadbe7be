import { Fault } from "../Fault/Fault.ts"
import type { DiskFailure, DiskOperation } from "./Volume.ts"

/** The fault of a failed disk operation. `offset` in bytes, where there is one. */
export function diskFault(operation: DiskOperation, path: string, code: string, offset?: number): Fault<DiskFailure> {
  return new Fault(
    offset === undefined ? { _tag: "DiskFailure", operation, path, code } : { _tag: "DiskFailure", operation, path, offset, code }
  )
}

/** The system's code of a thrown error, `EUNKNOWN` when it carries none. */
export function codeOf(error: unknown): string {
  if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code
  return "EUNKNOWN"
}
