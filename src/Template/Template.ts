/**
 * ZSX: HTML with typed holes, checked when a service is built and rendered by the host from BSON bytes.
 *
 * The way of a template: `parse` → `check` (or both at once for all files: `compileTemplates`) → a `TemplateSet`, plain JSON in
 * the module → `admitTemplates` in the host → `prepare` → `Renderer.render`. Everything here is pure and synchronous.
 */
import type { StoreDefinition } from "../Schema/Definition.ts"
import { checkTrees, type CheckResult } from "./Check.ts"
import { invalidTemplate, Issues, type TemplateIssue } from "./Issue.ts"
import { issuesMax } from "./Limits.ts"
import { parseMarkup } from "./MarkupParser.ts"
import type { SyntaxTree } from "./Syntax.ts"

/** A source file; `path` is relative to the service's folder, with "/". */
export interface TemplateFile {
  readonly path: string
  readonly source: string
}

/**
 * Parses one template. Faults with InvalidTemplate, with all the issues of the file.
 *
 * @example
 * ```ts
 * const tree = parse("{param name: string}\n<p>Hello {name}</p>", "hello.zsx")
 * ```
 */
export function parse(source: string, file: string): SyntaxTree {
  const issues = new Issues(file, source)
  const tree = parseMarkup(file, source, issues)
  if (issues.found.length > 0) throw invalidTemplate(issues.found)
  return tree
}

/** Checks parsed templates, all files of a service together. */
export function check(trees: ReadonlyArray<SyntaxTree>, stores: ReadonlyArray<StoreDefinition>): CheckResult {
  return checkTrees(trees, stores)
}

/**
 * Parses and checks all templates of a service; reports the mistakes of all files at once, and never throws for one.
 *
 * @example
 * ```ts
 * const { set, issues } = compileTemplates([{ path: "hello.zsx", source: "{param name: string}<p>Hello {name}</p>" }], [])
 * ```
 */
export function compileTemplates(files: ReadonlyArray<TemplateFile>, stores: ReadonlyArray<StoreDefinition>): CheckResult {
  const trees: Array<SyntaxTree> = []
  const broken: Array<string> = []
  const found: Array<TemplateIssue> = []
  for (const { path, source } of files) {
    const issues = new Issues(path, source)
    const tree = parseMarkup(path, source, issues)
    found.push(...issues.found)
    if (issues.found.length === 0) trees.push(tree)
    else broken.push(path)
  }
  const result = checkTrees(trees, stores, broken)
  if (found.length === 0) return result
  return { ...result, set: undefined, notes: [], issues: [...found, ...result.issues].toSorted(byPlace).slice(0, issuesMax) }
}

/**
 * The names of the fragments that a template declares, in their order; as far as it can be read.
 *
 * @example
 * ```ts
 * fragmentNames("{param n: int}{fragment row(n)}<li>{n}</li>{/fragment}") // ["row"]
 * ```
 */
export function fragmentNames(source: string): ReadonlyArray<string> {
  return [...new Set(parseMarkup("", source, new Issues("", source)).fragments)]
}

function byPlace(left: TemplateIssue, right: TemplateIssue): number {
  if (left.file !== right.file) return left.file < right.file ? -1 : 1
  return left.line - right.line || left.column - right.column
}

export { admitTemplates, type InvalidTemplateSet } from "./Admit.ts"
export type { CheckResult } from "./Check.ts"
export type { CompiledParameter, TemplateSet } from "./Compiled.ts"
export { declaration } from "./Declaration.ts"
export { formatTemplate } from "./Format.ts"
export { formatIssue, type InvalidTemplate, type TemplateIssue } from "./Issue.ts"
export type { RenderLimit } from "./Page.ts"
export { type Binding, type InvalidBinding, prepare, type Renderer, type RenderOptions, type UnknownTemplate } from "./Renderer.ts"
export type { TemplateSignature } from "./Signature.ts"
export type { SyntaxTree } from "./Syntax.ts"
export type { RowList } from "./Values.ts"
