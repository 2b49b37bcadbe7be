/**
 * Values in programs and styles, in `<script>`, `<style>` and in attributes: each in the form that its place asks for.
 *
 * Invariants
 * - A value never ends the string, value or statement it stands in; where no form could promise that, the expression is refused.
 * - In `<script>`, the `${}` of a template literal is the program's own. A name of the template in it is refused rather than left to a
 *   program that does not know it.
 */
import { checkExpression, type Checked } from "./CheckExpression.ts"
import type { CompiledExpression, PrintForm } from "./Compiled.ts"
import type { CompiledNodes } from "./CompiledNodes.ts"
import { addressStart, decodeAttribute } from "./Html.ts"
import type { Issues, Span } from "./Issue.ts"
import { isPrintable } from "./Pipes.ts"
import { ScriptScanner, type ProgramPlace, type ProgramScanner } from "./ScriptScanner.ts"
import type { Scope } from "./Scope.ts"
import { typeText } from "./StaticType.ts"
import { StyleScanner } from "./StyleScanner.ts"
import type { ExpressionSyntax, NodeSyntax, ValuePart } from "./Syntax.ts"

export type ProgramLanguage = "script" | "style"

/** Stands for an expression where the text around it is read. */
const hole = "${}"
/** What a value needs around it so that it joins with nothing: a space, unless a sign stands there. */
const joinsBehind = /[\w$.+\-/<\u0080-\uffff]$/
const joinsBefore = /^[\w$.+\-\u0080-\uffff]/

export class ProgramCheck {
  private readonly language: ProgramLanguage
  /** As in "cannot stand in onclick". */
  private readonly where: string
  private readonly scope: Scope
  private readonly issues: Issues
  private readonly into: CompiledNodes
  private readonly attribute: boolean

  constructor(language: ProgramLanguage, where: string, attribute: boolean, scope: Scope, issues: Issues, into: CompiledNodes) {
    this.language = language
    this.where = where
    this.attribute = attribute
    this.scope = scope
    this.issues = issues
    this.into = into
  }

  /** The content of an element, whose places the parser found. */
  element(node: Extract<NodeSyntax, { kind: "program" }>): void {
    for (const span of node.skipped) this.own(span)
    const places = node.parts.map((part) => (part.kind === "expression" ? part.place : undefined))
    this.write(node.parts, places)
  }

  /** The value of an attribute: its places are those of the text as the browser reads it. */
  value(parts: ReadonlyArray<ValuePart>): void {
    const texts = parts.map((part) => (part.kind === "text" ? decodeAttribute(part.text) : hole))
    const unread = texts.indexOf(undefined)
    if (unread >= 0) {
      const why = `in ${this.where}, beside an expression, write a character itself instead of a named reference`
      this.issues.add("unsafe-context", parts[unread]!, why)
      return
    }
    const whole = texts.join("")
    const scanner: ProgramScanner = this.language === "style" ? new StyleScanner() : new ScriptScanner(true)
    let at = 0
    const places = parts.map((part, index): ProgramPlace | undefined => {
      const end = at + texts[index]!.length
      const place = part.kind === "expression" ? scanner.place() : undefined
      if (part.kind === "expression") scanner.value()
      else while (at < end) at = Math.max(at + 1, scanner.scan(whole, at, end))
      at = end
      return place
    })
    this.write(parts, places)
  }

  private write(parts: ReadonlyArray<ValuePart>, places: ReadonlyArray<ProgramPlace | undefined>): void {
    for (const [index, part] of parts.entries()) {
      if (part.kind === "text") this.into.text(part.text)
      else this.expression(part, places[index] ?? "other", parts[index - 1], parts[index + 1])
    }
  }

  private expression(
    part: Extract<ValuePart, { kind: "expression" }>,
    place: ProgramPlace,
    before: ValuePart | undefined,
    behind: ValuePart | undefined
  ): void {
    const form = this.form(place, before)
    if (form === undefined) {
      checkExpression(part.expression, this.scope, this.issues)
      this.issues.add("unsafe-context", part, `an expression cannot stand ${this.refusal(place)}`)
      return
    }
    const isValue = form === "script" || form === "scriptAttribute"
    const value = isValue ? checkExpression(part.expression, this.scope, this.issues) : this.printable(part.expression)
    if (isValue && (before?.kind === "expression" || (before !== undefined && joinsBehind.test(before.text)))) this.into.text(" ")
    this.into.add({ node: "print", value: isValue ? withoutJson(value.code) : value.code, as: form })
    if (isValue && behind?.kind === "text" && joinsBefore.test(behind.text)) this.into.text(" ")
  }

  /** The form of a place; undefined where there is none. */
  private form(place: ProgramPlace, before: ValuePart | undefined): PrintForm | undefined {
    if (this.language === "style") {
      if (place === "value") return "style"
      if (place === "string") return "styleText"
      if (place !== "address") return undefined
      const literal = before?.kind === "text" ? (/["']([^"']*)$/.exec(before.text)?.[1] ?? "?") : "?"
      const start = addressStart(literal)
      return literal === "" ? "styleAddress" : start === "safe" || start === "pinned" ? "styleText" : undefined
    }
    if (place === "value") return this.attribute ? "scriptAttribute" : "script"
    return place === "string" || place === "template" ? "scriptText" : undefined
  }

  private refusal(place: ProgramPlace): string {
    switch (place) {
      case "comment":
        return `in a comment of ${this.where}`
      case "regex":
        return `in a regular expression in ${this.where}: make it from a string, new RegExp(\${…})`
      case "import":
        return `in ${this.where} where it names what is loaded`
      case "address":
        return `in ${this.where} in the middle of an address: begin the address with the expression, or write its beginning up to a "/"`
      case "unsure":
        return `in ${this.where} here: whether the "/" before it divides or begins a regular expression is not certain; give the value a name further up, const value = \${…}`
      default:
        return this.language === "style"
          ? `in ${this.where} here: only the value of a property (width: \${…}) and the text in quotes can come from one`
          : `in ${this.where} here`
    }
  }

  /** A `${` of the program itself: it cannot name what only the template knows. */
  private own({ at, end }: Span): void {
    const name = /^\s*([A-Za-z_$][\w$]*)/.exec(this.issues.source.slice(end, end + 200))?.[1]
    if (name === undefined || this.scope.find(name) === undefined) return
    this.issues.add(
      "unsafe-context",
      { at, end: end + name.length },
      `this \${…} belongs to the program, which does not know "${name}": give the value a name outside of the template literal or comment, const value = \${${name}}`
    )
  }

  private printable(expression: ExpressionSyntax): Checked {
    const value = checkExpression(expression, this.scope, this.issues)
    if (!isPrintable(value.type))
      this.issues.add("wrong-type", expression, `${typeText(value.type)} cannot be part of a text in ${this.where}`)
    return value
  }
}

/** A value of a program is JSON by itself: `| json` at its end adds nothing. */
function withoutJson(code: CompiledExpression): CompiledExpression {
  return code.op === "pipe" && code.pipe === "json" ? code.of : code
}
