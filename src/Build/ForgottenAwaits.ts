/**
 * Promises where their values were meant: as a statement of their own, in a condition or a text, as the verdict of a callback, inside an answer.
 * The compiler's types let all of these pass.
 *
 * Invariant: `void promise` and whatever is awaited later, such as a list for `Promise.all`, are no mistakes.
 */
import type { Expression, Node } from "typescript/unstable/ast"
import type { Type } from "typescript/unstable/async"
import { type Code, type MemberCall, nodesOf, resultsOf } from "./Code.ts"
import type { BuildIssue, SourceText } from "./Issue.ts"
import type { DeclaredRoute } from "./Routes.ts"

/** How deep an answer is searched. */
const ANSWER_DEPTH_MAX = 8
/** Methods of arrays that decide by what their callback gives, or that do not wait for it. */
const DECIDING: ReadonlySet<string> = new Set([
  "filter",
  "find",
  "findIndex",
  "findLast",
  "findLastIndex",
  "every",
  "some",
  "forEach",
  "sort",
  "toSorted"
])
const ARRAY = /^(Readonly)?Array$/
const PROMISE = /^Promise(Like)?$/
/** Functions of the SDK whose argument is sent as JSON. */
const ANSWERING: ReadonlySet<string> = new Set(["json", "status", "problem"])

/** An expression that is looked at, and what to say when it is a promise. */
interface Suspect {
  readonly node: Expression
  readonly message: string
  /** Whether a promise that may also be nothing is a mistake, too. */
  readonly orNothing: boolean
}

export async function forgottenAwaits(
  code: Code,
  routes: ReadonlyArray<DeclaredRoute>,
  source: SourceText
): Promise<ReadonlyArray<BuildIssue>> {
  const suspects = code.files.flatMap(({ nodes }) => nodes.flatMap((node) => suspectsAt(code, node)))
  const promises = new Promises(code)
  const types = await code.typesOf(suspects.map(({ node }) => node))
  const isPromise = await Promise.all(suspects.map(({ orNothing }, index) => promises.isOne(types[index], orNothing)))
  const found = suspects.filter((_, index) => isPromise[index]).map(({ message, node }) => code.issue(node, message, source))
  const answers = await Promise.all(routes.map((route) => promisesInAnswer(code, promises, route, source)))
  return [...found, ...(await decidingCallbacks(code, promises, source)), ...answers.flat()]
}

function suspectsAt(code: Code, node: Node): ReadonlyArray<Suspect> {
  const { ast } = code
  if (ast.isExpressionStatement(node) && canFloat(code, node.expression)) {
    const message = "nothing waits for this promise: await is missing (or void in front, where it is meant to go on by itself)"
    return [{ node: node.expression, message, orNothing: true }]
  }
  if (ast.isPrefixUnaryExpression(node) && node.operator === ast.SyntaxKind.ExclamationToken) {
    return [{ node: node.operand, message: "a promise is never false: await is missing", orNothing: false }]
  }
  if (ast.isTemplateSpan(node))
    return [{ node: node.expression, message: "the text would have a promise in it: await is missing", orNothing: true }]
  if (ast.isBinaryExpression(node)) return operandSuspects(code, node.operatorToken.kind, node.left, node.right)
  return []
}

function operandSuspects(code: Code, operator: number, left: Expression, right: Expression): ReadonlyArray<Suspect> {
  const { SyntaxKind } = code.ast
  if (operator === SyntaxKind.BarBarToken || operator === SyntaxKind.QuestionQuestionToken) {
    return [{ node: left, message: "a promise is never missing: await is missing", orNothing: false }]
  }
  if (operator !== SyntaxKind.PlusToken) return []
  return [left, right].map((node) => ({ node, message: "the text would have a promise in it: await is missing", orNothing: true }))
}

/** Whether a statement may drop a promise: not an assignment, and not what says itself that it does. */
function canFloat({ ast }: Code, node: Expression): boolean {
  if (ast.isAwaitExpression(node) || ast.isVoidExpression(node)) return false
  if (!ast.isBinaryExpression(node)) return nodesOf(node).some((inner) => ast.isCallExpression(inner))
  const { FirstAssignment, LastAssignment } = ast.SyntaxKind
  return node.operatorToken.kind < FirstAssignment || node.operatorToken.kind > LastAssignment
}

/** Callbacks of arrays that give a promise to somebody who does not wait for it. */
async function decidingCallbacks(code: Code, promises: Promises, source: SourceText): Promise<ReadonlyArray<BuildIssue>> {
  const calls = code.files.flatMap(({ nodes }) => code.memberCalls(DECIDING, nodes)).filter((call) => call.arguments.length > 0)
  const receivers = await code.kindsOf(calls.map((call) => call.expression.expression))
  const ofArrays = calls.filter((_, index) => ARRAY.test(receivers[index]?.name ?? ""))
  const found = await Promise.all(ofArrays.map((call) => callbackIssue(code, promises, call, source)))
  return found.flat()
}

async function callbackIssue(code: Code, promises: Promises, call: MemberCall, source: SourceText): Promise<ReadonlyArray<BuildIssue>> {
  const [given] = call.arguments
  const callback = given === undefined ? undefined : await code.functionOf(given)
  const signature = callback === undefined ? undefined : await code.checker.getSignatureFromDeclaration(callback)
  const type = signature === undefined ? undefined : await code.checker.getReturnTypeOfSignature(signature)
  if (given === undefined || !(await promises.isOne(type, true))) return []
  const name = call.expression.name.text
  const message =
    name === "forEach"
      ? "forEach does not wait for promises: write for (const … of …), with await in it"
      : `${name} decides by a promise, which says nothing: await the values first`
  return [code.issue(given, message, source)]
}

