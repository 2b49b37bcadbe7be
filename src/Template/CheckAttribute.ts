/**
 * Attributes of elements: what an expression may stand for in each of them, and how it is written there.
 *
 * Invariants
 * - An expression reaches the page only in a quoted value, escaped; in an address also with its scheme checked; everywhere else
 *   it is refused here, at build time.
 */
import { checkExpression, type Checked } from "./CheckExpression.ts"
import type { CompiledClass, CompiledExpression } from "./Compiled.ts"
import { CompiledNodes } from "./CompiledNodes.ts"
import { addressStart, attributeMeaning, type AttributeMeaning, type ElementFacts } from "./Html.ts"
import type { Issues, Span } from "./Issue.ts"
import { isPrintable } from "./Pipes.ts"
import type { Scope } from "./Scope.ts"
import { typeText } from "./StaticType.ts"
import type { AttributeSyntax, ElementSyntax, ValuePart } from "./Syntax.ts"

/** Writes all attributes of an element. */
export function checkAttributes(element: ElementSyntax, scope: Scope, issues: Issues, into: CompiledNodes): void {
  const facts = factsOf(element)
  for (const attribute of element.attributes) {
    const meaning = attributeMeaning(attribute.name, facts)
    const check = new AttributeCheck(attribute, facts.element, meaning, scope, issues)
    check.write(into)
  }
}

function factsOf(element: ElementSyntax): ElementFacts {
  const named = (name: string) => element.attributes.find((attribute) => attribute.name.toLowerCase() === name)
  const rel = named("rel")
  const literal = rel?.kind === "quoted" && rel.parts.every((part) => part.kind === "text")
  return {
    element: element.name.toLowerCase(),
    rel: literal ? rel.parts.map((part) => (part.kind === "text" ? part.text : "")).join("") : undefined,
    httpEquiv: named("http-equiv") !== undefined
  }
}

class AttributeCheck {
  private readonly attribute: AttributeSyntax
  private readonly element: string
  private readonly meaning: AttributeMeaning
  private readonly scope: Scope
  private readonly issues: Issues

  constructor(attribute: AttributeSyntax, element: string, meaning: AttributeMeaning, scope: Scope, issues: Issues) {
    this.attribute = attribute
    this.element = element
    this.meaning = meaning
    this.scope = scope
    this.issues = issues
  }

  write(into: CompiledNodes): void {
    const { attribute } = this
    switch (attribute.kind) {
      case "bare":
        return into.text(` ${attribute.name}`)
      case "expression":
        return this.expression(attribute, into)
      case "classes":
        return this.classes(attribute, into)
      case "quoted":
        return this.quoted(attribute, into)
    }
  }

  private expression(attribute: Extract<AttributeSyntax, { kind: "expression" }>, into: CompiledNodes): void {
    const value = this.printable(attribute.expression)
    if (!this.allowed(attribute, attribute.expression, "", value)) return
    const { name } = attribute
    if (this.meaning.kind === "url") into.add({ node: "attribute", name, value: value.code, url: true })
    else into.add({ node: "attribute", name, value: value.code })
  }

  private quoted(attribute: Extract<AttributeSyntax, { kind: "quoted" }>, into: CompiledNodes): void {
    const quote = attribute.quote === "" ? '"' : attribute.quote
    into.text(` ${attribute.name}=${quote}`)
    const inside = new CompiledNodes()
    const holes = attribute.parts.filter((part) => part.kind === "expression").length
    let prefix = ""
    let first = true
    for (const part of attribute.parts) {
      if (part.kind === "text") {
        this.literal(part)
        inside.text(part.text)
        if (first) prefix += part.text
        continue
      }
      const value = this.printable(part.expression)
      if (!first) inside.print(value.code)
      else if (this.allowed(attribute, part, prefix, holes === 1 && attribute.parts.length === 1 ? value : undefined))
        inside.print(value.code)
      first = false
    }
    const checked = this.meaning.kind === "url" && holes > 0 && !["safe", "pinned"].includes(addressStart(prefix))
    if (checked) into.add({ node: "url", parts: inside.nodes })
    else into.append(inside)
    into.text(quote)
  }

