/** How the steps of a build fail: one Fault with all the mistakes of the step. */
import { Fault } from "../Fault/Fault.ts"
import { BUILD_ISSUES_MAX, type BuildIssue, formatBuildIssue } from "./Issue.ts"

export interface InvalidService {
  readonly _tag: "InvalidService"
  readonly message: string
  readonly issues: ReadonlyArray<BuildIssue>
}

/** The Fault of a service that does not build. */
export function invalidService(issues: ReadonlyArray<BuildIssue>): Fault<InvalidService> {
  const shown = issues.slice(0, BUILD_ISSUES_MAX)
  return new Fault<InvalidService>({ _tag: "InvalidService", message: shown.map(formatBuildIssue).join("\n\n"), issues: shown })
}

/** The mistakes in a Fault of `invalidService`; undefined for anything else. */
export function issuesOf(error: unknown): ReadonlyArray<BuildIssue> | undefined {
  return error instanceof Fault && error.reason._tag === "InvalidService" ? (error.reason as InvalidService).issues : undefined
}
