/**
 * Checking the author's code: its types, with the SDK's own library and the types of the templates, and the mistakes that types let pass.
 *
 * Invariants
 * - It runs beside the build, never in its way: a watch shows its findings when they arrive.
 * - Files are written only when they change, so that an editor and a watch see nothing happen when nothing did.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import type { Field, StoreDefinition } from "../Schema/Definition.ts"
import { GUEST_FOLDER, GUEST_MODULE } from "./Bundle.ts"
import { answerTypes } from "./AnswerTypes.ts"
import { Code } from "./Code.ts"
import { type Compilation, type CompilerMessage, compilerMessages, openCompiler } from "./Compiler.ts"
import { forgottenAwaits } from "./ForgottenAwaits.ts"
import { type BuildIssue, issueAt, issueWithoutPlace, type SourceText } from "./Issue.ts"
import { listFiles, posix, type Project, readText } from "./Project.ts"
import { writesInReadOnlyRoutes } from "./ReadOnlyRoutes.ts"
import { declaredRoutes } from "./Routes.ts"
import { advise } from "./TypeAdvice.ts"
import { unboundedQueries } from "./UnboundedQueries.ts"

const OWN_FOLDER = ".planck"
const TYPES_FOLDER = `${OWN_FOLDER}/types`
/** As projects extend them. */
const GUEST_SETTINGS = `${GUEST_MODULE}/tsconfig.json`

/** Writes `.planck/types/**\/name.d.zsx.ts` for every template and removes those of templates that are gone. */
export function writeTemplateTypes(project: Project, declarations: ReadonlyMap<string, string>): void {
  const wanted = new Map([...declarations].map(([name, text]) => [`${name.replace(/\.zsx$/, "")}.d.zsx.ts`, text]))
  const folder = join(project.folder, TYPES_FOLDER)
  mkdirSync(folder, { recursive: true })
  for (const file of listFiles(folder, ".d.zsx.ts")) if (!wanted.has(file)) rmSync(join(folder, file))
  for (const [file, text] of wanted) writeChanged(join(folder, file), text)
}

/** Longest check of a service's code, in milliseconds. */
export const CHECK_MS_MAX = 300_000

/** What was found in the code of a service. */
export interface Checked {
  /** Mistakes: the service cannot be what its author meant. */
  readonly issues: ReadonlyArray<BuildIssue>
  /** What may be meant, and is worth a look. */
  readonly warnings: ReadonlyArray<BuildIssue>
  /** What routes answer as JSON, by `GET /orders`, as far as their types say. */
  readonly answers: ReadonlyMap<string, Field>
}

export const NOTHING_FOUND: Checked = { issues: [], warnings: [], answers: new Map() }

/**
 * Checks a project: its types, and what types do not say. `stores` are those of the manifest, when it has been built. Ends early, with nothing, when
 * `signal` aborts.
 */
export async function checkTypes(
  project: Project,
  stores: ReadonlyArray<StoreDefinition>,
  source: SourceText,
  signal?: AbortSignal
): Promise<Checked> {
  writeChanged(join(project.folder, OWN_FOLDER, "tsconfig.json"), configText(project))
  if (isStopped(signal)) return NOTHING_FOUND
  const compilation = await openCompiler(project.folder, join(project.folder, OWN_FOLDER, "tsconfig.json"))
  try {
    return await within(CHECK_MS_MAX, inspect(compilation, project, stores, source, signal))
  } finally {
    await compilation.close()
  }
}

/** The steps of a check. Between two of them it may be stopped; within one, questions are on their way that have to be answered. */
async function inspect(
  { project: compiled }: Compilation,
  project: Project,
  stores: ReadonlyArray<StoreDefinition>,
  source: SourceText,
  signal: AbortSignal | undefined
): Promise<Checked> {
  const types = (await compilerMessages(compiled)).map((message) => typeIssue(message, project, source))
  if (isStopped(signal)) return NOTHING_FOUND
  const code = await Code.read(compiled, project)
  const routes = await declaredRoutes(code)
  if (isStopped(signal)) return NOTHING_FOUND
  const found = [...(await forgottenAwaits(code, routes, source)), ...(await writesInReadOnlyRoutes(code, routes, source))]
  if (isStopped(signal)) return NOTHING_FOUND
  const known = new Set(types.map(placeKey))
  return {
    issues: [...types, ...found.filter((issue) => !known.has(placeKey(issue)))].toSorted(byPlace),
    warnings: (await unboundedQueries(code, routes, stores, source)).toSorted(byPlace),
    answers: await answerTypes(code, routes)
  }
}

/** Gives up on a compiler that has ended without a word, or will not end. */
async function within<Result>(ms: number, work: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`the TypeScript compiler gave no answer within ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

const isStopped = (signal: AbortSignal | undefined): boolean => signal?.aborted === true

const placeKey = ({ column, file, line }: BuildIssue): string => `${file}:${line}:${column}`

const byPlace = (a: BuildIssue, b: BuildIssue): number =>
  (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) || a.line - b.line || a.column - b.column

/** The project's own settings on top of those of guest code, with what every service needs to be found. */
function configText(project: Project): string {
  const own = ownSettings(project)
  return JSON.stringify(
    {
      extends: [join(GUEST_FOLDER, "tsconfig.guest.json"), ...own.extends],
      compilerOptions: {
        ...own.options,
        noEmit: true,
        incremental: false,
        rootDirs: ["..", "./types"],
        paths: { [GUEST_MODULE]: [join(GUEST_FOLDER, "index.ts")] }
      },
      files: [join(GUEST_FOLDER, "lib.d.ts"), `../${project.entry}`],
      include: ["./types/**/*.ts"]
    },
    undefined,
    2
  )
}

/**
 * The project's own settings. Those that only extend the SDK's, as planck new writes them, are taken out of their file: which SDK that is decides this
 * Planck, whatever is installed beside the service.
 */
function ownSettings(project: Project): { readonly extends: ReadonlyArray<string>; readonly options: object } {
  const text = readText(project.folder, "tsconfig.json")
  if (text === undefined) return { extends: [], options: {} }
  try {
    const { compilerOptions = {}, extends: base } = JSON.parse(text) as { readonly compilerOptions?: object; readonly extends?: unknown }
    if (base === GUEST_SETTINGS) return { extends: [], options: compilerOptions }
  } catch {
    // With comments in it, or broken: the compiler reads it, and says what is wrong.
  }
  return { extends: ["../tsconfig.json"], options: {} }
}

/** A message of the compiler as a mistake of the author, in the author's words where they are known. */
function typeIssue({ code, end, file, start, text }: CompilerMessage, project: Project, source: SourceText): BuildIssue {
  const message = `${advise(text)} (${code})`
  if (file === undefined) return issueWithoutPlace("types", "tsconfig.json", message)
  const path = posix(relative(project.folder, file))
  const before = (source(path) ?? "").slice(0, start).split("\n")
  const place = { file: path, line: before.length, column: (before.at(-1) ?? "").length + 1 }
  return issueAt("types", place, message, source, end - start)
}

/** Writes a file unless it holds that text already. */
function writeChanged(path: string, text: string): void {
  if (existsSync(path) && readFileSync(path, "utf8") === text) return
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}
