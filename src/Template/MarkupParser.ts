/**
 * Markup: text, tags and blocks, one pass over the source, recursive over its nesting.
 *
 * Invariants
 * - Whatever the source, parsing ends with a tree or with issues; it never throws anything else and never recurses deeper than
 *   `markupDepthMax`.
 * - A closing tag or block that fits an outer construct closes the inner ones with one issue each and is left for the outer one.
 * - White space: a line that holds nothing but one block tag, `{let}`, `{param}`, `{import}` or comment goes with its line break;
 *   text of nothing but white space becomes one space or line break, and goes where HTML shows none. All other text stays as it is.
 */
import { parseTagRest } from "./AttributeParser.ts"
import { BlockParser, type BlockWord } from "./BlockParser.ts"
import { Cursor } from "./Cursor.ts"
import { parseExpression } from "./ExpressionParser.ts"
import { preformattedElements, rawTextElements, refusedElements, scriptLanguage, structuralElements, voidElements } from "./Html.ts"
import type { Issues, Span } from "./Issue.ts"
import { markupDepthMax, sourceLengthMax } from "./Limits.ts"
import { type ProgramScanner, ScriptScanner } from "./ScriptScanner.ts"
import { StyleScanner } from "./StyleScanner.ts"
import type { AttributeSyntax, ImportSyntax, Mark, NodeSyntax, ParameterSyntax, SyntaxTree, ValuePart } from "./Syntax.ts"

/** A construct that waits for its end. */
export interface Open extends Span {
  readonly kind: "tag" | BlockWord
  /** `div` of `<div>`; empty for `<>`; the word of a block. */
  readonly name: string
}

const tagName = /[A-Za-z][A-Za-z0-9_:.-]*/y
const blank = /^\s*$/

/** Reads a whole file; what is wrong goes to `issues`. */
export function parseMarkup(file: string, source: string, issues: Issues): SyntaxTree {
  const parser = new MarkupParser(source, issues)
  const empty: SyntaxTree = { file, source, parameters: [], imports: [], fragments: [], marks: [], body: [] }
  if (source.length > sourceLengthMax) {
    issues.add("limit", { at: sourceLengthMax, end: sourceLengthMax }, `a template has at most ${sourceLengthMax} characters`)
    return empty
  }
  if (!source.isWellFormed()) {
    const at = source.search(/\p{Cs}/u)
    issues.add("syntax", { at, end: at + 1 }, "half a character: a UTF-16 surrogate stands alone here")
    return empty
  }
  const body = parser.nodes()
  const { parameters, imports, fragments, marks } = parser
  return { file, source, parameters, imports, fragments, marks, body: trimmed(body) }
}

/** Takes the white space at the very beginning and end of a file away. */
function trimmed(nodes: ReadonlyArray<NodeSyntax>): ReadonlyArray<NodeSyntax> {
  const result = [...nodes]
  const shown = (node: NodeSyntax) => node.kind !== "comment" && !(node.kind === "text" && blank.test(node.text))
  const first = result.findIndex(shown)
  const last = result.findLastIndex(shown)
  if (first < 0) return []
  const start = result[first]!
  if (start.kind === "text") result[first] = { ...start, text: start.text.trimStart() }
  const end = result[last]!
  if (end.kind === "text") result[last] = { ...end, text: end.text.trimEnd() }
  return result.slice(first, last + 1)
}

/** Where the next `${` is. */
function nextHole(source: string, from: number, to: number): number {
  const hole = source.indexOf("${", from)
  return hole < 0 || hole > to ? to : hole
}

/** The value of an attribute that is written literally; "?" for others. */
function literalText(attribute: AttributeSyntax): string {
  if (attribute.kind === "bare") return ""
  if (attribute.kind !== "quoted") return "?"
  return attribute.parts.map((part) => (part.kind === "text" ? part.text : "?")).join("")
}

/** Reads what stands in an element; undefined for elements in which no expression may stand. */
function scannerOf(name: string, attributes: ReadonlyArray<AttributeSyntax>): ProgramScanner | undefined {
  if (name.toLowerCase() === "style") return new StyleScanner()
  if (name.toLowerCase() !== "script") return undefined
  const type = attributes.find((attribute) => attribute.name.toLowerCase() === "type")
  return scriptLanguage(type === undefined ? "" : literalText(type)) === undefined ? undefined : new ScriptScanner(false)
}