  /** Literal text of a value: braces that look like a forgotten `$`. */
  private literal(part: ValuePart & { kind: "text" }): void {
    const found = this.meaning.kind === "script" ? undefined : holeInLiteral(part.text, this.scope)
    if (found === undefined) return
    const at = part.at + found.at
    const message = found.block
      ? `a block cannot stand inside an attribute value: write \${condition ? "…" : ""}`
      : "braces are text inside a quoted value: write ${…} for an expression"
    this.issues.add("syntax", { at, end: part.at + found.end }, message)
  }

  private classes(attribute: Extract<AttributeSyntax, { kind: "classes" }>, into: CompiledNodes): void {
    const entries = attribute.entries.map((entry): CompiledClass => {
      const name: CompiledExpression =
        typeof entry.name === "string" ? { op: "literal", value: entry.name } : this.printable(entry.name).code
      if (entry.test === undefined) return { name }
      return { name, test: checkExpression(entry.test, this.scope, this.issues).code }
    })
    if (entries.length > 0) into.add({ node: "classes", entries })
  }

  private printable(expression: Parameters<typeof checkExpression>[0]): Checked {
    const value = checkExpression(expression, this.scope, this.issues)
    if (!isPrintable(value.type)) {
      this.issues.add(
        "wrong-type",
        expression,
        `${typeText(value.type)} cannot be printed: print one of its fields, or all of it with "| json"`
      )
    }
    return value
  }

  /** Whether an expression may stand here behind the literal `prefix`; `whole` is its value when it is all there is. */
  private allowed(attribute: AttributeSyntax, span: Span, prefix: string, whole: Checked | undefined): boolean {
    const { meaning, issues, element } = this
    const { name } = attribute
    if (meaning.kind === "refused") {
      issues.add("unsafe-context", span, `an expression cannot stand in ${name}: its value is ${meaning.why}${advice(name)}`)
      return false
    }
    if (meaning.kind === "script") {
      const json = whole?.code.op === "pipe" && whole.code.pipe === "json"
      if (!json)
        issues.add(
          "unsafe-context",
          span,
          `an expression cannot stand in ${name}: its value is ${meaning.why}; only ${name}={value | json} is safe`
        )
      return json
    }
    if (meaning.kind === "text") return true
    const start = addressStart(prefix)
    if (start === "dangerous") {
      issues.add("unsafe-context", span, `an expression cannot stand in an address that begins with "${prefix.trim().slice(0, 40)}"`)
      return false
    }
    if (meaning.kind === "url" || start === "pinned") return true
    issues.add(
      "unsafe-context",
      span,
      `<${element}> loads from ${name}, so the template has to say from where: begin it with a path ("/assets/\${…}") or a host ("https://example.org/\${…}")`
    )
    return false
  }
}

function advice(name: string): string {
  const lower = name.toLowerCase()
  if (lower.startsWith("on")) return "; put the value into a data- attribute and read it there"
  if (lower === "style") return "; use class={…} and a style sheet"
  return ""
}

export interface FoundHole {
  readonly at: number
  readonly end: number
  readonly block: boolean
}

const holeLike = /\{\s*(?:([A-Za-z_$][\w$]*)\s*(?=[.|[}?=!<>+*/%-])[^{}]*\}|(\/\s*(?:if|for)\s*\}|(?:if|for|else)\b[^{}]*\}))/g

/** A brace in literal text that the author most likely meant as an expression or block: `{name…}` of a name in scope, `{/if}`. */
export function holeInLiteral(text: string, scope: Scope): FoundHole | undefined {
  for (const match of text.matchAll(holeLike)) {
    const block = match[2] !== undefined
    if (block ? looksLikeBlock(match[0]) : scope.find(match[1] ?? "") !== undefined) {
      return { at: match.index, end: match.index + match[0].length, block }
    }
  }
  return undefined
}

/** `{if x}` but not the `{if (x) …}` of a program. */
function looksLikeBlock(text: string): boolean {
  return /^\{\s*(?:\/|else\s*\}|if\s+[^(\s]|for\s+\w+(?:\s*,\s*\w+)?\s+in\b)/.test(text)
}
