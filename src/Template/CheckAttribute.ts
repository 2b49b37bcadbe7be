/**
 * Attributes of elements: what an expression may stand for in each of them, and how it is written there.
 *
 * Invariants
 * - An expression reaches the page only in a quoted value, in the form that the attribute's meaning asks for; where there is none it is
 *   refused here, at build time.
 */
import { checkExpression, type Checked } from "./CheckExpression.ts"
import { ProgramCheck } from "./CheckProgram.ts"
import type { CompiledClass, CompiledExpression, PrintForm } from "./Compiled.ts"
import { CompiledNodes } from "./CompiledNodes.ts"
import { addressStart, attributeMeaning, decodeAttribute, unspreadElements, type AttributeMeaning, type ElementFacts } from "./Html.ts"
import type { Issues, Span } from "./Issue.ts"
import { isPrintable } from "./Pipes.ts"
import type { Scope } from "./Scope.ts"
import { membersOf, typeText } from "./StaticType.ts"
import type { AttributeSyntax, ElementSyntax, ValuePart } from "./Syntax.ts"

/** Writes all attributes of an element. */
export function checkAttributes(element: ElementSyntax, scope: Scope, issues: Issues, into: CompiledNodes): void {
  const facts = factsOf(element)
  for (const attribute of element.attributes) {
    if (attribute.kind === "spread") {
      spread(attribute, element, scope, issues, into)
      continue
    }
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

/** `{...e}`: the fields of a document of texts, without those that the element has itself. */
function spread(
  attribute: Extract<AttributeSyntax, { kind: "spread" }>,
  element: ElementSyntax,
  scope: Scope,
  issues: Issues,
  into: CompiledNodes
): void {
  const name = element.name.toLowerCase()
  const value = checkExpression(attribute.expression, scope, issues)
  if (unspreadElements.has(name)) {
    issues.add(
      "unsafe-context",
      attribute,
      `attributes cannot be spread over <${element.name}>, where they decide what is loaded: write each`
    )
    return
  }
  for (const member of membersOf(value.type)) {
    const fields = member.kind === "struct" ? [...member.fields.values()] : member.kind === "record" ? [member.values] : undefined
    if (member.kind === "any" || fields?.every(isPrintable) === true) continue
    issues.add("wrong-type", attribute.expression, `only a document of texts can be spread as attributes, not ${typeText(value.type)}`)
  }
  const except = element.attributes.flatMap((other) => (other.kind === "spread" ? [] : [other.name.toLowerCase()]))
  into.add({ node: "attributes", value: value.code, element: name, except })
}

type NamedAttribute = Exclude<AttributeSyntax, { kind: "spread" }>

class AttributeCheck {
  private readonly attribute: NamedAttribute
  private readonly element: string
  private readonly meaning: AttributeMeaning
  private readonly scope: Scope
  private readonly issues: Issues

  constructor(attribute: NamedAttribute, element: string, meaning: AttributeMeaning, scope: Scope, issues: Issues) {
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
    const form = wholeForms[this.meaning.kind]
    if (this.meaning.kind === "url") into.add({ node: "attribute", name, value: value.code, url: true })
    else if (form !== undefined) into.add({ node: "attribute", name, value: value.code, as: form })
    else into.add({ node: "attribute", name, value: value.code })
  }

  private quoted(attribute: Extract<AttributeSyntax, { kind: "quoted" }>, into: CompiledNodes): void {
    const quote = attribute.quote === "" ? '"' : attribute.quote
    const { meaning, scope, issues } = this
    into.text(` ${attribute.name}=${quote}`)
    const holes = attribute.parts.filter((part) => part.kind === "expression").length
    if (holes > 0 && (meaning.kind === "script" || meaning.kind === "style")) {
      new ProgramCheck(meaning.kind, attribute.name, true, scope, issues, into).value(attribute.parts)
    } else if (holes > 0 && meaning.kind === "addresses") this.addresses(attribute.parts, into)
    else if (holes > 0 && meaning.kind === "page") this.page(attribute.parts, into)
    else this.text(attribute, holes, into)
    into.text(quote)
  }

  /** A text or one address. */
  private text(attribute: Extract<AttributeSyntax, { kind: "quoted" }>, holes: number, into: CompiledNodes): void {
    const inside = new CompiledNodes()
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
      else if (this.allowed(attribute, part, prefix, undefined)) inside.print(value.code)
      first = false
    }
    const checked = this.meaning.kind === "url" && holes > 0 && !["safe", "pinned"].includes(addressStart(prefix))
    if (checked) into.add({ node: "url", parts: inside.nodes })
    else into.append(inside)
  }

  /** Addresses with white space or commas between them; each is judged by itself. */
  private addresses(parts: ReadonlyArray<ValuePart>, into: CompiledNodes): void {
    let address = new CompiledNodes()
    let literal = ""
    const end = () => {
      const holes = address.nodes.some((node) => node.node === "print")
      const start = addressStart(literal)
      if (holes && start !== "safe" && start !== "pinned") into.add({ node: "url", parts: address.nodes })
      else into.append(address)
      address = new CompiledNodes()
      literal = ""
    }
    let holes = false
    for (const part of parts) {
      if (part.kind === "expression") {
        holes = true
        address.nodes.push({ node: "print", value: this.printable(part.expression).code, as: "candidate" })
        continue
      }
      for (const piece of part.text.split(/([\s,]+)/)) {
        if (/^[\s,]+$/.test(piece)) {
          end()
          holes = false
          into.text(piece)
        } else if (piece !== "") {
          if (!holes) literal += piece
          address.text(piece)
        }
      }
    }
    end()
  }

  /** The text of a page: values stand between its tags only, escaped once for the page and once for the attribute. */
  private page(parts: ReadonlyArray<ValuePart>, into: CompiledNodes): void {
    let before = ""
    for (const part of parts) {
      if (part.kind === "text") {
        before += decodeAttribute(part.text) ?? "<"
        into.text(part.text)
        continue
      }
      const outside = before
        .replace(/<!--[^]*?-->/g, "")
        .replace(/<[A-Za-z/!?](?:"[^"]*"|'[^']*'|[^'">])*>/g, (tag) =>
          /^<(?:script|style|xmp|iframe|noembed|noframes|plaintext)/i.test(tag) ? "<x" : ""
        )
      const value = this.printable(part.expression)
      if (!/<[A-Za-z/!?]/.test(outside)) into.add({ node: "print", value: value.code, as: "page" })
      else
        this.issues.add(
          "unsafe-context",
          part,
          `an expression can stand in the text of ${this.attribute.name} only, not in its tags and programs`
        )
    }
  }

  /** Literal text of a value: braces that look like a forgotten `$`. */
  private literal(part: ValuePart & { kind: "text" }): void {
    const found = this.meaning.kind === "script" || this.meaning.kind === "style" ? undefined : holeInLiteral(part.text, this.scope)
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
    const named = entries.filter(({ name }) => name.op !== "literal" || Boolean(name.value))
    if (named.length > 0) into.add({ node: "classes", entries: named })
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
      issues.add("unsafe-context", span, `an expression cannot stand in ${name}: its value is ${meaning.why}`)
      return false
    }
    if (meaning.kind === "script") {
      const json = meaning.whole && whole?.code.op === "pipe" && whole.code.pipe === "json"
      const instead = meaning.whole ? `; write ${name}={value | json}, or ${name}="… \${value} …"` : `; write ${name}="… \${value} …"`
      if (!json) issues.add("unsafe-context", span, `an expression cannot be the whole of ${name}: its value is ${meaning.why}${instead}`)
      return json
    }
    if (meaning.kind === "style") {
      const why = `an expression cannot be the whole of ${name}: its value is a style; write ${name}="width: \${value}", or use class={…}`
      issues.add("unsafe-context", span, why)
      return false
    }
    if (meaning.kind !== "url" && meaning.kind !== "pinnedUrl") return true
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

/** The form of a whole value, by the attribute's meaning. */
const wholeForms: Readonly<Partial<Record<AttributeMeaning["kind"], PrintForm>>> = { addresses: "addresses", page: "page" }

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
