/**
 * Writes in routes that only read, also where a handler writes through a function of its own.
 *
 * Invariant: a route that may write, as far as can be told, is left alone; what is found is a call of a store or query that the host would refuse.
 */
import type { Node } from "typescript/unstable/ast"
import { type Code, type FunctionNode, type MemberCall, nodesOf } from "./Code.ts"
import type { BuildIssue, SourceText } from "./Issue.ts"
import type { DeclaredRoute } from "./Routes.ts"

/** Functions between a handler and a write. */
const CALLS_DEPTH_MAX = 16
const WRITES: ReadonlySet<string> = new Set([
  "insert",
  "insertMany",
  "replace",
  "upsert",
  "set",
  "inc",
  "unset",
  "push",
  "addToSet",
  "pull",
  "update",
  "delete"
])
const WRITTEN: ReadonlySet<string> = new Set(["Store", "Query"])

export async function writesInReadOnlyRoutes(
  code: Code,
  routes: ReadonlyArray<DeclaredRoute>,
  source: SourceText
): Promise<ReadonlyArray<BuildIssue>> {
  const writes = new Writes(code, await writingCalls(code))
  const issues: BuildIssue[] = []
  // One after another: what is known of a function serves every route that calls it.
  for (const { call, handler, mayWrite, title } of routes) {
    const writing = mayWrite ? undefined : await writes.reachedFrom(handler)
    if (writing === undefined) continue
    const { at, write } = writing
    const through = at === write.expression.name ? "" : ` in ${code.placeOf(write)}`
    // A handler that routes share is wrong for one of them: there the route is the place.
    const place = isWithin(at, call) ? at : call.expression.name
    const what = `${title} only reads, and its handler calls ${write.expression.name.text}${through}`
    const advice = /^(GET|HEAD)\b/.test(title) ? "make it a POST, or say { writes: true } among its inputs" : "take { writes: false } away"
    issues.push(code.issue(place, `${what}: ${advice}`, source))
  }
  return issues
}

/** The calls that write to a store. */
async function writingCalls(code: Code): Promise<ReadonlySet<Node>> {
  const calls = code.files.flatMap(({ nodes }) => code.memberCalls(WRITES, nodes))
  const kinds = await code.kindsOf(calls.map((call) => call.expression.expression))
  return new Set(calls.filter((_, index) => kinds[index]?.owner === "sdk" && WRITTEN.has(kinds[index]?.name ?? "")))
}

/** A write, and where in the function that was asked about it is, or is reached from. */
interface Writing {
  readonly at: Node
  readonly write: MemberCall
}

class Writes {
  private readonly code: Code
  private readonly calls: ReadonlySet<Node>
  /** What was found, by function. One that is being looked at counts as writing nothing: so recursion ends. */
  private readonly known = new Map<Node, Writing | undefined>()

  constructor(code: Code, calls: ReadonlySet<Node>) {
    this.code = code
    this.calls = calls
  }

  /** The first write that running a function may lead to. */
  async reachedFrom(root: FunctionNode, depth = 0): Promise<Writing | undefined> {
    if (this.calls.size === 0 || depth > CALLS_DEPTH_MAX) return undefined
    const nodes = nodesOf(root.body)
    const own = nodes.find((node) => this.calls.has(node)) as MemberCall | undefined
    if (own !== undefined) return { at: own.expression.name, write: own }
    for (const name of nodes.flatMap((node) => this.calledNames(node))) {
      const called = await this.code.functionOf(name)
      const reached = called === undefined || called === root ? undefined : await this.remembered(called, depth + 1)
      if (reached !== undefined) return { at: name, write: reached.write }
    }
    return undefined
  }

  private async remembered(node: FunctionNode, depth: number): Promise<Writing | undefined> {
    if (this.known.has(node)) return this.known.get(node)
    this.known.set(node, undefined)
    const found = await this.reachedFrom(node, depth)
    this.known.set(node, found)
    return found
  }

  /** What a node calls, or gives to a call that may: `save(x)`, `orders.save(x)`, `rows.map(save)`. */
  private calledNames(node: Node): ReadonlyArray<Node> {
    const { ast } = this.code
    if (!ast.isCallExpression(node)) return []
    const { expression } = node
    const callee = ast.isPropertyAccessExpression(expression) ? [expression.name] : ast.isIdentifier(expression) ? [expression] : []
    return [...callee, ...node.arguments.filter((argument) => ast.isIdentifier(argument))]
  }
}

function isWithin(node: Node, outer: Node): boolean {
  return node.getSourceFile() === outer.getSourceFile() && node.getStart() >= outer.getStart() && node.getEnd() <= outer.getEnd()
}
