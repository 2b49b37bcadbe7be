/**
 * Calls of components: properties against parameters, children against slots.
 *
 * Invariants
 * - A child belongs to the slot that it names itself, directly inside the call; all other children are the unnamed slot's.
 * - Children see the names of the place where they are written.
 */
import { checkExpression, type Checked } from "./CheckExpression.ts"
import type { CompiledExpression, CompiledNode, CompiledSlot } from "./Compiled.ts"
import type { CompiledNodes } from "./CompiledNodes.ts"
import { suggestion, type Issues } from "./Issue.ts"
import { slotName } from "./MarkupParser.ts"
import { isPrintable } from "./Pipes.ts"
import type { Scope } from "./Scope.ts"
import type { SignatureParameter, TemplateSignature } from "./Signature.ts"
import { anyType, fits, literalType, presentType, stringType, typeText } from "./StaticType.ts"
import type { AttributeSyntax, NodeSyntax } from "./Syntax.ts"

type ComponentSyntax = Extract<NodeSyntax, { kind: "component" }>

/** What a name of `{import}` stands for; `undefined` for a file that has mistakes of its own. */
export type Components = ReadonlyMap<string, TemplateSignature | undefined>

interface Given {
  readonly value: Checked
  readonly attribute: AttributeSyntax
}

export class ComponentCheck {
  private readonly components: Components
  private readonly issues: Issues
  private readonly compile: (nodes: ReadonlyArray<NodeSyntax>, scope: Scope) => Array<CompiledNode>

  constructor(components: Components, issues: Issues, compile: (nodes: ReadonlyArray<NodeSyntax>, scope: Scope) => Array<CompiledNode>) {
    this.components = components
    this.issues = issues
    this.compile = compile
  }

  write(node: ComponentSyntax, scope: Scope, into: CompiledNodes): void {
    const signature = this.signatureOf(node)
    const values = new Map<string, Given>()
    for (const attribute of node.attributes) {
      if (attribute.kind === "spread") {
        checkExpression(attribute.expression, scope, this.issues)
        this.issues.add("syntax", attribute, `properties are not spread: give <${node.name}> each by its name`)
      } else if (attribute.name !== "slot") values.set(attribute.name, { value: this.property(attribute, scope), attribute })
    }
    const { children, slots } = this.children(node, scope)
    if (signature === undefined) return
    const call = signature.parameters.map((parameter) => this.argument(node, parameter, values))
    for (const [name, { attribute }] of values) {
      const known = signature.parameters.map((parameter) => parameter.name)
      this.issues.add("unknown-property", attribute.nameSpan, `<${node.name}> has no property "${name}"${suggestion(name, known)}`)
    }
    const blank = children.every((child) => child.node === "text" && child.text.trim() === "")
    if (!blank && !signature.slots.has("")) {
      const why = `<${node.name}> shows no children: ${signature.name} has no <slot/>`
      this.issues.add("unknown-property", { at: node.at, end: node.nameSpan.end }, why)
    }
    into.add({
      node: "component",
      template: signature.name,
      arguments: call,
      ...(blank ? {} : { children }),
      ...(slots.length === 0 ? {} : { slots })
    })
  }

  /** Takes the value of a parameter out of `values`; null when none is given. */
  private argument(node: ComponentSyntax, parameter: SignatureParameter, values: Map<string, Given>): CompiledExpression | null {
    const given = values.get(parameter.name)
    values.delete(parameter.name)
    if (given === undefined) {
      const why = `<${node.name}> needs ${parameter.name}={…} (${typeText(parameter.type)})`
      if (parameter.required) this.issues.add("missing-property", { at: node.at, end: node.nameSpan.end }, why)
      return null
    }
    const { type, code } = given.value
    if (!fits(type, parameter.type)) {
      const missing = fits(presentType(type), parameter.type) && type.kind === "union"
      const what = missing
        ? "may be missing here: test it with {if …} around the call, or give another value with ??"
        : `is ${typeText(parameter.type)}, not ${typeText(type)}`
      this.issues.add("wrong-type", given.attribute, `${parameter.name} of <${node.name}> ${what}`)
    }
    return code
  }

