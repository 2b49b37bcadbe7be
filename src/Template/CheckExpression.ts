/**
 * Types of expressions and their compiled form.
 *
 * Invariants
 * - A mistake is noted once, where it is; what depends on it has type `any` and causes no further issue.
 * - Whatever compiles cannot fail while rendering: a missing value is passed on, and every operator has a result for every value.
 */
import type { CompiledExpression } from "./Compiled.ts"
import { suggestion, type Issues, type Span } from "./Issue.ts"
import { pathKey, presentWhenFalse, presentWhenTrue } from "./Narrowing.ts"
import {
  accepts,
  decimalsMax,
  inputWords,
  isNumeric,
  isPipe,
  isPrintable,
  isText,
  pipeNames,
  pipeSignatures,
  strangePatternLetter,
  truth,
  type PipeArgument
} from "./Pipes.ts"
import { Scope } from "./Scope.ts"
import {
  anyType,
  familiesOf,
  intType,
  literalType,
  literalsOf,
  mayBeNull,
  membersOf,
  numberType,
  orNull,
  presentType,
  stringType,
  typeText,
  unionOf,
  type StaticType
} from "./StaticType.ts"
import type { ExpressionSyntax } from "./Syntax.ts"

export interface Checked {
  readonly code: CompiledExpression
  readonly type: StaticType
}

type Kind<K extends ExpressionSyntax["kind"]> = Extract<ExpressionSyntax, { kind: K }>

const nothing: CompiledExpression = { op: "literal", value: null }
const broken: Checked = { code: nothing, type: anyType }

/** Checks one expression under the names of `scope`. */
export function checkExpression(expression: ExpressionSyntax, scope: Scope, issues: Issues): Checked {
  const checked = checkKind(expression, scope, issues)
  if (checked.type.kind !== "union") return checked
  const path = pathKey(expression)
  return path !== undefined && scope.isPresent(path) ? { code: checked.code, type: presentType(checked.type) } : checked
}

function checkKind(expression: ExpressionSyntax, scope: Scope, issues: Issues): Checked {
  switch (expression.kind) {
    case "literal":
      return { code: { op: "literal", value: expression.value }, type: literalType(expression.value) }
    case "name":
      return checkName(expression, scope, issues)
    case "member":
      return checkMember(expression, scope, issues)
    case "index":
      return checkIndex(expression, scope, issues)
    case "unary":
      return checkUnary(expression, scope, issues)
    case "binary":
      return checkBinary(expression, scope, issues)
    case "choose": {
      const test = checkExpression(expression.test, scope, issues)
      const yes = checkExpression(expression.yes, new Scope(scope, presentWhenTrue(expression.test)), issues)
      const no = checkExpression(expression.no, new Scope(scope, presentWhenFalse(expression.test)), issues)
      return { code: { op: "choose", test: test.code, yes: yes.code, no: no.code }, type: unionOf([yes.type, no.type]) }
    }
    case "pipe":
      return checkPipe(expression, scope, issues)
  }
}

function checkName(expression: Kind<"name">, scope: Scope, issues: Issues): Checked {
  const variable = scope.find(expression.name)
  if (variable !== undefined) return { code: { op: "variable", variable: variable.number }, type: variable.type }
  if (scope.isBeyond(expression.name)) {
    issues.add(
      "unknown-name",
      expression,
      `"${expression.name}" is no parameter of the fragment, so it would be missing when the fragment is rendered alone: add it to the parameters`
    )
    return broken
  }
  issues.add("unknown-name", expression, `unknown name "${expression.name}"${suggestion(expression.name, scope.visible())}`)
  return broken
}

function checkMember(expression: Kind<"member">, scope: Scope, issues: Issues): Checked {
  const of = checkExpression(expression.of, scope, issues)
  const { name } = expression
  const type = fieldOf(of.type, name, expression, issues)
  const counts = name === "length" && membersOf(of.type).some((member) => member.kind === "list" || member.kind === "any")
  const code: CompiledExpression = counts ? { op: "length", of: of.code } : { op: "field", of: of.code, name }
  return { code, type: mayBeNull(of.type) ? orNull(type) : type }
}

