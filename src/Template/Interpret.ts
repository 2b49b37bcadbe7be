/**
 * A compiled template as closures: the same output as the generated function, for places where code may not be generated, and the
 * plain statement of what a template means.
 *
 * Invariants
 * - A frame holds the variables of one call by number. Children of a call run in the caller's frame.
 * - Every value is made by `read` when it is used; nothing is predicted, cached or written without a value in between.
 */
import { fieldName } from "../Bson/View.ts"
import type { CompiledExpression, CompiledNode, CompiledTemplate } from "./Compiled.ts"
import { attributesPrinter } from "./Attributes.ts"
import { ListCursor, itemOf, lengthOf } from "./Lists.ts"
import type { Page } from "./Page.ts"
import { isPipe } from "./Pipes.ts"
import { pipes } from "./PipeValues.ts"
import { checkAddress, printValue } from "./Print.ts"
import { printAs } from "./PrintForms.ts"
import type { NamedSlots, Slot, TemplateTable, Writer } from "./Program.ts"
import {
  add,
  coalesce,
  divide,
  equal,
  field,
  multiply,
  negate,
  order,
  read,
  remainder,
  subtract,
  truth,
  type RenderValue
} from "./Values.ts"

interface Frame {
  readonly page: Page
  readonly slot: Slot | null
  readonly named: NamedSlots | null
  readonly variables: Array<RenderValue>
}

type Write = (frame: Frame, q: number) => number
type Value = (frame: Frame) => RenderValue

/** Makes the writer of a template. */
export function interpret(template: CompiledTemplate, table: TemplateTable): Writer {
  const write = nodes(template.body, table)
  return (page, q, slot, named, ...parameters) => write({ page, slot, named, variables: [...parameters] }, q)
}

function nodes(list: ReadonlyArray<CompiledNode>, table: TemplateTable): Write {
  const writes = list.map((node) => nodeWriter(node, table))
  return (frame, q) => {
    for (const write of writes) q = write(frame, q)
    return q
  }
}

function nodeWriter(node: CompiledNode, table: TemplateTable): Write {
  switch (node.node) {
    case "text":
      return text(node.text)
    case "print": {
      const value = valueOf(node.value)
      const print = node.as === undefined ? printValue : printAs[node.as]
      return (frame, q) => print(frame.page, q, value(frame))
    }
    case "url": {
      const parts = nodes(node.parts, table)
      return (frame, q) => checkAddress(frame.page, q, parts(frame, q))
    }
    case "attribute":
      return attribute(node)
    case "attributes": {
      const value = valueOf(node.value)
      const print = attributesPrinter(node.element, node.except)
      return (frame, q) => print(frame.page, q, value(frame))
    }
    case "classes":
      return classes(node)
    case "if":
      return choice(node, table)
    case "for":
      return loop(node, table)
    case "let": {
      const value = valueOf(node.value)
      return (frame, q) => {
        frame.variables[node.variable] = value(frame)
        return q
      }
    }
    case "component":
      return call(node, table)
    case "slot": {
      const otherwise = nodes(node.otherwise, table)
      const { name } = node
      return (frame, q) => {
        const slot = name === undefined ? frame.slot : frame.named?.get(name)
        return slot === null || slot === undefined ? otherwise(frame, q) : slot(q)
      }
    }
  }
}

function text(literal: string): Write {
  const bytes = new TextEncoder().encode(literal)
  return ({ page }, q) => {
    page.room(q, bytes.length)
    page.out.set(bytes, q)
    return q + bytes.length
  }
}

function attribute(node: Extract<CompiledNode, { node: "attribute" }>): Write {
  const value = valueOf(node.value)
  const name = text(` ${node.name}`)
  const open = text('="')
  const close = text('"')
  const print = node.as === undefined ? printValue : printAs[node.as]
  return (frame, q) => {
    const shown = value(frame)
    if (shown === null || shown === false) return q
    q = name(frame, q)
    if (shown === true) return q
    const start = open(frame, q)
    q = print(frame.page, start, shown)
    if (node.url === true) q = checkAddress(frame.page, start, q)
    return close(frame, q)
  }
}

function classes(node: Extract<CompiledNode, { node: "classes" }>): Write {
  const entries = node.entries.map(({ name, test }) => ({
    literal: name.op === "literal",
    name: valueOf(name),
    test: test === undefined ? () => true : testOf(test)
  }))
  const open = text(' class="')
  const space = text(" ")
  const close = text('"')
  return (frame, q) => {
    let any = false
    for (const { literal, name, test } of entries) {
      if (!test(frame)) continue
      const shown = name(frame)
      if (!literal && !truth(shown)) continue
      q = any ? space(frame, q) : open(frame, q)
      any = true
      q = printValue(frame.page, q, shown)
    }
    return any ? close(frame, q) : q
  }
}

