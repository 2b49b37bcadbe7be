/** The routes of a service as its code declares them: `app.get(pattern, input, handler)`. */
import type { Node } from "typescript/unstable/ast"
import type { Code, FunctionNode, MemberCall } from "./Code.ts"

/** A route in the code. */
export interface DeclaredRoute {
  readonly call: MemberCall
  /** `GET /orders/:id`; only the method where the pattern is computed. */
  readonly title: string
  readonly handler: FunctionNode
  /** False only where it is certain: a GET or HEAD that does not say otherwise, or a route that says so. */
  readonly mayWrite: boolean
}

const METHODS: ReadonlySet<string> = new Set(["get", "head", "post", "put", "patch", "delete"])
const READING: ReadonlySet<string> = new Set(["get", "head"])

/** All routes whose handlers are functions of the author. */
export async function declaredRoutes(code: Code): Promise<ReadonlyArray<DeclaredRoute>> {
  const calls = code.files.flatMap(({ nodes }) => code.memberCalls(METHODS, nodes)).filter((call) => call.arguments.length >= 2)
  const kinds = await code.kindsOf(calls.map((call) => call.expression.expression))
  const routes = calls.filter((_, index) => kinds[index]?.name === "App" && kinds[index]?.owner === "sdk")
  const found = await Promise.all(routes.map((call) => routeOf(code, call)))
  return found.filter((route) => route !== undefined)
}

async function routeOf(code: Code, call: MemberCall): Promise<DeclaredRoute | undefined> {
  const [pattern, ...rest] = call.arguments
  const handler = await code.functionOf(rest.at(-1) as Node)
  if (handler === undefined || pattern === undefined) return undefined
  const method = call.expression.name.text
  const input = rest.length > 1 ? rest[0] : undefined
  const path = code.ast.isStringLiteral(pattern) ? ` ${pattern.text}` : ""
  const mayWrite = input === undefined ? !READING.has(method) : await writesOf(code, input, !READING.has(method))
  return { call, title: `${method.toUpperCase()}${path}`, handler, mayWrite }
}

/** What the inputs of a route say of `writes`; true where that is known only when it runs. */
async function writesOf(code: Code, input: Node, otherwise: boolean): Promise<boolean> {
  // What is spelled out needs no types, which would have the compiler look into every handler here.
  const { ast } = code
  if (ast.isObjectLiteralExpression(input) && input.properties.every((property) => !ast.isSpreadAssignment(property))) {
    const named = input.properties.find((property) => {
      const { name } = property as { readonly name?: Node }
      return name !== undefined && ast.isIdentifier(name) && name.text === "writes"
    })
    if (named === undefined) return otherwise
    return !ast.isPropertyAssignment(named) || named.initializer.kind !== ast.SyntaxKind.FalseKeyword
  }
  const [type] = await code.typesOf([input])
  const property = type === undefined ? undefined : await code.checker.getPropertyOfType(type, "writes")
  if (type === undefined) return true
  if (property === undefined) return otherwise
  const value = await code.checker.getTypeOfSymbol(property)
  return value === undefined || (await code.checker.typeToString(value)) !== "false"
}