/** The type of field `name`; notes an issue when no member of the type has it. */
function fieldOf(type: StaticType, name: string, expression: Kind<"member"> | Kind<"index">, issues: Issues): StaticType {
  const members = membersOf(type)
  const found: Array<StaticType> = []
  for (const member of members) {
    if (member.kind === "any") return anyType
    if (member.kind === "list" && name === "length") found.push(intType)
    if (member.kind === "record") found.push(orNull(member.values))
    const field = member.kind === "struct" ? member.fields.get(name) : undefined
    if (field !== undefined) found.push(field)
  }
  if (found.length === members.length && found.length > 0) return unionOf(found)
  if (found.length > 0) return orNull(unionOf(found))
  issues.add("unknown-field", expression.kind === "member" ? expression.nameSpan : expression.index, unknownField(presentType(type), name))
  return anyType
}

function unknownField(type: StaticType, name: string): string {
  if (type.kind === "list") return `a list has no field "${name}": take an item with [0] or {for item in …}, its size with .length`
  const names = membersOf(type).flatMap((member) => (member.kind === "struct" ? [...member.fields.keys()] : []))
  if (names.length === 0) return `${typeText(type)} has no fields, so no "${name}"`
  return `unknown field "${name}" of ${typeText(type)}${suggestion(name, names)}`
}

function checkIndex(expression: Kind<"index">, scope: Scope, issues: Issues): Checked {
  const of = checkExpression(expression.of, scope, issues)
  const index = checkExpression(expression.index, scope, issues)
  const code: CompiledExpression = { op: "index", of: of.code, index: index.code }
  const members = membersOf(of.type)
  if (of.type.kind === "any" || members.some((member) => member.kind === "any")) return { code, type: anyType }
  if (members.length > 0 && members.every((member) => member.kind === "list")) {
    if (!membersOf(index.type).every(isNumeric)) {
      issues.add("wrong-type", expression.index, `a list is indexed by a number, not by ${typeText(index.type)}`)
      return { code, type: anyType }
    }
    return { code, type: orNull(unionOf(members.map((member) => (member.kind === "list" ? member.items : anyType)))) }
  }
  if (!membersOf(index.type).every((member) => isText(member) || member.kind === "any")) {
    issues.add(
      "wrong-type",
      expression.index,
      `${typeText(presentType(of.type))} is indexed by the name of a field, not by ${typeText(index.type)}`
    )
    return { code, type: anyType }
  }
  const names = literalsOf(index.type)
  if (names?.length === 1 && index.code.op === "literal") {
    const name = String(names[0])
    return { code: { op: "field", of: of.code, name }, type: orNull(fieldOf(of.type, name, expression, issues)) }
  }
  if (members.length > 0 && members.every((member) => member.kind === "record")) {
    return { code, type: orNull(unionOf(members.map((member) => (member.kind === "record" ? member.values : anyType)))) }
  }
  issues.add("wrong-type", expression.of, `${typeText(of.type)} cannot be indexed by a computed name: only records can`)
  return { code, type: anyType }
}

function checkUnary(expression: Kind<"unary">, scope: Scope, issues: Issues): Checked {
  const of = checkExpression(expression.of, scope, issues)
  const code: CompiledExpression = { op: "unary", operator: expression.operator, of: of.code }
  if (expression.operator === "not") return { code, type: truth }
  checkNumbers([[of, expression.of]], "-", issues)
  return { code, type: arithmeticType([of]) }
}

function checkBinary(expression: Kind<"binary">, scope: Scope, issues: Issues): Checked {
  const left = checkExpression(expression.left, scope, issues)
  const { operator } = expression
  const known = operator === "and" ? presentWhenTrue(expression.left) : operator === "or" ? presentWhenFalse(expression.left) : []
  const right = checkExpression(expression.right, known.length === 0 ? scope : new Scope(scope, known), issues)
  const code: CompiledExpression = { op: "binary", operator, left: left.code, right: right.code }
  switch (operator) {
    case "and":
    case "or":
      return { code, type: truth }
    case "coalesce":
      return { code, type: unionOf([presentType(left.type), right.type]) }
    case "equal":
    case "notEqual":
      checkEquality(expression, left.type, right.type, issues)
      return { code, type: truth }
    case "less":
    case "lessOrEqual":
    case "greater":
    case "greaterOrEqual":
      checkOrder(expression, left.type, right.type, issues)
      return { code, type: truth }
    case "add":
      if ([left, right].some(({ type }) => membersOf(type).length > 0 && membersOf(type).every(isText))) {
        for (const [side, syntax] of [
          [left, expression.left],
          [right, expression.right]
        ] as const) {
          if (!isPrintable(side.type)) issues.add("wrong-type", syntax, `${typeText(side.type)} cannot be joined to a text`)
        }
        return { code, type: stringType }
      }
  }
  checkNumbers(
    [
      [left, expression.left],
      [right, expression.right]
    ],
    expression.symbol,
    issues
  )
  return { code, type: operator === "divide" ? nullable(numberType, [left, right]) : arithmeticType([left, right]) }
}

