/** What can be wrong with a filter: the reason its compilation puts into a `Fault`. */
import { Fault } from "../Fault/Fault.ts"

/** A filter that cannot be compiled; `path` is the path of the condition at fault, `""` when it has none. */
export interface InvalidFilter {
  readonly _tag: "InvalidFilter"
  readonly path: string
  readonly message: string
}

export function invalidFilter(path: string, message: string): Fault<InvalidFilter> {
  return new Fault({ _tag: "InvalidFilter", path, message })
}