  /** The template that a name means: an import, or with a dot a fragment of one. */
  private signatureOf(node: ComponentSyntax): TemplateSignature | undefined {
    const { name } = node
    const dot = name.indexOf(".")
    const imported = dot < 0 ? name : name.slice(0, dot)
    if (!this.components.has(imported)) {
      const hint = suggestion(imported, this.components.keys()) || `: import it with {import ${imported} from "./….zsx"}`
      this.issues.add("unknown-component", node.nameSpan, `unknown component <${imported}>${hint}`)
      return undefined
    }
    const template = this.components.get(imported)
    if (dot < 0 || template === undefined) return template
    const fragment = template.fragments.get(name.slice(dot + 1))
    if (fragment !== undefined) return fragment
    const hint = suggestion(name.slice(dot + 1), template.fragments.keys())
    this.issues.add("unknown-component", node.nameSpan, `${template.name} has no fragment "${name.slice(dot + 1)}"${hint}`)
    return undefined
  }

  /** Sorts the children by their slots. */
  private children(node: ComponentSyntax, scope: Scope): { children: Array<CompiledNode>; slots: ReadonlyArray<CompiledSlot> } {
    const unnamed: Array<NodeSyntax> = []
    const named = new Map<string, Array<NodeSyntax>>()
    for (const child of node.children) {
      const attribute = child.kind === "element" || child.kind === "component" ? slotAttribute(child.attributes) : undefined
      if (attribute === undefined || (child.kind !== "element" && child.kind !== "component")) {
        unnamed.push(child)
        continue
      }
      const name = slotName(attribute, this.issues)
      this.knownSlot(node, name, attribute)
      named.set(name, [...(named.get(name) ?? []), ...withoutSlot(child)])
    }
    const children = this.compile(unnamed, scope)
    return { children, slots: [...named].map(([name, nodes]) => ({ name, body: this.compile(nodes, scope) })) }
  }

  private knownSlot(node: ComponentSyntax, name: string, attribute: AttributeSyntax): void {
    const signature = this.components.has(node.name.split(".")[0]!) ? this.signatureOf(node) : undefined
    if (signature === undefined || name === "" || signature.slots.has(name)) return
    const known = [...signature.slots].filter((slot) => slot !== "")
    const all = known.length === 0 ? "; it has no named slots" : suggestion(name, known) || `; it has ${known.join(", ")}`
    this.issues.add("unknown-property", attribute, `<${node.name}> has no slot "${name}"${all}`)
  }

  /** The value of a component's property: any expression, or text. */
  private property(attribute: Exclude<AttributeSyntax, { kind: "spread" }>, scope: Scope): Checked {
    switch (attribute.kind) {
      case "bare":
        return { code: { op: "literal", value: true }, type: literalType(true) }
      case "expression":
        return checkExpression(attribute.expression, scope, this.issues)
      case "classes":
        this.issues.add("wrong-type", attribute, "a list of classes can only stand on an element")
        return { code: { op: "literal", value: null }, type: anyType }
      case "quoted":
        return this.quotedProperty(attribute, scope)
    }
  }

  private quotedProperty(attribute: Extract<AttributeSyntax, { kind: "quoted" }>, scope: Scope): Checked {
    let joined: Checked = { code: { op: "literal", value: "" }, type: literalType("") }
    for (const part of attribute.parts) {
      const value: Checked =
        part.kind === "text"
          ? { code: { op: "literal", value: part.text }, type: literalType(part.text) }
          : checkExpression(part.expression, scope, this.issues)
      if (!isPrintable(value.type)) this.issues.add("wrong-type", part, `${typeText(value.type)} cannot be part of a text`)
      const empty = joined.code.op === "literal" && joined.code.value === ""
      joined =
        empty && part.kind === "text"
          ? value
          : { code: { op: "binary", operator: "add", left: joined.code, right: value.code }, type: stringType }
    }
    return joined
  }
}

function slotAttribute(attributes: ReadonlyArray<AttributeSyntax>): AttributeSyntax | undefined {
  return attributes.find((attribute) => attribute.name === "slot")
}

/** A child as it is shown in a slot: without the slot's name; of `<template slot="…">` only what stands inside. */
function withoutSlot(child: Extract<NodeSyntax, { kind: "element" | "component" }>): ReadonlyArray<NodeSyntax> {
  const attributes = child.attributes.filter((attribute) => attribute.name !== "slot")
  if (child.kind === "element" && child.name === "template" && attributes.length === 0) return child.children
  return [{ ...child, attributes }]
}
