/** Why a build failed: one tagged error that carries all the mistakes found. */
import * as Data from "effect/Data"
import { type BuildIssue, formatBuildIssue } from "./Issue.ts"

/**
 * The error of this folder's door. `message` is ready to be shown: every issue with its place and code frame.
 *
 * @example
 * ```ts
 * const places = (error: unknown) => (error instanceof BuildError ? error.issues.map(({ file, line }) => `${file}:${line}`) : [])
 * ```
 */
export class BuildError extends Data.TaggedError("BuildError")<{ readonly issues: ReadonlyArray<BuildIssue> }> {
  override get message(): string {
    return this.issues.map(formatBuildIssue).join("\n\n")
  }
}
