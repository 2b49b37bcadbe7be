/** Checks the markup of one template and compiles it. */
import { checkAttributes, holeInLiteral } from "./CheckAttribute.ts"
import { ComponentCheck, type Components } from "./CheckComponent.ts"
import { checkExpression, type Checked } from "./CheckExpression.ts"
import type { CompiledExpression, CompiledNode, CompiledTemplate } from "./Compiled.ts"
import { CompiledNodes } from "./CompiledNodes.ts"
import { preformattedElements, rawTextElements, textOnlyElements, voidElements } from "./Html.ts"
import type { Issues, Span } from "./Issue.ts"
import { presentWhenFalse, presentWhenTrue } from "./Narrowing.ts"
import { isPrintable } from "./Pipes.ts"
import { Scope } from "./Scope.ts"
import { ProgramCheck } from "./CheckProgram.ts"
import { compiledParameter, signatureParameter, slotsOf, type TemplateSignature } from "./Signature.ts"
import { anyType, intType, membersOf, typeText, unionOf, type StaticType } from "./StaticType.ts"
import type { ElementSyntax, ExpressionSyntax, NodeSyntax } from "./Syntax.ts"

type Kind<K extends NodeSyntax["kind"]> = Extract<NodeSyntax, { kind: K }>

export class MarkupCheck {
  /** What the template shows that can also be rendered alone, by name. */
  readonly fragments = new Map<string, TemplateSignature>()
  readonly compiledFragments: Array<CompiledTemplate> = []
  private readonly fragmentNodes = new Map<string, NodeSyntax>()
  private readonly file: string
  private readonly issues: Issues
  private readonly calls: ComponentCheck

  constructor(file: string, components: Components, issues: Issues) {
    this.file = file
    this.issues = issues
    this.calls = new ComponentCheck(components, issues, (nodes, scope) => this.nodes(nodes, scope))
  }

  /** Compiles siblings; `{let}` adds names for those behind it. */
  nodes(nodes: ReadonlyArray<NodeSyntax>, outer: Scope): Array<CompiledNode> {
    const into = new CompiledNodes()
    this.write(nodes, new Scope(outer), into)
    return into.nodes
  }

  private write(nodes: ReadonlyArray<NodeSyntax>, scope: Scope, into: CompiledNodes): void {
    for (const [index, node] of nodes.entries()) {
      if (node.kind === "raw") this.raw(node, nodes.slice(0, index), scope, into)
      else this.node(node, scope, into)
    }
  }

  private node(node: Exclude<NodeSyntax, { kind: "raw" }>, scope: Scope, into: CompiledNodes): void {
    switch (node.kind) {
      case "text":
      case "doctype":
        return into.text(node.text)
      case "comment":
        return
      case "markupComment":
        return this.markupComment(node, scope, into)
      case "program":
        return
      case "print":
        return into.print(this.printable(node.expression, scope).code)
      case "let":
        return this.let(node, scope, into)
      case "if":
        return this.if(node, scope, into)
      case "for":
        return this.for(node, scope, into)
      case "switch":
        return this.switch(node, scope, into)
      case "fragment":
        return this.fragment(node, scope, into)
      case "element":
        return this.element(node, scope, into)
      case "component":
        return this.calls.write(node, scope, into)
      case "slot": {
        const otherwise = this.nodes(node.otherwise, scope)
        return into.add(node.name === "" ? { node: "slot", otherwise } : { node: "slot", name: node.name, otherwise })
      }
      case "group":
        return this.write(node.children, scope, into)
    }
  }

  private printable(expression: ExpressionSyntax, scope: Scope): Checked {
    const value = checkExpression(expression, scope, this.issues)
    if (!isPrintable(value.type)) {
      const what = membersOf(value.type).every((member) => member.kind === "list")
        ? "loop over it with {for}, join it"
        : "print one of its fields"
      this.issues.add("wrong-type", expression, `${typeText(value.type)} cannot be printed: ${what}, or show all of it with "| json"`)
    }
    return value
  }

