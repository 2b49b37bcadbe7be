/**
 * Which fields of which variables a template uses: what is located once per loop round instead of once per use.
 *
 * Invariants
 * - A path is a chain of fields down to a parameter or a loop's item; a `{let}` of a path is the same path under another name.
 * - Every path that is used anywhere in a variable's scope is in its tree, so a generator finds a place for each.
 */
import type { CompiledExpression, CompiledNode, CompiledTemplate } from "./Compiled.ts"

/** A located place: the variable itself, or a field of the place above. */
export class Place {
  readonly number: number
  /** The place of the variable; its own number when it is one. */
  readonly root: number
  readonly fields = new Map<string, Place>()

  constructor(number: number, root: number) {
    this.number = number
    this.root = root
  }
}

export class Paths {
  /** The places of parameters and items, by variable. */
  readonly roots = new Map<number, Place>()
  /** What a `{let}` variable stands for, when that is a path. */
  private readonly aliases = new Map<number, Place>()
  /** How many parameters there are: their variables are the first. */
  readonly parameters: number
  /** How often the value at a place is printed as it is, by the place's number. */
  readonly printed = new Map<number, number>()
  /** The most fields that are used of one document. */
  fieldsMax = 0
  private count = 0

  constructor(template: CompiledTemplate) {
    this.parameters = template.parameters.length
    for (const index of template.parameters.keys()) this.roots.set(index, this.root())
    this.nodes(template.body)
  }

  private root(): Place {
    return new Place(this.count, this.count++)
  }

  /** The place of an expression that is a path. */
  of(expression: CompiledExpression): Place | undefined {
    if (expression.op === "variable") return this.roots.get(expression.variable) ?? this.aliases.get(expression.variable)
    if (expression.op !== "field") return undefined
    const above = this.of(expression.of)
    if (above === undefined) return undefined
    let place = above.fields.get(expression.name)
    if (place === undefined) {
      place = new Place(this.count++, above.root)
      above.fields.set(expression.name, place)
      this.fieldsMax = Math.max(this.fieldsMax, above.fields.size)
    }
    return place
  }

  private nodes(nodes: ReadonlyArray<CompiledNode>): void {
    for (const node of nodes) this.node(node)
  }

  private node(node: CompiledNode): void {
    switch (node.node) {
      case "text":
        return
      case "print":
      case "attribute":
        return node.as === undefined ? this.print(node.value) : this.expression(node.value)
      case "attributes":
        return this.expression(node.value)
      case "url":
        return this.nodes(node.parts)
      case "classes":
        for (const { name, test } of node.entries) {
          this.expression(name)
          if (test !== undefined) this.expression(test)
        }
        return
      case "if":
        for (const { test, body } of node.branches) {
          this.expression(test)
          this.nodes(body)
        }
        return this.nodes(node.otherwise)
      case "for":
        this.expression(node.list)
        this.roots.set(node.item, this.root())
        this.nodes(node.body)
        return this.nodes(node.otherwise)
      case "let": {
        this.expression(node.value)
        const place = this.of(node.value)
        if (place !== undefined) this.aliases.set(node.variable, place)
        return
      }
      case "component":
        for (const argument of node.arguments) if (argument !== null) this.expression(argument)
        this.nodes(node.children ?? [])
        for (const { body } of node.slots ?? []) this.nodes(body)
        return
      case "slot":
        return this.nodes(node.otherwise)
    }
  }

  private print(value: CompiledExpression): void {
    this.expression(value)
    const place = this.of(value)
    if (place !== undefined) this.printed.set(place.number, 1 + (this.printed.get(place.number) ?? 0))
  }

  private expression(expression: CompiledExpression): void {
    if (this.of(expression) !== undefined) return
    switch (expression.op) {
      case "literal":
      case "variable":
        return
      case "field":
      case "length":
      case "unary":
        return this.expression(expression.of)
      case "index":
        this.expression(expression.of)
        return this.expression(expression.index)
      case "binary":
        this.expression(expression.left)
        return this.expression(expression.right)
      case "choose":
        this.expression(expression.test)
        this.expression(expression.yes)
        return this.expression(expression.no)
      case "pipe":
        this.expression(expression.of)
        for (const argument of expression.arguments) this.expression(argument)
    }
  }
}
