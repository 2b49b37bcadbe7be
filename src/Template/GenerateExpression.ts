/**
 * Expressions as JavaScript source.
 *
 * Invariants
 * - No text of the author becomes code: names, strings and arguments are constants that the code refers to by number; what is
 *   written out are numbers, and words of this file.
 * - Every piece of source is free of side effects but the page's budget, so it may stand anywhere once.
 */
import { fieldName } from "../Bson/View.ts"
import type { CompiledExpression } from "./Compiled.ts"
import type { Paths, Place } from "./Paths.ts"
import { pipes } from "./PipeValues.ts"
import { isPipe } from "./Pipes.ts"

type Op<K extends CompiledExpression["op"]> = Extract<CompiledExpression, { op: K }>

const arithmetic: Readonly<Record<string, string>> = {
  add: "add",
  subtract: "subtract",
  multiply: "multiply",
  divide: "divide",
  remainder: "remainder",
  coalesce: "coalesce"
}
const orders: Readonly<Record<string, string>> = { less: "<", lessOrEqual: "<=", greater: ">", greaterOrEqual: ">=" }

export class ExpressionSource {
  readonly paths: Paths
  /** Everything the code refers to by number. */
  readonly constants: Array<unknown> = []

  constructor(paths: Paths) {
    this.paths = paths
  }

  /** A constant and the name by which the code knows it. */
  constant(value: unknown): string {
    const known = typeof value === "object" ? -1 : this.constants.indexOf(value)
    return `k${known >= 0 ? known : this.constants.push(value) - 1}`
  }

  /** The value of an expression. */
  value(expression: CompiledExpression): string {
    const place = this.paths.of(expression)
    if (place !== undefined) return this.placeValue(place)
    switch (expression.op) {
      case "literal":
        return this.literal(expression.value)
      case "variable":
        return `x${expression.variable}`
      case "field":
        return `field(${this.value(expression.of)}, ${this.constant(fieldName(expression.name))})`
      case "length":
        return `lengthOf(page, ${this.value(expression.of)})`
      case "index":
        return `itemOf(page, ${this.value(expression.of)}, ${this.value(expression.index)})`
      case "unary":
        return expression.operator === "negate" ? `negate(${this.value(expression.of)})` : this.test(expression)
      case "binary":
        return this.binary(expression)
      case "choose":
        return `(${this.test(expression.test)} ? ${this.value(expression.yes)} : ${this.value(expression.no)})`
      case "pipe":
        return this.pipe(expression)
    }
  }

  /** The arguments (bytes, type, at) of the value at a place. */
  at(place: Place): string {
    return `u${place.root}, t${place.number}, p${place.number}`
  }

  /** The number of the parameter that a place is as a whole; parameters have the first places, and their variables' numbers. */
  parameterAt(place: Place): number | undefined {
    return place.number < this.paths.parameters ? place.number : undefined
  }

  private placeValue(place: Place): string {
    const parameter = this.parameterAt(place)
    return parameter === undefined ? `read(${this.at(place)})` : `b${parameter}`
  }

  private literal(value: string | number | boolean | null): string {
    return typeof value === "string" ? this.constant(value) : typeof value === "number" ? `(${value})` : String(value)
  }

  private binary(expression: Op<"binary">): string {
    const name = arithmetic[expression.operator]
    if (name === undefined) return this.test(expression)
    return `${name}(${this.value(expression.left)}, ${this.value(expression.right)})`
  }

  private pipe(expression: Op<"pipe">): string {
    if (!isPipe(expression.pipe)) return "null"
    const given = [0, 1, 2].map((index) => {
      const argument = expression.arguments[index]
      return argument === undefined ? "null" : this.value(argument)
    })
    return `${this.constant(pipes[expression.pipe])}(page, ${this.value(expression.of)}, ${given.join(", ")})`
  }

  /** Whether an expression counts as true. */
  test(expression: CompiledExpression): string {
    const place = this.paths.of(expression)
    if (place !== undefined) return this.parameterAt(place) === undefined ? `trueAt(${this.at(place)})` : `truth(${this.placeValue(place)})`
    if (expression.op === "unary" && expression.operator === "not") return `!${this.test(expression.of)}`
    if (expression.op !== "binary") return `truth(${this.value(expression)})`
    const { operator, left, right } = expression
    if (operator === "and") return `(${this.test(left)} && ${this.test(right)})`
    if (operator === "or") return `(${this.test(left)} || ${this.test(right)})`
    if (operator === "equal") return this.equal(left, right)
    if (operator === "notEqual") return `!${this.equal(left, right)}`
    const sign = orders[operator]
    return sign === undefined ? `truth(${this.binary(expression)})` : `(order(${this.value(left)}, ${this.value(right)}) ${sign} 0)`
  }

  private equal(left: CompiledExpression, right: CompiledExpression): string {
    const plain = `equal(${this.value(left)}, ${this.value(right)})`
    const [path, literal] = right.op === "literal" ? [left, right] : [right, left]
    const place = this.paths.of(path)
    if (place === undefined || literal.op !== "literal" || typeof literal.value !== "string") return plain
    if (this.parameterAt(place) !== undefined) return plain
    const text = this.constant(new TextEncoder().encode(literal.value))
    return `(t${place.number} === 2 ? sameText(u${place.root}, p${place.number}, ${text}) : ${plain})`
  }
}
