/**
 * What templates mean, written a second time and apart from the product: straight from the syntax tree and plain values to a string, without
 * types, compiled form, BSON or bytes. Only the parser, and the judgement of a whole address (`safeAddress`), are shared.
 */
import { safeAddress } from "../../src/Template/Html.ts"
import type { AttributeSyntax, ExpressionSyntax, NodeSyntax, SyntaxTree } from "../../src/Template/Syntax.ts"
import { dateText, equal, fixed, isDocument, isNumber, json, order, plain, text, truth, type Plain } from "./ReferenceValues.ts"

type Names = ReadonlyMap<string, Plain>
type Slots = Readonly<Record<string, () => string>>

const escaped = (written: string): string =>
  written.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;").replaceAll("'", "&#39;")
const address = (written: string): string => (safeAddress(written) ? written : "about:invalid")
const voids = new Set("area base br col embed hr img input link meta source track wbr".split(" "))
const addresses = new Set(["href", "src", "action", "cite", "formaction"])

/** Renders templates; trees by the name under which they are imported. */
export class Reference {
  private readonly trees: Readonly<Record<string, SyntaxTree>>

  constructor(trees: Readonly<Record<string, SyntaxTree>>) {
    this.trees = trees
  }

  render(tree: SyntaxTree, given: Readonly<Record<string, Plain>>, slots: Slots = {}): string {
    const names = new Map<string, Plain>()
    for (const { name, initial } of tree.parameters) {
      const value = plain(given[name])
      names.set(name, value !== null || initial === undefined ? value : this.value(initial, names))
    }
    return this.nodes(tree.body, names, slots)
  }

  private nodes(nodes: ReadonlyArray<NodeSyntax>, outer: Names, slots: Slots): string {
    let names = outer
    let written = ""
    for (const node of nodes) {
      if (node.kind === "let") names = new Map([...names, [node.name, this.value(node.value, names)]])
      else if (node.kind === "group") written += this.nodes(node.children, names, slots)
      else written += this.node(node, names, slots)
    }
    return written
  }

  private node(node: NodeSyntax, names: Names, slots: Slots): string {
    switch (node.kind) {
      case "text":
      case "doctype":
        return node.text
      case "markupComment":
        return node.parts.map((part) => (part.kind === "text" ? part.text : escaped(text(this.value(part.expression, names))))).join("")
      case "print":
        return escaped(text(this.value(node.expression, names)))
      case "raw":
        return text(this.value(node.expression, names))
      case "if": {
        const branch = node.branches.find(({ test }) => truth(this.value(test, names)))
        return this.nodes(branch?.body ?? node.otherwise, names, slots)
      }
      case "switch": {
        const subject = this.value(node.subject, names)
        const found = node.cases.find(({ values }) => values.some((value) => equal(subject, this.value(value, names))))
        return this.nodes(found?.body ?? node.otherwise, names, slots)
      }
      case "for": {
        const list = this.value(node.list, names)
        if (!Array.isArray(list) || list.length === 0) return this.nodes(node.otherwise, names, slots)
        return list
          .map((item: Plain, index) =>
            this.nodes(node.body, new Map([...names, [node.item, plain(item)], [node.index ?? "", index]]), slots)
          )
          .join("")
      }
      case "fragment":
        return this.nodes(node.body, names, slots)
      case "slot":
        return slots[node.name] === undefined ? this.nodes(node.otherwise, names, slots) : slots[node.name]!()
      case "element": {
        const start = `<${node.name}${node.attributes.map((attribute) => this.attribute(attribute, node.attributes, names)).join("")}>`
        return voids.has(node.name) ? start : `${start}${this.nodes(node.children, names, slots)}</${node.name}>`
      }
      case "component":
        return this.component(node, names, slots)
      default:
        return ""
    }
  }

