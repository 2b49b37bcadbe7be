/**
 * Checks parsed templates against the stores and against each other.
 *
 * Invariants
 * - A template is compiled after the ones it imports; templates that import each other are refused.
 * - All mistakes of all files are reported together; a file with mistakes causes none in the files that import it.
 */
import type { StoreDefinition } from "../Schema/Definition.ts"
import { MarkupCheck } from "./CheckMarkup.ts"
import { compiledVersion, type CompiledTemplate, type TemplateSet } from "./Compiled.ts"
import { Issues, suggestion, type TemplateIssue } from "./Issue.ts"
import { callDepthMax, issuesMax, templatesMax } from "./Limits.ts"
import { storeTypes, TypeResolver } from "./ResolveType.ts"
import { Scope } from "./Scope.ts"
import { compiledParameter, signatureParameter, slotsOf, type SignatureParameter, type TemplateSignature } from "./Signature.ts"
import { fits, literalType, orNull, typeText, type StaticType } from "./StaticType.ts"
import type { ImportSyntax, ParameterSyntax, SyntaxTree } from "./Syntax.ts"

/** What came of checking: the set when everything is right, else all issues. */
export interface CheckResult {
  readonly set: TemplateSet | undefined
  readonly issues: ReadonlyArray<TemplateIssue>
  /** What is right but wants a second look: raw markup. */
  readonly notes: ReadonlyArray<TemplateIssue>
  /** What each right template asks for, by its path. */
  readonly signatures: ReadonlyMap<string, TemplateSignature>
}

/** Checks all templates of a service. `broken` are paths of files that exist but did not parse. */
export function checkTrees(
  trees: ReadonlyArray<SyntaxTree>,
  stores: ReadonlyArray<StoreDefinition>,
  broken: Iterable<string> = []
): CheckResult {
  const check = new SetCheck(trees, stores, broken)
  for (const tree of trees.slice(0, templatesMax)) check.template(tree.file, [])
  const issues = check.found.slice(0, issuesMax)
  const set =
    issues.length > 0 || trees.length > templatesMax
      ? undefined
      : ({ version: compiledVersion, templates: sorted(check.compiled) } as const)
  return { set, issues, notes: check.notes.slice(0, issuesMax), signatures: check.signatures }
}

function sorted(templates: ReadonlyArray<CompiledTemplate>): ReadonlyArray<CompiledTemplate> {
  return templates.toSorted((left, right) => (left.name < right.name ? -1 : 1))
}

class SetCheck {
  readonly found: Array<TemplateIssue> = []
  readonly notes: Array<TemplateIssue> = []
  readonly compiled: Array<CompiledTemplate> = []
  readonly signatures = new Map<string, TemplateSignature>()
  private readonly trees: ReadonlyMap<string, SyntaxTree>
  private readonly stores: ReadonlyMap<string, StaticType>
  private readonly broken: ReadonlySet<string>
  private readonly done = new Set<string>()

  constructor(trees: ReadonlyArray<SyntaxTree>, stores: ReadonlyArray<StoreDefinition>, broken: Iterable<string>) {
    this.trees = new Map(trees.map((tree) => [tree.file, tree]))
    this.stores = storeTypes(stores)
    this.broken = new Set(broken)
  }

  /** Checks a template after its imports; `callers` is the chain of files that led here. */
  template(file: string, callers: ReadonlyArray<string>): void {
    const tree = this.trees.get(file)
    if (tree === undefined || this.done.has(file)) return
    this.done.add(file)
    const issues = new Issues(file, tree.source)
    const components = this.imports(tree, [...callers, file], issues)
    const parameters = this.parameters(tree, new TypeResolver(this.stores, components, issues), issues)
    const scope = new Scope()
    for (const { name, type, required, initial } of parameters) scope.add(name, required || initial !== undefined ? type : orNull(type))
    const markup = new MarkupCheck(file, components, issues)
    const body = markup.nodes(tree.body, scope)
    this.found.push(...issues.found)
    this.notes.push(...issues.notes)
    if (issues.found.length > 0) return
    this.signatures.set(file, { name: file, parameters, slots: slotsOf(tree.body), fragments: markup.fragments })
    this.compiled.push({ name: file, parameters: parameters.map(compiledParameter), body }, ...markup.compiledFragments)
  }

  private imports(tree: SyntaxTree, chain: ReadonlyArray<string>, issues: Issues): ReadonlyMap<string, TemplateSignature | undefined> {
    const components = new Map<string, TemplateSignature | undefined>()
    for (const entry of tree.imports) {
      const target = this.target(entry, tree.file, issues)
      components.set(entry.name, undefined)
      if (target === undefined) continue
      if (chain.includes(target)) {
        const circle = [...chain.slice(chain.indexOf(target)), target].join(" → ")
        issues.add("import-cycle", entry.pathSpan, `templates cannot import each other in a circle: ${circle}`)
        continue
      }
      if (chain.length >= callDepthMax) {
        issues.add("limit", entry.pathSpan, `more than ${callDepthMax} templates import one another in a chain`)
        continue
      }
      this.template(target, chain)
      components.set(entry.name, this.signatures.get(target))
    }
    return components
  }

  /** The path that an import means, when such a file exists. */
  private target(entry: ImportSyntax, from: string, issues: Issues): string | undefined {
    if (!/^\.\.?\//.test(entry.path)) {
      issues.add("import", entry.pathSpan, `an import begins with "./" or "../": write "./${entry.path.replace(/^\/+/, "")}"`)
      return undefined
    }
    const path = joined(from, entry.path)
    if (path === undefined) {
      issues.add("import", entry.pathSpan, `"${entry.path}" lies outside of the service's folder`)
      return undefined
    }
    if (this.trees.has(path) || this.broken.has(path)) return path
    const hint = suggestion(path, [...this.trees.keys(), ...this.broken]) || (path.endsWith(".zsx") ? "" : " (templates end in .zsx)")
    issues.add("import", entry.pathSpan, `there is no template ${path}${hint}`)
    return undefined
  }

  private parameters(tree: SyntaxTree, resolver: TypeResolver, issues: Issues): Array<SignatureParameter> {
    return tree.parameters.map((parameter) => {
      const type = resolver.resolve(parameter.type)
      const written = tree.source.slice(parameter.type.at, parameter.type.end).replace(/\s+/g, " ")
      const initial = initialOf(parameter, type, issues)?.value
      return signatureParameter({ name: parameter.name, written, type, optional: parameter.optional, initial })
    })
  }
}

function initialOf(parameter: ParameterSyntax, type: StaticType, issues: Issues) {
  const { initial } = parameter
  if (initial === undefined) return undefined
  if (initial.kind !== "literal") {
    issues.add("wrong-type", initial, "the value of a parameter that is not given has to be written literally")
    return undefined
  }
  if (!fits(literalType(initial.value), type)) {
    issues.add("wrong-type", initial, `${JSON.stringify(initial.value)} is not of type ${typeText(type)}`)
  }
  return { value: initial.value }
}

/** `templates/a/b.zsx` and `../c.zsx` → `templates/c.zsx`; undefined when that leaves the folder. */
function joined(from: string, path: string): string | undefined {
  const parts = from.split("/").slice(0, -1)
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue
    if (part !== "..") parts.push(part)
    else if (parts.pop() === undefined) return undefined
  }
  return parts.join("/")
}
