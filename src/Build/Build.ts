/**
 * The door: from an author's folder to one `.wasm`, once or whenever it changes.
 */
import type * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import { Builder, type BuildOptions, type BuiltService } from "./Builder.ts"
import { BuildError } from "./Errors.ts"
import { issuesOf } from "./Failure.ts"
import { type WatchEvent, type WatchOptions, watchFolder } from "./Watch.ts"

export { BuildError } from "./Errors.ts"
export { type BuildIssue, formatBuildIssue } from "./Issue.ts"
export type { BuildOptions, BuildSizes, BuiltService } from "./Builder.ts"
export type { BuildPart } from "./Parts.ts"
export type { WatchEvent, WatchOptions } from "./Watch.ts"

/**
 * Builds the service in a folder and checks its types. Fails with a `BuildError` that holds every mistake.
 *
 * @example
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { build } from "../src/Build/Build.ts"
 *
 * const program = build("examples/orders").pipe(Effect.map(({ file, manifest }) => `${manifest.name}: ${file.length} bytes`))
 * ```
 */
export function build(folder: string, options: BuildOptions = {}): Effect.Effect<BuiltService, BuildError> {
  return Effect.scoped(
    Effect.gen(function* () {
      const builder = yield* Effect.acquireRelease(
        attempt(() => Builder.open(folder, options)),
        (opened) => Effect.promise(() => opened.close())
      )
      return yield* attempt(() => (options.types === false ? builder.build() : builder.buildChecked()))
    })
  )
}

/**
 * Builds the service in a folder now and after every change. Failures are events; the stream itself fails only when there is no service to watch.
 * A build takes well under a second; types are checked beside it and reported when the check is done.
 *
 * @example
 * ```ts
 * const program = watch("examples/orders").pipe(Stream.runForEach((event) => Effect.log(event._tag)))
 * ```
 */
export function watch(folder: string, options: WatchOptions = {}): Stream.Stream<WatchEvent, BuildError> {
  return Stream.callback<WatchEvent, BuildError>((queue) => watchInto(folder, options, queue))
}

const watchInto = Effect.fnUntraced(function* (
  folder: string,
  options: WatchOptions,
  queue: Queue.Queue<WatchEvent, BuildError | Cause.Done>
) {
  const clock = yield* Clock.Clock
  const now = (): number => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
  const opened = attempt(() => watchFolder(folder, options, now, (event) => void Queue.offerUnsafe(queue, event)))
  yield* Effect.acquireRelease(opened, (watching) => Effect.promise(() => watching.close()))
})

/** Mistakes in the service become a `BuildError`; anything else is a defect. */
function attempt<A>(run: () => Promise<A>): Effect.Effect<A, BuildError> {
  return Effect.tryPromise({
    try: run,
    catch: (error) => {
      const issues = issuesOf(error)
      if (issues === undefined) throw error
      return new BuildError({ issues })
    }
  })
}
