/** Checks the markup of one template and compiles it. */
import { checkAttributes, holeInLiteral } from "./CheckAttribute.ts"
import { checkExpression, type Checked } from "./CheckExpression.ts"
import type { CompiledExpression, CompiledNode } from "./Compiled.ts"
import { CompiledNodes } from "./CompiledNodes.ts"
import { preformattedElements, rawTextElements, textOnlyElements, voidElements } from "./Html.ts"
import { suggestion, type Issues } from "./Issue.ts"
import { presentWhenFalse, presentWhenTrue } from "./Narrowing.ts"
import { isPrintable } from "./Pipes.ts"
import { Scope } from "./Scope.ts"
import type { TemplateSignature } from "./Signature.ts"
import {
  anyType,
  fits,
  intType,
  literalType,
  membersOf,
  presentType,
  stringType,
  typeText,
  unionOf,
  type StaticType
} from "./StaticType.ts"
import type { AttributeSyntax, ElementSyntax, NodeSyntax } from "./Syntax.ts"

type Kind<K extends NodeSyntax["kind"]> = Extract<NodeSyntax, { kind: K }>

/** What a name of `{import}` stands for; `undefined` for a file that has mistakes of its own. */
export type Components = ReadonlyMap<string, TemplateSignature | undefined>

export class MarkupCheck {
  private readonly issues: Issues
  private readonly components: Components

  constructor(components: Components, issues: Issues) {
    this.components = components
    this.issues = issues
  }

  /** Compiles siblings; `{let}` adds names for those behind it. */
  nodes(nodes: ReadonlyArray<NodeSyntax>, outer: Scope): Array<CompiledNode> {
    const into = new CompiledNodes()
    this.write(nodes, new Scope(outer), into)
    return into.nodes
  }

  private write(nodes: ReadonlyArray<NodeSyntax>, scope: Scope, into: CompiledNodes): void {
    for (const node of nodes) this.node(node, scope, into)
  }

  private node(node: NodeSyntax, scope: Scope, into: CompiledNodes): void {
    switch (node.kind) {
      case "text":
      case "doctype":
        return into.text(node.text)
      case "comment":
        return
      case "markupComment":
        this.refuseHoles(node.text, node.at, scope, "an HTML comment")
        return into.text(node.text)
      case "print":
        return into.print(this.printable(node, scope).code)
      case "let":
        return this.let(node, scope, into)
      case "if":
        return this.if(node, scope, into)
      case "for":
        return this.for(node, scope, into)
      case "element":
        return this.element(node, scope, into)
      case "component":
        return this.component(node, scope, into)
      case "slot":
        return into.add({ node: "slot", otherwise: this.nodes(node.otherwise, scope) })
      case "group":
        return this.write(node.children, scope, into)
    }
  }

  private printable(node: Kind<"print">, scope: Scope): Checked {
    const value = checkExpression(node.expression, scope, this.issues)
    if (!isPrintable(value.type)) {
      const what = membersOf(value.type).every((member) => member.kind === "list")
        ? "loop over it with {for}, join it"
        : "print one of its fields"
      this.issues.add("wrong-type", node.expression, `${typeText(value.type)} cannot be printed: ${what}, or show all of it with "| json"`)
    }
    return value
  }

  private introduce(name: string, span: { at: number; end: number }, type: StaticType, scope: Scope): number {
    if (scope.find(name) !== undefined) this.issues.add("duplicate", span, `the name "${name}" is taken here: choose another`)
    return scope.add(name, type).number
  }

  private let(node: Kind<"let">, scope: Scope, into: CompiledNodes): void {
    const value = checkExpression(node.value, scope, this.issues)
    const variable = this.introduce(node.name, node.nameSpan, value.type, scope)
    into.add({ node: "let", variable, value: value.code })
  }

  /** Each branch knows what its own test and the failed ones before it say. */
  private if(node: Kind<"if">, scope: Scope, into: CompiledNodes): void {
    let here = scope
    const branches = node.branches.map(({ test, body }) => {
      const code = checkExpression(test, here, this.issues).code
      const compiled = { test: code, body: this.nodes(body, new Scope(here, presentWhenTrue(test))) }
      here = new Scope(here, presentWhenFalse(test))
      return compiled
    })
    into.add({ node: "if", branches, otherwise: this.nodes(node.otherwise, here) })
  }

  private for(node: Kind<"for">, scope: Scope, into: CompiledNodes): void {
    const list = checkExpression(node.list, scope, this.issues)
    const members = membersOf(list.type)
    if (!members.every((member) => member.kind === "list" || member.kind === "any") || members.length === 0) {
      this.issues.add("wrong-type", node.list, `{for} needs a list, not ${typeText(list.type)}`)
    }
    const items = members.map((member) => (member.kind === "list" ? member.items : anyType))
    const inside = new Scope(scope)
    const item = this.introduce(node.item, node.itemSpan, items.length === 0 ? anyType : unionOf(items), inside)
    const index = node.index === undefined ? undefined : this.introduce(node.index, node.indexSpan ?? node, intType, inside)
    const body = this.nodes(node.body, inside)
    const otherwise = this.nodes(node.otherwise, scope)
    into.add(
      index === undefined
        ? { node: "for", item, list: list.code, body, otherwise }
        : { node: "for", item, index, list: list.code, body, otherwise }
    )
  }