/** Promises inside what a route answers with. The answer itself may be one: the host waits for it. */
async function promisesInAnswer(
  code: Code,
  promises: Promises,
  { handler }: DeclaredRoute,
  source: SourceText
): Promise<ReadonlyArray<BuildIssue>> {
  const parts = resultsOf(handler, code.ast).flatMap((result) => partsOf(code, result, true))
  const types = await code.typesOf(parts.map(({ node }) => node))
  const found = await Promise.all(
    parts.map(async ({ isWhole, node }, index) => {
      const path = await promises.within(types[index], isWhole)
      if (path === undefined) return []
      const where = path === "" ? "this part of the answer is a promise" : `the answer has a promise at ${path}`
      return [code.issue(node, `${where}, which would be sent as {}: await is missing`, source)]
    })
  )
  return found.flat()
}

interface Part {
  readonly node: Node
  /** Whether it is all of what the handler gives. */
  readonly isWhole: boolean
}

/** An answer's innermost expressions: the values of its literals, the branches of its choices. */
function partsOf(code: Code, node: Node, isWhole: boolean): ReadonlyArray<Part> {
  const { ast } = code
  const inside = (inner: Node, whole: boolean): ReadonlyArray<Part> => partsOf(code, inner, whole)
  if (ast.isParenthesizedExpression(node) || ast.isAsExpression(node) || ast.isSatisfiesExpression(node))
    return inside(node.expression, isWhole)
  if (ast.isConditionalExpression(node)) return [...inside(node.whenTrue, isWhole), ...inside(node.whenFalse, isWhole)]
  if (ast.isArrayLiteralExpression(node)) return node.elements.flatMap((element) => inside(element, false))
  if (ast.isObjectLiteralExpression(node)) {
    return node.properties.flatMap((property) => {
      if (ast.isPropertyAssignment(property)) return inside(property.initializer, false)
      if (ast.isShorthandPropertyAssignment(property)) return inside(property.name, false)
      return ast.isSpreadAssignment(property) ? inside(property.expression, false) : []
    })
  }
  if (ast.isCallExpression(node) && ast.isIdentifier(node.expression) && ANSWERING.has(node.expression.text)) {
    return node.arguments.flatMap((argument) => inside(argument, false))
  }
  return [{ node, isWhole }]
}

/** Tells promises from other types. */
class Promises {
  private readonly code: Code
  /** Types in which there is none. */
  private readonly without = new Set<number>()

  constructor(code: Code) {
    this.code = code
  }

  /** Whether a value of the type is a promise; with `orNothing`, or may be one. */
  async isOne(type: Type | undefined, orNothing: boolean): Promise<boolean> {
    if (type === undefined) return false
    if (type.isUnionType()) {
      const parts = await Promise.all(((await type.getTypes()) ?? []).map((part) => this.isOne(part, orNothing)))
      return orNothing ? parts.includes(true) : parts.length > 0 && !parts.includes(false)
    }
    const kind = type.isObjectType() ? await this.code.kindOf(type) : undefined
    return kind?.owner === "other" && PROMISE.test(kind.name)
  }

  /** Where in a value of the type a promise is: `total`, `rows[].total`, empty where it is one itself; undefined when nowhere. */
  async within(type: Type | undefined, isWhole: boolean, depth = 0): Promise<string | undefined> {
    if (type === undefined || this.without.has(type.id) || depth > ANSWER_DEPTH_MAX) return undefined
    if (await this.isOne(type, false)) {
      if (!isWhole) return ""
      const [settled] = type.isTypeReference() ? await this.code.checker.getTypeArguments(type) : []
      return this.within(settled, false, depth + 1)
    }
    const found = await this.inside(type, isWhole, depth)
    if (found === undefined && !isWhole) this.without.add(type.id)
    return found
  }

  private async inside(type: Type, isWhole: boolean, depth: number): Promise<string | undefined> {
    if (type.isUnionType() || type.isIntersectionType()) {
      return this.first((await type.getTypes()) ?? [], (part) => this.within(part, isWhole, depth + 1))
    }
    if (!type.isObjectType()) return undefined
    const kind = await this.code.kindOf(type)
    if (ARRAY.test(kind?.name ?? "") || type.isTupleType()) {
      const items = type.isTypeReference() ? await this.code.checker.getTypeArguments(type) : []
      return this.first(items, async (item) => joined("[]", await this.within(item, false, depth + 1)))
    }
    // Documents, queries and what libraries make hold none.
    if (kind !== undefined && kind.owner !== "author") return undefined
    const properties = await this.code.checker.getPropertiesOfType(type)
    const types = properties.length === 0 ? [] : await this.code.checker.getTypeOfSymbol(properties)
    const named = properties.map(({ name }, index) => ({ name, type: types[index] }))
    return this.first(named, async (property) => joined(property.name, await this.within(property.type, false, depth + 1)))
  }

  private async first<Item>(items: ReadonlyArray<Item>, look: (item: Item) => Promise<string | undefined>): Promise<string | undefined> {
    const found = await Promise.all(items.map(look))
    return found.find((path) => path !== undefined)
  }
}

/** A path of answers with one name in front. */
function joined(name: string, path: string | undefined): string | undefined {
  if (path === undefined) return undefined
  return path === "" || path.startsWith("[") ? `${name}${path}` : `${name}.${path}`
}