function arithmeticType(operands: ReadonlyArray<Checked>): StaticType {
  const integers = operands.every(({ type }) => membersOf(type).every((member) => member.kind === "int" || integerLiteral(member)))
  return nullable(integers ? intType : numberType, operands)
}

function integerLiteral(member: StaticType): boolean {
  return member.kind === "literals" && member.values.every((value) => Number.isInteger(value))
}

function nullable(type: StaticType, operands: ReadonlyArray<Checked>): StaticType {
  return operands.some((operand) => mayBeNull(operand.type)) ? orNull(type) : type
}

/** Arithmetic is for numbers whose type is known; decimals are exact and therefore not computed with here. */
function checkNumbers(operands: ReadonlyArray<readonly [Checked, Span]>, symbol: string, issues: Issues): void {
  for (const [{ type, code }, span] of operands) {
    if (code === nothing && type === anyType) continue
    const members = membersOf(type)
    if (members.some((member) => member.kind === "decimal")) {
      issues.add(
        "wrong-type",
        span,
        `"${symbol}" does not compute with decimals, they would lose their exactness: compute in the handler and pass the result`
      )
    } else if (members.some((member) => member.kind === "any" && code.op !== "literal")) {
      issues.add("wrong-type", span, `"${symbol}" needs a number, and the type of this value is not known`)
    } else if (members.length === 0 || !members.every(isNumeric)) {
      issues.add("wrong-type", span, `"${symbol}" needs a number${symbol === "+" ? " or a text" : ""}, not ${typeText(type)}`)
    }
  }
}

function checkEquality(expression: Kind<"binary">, left: StaticType, right: StaticType, issues: Issues): void {
  if (left.kind === "any" || right.kind === "any" || left.kind === "null" || right.kind === "null") return
  const leftFamilies = familiesOf(left)
  const rightFamilies = familiesOf(right)
  for (const [families, type, syntax] of [
    [leftFamilies, left, expression.left],
    [rightFamilies, right, expression.right]
  ] as const) {
    if (families === undefined) {
      if (membersOf(type).every((member) => member.kind !== "any"))
        issues.add("wrong-type", syntax, `${typeText(type)} cannot be compared: compare one of its fields`)
      return
    }
  }
  const textual = (families: ReadonlySet<string> | undefined) => families?.has("text") === true || families?.has("id") === true
  const common = [...leftFamilies!].some((family) => rightFamilies!.has(family)) || (textual(leftFamilies) && textual(rightFamilies))
  if (!common) {
    issues.add("wrong-type", expression, `${typeText(presentType(left))} and ${typeText(presentType(right))} are never equal`)
    return
  }
  checkLiterals(expression, left, right, issues)
}

/** A literal that is compared with a set of literals has to be one of them. */
function checkLiterals(expression: Kind<"binary">, left: StaticType, right: StaticType, issues: Issues): void {
  const leftValues = literalsOf(left)
  const rightValues = literalsOf(right)
  if (leftValues === undefined || rightValues === undefined || leftValues.some((value) => rightValues.includes(value))) return
  const [written, known, syntax] =
    rightValues.length <= leftValues.length ? [rightValues, leftValues, expression.right] : [leftValues, rightValues, expression.left]
  const words = known.map(String)
  const all = known.map((value) => JSON.stringify(value)).join(", ")
  issues.add("wrong-type", syntax, `${JSON.stringify(written[0])} is none of ${all}${suggestion(String(written[0]), words)}`)
}

