/** `planck build`: a service's folder becomes one .wasm; a folder of services as many. */
import * as Effect from "effect/Effect"
import { mkdirSync, writeFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import type { BuildError, BuildIssue, BuiltService } from "../Build/Build.ts"
import { build as buildFolder } from "../Build/Build.ts"
import { serviceFolders } from "../Build/Project.ts"
import { Failure, type Mistake } from "./Failure.ts"
import type { Output } from "./Output.ts"
import { formatMistake, say } from "./Output.ts"
import { formatSizes, sizeReport } from "./SizeReport.ts"
import { labelOf } from "./Sources.ts"
import { counted } from "./Words.ts"

/** Services that are built at the same time: each has a compiler of its own beside it. */
export const BUILDS_AT_ONCE = 2

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

/** Builds the service of a folder, or all services in it; of several those that can be are written, and the others are named. */
export const build = Effect.fn("Cli.build")(function* (options: BuildCommandOptions) {
  const { folder, out, output } = options
  const folders = serviceFolders(folder)
  if (folders.length === 1 && folders[0] === folder)
    return yield* buildOne(folder, (name) => out ?? join(folder, "dist", `${name}.wasm`), output)
  if (folders.length === 0) return yield* buildOne(folder, () => "", output)
  const names = new Map<string, string>()
  const failures = yield* Effect.forEach(
    folders,
    (path) => {
      const label = labelOf(folder, path)
      const target = (name: string): string => join(out ?? join(folder, "dist"), `${name}.wasm`)
      return buildOne(path, target, output, { label, names }).pipe(
        Effect.as(undefined),
        Effect.catch((failure: Failure) => Effect.succeed({ label, failure }))
      )
    },
    { concurrency: BUILDS_AT_ONCE }
  )
  const failed = failures.filter((found) => found !== undefined)
  if (failed.length === 0) return
  return yield* new Failure({
    code: "BuildFailed",
    message: `${failed.length} of ${counted(folders.length, "service")} not built: ${failed.map(({ label }) => label).join(", ")}`,
    mistakes: failed.flatMap(({ failure, label }) => mistakesIn(label, failure)),
    details: { services: failed.map(({ label }) => label) }
  })
})

/** The mistakes of one service among several, with their places seen from the folder of all. */
const mistakesIn = (label: string, { message, mistakes }: Failure): ReadonlyArray<Mistake> =>
  mistakes === undefined ? [{ place: label, message }] : mistakes.map((mistake) => ({ ...mistake, place: `${label}/${mistake.place}` }))

/** One of several: what messages call it, and the names that others have taken. */
interface Among {
  readonly label: string
  readonly names: Map<string, string>
}

const buildOne = Effect.fnUntraced(function* (folder: string, target: (name: string) => string, output: Output, among?: Among) {
  const built = yield* buildFolder(folder).pipe(Effect.mapError(buildFailure))
  const { name, version, routes, stores } = built.manifest
  const other = among?.names.get(name)
  if (other !== undefined) return yield* new Failure({ code: "SameName", message: `${other} is named ${name} as well` })
  among?.names.set(name, among.label)
  const file = target(name)
  yield* Effect.try({
    try: () => {
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, built.file)
    },
    catch: (error) => new Failure({ code: "NotWritten", message: `${file}: ${error instanceof Error ? error.message : String(error)}` })
  })
  for (const warning of built.warnings) {
    const mistake = mistakeOf(warning)
    const place = among === undefined ? mistake.place : `${among.label}/${mistake.place}`
    yield* say(output, `warning: ${formatMistake({ ...mistake, place })}`, {
      warning,
      ...(among === undefined ? {} : { folder: among.label })
    })
  }
  const report = sizeReport(folder, built.parts)
  yield* say(output, [summary(built), ...formatSizes(report), relative(".", file)].join("\n"), {
    file,
    name,
    version,
    sizes: built.sizes,
    parts: report.parts,
    routes: routes.length,
    stores: stores.length
  })
})