  private element(node: ElementSyntax & Kind<"element">, scope: Scope, into: CompiledNodes): void {
    const name = node.name.toLowerCase()
    into.text(`<${node.name}`)
    checkAttributes(node, scope, this.issues, into)
    into.text(">")
    if (voidElements.has(node.name)) return
    if (rawTextElements.has(name)) this.rawText(node, scope, into)
    else {
      if (textOnlyElements.has(name)) this.textOnly(node)
      // A browser drops a line break right behind these tags: one for it to drop keeps the first one of a value.
      if (preformattedElements.has(name) && node.children[0] !== undefined && node.children[0].kind !== "text") into.text("\n")
      this.write(node.children, new Scope(scope), into)
    }
    into.text(`</${node.name}>`)
  }

  private rawText(node: ElementSyntax, scope: Scope, into: CompiledNodes): void {
    for (const child of node.children) {
      if (child.kind !== "text") continue
      this.refuseHoles(child.text, child.at, scope, `<${node.name}>`)
      into.text(child.text)
    }
  }

  /** Where text is copied as written, what looks like an expression is refused rather than shown. */
  private refuseHoles(text: string, at: number, scope: Scope, where: string): void {
    const marked = text.indexOf("${")
    const found = marked >= 0 ? { at: marked, end: marked + 2 } : holeInLiteral(text, scope)
    if (found === undefined) return
    const instead = where === "<script>" ? ": put the value into a data- attribute and read it there, or move the program into a file" : ""
    this.issues.add("unsafe-context", { at: at + found.at, end: at + found.end }, `an expression cannot stand in ${where}${instead}`)
  }

  private textOnly(node: ElementSyntax): void {
    const visit = (children: ReadonlyArray<NodeSyntax>) => {
      for (const child of children) {
        if (child.kind === "if") for (const { body } of [...child.branches, { body: child.otherwise }]) visit(body)
        else if (child.kind === "for") for (const body of [child.body, child.otherwise]) visit(body)
        else if (["element", "component", "slot", "markupComment", "group"].includes(child.kind)) {
          this.issues.add("unsafe-context", child, `<${node.name}> holds text only: no elements and components can stand in it`)
        }
      }
    }
    visit(node.children)
  }

  private component(node: Kind<"component">, scope: Scope, into: CompiledNodes): void {
    const signature = this.signatureOf(node)
    const values = new Map<string, { value: Checked; attribute: AttributeSyntax }>()
    for (const attribute of node.attributes) values.set(attribute.name, { value: this.property(attribute, scope), attribute })
    const children = this.nodes(node.children, scope)
    if (signature === undefined) return
    const call: Array<CompiledExpression | null> = []
    for (const parameter of signature.parameters) {
      const given = values.get(parameter.name)
      values.delete(parameter.name)
      call.push(given?.value.code ?? null)
      if (given === undefined) {
        if (parameter.required)
          this.issues.add(
            "missing-property",
            { at: node.at, end: node.nameSpan.end },
            `<${node.name}> needs ${parameter.name}={…} (${typeText(parameter.type)})`
          )
      } else if (!fits(given.value.type, parameter.type)) {
        const missing = fits(presentType(given.value.type), parameter.type) && given.value.type.kind === "union"
        const what = missing
          ? "may be missing here: test it with {if …} around the call, or give another value with ??"
          : `is ${typeText(parameter.type)}, not ${typeText(given.value.type)}`
        this.issues.add("wrong-type", given.attribute, `${parameter.name} of <${node.name}> ${what}`)
      }
    }
    for (const [name, { attribute }] of values) {
      const known = signature.parameters.map((parameter) => parameter.name)
      this.issues.add("unknown-property", attribute.nameSpan, `<${node.name}> has no property "${name}"${suggestion(name, known)}`)
    }
    const blank = children.every((child) => child.node === "text" && child.text.trim() === "")
    if (!blank && !signature.hasSlot)
      this.issues.add(
        "unknown-property",
        { at: node.at, end: node.nameSpan.end },
        `<${node.name}> shows no children: ${signature.name} has no <slot/>`
      )
    into.add(
      blank
        ? { node: "component", template: signature.name, arguments: call }
        : { node: "component", template: signature.name, arguments: call, children }
    )
  }

  private signatureOf(node: Kind<"component">): TemplateSignature | undefined {
    if (this.components.has(node.name)) return this.components.get(node.name)
    const hint = suggestion(node.name, this.components.keys()) || `: import it with {import ${node.name} from "./….zsx"}`
    this.issues.add("unknown-component", node.nameSpan, `unknown component <${node.name}>${hint}`)
    return undefined
  }

  /** The value of a component's property: any expression, or text. */
  private property(attribute: AttributeSyntax, scope: Scope): Checked {
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