function checkOrder(expression: Kind<"binary">, left: StaticType, right: StaticType, issues: Issues): void {
  if (left.kind === "any" || right.kind === "any") return
  const ordered = (type: StaticType) => {
    const found = familiesOf(type)
    return found?.size === 1 && !found.has("boolean") && !found.has("id") ? [...found][0] : undefined
  }
  for (const [type, syntax] of [
    [left, expression.left],
    [right, expression.right]
  ] as const) {
    if (ordered(type) !== undefined) continue
    issues.add("wrong-type", syntax, `"${expression.symbol}" compares numbers, texts or dates, not ${typeText(type)}`)
    return
  }
  if (ordered(left) !== ordered(right)) {
    issues.add(
      "wrong-type",
      expression,
      `"${expression.symbol}" cannot compare ${typeText(presentType(left))} with ${typeText(presentType(right))}`
    )
  }
}

function checkPipe(expression: Kind<"pipe">, scope: Scope, issues: Issues): Checked {
  const of = checkExpression(expression.of, scope, issues)
  const given = expression.arguments.map((argument) => checkExpression(argument, scope, issues))
  const { name } = expression
  if (!isPipe(name)) {
    issues.add(
      "unknown-pipe",
      expression.nameSpan,
      `unknown pipe "${name}"${suggestion(name, pipeNames)}; there are ${pipeNames.join(", ")}`
    )
    return broken
  }
  const signature = pipeSignatures[name]
  if (!accepts(signature.input, of.type)) {
    issues.add("wrong-type", expression.of, `the pipe "${name}" takes ${inputWords[signature.input]}, not ${typeText(of.type)}`)
  }
  checkArguments(expression, given, signature.arguments, issues)
  const code: CompiledExpression = { op: "pipe", pipe: name, of: of.code, arguments: given.map((argument) => argument.code) }
  const result = signature.result === "input" ? unionOf([presentType(of.type), given[0]?.type ?? anyType]) : signature.result
  return { code, type: !signature.handlesMissing && mayBeNull(of.type) ? orNull(result) : result }
}

function checkArguments(
  expression: Kind<"pipe">,
  given: ReadonlyArray<Checked>,
  wanted: ReadonlyArray<PipeArgument>,
  issues: Issues
): void {
  const { name, nameSpan } = expression
  const needed = wanted.filter((argument) => !argument.optional).length
  if (given.length < needed || given.length > wanted.length) {
    const count = needed === wanted.length ? String(needed) : `${needed} to ${wanted.length}`
    const list = wanted.length === 0 ? "" : ` (${wanted.map((argument) => argument.name).join(", ")})`
    issues.add(
      "wrong-type",
      nameSpan,
      `the pipe "${name}" takes ${count === "0" ? "no" : count} argument${count === "1" ? "" : "s"}${list}, not ${given.length}`
    )
    return
  }
  for (const [index, argument] of wanted.entries()) {
    const value = given[index]
    const syntax = expression.arguments[index]
    if (value === undefined || syntax === undefined) continue
    const right =
      argument.takes === "anything" ||
      membersOf(value.type).every((member) => member.kind === "any" || (argument.takes === "text" ? isText(member) : isNumeric(member)))
    if (!right)
      issues.add("wrong-type", syntax, `"${argument.name}" of the pipe "${name}" is a ${argument.takes}, not ${typeText(value.type)}`)
    else if (argument.literal && value.code.op !== "literal")
      issues.add("wrong-type", syntax, `"${argument.name}" of the pipe "${name}" has to be written literally`)
    else if (value.code.op === "literal") checkLiteralArgument(argument, value.code.value, syntax, issues)
  }
}

function checkLiteralArgument(argument: PipeArgument, value: unknown, span: Span, issues: Issues): void {
  if (argument.name === "decimals" && !(Number.isInteger(value) && Number(value) >= 0 && Number(value) <= decimalsMax)) {
    issues.add("wrong-type", span, `"decimals" of the pipe "number" is a whole number from 0 to ${decimalsMax}`)
  }
  const letter = argument.name === "pattern" ? strangePatternLetter(String(value)) : undefined
  if (letter !== undefined) {
    issues.add(
      "wrong-type",
      span,
      `"${letter}" means nothing in a date pattern (YYYY YY MMMM MMM MM M DDDD DDD DD D HH H mm ss SSS, [text])`
    )
  }
}
