/**
 * Computed values: `price * stock`, a path, a value, or whether a condition holds. In `select` each is a field of its own; in `aggregate` it is
 * what is summed up.
 *
 * Invariants
 * - Reading allocates nothing as long as numbers stay safe integers, doubles or decimals with a coefficient below 2^53.
 * - The result of `read` is valid until the next `read` of the same expression, or until the document moves.
 * - A path leads to one value: arrays are entered by position only. What has no value is null.
 */
import { type EncodedValue, encodeValue, type Value } from "../Bson/Value.ts"
import { compilePath, type Path, resolveFirst } from "../Bson/Path.ts"
import * as Type from "../Bson/Type.ts"
import { documentEnd, firstElement, skipValue, valueOffset } from "../Bson/View.ts"
import { Writer } from "../Bson/Writer.ts"
import type { Predicate } from "../Match/Compile.ts"
import { Amount, calculate } from "./Arithmetic.ts"
import type { Calculation, Expression, Filter } from "./Ast.ts"

/** Makes a test of the filter in an expression; the store's schema says what its texts stand for. */
export type CompileTest = (filter: Filter) => Predicate

/** One node: fills `into` with a number, or says where another value lies. */
interface Node {
  /** Sets type, bytes and place of `out`. */
  locate(out: Located, bytes: Uint8Array, at: number): void
  amount(into: Amount, bytes: Uint8Array, at: number): void
}

/** Where a value lies; type NULL has no bytes. */
export class Located {
  type: number = Type.NULL
  bytes: Uint8Array = NOTHING
  at = 0

  set(type: number, bytes: Uint8Array, at: number): void {
    this.type = type === Type.MISSING ? Type.NULL : type
    this.bytes = bytes
    this.at = at
  }
}

const NOTHING = new Uint8Array(1)
const TRUE = Uint8Array.of(1)

/** An expression ready to be read of documents. */
export class CompiledExpression extends Located {
  readonly #root: Node
  readonly #each: { readonly array: Path; readonly inside: Node } | undefined

  constructor(expression: Expression, compileTest: CompileTest) {
    super()
    this.#root = compile(expression, compileTest)
    const array = sharedArray(expression)
    this.#each = array === undefined ? undefined : { array: compilePath(array), inside: compile(below(expression, array), compileTest) }
  }

  /** Sets type, bytes and place to the value for the document at `at`. */
  read(bytes: Uint8Array, at: number): void {
    this.#root.locate(this, bytes, at)
  }

  /**
   * Visits the value; where all paths go through one array, the value for each document in it: `lines.price * lines.quantity` is a value a
   * line. The visitor is given type, bytes and place.
   */
  each(bytes: Uint8Array, at: number, visit: (type: number, bytes: Uint8Array, at: number) => void): void {
    const element = this.#each === undefined ? -1 : resolveFirst(this.#each.array, bytes, at)
    if (this.#each === undefined || element < 0 || bytes[element] !== Type.ARRAY) {
      this.read(bytes, at)
      return visit(this.type, this.bytes, this.at)
    }
    const arrayAt = valueOffset(bytes, element)
    const end = documentEnd(bytes, arrayAt)
    for (let item = firstElement(arrayAt); item < end;) {
      const type = bytes[item]!
      const itemAt = valueOffset(bytes, item)
      if (type === Type.DOCUMENT) {
        this.#each.inside.locate(this, bytes, itemAt)
        visit(this.type, this.bytes, this.at)
      }
      item = skipValue(bytes, type, itemAt)
    }
  }

  /** Appends the value as the element `name`. */
  write(writer: Writer, name: Uint8Array, bytes: Uint8Array, at: number): void {
    this.read(bytes, at)
    writer.name(this.type, name)
    if (this.type !== Type.NULL) writer.raw(this.bytes, this.at, skipValue(this.bytes, this.type, this.at) - this.at)
  }
}

function compile(expression: Expression, compileTest: CompileTest): Node {
  switch (expression.op) {
    case "path":
      return new PathNode(compilePath(expression.path))
    case "value":
      return new ValueNode(expression.value)
    case "test":
      return new TestNode(compileTest(expression.filter))
    default:
      return new CalculationNode(expression.op, compile(expression.left, compileTest), compile(expression.right, compileTest))
  }
}

