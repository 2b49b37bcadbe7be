/**
 * Type checking: `tsc` over the author's files, with the SDK's own library and the types of the templates.
 *
 * Invariants
 * - It runs beside the build, never in its way: a watch shows its findings when they arrive.
 * - Files are written only when they change, so that an editor and a watch see nothing happen when nothing did.
 */
import { spawn } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { GUEST_FOLDER, GUEST_MODULE } from "./Bundle.ts"
import { type BuildIssue, issueAt, issueWithoutPlace, type SourceText } from "./Issue.ts"
import { listFiles, posix, type Project, readText } from "./Project.ts"
import { advise } from "./TypeAdvice.ts"

const OWN_FOLDER = ".planck"
const TYPES_FOLDER = `${OWN_FOLDER}/types`
/** As projects extend them. */
const GUEST_SETTINGS = `${GUEST_MODULE}/tsconfig.json`
const OUTPUT_BYTES_MAX = 4 * 1024 * 1024
const LINE = /^(.+?)\((\d+),(\d+)\): error (TS\d+): (.*)$/

/** Writes `.planck/types/**\/name.d.zsx.ts` for every template and removes those of templates that are gone. */
export function writeTemplateTypes(project: Project, declarations: ReadonlyMap<string, string>): void {
  const wanted = new Map([...declarations].map(([name, text]) => [`${name.replace(/\.zsx$/, "")}.d.zsx.ts`, text]))
  const folder = join(project.folder, TYPES_FOLDER)
  mkdirSync(folder, { recursive: true })
  for (const file of listFiles(folder, ".d.zsx.ts")) if (!wanted.has(file)) rmSync(join(folder, file))
  for (const [file, text] of wanted) writeChanged(join(folder, file), text)
}

/** Checks the types of a project; all mistakes, none when it is fine. Ends early, with none, when `signal` aborts. */
export async function checkTypes(project: Project, source: SourceText, signal?: AbortSignal): Promise<ReadonlyArray<BuildIssue>> {
  writeChanged(join(project.folder, OWN_FOLDER, "tsconfig.json"), configText(project))
  const output = await runCompiler(project, signal)
  return parseOutput(output, project, source)
}

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

function runCompiler(project: Project, signal: AbortSignal | undefined): Promise<string> {
  const compiler = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc")
  const options = ["-p", join(project.folder, OWN_FOLDER, "tsconfig.json"), "--pretty", "false"]
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [compiler, ...options], { cwd: project.folder, ...(signal === undefined ? {} : { signal }) })
    const chunks: Buffer[] = []
    let length = 0
    const collect = (chunk: Buffer): void => {
      length += chunk.length
      if (length <= OUTPUT_BYTES_MAX) chunks.push(chunk)
    }
    child.stdout.on("data", collect)
    child.stderr.on("data", collect)
    child.on("error", (error) => (signal?.aborted === true ? resolve("") : reject(error)))
    child.on("close", () => resolve(signal?.aborted === true ? "" : Buffer.concat(chunks).toString("utf8")))
  })
}

/** `file(line,column): error TS1234: message`; lines that begin with a space belong to the message before. */
function parseOutput(output: string, project: Project, source: SourceText): BuildIssue[] {
  const issues: BuildIssue[] = []
  let current: { file: string; line: number; column: number; code: string; text: string[] } | undefined
  const finish = (): void => {
    if (current !== undefined)
      issues.push(
        issueAt(
          "types",
          { file: current.file, line: current.line, column: current.column },
          `${advise(current.text.join("\n"))} (${current.code})`,
          source
        )
      )
    current = undefined
  }
  for (const line of output.split(/\r?\n/)) {
    const match = LINE.exec(line)
    if (match !== null) {
      finish()
      const [, file = "", row, column, code = "", message = ""] = match
      current = { file: posix(file), line: Number(row), column: Number(column), code, text: [message] }
    } else if (current !== undefined && line.startsWith(" ")) current.text.push(line)
    else if (/^error TS\d+/.test(line)) issues.push(issueWithoutPlace("types", "tsconfig.json", line.replace(/^error /, "")))
    else finish()
  }
  finish()
  return issues
}

/** Writes a file unless it holds that text already. */
function writeChanged(path: string, text: string): void {
  if (existsSync(path) && readFileSync(path, "utf8") === text) return
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}