  private component(node: Extract<NodeSyntax, { kind: "component" }>, names: Names, slots: Slots): string {
    const given: Record<string, Plain> = {}
    for (const attribute of node.attributes) {
      if (attribute.kind === "expression") given[attribute.name] = this.value(attribute.expression, names)
      if (attribute.kind !== "quoted") continue
      given[attribute.name] = attribute.parts
        .map((part) => (part.kind === "text" ? part.text : text(this.value(part.expression, names))))
        .join("")
    }
    const inside: Record<string, Array<NodeSyntax>> = {}
    for (const child of node.children) {
      const slot = child.kind === "element" ? child.attributes.find(({ name }) => name === "slot") : undefined
      const part = slot?.kind === "quoted" ? slot.parts[0] : undefined
      const name = part?.kind === "text" ? part.text : ""
      const shown = child.kind === "element" ? { ...child, attributes: child.attributes.filter((other) => other !== slot) } : child
      ;(inside[name] ??= []).push(shown)
    }
    const filled = Object.entries(inside).filter(([name, nodes]) => name !== "" || nodes.some((child) => !isBlank(child)))
    const children = Object.fromEntries(filled.map(([name, nodes]) => [name, () => this.nodes(nodes, names, slots)]))
    return this.render(this.trees[node.name]!, given, children)
  }

  private attribute(attribute: AttributeSyntax, all: ReadonlyArray<AttributeSyntax>, names: Names): string {
    const { name } = attribute
    switch (attribute.kind) {
      case "bare":
        return ` ${name}`
      case "expression": {
        const value = this.value(attribute.expression, names)
        if (value === null || value === false) return ""
        if (value === true) return ` ${name}`
        if (name === "srcdoc") return ` srcdoc="${escaped(escaped(text(value)))}"`
        const written = escaped(text(value))
        return ` ${name}="${addresses.has(name) ? address(written) : written}"`
      }
      case "classes": {
        const shown = attribute.entries.flatMap(({ name, test }) => {
          if (test !== undefined && !truth(this.value(test, names))) return []
          if (typeof name === "string") return [name]
          const value = this.value(name, names)
          return truth(value) ? [escaped(text(value))] : []
        })
        return shown.length === 0 ? "" : ` class="${shown.join(" ")}"`
      }
      case "spread": {
        const value = this.value(attribute.expression, names)
        if (!isDocument(value)) return ""
        const own = new Set(all.map((other) => other.name.toLowerCase()))
        return Object.entries(value)
          .filter(([field, inner]) => ["en", "de", "sku", "city", "length"].includes(field) && !own.has(field) && plain(inner) !== null)
          .map(([field, inner]) => [field, plain(inner)] as const)
          .filter(([, inner]) => inner !== false && !Array.isArray(inner) && !isDocument(inner))
          .map(([field, inner]) => (inner === true ? ` ${field}` : ` ${field}="${escaped(text(inner))}"`))
          .join("")
      }
      case "quoted":
        return this.quoted(attribute, names)
    }
  }

  private quoted(attribute: Extract<AttributeSyntax, { kind: "quoted" }>, names: Names): string {
    const { name, parts } = attribute
    let written = ""
    for (const part of parts) {
      if (part.kind === "text") written += part.text
      else if (name === "onclick") written += this.program(part.expression, (written.split("'").length - 1) % 2 === 1, names)
      else if (name === "style") written += style(text(this.value(part.expression, names)))
      else written += escaped(text(this.value(part.expression, names)))
    }
    // The whole address is judged, unless the template itself says what kind it is.
    if (addresses.has(name) && !written.startsWith("/x/")) written = address(written)
    return ` ${name}="${written}"`
  }