/** The name that `slot="…"` of a child or `name="…"` of a slot is given literally; empty after a mistake. */
export function slotName(attribute: AttributeSyntax, issues: Issues): string {
  const part = attribute.kind === "quoted" && attribute.parts.length === 1 ? attribute.parts[0] : undefined
  if (part?.kind === "text" && /^[A-Za-z][\w-]*$/.test(part.text)) return part.text
  issues.add("syntax", attribute, `the name of a slot is written literally, in letters, digits and "-": ${attribute.name}="actions"`)
  return ""
}

export class MarkupParser {
  readonly cursor: Cursor
  readonly parameters: Array<ParameterSyntax> = []
  readonly imports: Array<ImportSyntax> = []
  /** Names of the fragments, in their order. */
  readonly fragments: Array<string> = []
  /** All tags and holes in the order of the source. */
  readonly marks: Array<Mark> = []
  /** What is open around the cursor, outermost first. */
  readonly open: Array<Open> = []
  private readonly blocks: BlockParser
  /** Tags that were reported as not closed: their end tags may be met later, where they close nothing. */
  private readonly forgiven: Array<string> = []
  /** How many open elements keep their white space. */
  private preformatted = 0

  constructor(source: string, issues: Issues) {
    this.cursor = new Cursor(source, issues)
    this.blocks = new BlockParser(this)
  }

  /** Reads siblings up to whatever ends them; that is left for the caller. */
  nodes(): Array<NodeSyntax> {
    const found: Array<NodeSyntax> = []
    const { cursor } = this
    while (!cursor.ended) {
      if (cursor.sees("</")) {
        if (this.closes()) return found
      } else if (cursor.sees("{")) {
        if (this.blocks.parse(found) === "ended") return found
      } else if (!this.markup(found)) this.text(found)
    }
    return found
  }

  /** Notes what was read from `at` to the cursor. */
  mark(kind: Mark["kind"], at: number): void {
    this.marks.push({ kind, at, end: this.cursor.at })
  }

  /** Runs `read` with `entry` open; when nesting is too deep, the rest of the source is skipped with one issue. */
  within<T>(entry: Open, read: () => T): T | undefined {
    if (this.open.length >= markupDepthMax) {
      this.cursor.issues.add("limit", entry, `markup is nested deeper than ${markupDepthMax}`)
      this.cursor.at = this.cursor.source.length
      return undefined
    }
    this.open.push(entry)
    const result = read()
    this.open.pop()
    return result
  }

  /** Everything that begins with "<"; false when it is a plain "<" of a text. */
  private markup(found: Array<NodeSyntax>): boolean {
    const { cursor } = this
    if (!cursor.sees("<")) return false
    const next = cursor.source[cursor.at + 1] ?? ""
    if (next === ">") return this.group(found)
    if (next === "!" || next === "?") return this.declaration(found)
    if (!/[A-Za-z]/.test(next)) return false
    this.element(found)
    return true
  }

  private group(found: Array<NodeSyntax>): boolean {
    const at = this.cursor.at
    this.cursor.at += 2
    this.mark("open", at)
    const span = { at, end: at + 2 }
    const children = this.within({ kind: "tag", name: "", ...span }, () => this.nodes()) ?? []
    this.closeTag("", span)
    found.push({ kind: "group", children, at, end: this.cursor.at })
    return true
  }

  private declaration(found: Array<NodeSyntax>): boolean {
    const { cursor } = this
    const at = cursor.at
    const rest = cursor.source
    if (cursor.sees("<!--")) {
      const close = rest.indexOf("-->", at + 4)
      if (close < 0) cursor.issues.add("unclosed", { at, end: at + 4 }, 'this comment is not closed: "-->" is missing')
      cursor.at = close < 0 ? rest.length : close + 3
      const end = cursor.at
      this.mark("single", at)
      const parts = this.parts(at, end, { scan: nextHole, skipped: [], place: () => "comment", value: () => undefined })
      found.push({ kind: "markupComment", parts, at, end })
      return true
    }
    const doctype = cursor.take(/<!doctype\s[^<>{}]*>/iy)
    if (doctype !== undefined) {
      if (this.open.length > 0 || found.some((node) => node.kind !== "text" && node.kind !== "comment")) {
        cursor.issues.add("syntax", { at, end: cursor.at }, "the doctype stands before everything else")
      }
      this.mark("single", at)
      found.push({ kind: "doctype", text: doctype, at, end: cursor.at })
      cursor.skipSpace()
      return true
    }
    const what = cursor.sees("<?") ? "a processing instruction" : "this declaration"
    cursor.issues.add("syntax", { at, end: at + 2 }, `${what} is not HTML: only <!doctype …> and <!-- … --> begin this way`)
    const close = rest.indexOf(">", at)
    cursor.at = close < 0 ? rest.length : close + 1
    return true
  }

