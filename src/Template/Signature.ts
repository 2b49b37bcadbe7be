/** What a template asks for: the side of it that callers, the declaration file and the host see. */
import type { CompiledParameter } from "./Compiled.ts"
import { membersOf, orNull, type StaticType } from "./StaticType.ts"
import type { LiteralValue, NodeSyntax } from "./Syntax.ts"

export interface SignatureParameter {
  readonly name: string
  /** As written in the template. */
  readonly written: string
  readonly type: StaticType
  readonly required: boolean
  /** Whether the rows of a query may stand here. */
  readonly list: boolean
  readonly initial?: LiteralValue
}

export interface TemplateSignature {
  /** Path of the file relative to the service's folder; of a fragment, with `#` and its name behind it. */
  readonly name: string
  readonly parameters: ReadonlyArray<SignatureParameter>
  /** Names of the slots it has: whose children it shows. The one without a name is "". */
  readonly slots: ReadonlySet<string>
  /** What can be rendered alone, by name. */
  readonly fragments: ReadonlyMap<string, TemplateSignature>
}

/** What is known of a parameter before its type says the rest. */
interface DeclaredParameter {
  readonly name: string
  readonly written: string
  readonly type: StaticType
  readonly optional: boolean
  readonly initial?: LiteralValue | undefined
}

/** A parameter: one whose type takes null, or that has a value of its own, may be left out. */
export function signatureParameter({ name, written, type, optional, initial }: DeclaredParameter): SignatureParameter {
  const takesNull = type.kind === "null" || (type.kind === "union" && type.members.some((member) => member.kind === "null"))
  const required = !optional && initial === undefined && !takesNull
  const list = membersOf(type).some(
    (member) => member.kind === "list" && membersOf(member.items).every((item) => item.kind === "struct" || item.kind === "any")
  )
  const base = { name, written, type: required || initial !== undefined ? type : orNull(type), required, list }
  return initial === undefined ? base : { ...base, initial }
}

/** The parameter as the host sees it. */
export function compiledParameter(parameter: SignatureParameter): CompiledParameter {
  const { name, written, required, list } = parameter
  const base = { name, type: written, required, list }
  return parameter.initial === undefined ? base : { ...base, initial: parameter.initial }
}

/** The names of all slots in some markup. */
export function slotsOf(nodes: ReadonlyArray<NodeSyntax>, into: Set<string> = new Set()): Set<string> {
  for (const node of nodes) {
    if (node.kind === "slot") into.add(node.name)
    for (const inner of childrenOf(node)) slotsOf(inner, into)
  }
  return into
}

/** The lists of nodes that a node holds. */
function childrenOf(node: NodeSyntax): ReadonlyArray<ReadonlyArray<NodeSyntax>> {
  switch (node.kind) {
    case "element":
    case "component":
    case "group":
      return [node.children]
    case "if":
      return [...node.branches.map((branch) => branch.body), node.otherwise]
    case "switch":
      return [...node.cases.map((entry) => entry.body), node.otherwise]
    case "for":
      return [node.body, node.otherwise]
    case "fragment":
      return [node.body]
    case "slot":
      return [node.otherwise]
    default:
      return []
  }
}