function choice(node: Extract<CompiledNode, { node: "if" }>, table: TemplateTable): Write {
  const branches = node.branches.map(({ test, body }) => ({ test: testOf(test), write: nodes(body, table) }))
  const otherwise = nodes(node.otherwise, table)
  return (frame, q) => {
    for (const { test, write } of branches) if (test(frame)) return write(frame, q)
    return otherwise(frame, q)
  }
}

function loop(node: Extract<CompiledNode, { node: "for" }>, table: TemplateTable): Write {
  const list = valueOf(node.list)
  const body = nodes(node.body, table)
  const otherwise = nodes(node.otherwise, table)
  return (frame, q) => {
    const cursor = new ListCursor(frame.page, list(frame))
    let count = 0
    while (cursor.next()) {
      frame.variables[node.item] = read(cursor.bytes, cursor.type, cursor.at)
      if (node.index !== undefined) frame.variables[node.index] = count
      count++
      q = body(frame, q)
    }
    return count === 0 ? otherwise(frame, q) : q
  }
}

function call(node: Extract<CompiledNode, { node: "component" }>, table: TemplateTable): Write {
  const callee = table.get(node.template)
  if (callee === undefined) return (_frame, q) => q
  const given = callee.parameters.map((parameter, index): Value => {
    const argument = node.arguments[index] ?? null
    const initial = parameter.initial ?? null
    return argument === null ? () => initial : valueOf(argument)
  })
  const children = node.children === undefined ? undefined : nodes(node.children, table)
  const slots = node.slots?.map(({ name, body }) => ({ name, write: nodes(body, table) }))
  return (frame, q) => {
    frame.page.spend(1)
    const slot = children === undefined ? null : (q: number) => children(frame, q)
    const named = slots === undefined ? null : new Map(slots.map(({ name, write }) => [name, (q: number) => write(frame, q)]))
    return callee.write(frame.page, q, slot, named, ...given.map((value) => value(frame)))
  }
}

function testOf(expression: CompiledExpression): (frame: Frame) => boolean {
  const value = valueOf(expression)
  return (frame) => truth(value(frame))
}

function valueOf(expression: CompiledExpression): Value {
  switch (expression.op) {
    case "literal":
      return () => expression.value
    case "variable":
      return (frame) => frame.variables[expression.variable] ?? null
    case "field": {
      const of = valueOf(expression.of)
      const name = fieldName(expression.name)
      return (frame) => field(of(frame), name)
    }
    case "index": {
      const of = valueOf(expression.of)
      const index = valueOf(expression.index)
      return (frame) => itemOf(frame.page, of(frame), index(frame))
    }
    case "length": {
      const of = valueOf(expression.of)
      return (frame) => lengthOf(frame.page, of(frame))
    }
    case "unary": {
      const of = valueOf(expression.of)
      return expression.operator === "not" ? (frame) => !truth(of(frame)) : (frame) => negate(of(frame))
    }
    case "binary":
      return binary(expression)
    case "choose": {
      const test = testOf(expression.test)
      const yes = valueOf(expression.yes)
      const no = valueOf(expression.no)
      return (frame) => (test(frame) ? yes(frame) : no(frame))
    }
    case "pipe":
      return pipe(expression)
  }
}

const operators = {
  add,
  subtract,
  multiply,
  divide,
  remainder,
  coalesce,
  equal,
  notEqual: (left: RenderValue, right: RenderValue) => !equal(left, right),
  less: (left: RenderValue, right: RenderValue) => order(left, right) < 0,
  lessOrEqual: (left: RenderValue, right: RenderValue) => order(left, right) <= 0,
  greater: (left: RenderValue, right: RenderValue) => order(left, right) > 0,
  greaterOrEqual: (left: RenderValue, right: RenderValue) => order(left, right) >= 0
}

function binary(expression: Extract<CompiledExpression, { op: "binary" }>): Value {
  const left = valueOf(expression.left)
  const right = valueOf(expression.right)
  if (expression.operator === "and") return (frame) => truth(left(frame)) && truth(right(frame))
  if (expression.operator === "or") return (frame) => truth(left(frame)) || truth(right(frame))
  const operator = operators[expression.operator]
  return (frame) => operator(left(frame), right(frame))
}

function pipe(expression: Extract<CompiledExpression, { op: "pipe" }>): Value {
  if (!isPipe(expression.pipe)) return () => null
  const run = pipes[expression.pipe]
  const of = valueOf(expression.of)
  const [first, second, third] = [0, 1, 2].map((index): Value => {
    const argument = expression.arguments[index]
    return argument === undefined ? () => null : valueOf(argument)
  })
  return (frame) => run(frame.page, of(frame), first!(frame), second!(frame), third!(frame))
}