  private element(found: Array<NodeSyntax>): void {
    const { cursor } = this
    const at = cursor.at++
    const name = cursor.take(tagName) ?? ""
    const nameSpan = { at: at + 1, end: cursor.at }
    const span = { at, end: cursor.at }
    const { attributes, closed } = parseTagRest(cursor, { ...span, name })
    const component = /^[A-Z]/.test(name)
    if (refusedElements.has(name.toLowerCase())) cursor.issues.add("unsupported", span, `<${name}> cannot be used in a template`)
    const isVoid = !component && voidElements.has(name)
    this.mark(closed || isVoid ? "single" : "open", at)
    const children = closed || isVoid ? [] : this.content(name, span, component ? undefined : scannerOf(name, attributes), component)
    const end = cursor.at
    if (component) found.push({ kind: "component", name, nameSpan, attributes, children, at, end })
    else if (name === "slot") this.slot(found, attributes, children, { at, end })
    else found.push({ kind: "element", name, nameSpan, attributes, children, at, end })
  }

  private slot(found: Array<NodeSyntax>, attributes: ReadonlyArray<AttributeSyntax>, otherwise: Array<NodeSyntax>, span: Span): void {
    let name = ""
    for (const attribute of attributes) {
      if (attribute.name !== "name") this.cursor.issues.add("syntax", attribute, '<slot> has no attribute but "name"')
      else name = slotName(attribute, this.cursor.issues)
    }
    found.push({ kind: "slot", name, otherwise, ...span })
  }

  private content(name: string, span: Span, scanner: ProgramScanner | undefined, component: boolean): Array<NodeSyntax> {
    if (!component && rawTextElements.has(name.toLowerCase())) return this.rawText(name, span, scanner)
    const keeps = preformattedElements.has(name.toLowerCase())
    if (keeps) this.preformatted++
    const start = this.cursor.at
    const marked = this.marks.length
    const children = this.within({ kind: "tag", name, ...span }, () => this.nodes()) ?? []
    if (keeps) {
      this.preformatted--
      this.marks.length = marked
      this.mark("verbatim", start)
    }
    this.closeTag(name, span)
    return children
  }

  /** Content that the browser does not read as markup: up to the end tag, as written, but for the holes of a program. */
  private rawText(name: string, span: Span, scanner: ProgramScanner | undefined): Array<NodeSyntax> {
    const { cursor } = this
    const start = cursor.at
    const close = new RegExp(`</${name}(?=[\\s/>])`, "gi")
    close.lastIndex = start
    const found = close.exec(cursor.source)
    if (found === null) {
      cursor.issues.add("unclosed", span, `<${name}> is not closed: </${name}> is missing`)
      cursor.at = cursor.source.length
      return []
    }
    cursor.at = found.index
    this.mark("verbatim", start)
    const text = cursor.source.slice(start, found.index)
    const content = { at: start, end: found.index }
    const parts = scanner === undefined ? [] : this.parts(start, found.index, scanner)
    this.closeTag(name, span)
    if (scanner !== undefined) return [{ kind: "program", parts, skipped: scanner.skipped, ...content }]
    return text === "" ? [] : [{ kind: "text", text, ...content }]
  }

  /** The text and holes of [from, to); ends there. */
  private parts(from: number, to: number, scanner: ProgramScanner): Array<ValuePart> {
    const { cursor } = this
    const parts: Array<ValuePart> = []
    for (let at = from; at < to;) {
      const hole = scanner.scan(cursor.source, at, to)
      if (hole > at) parts.push({ kind: "text", text: cursor.source.slice(at, hole), at, end: hole })
      if (hole >= to) break
      cursor.at = hole
      const place = scanner.place()
      const expression = cursor.hole(hole + 2, parseExpression)
      scanner.value()
      at = cursor.at
      if (expression !== undefined) parts.push({ kind: "expression", expression, place, at: hole, end: at })
      if (at > to) cursor.issues.add("syntax", { at: hole, end: hole + 2 }, "an expression cannot hold the end of what it stands in")
    }
    cursor.at = to
    return parts
  }