  /** A value of a program in an attribute; it is JSON by itself, so that `| json` adds nothing. */
  private program(syntax: ExpressionSyntax, inQuotes: boolean, names: Names): string {
    const unicode = (sign: string) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`
    if (inQuotes) return text(this.value(syntax, names)).replace(/[\p{Cc}"'`\\/$<>&\u2028\u2029]/gu, unicode)
    const value = this.value(syntax.kind === "pipe" && syntax.name === "json" ? syntax.of : syntax, names)
    return json(value)
      .replace(/[<>&'\u007f\u2028\u2029]/gu, unicode)
      .replaceAll('"', "&quot;")
  }

  private value(syntax: ExpressionSyntax, names: Names): Plain {
    switch (syntax.kind) {
      case "literal":
        return syntax.value
      case "name":
        return plain(names.get(syntax.name))
      case "member": {
        const of = this.value(syntax.of, names)
        if (Array.isArray(of)) return syntax.name === "length" ? of.length : null
        return isDocument(of) && Object.hasOwn(of, syntax.name) ? plain(of[syntax.name]) : null
      }
      case "index": {
        const of = this.value(syntax.of, names)
        const index = this.value(syntax.index, names)
        return Array.isArray(of) && typeof index === "number" ? plain(of[index]) : null
      }
      case "unary": {
        const of = this.value(syntax.of, names)
        return syntax.operator === "not" ? !truth(of) : isNumber(of) ? -Number(of) : null
      }
      case "choose":
        return this.value(truth(this.value(syntax.test, names)) ? syntax.yes : syntax.no, names)
      case "binary":
        return this.binary(syntax, names)
      case "pipe": {
        const given = syntax.arguments.map((argument) => this.value(argument, names))
        return pipe(syntax.name, this.value(syntax.of, names), given)
      }
    }
  }

  private binary(syntax: Extract<ExpressionSyntax, { kind: "binary" }>, names: Names): Plain {
    const [left, right] = [this.value(syntax.left, names), this.value(syntax.right, names)]
    const numbers = isNumber(left) && isNumber(right) ? ([Number(left), Number(right)] as const) : undefined
    switch (syntax.operator) {
      case "and":
        return truth(left) && truth(right)
      case "or":
        return truth(left) || truth(right)
      case "coalesce":
        return left ?? right
      case "equal":
        return equal(left, right)
      case "notEqual":
        return !equal(left, right)
      case "less":
        return order(left, right) < 0
      case "lessOrEqual":
        return order(left, right) <= 0
      case "greater":
        return order(left, right) > 0
      case "greaterOrEqual":
        return order(left, right) >= 0
      case "add":
        if (typeof left === "string" || typeof right === "string") return text(left) + text(right)
        return numbers === undefined ? null : numbers[0] + numbers[1]
      case "subtract":
        return numbers === undefined ? null : numbers[0] - numbers[1]
      case "multiply":
        return numbers === undefined ? null : numbers[0] * numbers[1]
      case "divide":
        return numbers === undefined ? null : numbers[0] / numbers[1]
      case "remainder":
        return numbers === undefined ? null : numbers[0] % numbers[1]
    }
  }
}

const isBlank = (node: NodeSyntax): boolean =>
  node.kind === "comment" || (node.kind === "text" && node.text.trim() === "") || (node.kind === "group" && node.children.every(isBlank))

const style = (value: string): string => (/^[\p{L}\p{N}\p{M} .,%#_+!-]*$/u.test(value) ? value : "unset")

function pipe(name: string, value: Plain, [first, second, third]: ReadonlyArray<Plain>): Plain {
  const shown = value === null || Array.isArray(value) || isDocument(value) ? null : text(value)
  switch (name) {
    case "upper":
      return shown?.toUpperCase() ?? null
    case "lower":
      return shown?.toLowerCase() ?? null
    case "trim":
      return shown?.trim() ?? null
    case "url":
      return shown === null
        ? null
        : encodeURIComponent(shown).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
    case "json":
      return json(value)
    case "default":
      return value === null || value === "" ? (first ?? null) : value
    case "count":
      return Array.isArray(value) ? value.length : 0
    case "join": {
      if (!Array.isArray(value)) return null
      const items = value.map(plain).filter((item) => item !== null && !Array.isArray(item) && !isDocument(item))
      return items.map(text).join(first === undefined || first === null ? ", " : text(first))
    }
    case "money": {
      const currency = text(first ?? null)
      const amount = fixed(value, currency === "JPY" ? 0 : 2)
      return amount === undefined ? null : currency === "" ? amount : `${amount} ${currency}`
    }
    case "number": {
      const isDecimal = typeof value === "object" && fixed(value, 0) !== undefined
      const written = typeof first === "number" ? fixed(value, first) : isNumber(value) || isDecimal ? text(value) : undefined
      if (written === undefined || (second === undefined && third === undefined)) return written ?? null
      const [, sign = "", whole, decimals] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(written) ?? []
      if (whole === undefined) return written
      const groups = whole.replace(/(\d)(?=(?:\d{3})+$)/g, (digit) => digit + text(second ?? null))
      return sign + groups + (decimals === undefined ? "" : (third === undefined ? "." : text(third)) + decimals)
    }
    case "date":
      return value instanceof Date && !Number.isNaN(value.getTime())
        ? dateText(value, first === undefined ? "YYYY-MM-DD" : text(first))
        : null
    default:
      throw new Error(`no pipe ${name}`)
  }
}
