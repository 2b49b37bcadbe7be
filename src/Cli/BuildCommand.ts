/** `planck build`: a service's folder becomes one .wasm. */
import * as Effect from "effect/Effect"
import { mkdirSync, writeFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import type { BuildError, BuildIssue, BuiltService } from "../Build/Build.ts"
import { build as buildFolder } from "../Build/Build.ts"
import { Failure, type Mistake } from "./Failure.ts"
import type { Output } from "./Output.ts"
import { formatMistake, say } from "./Output.ts"
import { counted } from "./Words.ts"

export interface BuildCommandOptions {
  readonly folder: string
  readonly out: string | undefined
  readonly output: Output
}

/** A mistake of a build as the command line shows it. */
export const mistakeOf = (issue: BuildIssue): Mistake => ({
  place: issue.frame === "" ? issue.file : `${issue.file}:${issue.line}:${issue.column}`,
  message: issue.message,
  frame: issue.frame === "" ? undefined : issue.frame
})

/** The failure of a build, with every mistake. */
export const buildFailure = (error: BuildError): Failure =>
  new Failure({
    code: "BuildFailed",
    message: `not built: ${counted(error.issues.length, "mistake")}`,
    mistakes: error.issues.map(mistakeOf)
  })

const kib = (bytes: number): string => `${(bytes / 1024).toFixed(0)} KiB`

/** One line about what was built. */
export const summary = ({ manifest, sizes }: BuiltService): string =>
  `${manifest.name} ${manifest.version}: ${counted(manifest.routes.length, "route")}, ${counted(manifest.stores.length, "store")}, ` +
  `${kib(sizes.file)} (source ${kib(sizes.source)}, templates ${kib(sizes.templates)}, assets ${kib(sizes.assets)})`

export const build = Effect.fn("Cli.build")(function* (options: BuildCommandOptions) {
  const built = yield* buildFolder(options.folder).pipe(Effect.mapError(buildFailure))
  const file = options.out ?? join(options.folder, "dist", `${built.manifest.name}.wasm`)
  yield* Effect.try({
    try: () => {
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, built.file)
    },
    catch: (error) => new Failure({ code: "NotWritten", message: `${file}: ${error instanceof Error ? error.message : String(error)}` })
  })
  for (const warning of built.warnings) yield* say(options.output, `warning: ${formatMistake(mistakeOf(warning))}`, { warning })
  const { name, version, routes, stores } = built.manifest
  yield* say(options.output, `${summary(built)}\n${relative(".", file)}`, {
    file,
    name,
    version,
    sizes: built.sizes,
    routes: routes.length,
    stores: stores.length
  })
})