  /** Takes the end tag of `name`; when something else stands there, `span` was not closed. */
  private closeTag(name: string, span: Span): void {
    const { cursor } = this
    const at = cursor.at
    if (cursor.sees("</")) {
      cursor.at += 2
      const found = cursor.take(tagName) ?? ""
      if (found === name) {
        cursor.skipSpace()
        if (cursor.sees(">")) {
          cursor.at++
          this.mark("close", at)
        } else cursor.issues.add("syntax", { at, end: cursor.at }, `expected ">" to close </${name}>`)
        return
      }
      cursor.at = at
    }
    const before = cursor.ended ? "" : ` before ${this.ending(at)}`
    this.forgiven.push(name)
    cursor.issues.add("unclosed", span, `<${name}> is not closed${before}: </${name}> is missing`)
  }

  /** The closing tag or block at `at`, for messages. */
  ending(at: number): string {
    const { line } = this.cursor.issues.position(at)
    const text = /^(?:<\/[A-Za-z0-9:.-]*>?|\{[^}\n]{0,20}\}?)/.exec(this.cursor.source.slice(at, at + 60))?.[0] ?? ""
    return `${text} of line ${line}`
  }

  /** At "</": whether it ends these siblings. An end tag that fits nothing is reported and skipped. */
  private closes(): boolean {
    const { cursor } = this
    const at = cursor.at
    cursor.at += 2
    const name = cursor.take(tagName) ?? ""
    if (this.open.some((entry) => entry.kind === "tag" && entry.name === name)) {
      cursor.at = at
      return true
    }
    cursor.take(/[^<>]*>?/y)
    const forgiven = this.forgiven.indexOf(name)
    if (forgiven >= 0) {
      this.forgiven.splice(forgiven, 1)
      return false
    }
    const innermost = this.open.findLast((entry) => entry.kind === "tag")
    const message = voidElements.has(name)
      ? `<${name}> has no end tag`
      : innermost === undefined
        ? `</${name}> closes nothing`
        : `</${name}> does not match <${innermost.name}> of line ${cursor.issues.position(innermost.at).line}`
    cursor.issues.add("mismatched-close", { at, end: cursor.at }, message)
    return false
  }

  /** A run of text up to the next tag or brace. */
  private text(found: Array<NodeSyntax>): void {
    const { cursor } = this
    const at = cursor.at
    const stop = /[{}]|<(?=[A-Za-z/!?>])/g
    stop.lastIndex = at + (cursor.sees("<") ? 1 : 0)
    const next = stop.exec(cursor.source)
    cursor.at = next === null ? cursor.source.length : next.index
    if (cursor.at > at) this.pushText(found, at)
    if (!cursor.sees("}")) return
    cursor.issues.add("syntax", { at: cursor.at, end: cursor.at + 1 }, 'a "}" without its "{": write {"}"} to show a brace')
    cursor.at++
  }

  private pushText(found: Array<NodeSyntax>, at: number): void {
    const { cursor } = this
    const end = cursor.at
    let text = cursor.source.slice(at, end)
    if (this.preformatted === 0 && blank.test(text)) {
      const around = this.open.findLast((entry) => entry.kind === "tag")
      if (around !== undefined && structuralElements.has(around.name)) return
      // The indentation behind a line that left no trace: the line break before that line is enough.
      if (at > 0 && cursor.source[at - 1] === "\n" && !text.includes("\n")) return
      text = text.includes("\n") ? "\n" : " "
    }
    found.push({ kind: "text", text, at, end })
  }

  /**
   * Behind a block tag, `{let}` or comment that began at `at`: if it has its line for itself, the line leaves no trace and the
   * result is true. `found` are the siblings before it. White space remains: the line before ended in a line break that stays.
   */
  standalone(found: Array<NodeSyntax>, at: number): boolean {
    if (this.preformatted > 0) return false
    const { cursor } = this
    const { source } = cursor
    const lineStart = source.lastIndexOf("\n", at - 1) + 1
    if (!blank.test(source.slice(lineStart, at))) return false
    const newline = source.indexOf("\n", cursor.at)
    const lineEnd = newline < 0 ? source.length : newline + 1
    if (!blank.test(source.slice(cursor.at, lineEnd))) return false
    cursor.at = lineEnd
    const before = found.at(-1)
    if (before?.kind !== "text" || before.end !== at) return true
    const kept = before.text.replace(/[ \t]+$/, "")
    if (kept === "") found.pop()
    else found[found.length - 1] = { ...before, text: kept, end: at }
    return true
  }

  /** An expression to print: `{e}`. */
  print(found: Array<NodeSyntax>): void {
    const at = this.cursor.at
    const expression = this.cursor.hole(at + 1, parseExpression)
    this.mark("single", at)
    if (expression !== undefined) found.push({ kind: "print", expression, at, end: this.cursor.at })
  }
}
