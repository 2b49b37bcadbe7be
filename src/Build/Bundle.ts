/**
 * From the entry file to one script, with its source map.
 *
 * Invariants
 * - The same files give the same script: no path of the machine, no time, no order of the disk gets into it.
 * - `@planckdb/planck/guest` is always this Planck's own SDK, whatever is installed beside the service: it belongs to the engine.
 */
import * as esbuild from "esbuild"
import { existsSync } from "node:fs"
import { dirname, join, relative, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { fragmentNames } from "../Template/Template.ts"
import { SourceMap, type SourcePosition } from "../Wasm/SourceMap.ts"
import { invalidService } from "./Failure.ts"
import { type BuildIssue, issueAt, issueWithoutPlace } from "./Issue.ts"
import { type BuildPart, bundleParts } from "./Parts.ts"
import { absentDefinitions, absentGlobalMessage, isNodeModule, nodeModuleMessage, packageOf } from "./Platform.ts"
import { posix, type Project, readText } from "./Project.ts"

/** A bundled service. */
export interface Bundle {
  readonly source: string
  readonly sourcemap: Uint8Array
  readonly map: SourceMap | undefined
  /** Mistakes that do not stop the build. */
  readonly warnings: ReadonlyArray<BuildIssue>
  /** What its bytes come from. */
  readonly parts: ReadonlyArray<BuildPart>
}

/** Bundles a project again and again, quickly. */
export interface Bundler {
  bundle(): Promise<Bundle>
  close(): Promise<void>
}

/** The name of the package as services import it. */
export const GUEST_MODULE = "@planckdb/planck/guest"
/** The folder of the SDK. */
export const GUEST_FOLDER = fileURLToPath(new URL("../../guest/typescript/", import.meta.url))
const REGISTER_MODULE = `${GUEST_MODULE}/register`
const TEMPLATES = "planck-template"

/** Opens a bundler. Nothing is read before `bundle`, which rejects with a Fault `InvalidService`. */
export async function openBundler(project: Project): Promise<Bundler> {
  const context = await esbuild.context({
    stdin: { contents: entryText(project), resolveDir: project.folder, sourcefile: "planck:entry", loader: "ts" },
    absWorkingDir: project.folder,
    outfile: join(project.folder, "service.js"),
    bundle: true,
    write: false,
    format: "iife",
    platform: "neutral",
    target: "es2024",
    mainFields: ["module", "main"],
    conditions: ["planck", "module", "import", "default"],
    charset: "ascii", // the engine counts columns in bytes, source maps in characters: here they are the same
    legalComments: "none",
    minifySyntax: true,
    minifyWhitespace: true,
    sourcemap: "external",
    sourcesContent: false,
    metafile: true,
    define: absentDefinitions(),
    logLevel: "silent",
    plugins: [guestPlugin(), templatePlugin(project), builtinPlugin()]
  })
  return { bundle: () => runBundle(context, project), close: () => context.dispose() }
}

/** The default export of the author's entry goes to the engine. */
function entryText(project: Project): string {
  const entry = JSON.stringify(`./${project.entry}`)
  return `import { register } from ${JSON.stringify(REGISTER_MODULE)}\nimport * as entry from ${entry}\nregister(entry.default)\n`
}

async function runBundle(context: esbuild.BuildContext, project: Project): Promise<Bundle> {
  const text = (file: string): string | undefined => readText(project.folder, file)
  let result: esbuild.BuildResult
  try {
    result = await context.rebuild()
  } catch (error) {
    const { errors } = error as esbuild.BuildFailure
    if (!Array.isArray(errors)) throw error
    throw invalidService(errors.map((message) => messageIssue(message, text)))
  }
  const output = (ending: string): esbuild.OutputFile | undefined => result.outputFiles?.find((file) => file.path.endsWith(ending))
  const source = output(".js")?.text ?? ""
  const sourcemap = portableMap(output(".js.map")?.text ?? "{}", project)
  const map = SourceMap.read(sourcemap)
  const absent = absentGlobals(source, map, text)
  if (absent.length > 0) throw invalidService(absent)
  const warnings = result.warnings.filter((warning) => !isAboutSettings(warning)).map((message) => messageIssue(message, text))
  return { source, sourcemap, map, warnings, parts: bundleParts(result.metafile, project.folder, GUEST_FOLDER, GUEST_MODULE) }
}

/** The settings of guest code change nothing in a bundle; they need not be installed beside a service that only extends them. */
const isAboutSettings = ({ text }: esbuild.Message): boolean =>
  text.startsWith("Cannot find base config file") && text.includes(`${GUEST_MODULE}/tsconfig.json`)

function messageIssue(message: esbuild.Message, text: (file: string) => string | undefined): BuildIssue {
  const { location } = message
  const kind = message.pluginName === "planck-builtin" ? ("platform" as const) : ("bundle" as const)
  const notes = message.notes.map((note) => note.text).filter((note) => note !== "")
  const words = [message.text, ...notes].join("\n")
  if (location === null) return issueWithoutPlace(kind, "service", words)
  const place = { file: posix(location.file), line: location.line, column: location.column + 1 }
  return issueAt(kind, place, words, text, Math.max(1, location.length))
}

/** Uses of globals that do not exist, except where a file asks for them with `typeof` first, as packages for many platforms do. */
function absentGlobals(source: string, map: SourceMap | undefined, text: (file: string) => string | undefined): BuildIssue[] {
  const issues: BuildIssue[] = []
  const guarded = new Set<string>()
  const uses: { readonly name: string; readonly place: SourcePosition }[] = []
  for (const match of source.matchAll(/absent\$(\w+)/g)) {
    const name = match[1] ?? ""
    const place = placeInSource(source, match.index, map)
    if (place === undefined) continue
    if (source.slice(0, match.index).endsWith("typeof ")) guarded.add(`${place.file} ${name}`)
    else uses.push({ name, place })
  }
  for (const { name, place } of uses) {
    if (packageOf(place.file) !== undefined && guarded.has(`${place.file} ${name}`)) continue
    issues.push(issueAt("platform", place, absentGlobalMessage(name, place.file), text, name.length))
  }
  return issues
}

function placeInSource(source: string, offset: number, map: SourceMap | undefined): SourcePosition | undefined {
  const line = source.slice(0, offset).split("\n").length
  const column = offset - source.lastIndexOf("\n", offset - 1)
  return map?.find(line, column)
}

/** The map with names of files that do not depend on where Planck is installed. */
function portableMap(json: string, project: Project): Uint8Array {
  const map = JSON.parse(json) as { sources?: string[] }
  const sources = (map.sources ?? []).map((source) => {
    const path = resolve(project.folder, source)
    return path.startsWith(GUEST_FOLDER) ? `planck:guest/${posix(relative(GUEST_FOLDER, path))}` : source
  })
  return new TextEncoder().encode(JSON.stringify({ ...map, sources }))
}

/** This Planck's SDK. */
function guestPlugin(): esbuild.Plugin {
  return {
    name: "planck-guest",
    setup(build) {
      build.onResolve({ filter: /^@planckdb\/planck\/guest(\/register)?$/ }, ({ path }) => ({
        path: join(GUEST_FOLDER, path === REGISTER_MODULE ? "register.ts" : "index.ts")
      }))
    }
  }
}

/** An import of a `.zsx` file is a template object; the template itself travels as data. */
function templatePlugin(project: Project): esbuild.Plugin {
  return {
    name: TEMPLATES,
    setup(build) {
      build.onResolve({ filter: /\.zsx$/ }, ({ path, importer, resolveDir }) => {
        const file = resolve(resolveDir === "" ? dirname(importer) : resolveDir, path)
        const name = posix(relative(project.folder, file))
        if (!existsSync(file)) return { errors: [{ text: `there is no template ${name}` }] }
        if (name.startsWith("..")) return { errors: [{ text: `the template ${name} lies outside the service's folder` }] }
        return { path: name, namespace: TEMPLATES, watchFiles: [file] }
      })
      build.onLoad({ filter: /.*/, namespace: TEMPLATES }, ({ path }) => ({
        contents: templateModule(path, fragmentNames(readText(project.folder, path) ?? "")),
        loader: "ts",
        resolveDir: project.folder
      }))
    }
  }
}

function templateModule(path: string, fragments: ReadonlyArray<string>): string {
  const template = (name: string) => `new Template(${JSON.stringify(name)})`
  const members = fragments.map((name) => `${JSON.stringify(name)}: ${template(`${path}#${name}`)}`)
  const whole = members.length === 0 ? template(path) : `Object.assign(${template(path)}, { ${members.join(", ")} })`
  return `import { Template } from ${JSON.stringify(GUEST_MODULE)}\nexport default ${whole}\n`
}

/** Node's modules are refused where they are imported. */
function builtinPlugin(): esbuild.Plugin {
  return {
    name: "planck-builtin",
    setup(build) {
      build.onResolve({ filter: /^[a-z:_/0-9]+$/ }, ({ path, importer }) => {
        if (!isNodeModule(path)) return undefined
        return { errors: [{ text: nodeModuleMessage(path, importer) }] }
      })
    }
  }
}