  /** Markup as it is: allowed, and noted unless a comment `{# raw: … #}` right before it says why it is safe. */
  private raw(node: Kind<"raw">, before: ReadonlyArray<NodeSyntax>, scope: Scope, into: CompiledNodes): void {
    const value = this.printable(node.expression, scope)
    into.add({ node: "print", value: value.code, as: "raw" })
    const last = before.findLast((other) => !(other.kind === "text" && other.text.trim() === ""))
    const reason = last?.kind === "comment" ? this.issues.source.slice(last.at, last.end) : ""
    if (/^\{#\s*raw:\s*\S.*#\}$/s.test(reason)) return
    this.issues.note(
      "raw-markup",
      node,
      "{raw} writes markup as it is, and whoever made it decides what the page does: say in {# raw: … #} before it why that is safe"
    )
  }

  private introduce(name: string, span: Span, type: StaticType, scope: Scope): number {
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

  /** The subject gets a name, and every case is a branch that compares it. */
  private switch(node: Kind<"switch">, scope: Scope, into: CompiledNodes): void {
    const subject = checkExpression(node.subject, scope, this.issues)
    const variable = scope.numbers.next++
    into.add({ node: "let", variable, value: subject.code })
    const seen = new Set<unknown>()
    const branches = node.cases.flatMap(({ values, body }) => {
      const tests = values.map((value) => this.caseTest(node.subject, value, variable, seen, scope))
      if (tests.length === 0) return []
      const test = tests.reduce((left, right): CompiledExpression => ({ op: "binary", operator: "or", left, right }))
      const present = values.every((value) => value.kind === "literal" && value.value !== null)
      const inside = present ? new Scope(scope, presentWhenTrue(equality(node.subject, values[0]!))) : scope
      return [{ test, body: this.nodes(body, inside) }]
    })
    const otherwise = this.nodes(node.otherwise, scope)
    if (branches.length > 0) into.add({ node: "if", branches, otherwise })
    else for (const inner of otherwise) into.add(inner)
  }

  private caseTest(
    subject: ExpressionSyntax,
    value: ExpressionSyntax,
    variable: number,
    seen: Set<unknown>,
    scope: Scope
  ): CompiledExpression {
    if (value.kind === "literal") {
      if (seen.has(value.value)) this.issues.add("duplicate", value, `${JSON.stringify(value.value)} is a case twice`)
      seen.add(value.value)
    }
    const checked = checkExpression(equality(subject, value), scope, this.issues)
    const right = checked.code.op === "binary" ? checked.code.right : checked.code
    return { op: "binary", operator: "equal", left: { op: "variable", variable }, right }
  }

  /** Once for itself, seeing its parameters only, and once for the place where it stands. */
  private fragment(node: Kind<"fragment">, scope: Scope, into: CompiledNodes): void {
    const known = this.fragmentNodes.get(node.name)
    if (known === undefined) {
      this.fragmentNodes.set(node.name, node)
      this.alone(node, scope)
    } else if (known !== node) this.issues.add("duplicate", node.nameSpan, `there is a fragment "${node.name}" already`)
    this.write(node.body, new Scope(scope), into)
  }

  private alone(node: Kind<"fragment">, scope: Scope): void {
    const inside = scope.alone()
    const parameters = node.parameters.map((parameter) => {
      const { type } = checkExpression({ ...parameter, kind: "name" }, scope, this.issues)
      inside.add(parameter.name, type)
      return signatureParameter({ name: parameter.name, written: typeText(type), type, optional: false })
    })
    const name = `${this.file}#${node.name}`
    const body = this.nodes(node.body, inside)
    this.fragments.set(node.name, { name, parameters, slots: slotsOf(node.body), fragments: new Map() })
    this.compiledFragments.push({ name, parameters: parameters.map(compiledParameter), body })
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
    const name = node.name.toLowerCase()
    for (const child of node.children) {
      if (child.kind === "program") {
        for (const part of child.parts) if (part.kind === "text") this.refuseBraces(part.text, part.at, name, scope)
        new ProgramCheck(name === "style" ? "style" : "script", `<${node.name}>`, false, scope, this.issues, into).element(child)
      } else if (child.kind === "text") {
        const marked = child.text.indexOf("${")
        const found = marked >= 0 ? { at: marked, end: marked + 2 } : holeInLiteral(child.text, scope)
        const instead = name === "script" ? " of this type" : ""
        if (found !== undefined)
          this.issues.add("unsafe-context", within(child.at, found), `an expression cannot stand in <${node.name}>${instead}`)
        into.text(child.text)
      }
    }
  }

  /** Braces of a program that the author most likely meant as an expression or block. */
  private refuseBraces(text: string, at: number, element: string, scope: Scope): void {
    const open = element === "script" ? text.indexOf("<!--") : -1
    if (open >= 0) {
      this.issues.add("unsafe-context", within(at, { at: open, end: open + 4 }), 'a program cannot hold "<!--": write it as "<\\!--"')
    }
    const found = holeInLiteral(text, scope)
    if (found === undefined) return
    const meant = found.block || element === "style" || /["'`]$|[=(,[:]\s*$/.test(text.slice(0, found.at))
    const shorthand =
      !found.block && /^\{\s*[\w$]+\s*\}$/.test(text.slice(found.at, found.end)) && /[=(,[:]\s*$/.test(text.slice(0, found.at))
    if (!meant || shorthand) return
    const why = found.block
      ? `a block cannot stand in <${element}>`
      : `braces are part of the program in <${element}>: write \${…} for an expression`
    this.issues.add("unsafe-context", within(at, found), why)
  }

  /** A comment of the page: the usual escape leaves no ">" in a value, so only what is written behind it could end the comment. */
  private markupComment(node: Kind<"markupComment">, scope: Scope, into: CompiledNodes): void {
    for (const [index, part] of node.parts.entries()) {
      if (part.kind === "text") {
        const found = holeInLiteral(part.text, scope)
        if (found !== undefined)
          this.issues.add(
            "unsafe-context",
            within(part.at, found),
            "braces are text in a comment of the page: write ${…}, or comment out with {# … #}"
          )
        into.text(part.text)
        continue
      }
      into.print(this.printable(part.expression, scope).code)
      const behind = node.parts[index + 1]
      if (behind?.kind === "text" && /^-?!?>|^->/.test(behind.text))
        this.issues.add("unsafe-context", part, 'an expression cannot stand right before ">" in a comment: put a space between them')
    }
  }

  private textOnly(node: ElementSyntax): void {
    const visit = (children: ReadonlyArray<NodeSyntax>) => {
      for (const child of children) {
        if (child.kind === "if") for (const { body } of [...child.branches, { body: child.otherwise }]) visit(body)
        else if (child.kind === "switch") for (const { body } of [...child.cases, { body: child.otherwise }]) visit(body)
        else if (child.kind === "for") for (const body of [child.body, child.otherwise]) visit(body)
        else if (["element", "component", "slot", "markupComment", "group", "raw", "fragment"].includes(child.kind)) {
          this.issues.add("unsafe-context", child, `<${node.name}> holds text only: no elements and components can stand in it`)
        }
      }
    }
    visit(node.children)
  }
}

/** A span of a text that begins at `at`. */
function within(at: number, found: Span): Span {
  return { at: at + found.at, end: at + found.end }
}

/** `subject == value`, so that a case is checked as a comparison is. */
function equality(subject: ExpressionSyntax, value: ExpressionSyntax): ExpressionSyntax {
  return { kind: "binary", operator: "equal", symbol: "==", left: subject, right: value, at: value.at, end: value.end }
}
