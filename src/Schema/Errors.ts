/** What can be wrong with a definition that is compiled without having been checked: the reason of the `Fault`. */
import { Fault } from "../Fault/Fault.ts"
import type { Issue } from "./Issue.ts"

/** A definition with mistakes; `issues` says all of them (up to `ISSUES_MAX`), with pointers into the definition. */
export interface InvalidSchema {
  readonly _tag: "InvalidSchema"
  readonly issues: ReadonlyArray<Issue>
  readonly message: string
}

export function invalidSchema(issues: ReadonlyArray<Issue>): Fault<InvalidSchema> {
  const [first] = issues
  const place = first === undefined || first.pointer === "" ? "the definition" : first.pointer
  return new Fault({ _tag: "InvalidSchema", issues, message: `${place}: ${first?.message ?? "is wrong"}` })
}
