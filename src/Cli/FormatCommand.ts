/** `planck fmt`: every template of some folders and files in the one way to write it; with `--check` it only says which are not. */
import * as Effect from "effect/Effect"
import { readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { listFiles } from "../Build/Project.ts"
import { isFault } from "../Fault/Fault.ts"
import { formatTemplate, type InvalidTemplate } from "../Template/Template.ts"
import { Failure, type Mistake } from "./Failure.ts"
import type { Output } from "./Output.ts"
import { say } from "./Output.ts"
import { counted } from "./Words.ts"

export interface FormatCommandOptions {
  /** Folders and templates. */
  readonly paths: ReadonlyArray<string>
  readonly check: boolean
  readonly output: Output
}

interface Formatted {
  readonly file: string
  readonly before: string
  readonly after: string
}

export const format = Effect.fn("Cli.format")(function* ({ paths, check, output }: FormatCommandOptions) {
  const files = yield* io(() => paths.flatMap(templatesOf))
  const mistakes: Array<Mistake> = []
  const changed: Array<Formatted> = []
  for (const file of files) {
    const before = yield* io(() => readFileSync(file, "utf8"))
    const after = formatted(before, file, mistakes)
    if (after !== undefined && after !== before) changed.push({ file, before, after })
  }
  if (!check) for (const { file, after } of changed) yield* io(() => writeFileSync(file, after))
  for (const { file } of changed) yield* say(output, file, { file, formatted: !check })
  const unreadable = new Set(mistakes.map(({ place }) => place.replace(/:\d+:\d+$/, ""))).size
  if (unreadable > 0) {
    const message = `${counted(unreadable, "template")} cannot be read: ${counted(mistakes.length, "mistake")}`
    return yield* new Failure({ code: "InvalidTemplate", message, mistakes })
  }
  if (check && changed.length > 0) {
    const message = `${counted(changed.length, "template")} of ${files.length} not formatted: run planck fmt`
    return yield* new Failure({ code: "NotFormatted", message, details: { files: changed.map(({ file }) => file) } })
  }
  yield* say(output, `${counted(files.length, "template")}, ${changed.length} changed`, {
    templates: files.length,
    changed: changed.length
  })
})

/** The templates of a folder, or a template itself. */
function templatesOf(path: string): ReadonlyArray<string> {
  return statSync(path).isDirectory() ? listFiles(path, ".zsx").map((file) => join(path, file)) : [path]
}

/** The text as it should be; undefined when it cannot be read, which is added to the mistakes. */
function formatted(source: string, file: string, mistakes: Array<Mistake>): string | undefined {
  try {
    return formatTemplate(source, file)
  } catch (error) {
    if (!isFault<InvalidTemplate & Record<string, unknown>>(error, "InvalidTemplate")) throw error
    for (const { line, column, message, frame } of error.reason.issues)
      mistakes.push({ place: `${file}:${line}:${column}`, message, frame })
    return undefined
  }
}

const io = <A>(run: () => A): Effect.Effect<A, Failure> =>
  Effect.try({
    try: run,
    catch: (error) => new Failure({ code: "NotFound", message: error instanceof Error ? error.message : String(error) })
  })