class PathNode implements Node {
  readonly #path: Path

  constructor(path: Path) {
    this.#path = path
  }

  locate(out: Located, bytes: Uint8Array, at: number): void {
    const element = resolveFirst(this.#path, bytes, at)
    if (element < 0) out.set(Type.NULL, NOTHING, 0)
    else out.set(bytes[element]!, bytes, valueOffset(bytes, element))
  }

  amount(into: Amount, bytes: Uint8Array, at: number): void {
    const element = resolveFirst(this.#path, bytes, at)
    if (element < 0) into.clear()
    else into.read(bytes, bytes[element]!, valueOffset(bytes, element))
  }
}

class ValueNode implements Node {
  readonly #value: EncodedValue

  constructor(value: Value) {
    this.#value = encodeValue(value)
  }

  locate(out: Located): void {
    const { at, bytes, type } = this.#value
    out.set(type, bytes, at)
  }

  amount(into: Amount): void {
    const { at, bytes, type } = this.#value
    into.read(bytes, type, at)
  }
}

class TestNode implements Node {
  readonly #predicate: Predicate

  constructor(predicate: Predicate) {
    this.#predicate = predicate
  }

  locate(out: Located, bytes: Uint8Array, at: number): void {
    out.set(Type.BOOLEAN, this.#predicate(bytes, at) ? TRUE : NOTHING, 0)
  }

  amount(into: Amount): void {
    into.clear()
  }
}

class CalculationNode implements Node {
  readonly #op: Calculation
  readonly #left: Node
  readonly #right: Node
  readonly #a = new Amount()
  readonly #b = new Amount()
  readonly #writer = new Writer(64)

  constructor(op: Calculation, left: Node, right: Node) {
    this.#op = op
    this.#left = left
    this.#right = right
  }

  locate(out: Located, bytes: Uint8Array, at: number): void {
    this.amount(this.#a, bytes, at)
    this.#writer.reset()
    const type = this.#a.write(this.#writer)
    out.set(type, this.#writer.bytes, 0)
  }

  amount(into: Amount, bytes: Uint8Array, at: number): void {
    const a = this.#a
    this.#left.amount(a, bytes, at)
    this.#right.amount(this.#b, bytes, at)
    calculate(this.#op, a, this.#b, into)
  }
}

/** The paths of an expression, those of its conditions too. */
export function pathsOf(expression: Expression): ReadonlyArray<string> {
  switch (expression.op) {
    case "path":
      return [expression.path]
    case "value":
      return []
    case "test":
      return filterPaths(expression.filter)
    default:
      return [...pathsOf(expression.left), ...pathsOf(expression.right)]
  }
}

function filterPaths(filter: Filter): ReadonlyArray<string> {
  switch (filter.op) {
    case "and":
    case "or":
      return filter.of.flatMap(filterPaths)
    case "not":
      return filterPaths(filter.of)
    default:
      return [filter.path]
  }
}

/** Whether a condition stands in an expression. */
export function hasTest(expression: Expression): boolean {
  if (expression.op === "test") return true
  return "left" in expression && (hasTest(expression.left) || hasTest(expression.right))
}

/** The longest path above all paths of a calculation; undefined when there is none or it is no calculation. */
function sharedArray(expression: Expression): string | undefined {
  if (!("left" in expression)) return undefined
  const paths = pathsOf(expression).map((path) => path.split(".").slice(0, -1))
  const [first = []] = paths
  const length = first.findIndex((name, level) => paths.some((path) => path[level] !== name))
  const shared = first.slice(0, length < 0 ? Math.min(...paths.map((path) => path.length)) : length)
  return shared.length === 0 ? undefined : shared.join(".")
}

function below(expression: Expression, above: string): Expression {
  if (expression.op === "path") return { op: "path", path: expression.path.slice(above.length + 1) }
  return "left" in expression
    ? { op: expression.op, left: below(expression.left, above), right: below(expression.right, above) }
    : expression
}
