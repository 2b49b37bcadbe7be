/**
 * The TypeScript compiler as a process of its own: what it has to say of a project, and the project's code as it understands it.
 *
 * Invariants
 * - The process ends with `close`, whatever was asked of it before.
 * - The interface is one the compiler calls unstable: the package names its exact version, and nobody but this file and `Code.ts` sees it.
 */
import type { API, Diagnostic, Project as CompiledProject } from "typescript/unstable/async"

/** A mistake as the compiler says it, lines of detail indented below it. Offsets are in UTF-16 units of the file's text. */
export interface CompilerMessage {
  /** Absolute path; undefined for what is about the settings. */
  readonly file: string | undefined
  readonly start: number
  readonly end: number
  /** `TS2353`. */
  readonly code: string
  readonly text: string
}

/** A project that is open in the compiler. */
export interface Compilation {
  readonly project: CompiledProject
  close(): Promise<void>
}

/** Levels of detail of one message that are shown. */
const DETAIL_DEPTH_MAX = 8

/** Opens the project of a tsconfig.json. The compiler is loaded at the first call: most commands never check a type. */
export async function openCompiler(folder: string, configFile: string): Promise<Compilation> {
  const { API: Compiler } = await import("typescript/unstable/async")
  const compiler: API = new Compiler({ cwd: folder })
  try {
    const snapshot = await compiler.updateSnapshot({ openProjects: [configFile] })
    const project = snapshot.getProject(configFile) ?? snapshot.getProjects()[0]
    if (project === undefined) throw new Error(`the compiler does not open ${configFile}`)
    return { project, close: () => compiler.close() }
  } catch (error) {
    await compiler.close()
    throw error
  }
}

/** All that is wrong, in the order of files and places. What does not even parse is said alone, because the rest follows from it. */
export async function compilerMessages({ program }: CompiledProject): Promise<ReadonlyArray<CompilerMessage>> {
  const first = await Promise.all([program.getConfigFileParsingDiagnostics(), program.getSyntacticDiagnostics()])
  const unreadable = first.flat()
  if (unreadable.length > 0) return ordered(unreadable)
  const rest = await Promise.all([program.getProgramDiagnostics(), program.getGlobalDiagnostics(), program.getSemanticDiagnostics()])
  return ordered(rest.flat())
}

function ordered(diagnostics: ReadonlyArray<Diagnostic>): ReadonlyArray<CompilerMessage> {
  const messages = diagnostics.filter(isError).map(messageOf)
  return messages.toSorted((a, b) => compare(a.file ?? "", b.file ?? "") || a.start - b.start || a.end - b.end)
}

/** Category 1 is an error; the others are suggestions for editors. */
const isError = ({ category }: Diagnostic): boolean => category === 1

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

function messageOf({ code, end, fileName, messageChain, pos, text }: Diagnostic): CompilerMessage {
  return { file: fileName, start: pos, end, code: `TS${code}`, text: [text, ...details(messageChain, 1)].join("\n") }
}

function details(chain: ReadonlyArray<Diagnostic> | undefined, depth: number): ReadonlyArray<string> {
  if (depth > DETAIL_DEPTH_MAX) return []
  return (chain ?? []).flatMap(({ messageChain, text }) => [`${"  ".repeat(depth)}${text}`, ...details(messageChain, depth + 1)])
}
