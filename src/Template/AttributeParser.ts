/** Attributes of elements and components: `a`, `a="x ${e}"`, `a={e}`, `class={a, b: cond}`, `{...e}`. */
import type { Cursor } from "./Cursor.ts"
import { parseExpression } from "./ExpressionParser.ts"
import type { Span } from "./Issue.ts"
import type { AttributeSyntax, ClassEntry, ExpressionSyntax, ValuePart } from "./Syntax.ts"
import { described, mistake, Tokens } from "./Tokens.ts"

const namePattern = /[^\s"'<>/={}\p{Cc}]+/uy
/** What may follow an expression in the place of an attribute's name. */
const restOfAttribute = /[^\s"'<>=/{}]*(?:=(?:"[^"<>]*"|'[^'<>]*'|[^\s"'<>]*))?/y
const unquotedPattern = /[^\s"'=<>`{}]+/y

/** The attributes of a start tag and where it ends. */
export interface TagRest {
  readonly attributes: ReadonlyArray<AttributeSyntax>
  /** Whether the tag ends with `/>`. */
  readonly closed: boolean
}

/** Reads attributes up to and with `>` or `/>`. `tag` is the span of `<name`, for messages. */
export function parseTagRest(cursor: Cursor, tag: Span & { readonly name: string }): TagRest {
  const attributes: Array<AttributeSyntax> = []
  const before = cursor.issues.found.length
  for (;;) {
    cursor.skipSpace()
    // A value that is not closed swallows the rest of the file and has been reported.
    if (cursor.ended && cursor.issues.found.slice(before).some((issue) => issue.code === "unclosed")) return { attributes, closed: false }
    if (cursor.ended || (cursor.sees("<") && !cursor.sees("<="))) {
      cursor.issues.add("unclosed", tag, `the tag <${tag.name}> is not closed: ">" is missing`)
      return { attributes, closed: false }
    }
    if (cursor.sees("/>")) {
      cursor.at += 2
      return { attributes, closed: true }
    }
    if (cursor.sees(">")) {
      cursor.at += 1
      return { attributes, closed: false }
    }
    const attribute = parseAttribute(cursor)
    if (attribute === undefined) continue
    if (attribute.kind !== "spread" && attributes.some((other) => other.name.toLowerCase() === attribute.name.toLowerCase())) {
      cursor.issues.add("duplicate", attribute.nameSpan, `attribute "${attribute.name}" is written twice on <${tag.name}>`)
    } else attributes.push(attribute)
  }
}

function parseAttribute(cursor: Cursor): AttributeSyntax | undefined {
  const at = cursor.at
  if (/^\{\s*\.\.\./.test(cursor.source.slice(at, at + 40))) return parseSpread(cursor)
  if (cursor.sees("{")) return refuseHoleInTag(cursor)
  const name = cursor.take(namePattern)
  if (name === undefined) {
    cursor.issues.add("syntax", { at, end: at + 1 }, `unexpected ${JSON.stringify(cursor.source[at])} in a tag`)
    cursor.at++
    cursor.take(/[^\s<>]*/y)
    return undefined
  }
  const nameSpan = { at, end: cursor.at }
  if (cursor.sees("{")) {
    cursor.issues.add("unsafe-context", { at, end: cursor.at + 1 }, "an attribute's name cannot be an expression")
    skipHole(cursor)
    cursor.take(restOfAttribute)
    return undefined
  }
  const behindName = cursor.at
  cursor.skipSpace()
  if (!cursor.sees("=")) {
    cursor.at = behindName
    return { kind: "bare", name, nameSpan, at, end: behindName }
  }
  cursor.at++
  cursor.skipSpace()
  return parseValue(cursor, name, nameSpan)
}

function parseSpread(cursor: Cursor): AttributeSyntax | undefined {
  const at = cursor.at
  const expression = cursor.hole(at + 1, (tokens) => (tokens.next(), parseExpression(tokens)))
  const nameSpan = { at, end: cursor.at }
  return expression === undefined ? undefined : { kind: "spread", expression, name: "...", nameSpan, at, end: cursor.at }
}

function refuseHoleInTag(cursor: Cursor): undefined {
  const at = cursor.at
  const rest = cursor.source.slice(at, at + 40)
  if (/^\{\/?(?:if|for|else)\b/.test(rest)) {
    cursor.issues.add(
      "syntax",
      { at, end: at + 1 },
      "a block cannot stand inside a tag: write name={condition} to make an attribute conditional"
    )
  } else if (rest.startsWith("{#")) {
    cursor.issues.add("syntax", { at, end: at + 2 }, "a comment cannot stand inside a tag: write it before the tag")
  } else {
    cursor.issues.add(
      "unsafe-context",
      { at, end: at + 1 },
      "an expression cannot stand inside a tag without a name: write name={expression}"
    )
  }
  skipHole(cursor)
  cursor.take(restOfAttribute)
  return undefined
}

/** Moves behind the hole that begins here, by its tokens, so that braces and quotes inside do not end it. */
function skipHole(cursor: Cursor): void {
  const from = cursor.at + 1
  const tokens = new Tokens(cursor.source, from)
  let depth = 1
  try {
    while (depth > 0) {
      const token = tokens.next()
      if (token.kind === "end") break
      if (token.kind === "symbol" && token.text === "{") depth++
      if (token.kind === "symbol" && token.text === "}") depth--
    }
    cursor.at = tokens.lastEnd
  } catch {
    const brace = cursor.source.indexOf("}", from)
    cursor.at = brace < 0 ? cursor.source.length : brace + 1
  }
}

function parseValue(cursor: Cursor, name: string, nameSpan: Span): AttributeSyntax | undefined {
  const at = nameSpan.at
  const quote = cursor.source[cursor.at]
  if (quote === '"' || quote === "'") {
    const parts = parseQuoted(cursor, quote)
    return { kind: "quoted", quote, parts, name, nameSpan, at, end: cursor.at }
  }
  if (quote === "{") {
    const from = cursor.at + 1
    if (name === "class" && isClassList(cursor.source, from)) {
      const entries = cursor.hole(from, parseClasses)
      return entries === undefined ? undefined : { kind: "classes", entries, name, nameSpan, at, end: cursor.at }
    }
    const expression = cursor.hole(from, parseExpression)
    return expression === undefined ? undefined : { kind: "expression", expression, name, nameSpan, at, end: cursor.at }
  }
  const start = cursor.at
  const text = cursor.take(unquotedPattern)
  if (text === undefined) {
    cursor.issues.add("syntax", { at, end: start }, `attribute "${name}" has "=" but no value: write ${name}="…" or ${name}={…}`)
    return undefined
  }
  if (cursor.sees("{")) {
    cursor.issues.add(
      "unsafe-context",
      { at: start, end: cursor.at + 1 },
      `an expression in an unquoted value: write ${name}="${text}\${…}"`
    )
    skipHole(cursor)
    cursor.take(unquotedPattern)
    return undefined
  }
  return { kind: "quoted", quote: "", parts: [{ kind: "text", text, at: start, end: cursor.at }], name, nameSpan, at, end: cursor.at }
}

function parseQuoted(cursor: Cursor, quote: string): Array<ValuePart> {
  const parts: Array<ValuePart> = []
  const open = cursor.at
  let start = open + 1
  cursor.at = start
  const text = () => {
    if (cursor.at > start) parts.push({ kind: "text", text: cursor.source.slice(start, cursor.at), at: start, end: cursor.at })
  }
  for (;;) {
    if (cursor.ended) {
      cursor.issues.add("unclosed", { at: open, end: open + 1 }, `this attribute value is not closed: ${quote} is missing`)
      text()
      return parts
    }
    if (cursor.source[cursor.at] === quote) {
      text()
      cursor.at++
      return parts
    }
    if (!cursor.sees("${")) {
      cursor.at++
      continue
    }
    text()
    const at = cursor.at
    const expression = cursor.hole(at + 2, parseExpression)
    if (expression !== undefined) parts.push({ kind: "expression", expression, at, end: cursor.at })
    start = cursor.at
  }
}

/** Whether `class={` begins a list of classes (it has a top-level `,` or `:`) and not one expression. */
function isClassList(source: string, from: number): boolean {
  const tokens = new Tokens(source, from)
  let depth = 0
  let choices = 0
  try {
    for (;;) {
      const { kind, text } = tokens.next()
      if (kind === "end") return false
      if (kind !== "symbol") continue
      if ("([{".includes(text)) depth++
      else if (")]}".includes(text)) depth--
      if (depth < 0) return false
      if (depth > 0) continue
      if (text === ",") return true
      if (text === "?") choices++
      if (text === ":" && choices-- === 0) return true
    }
  } catch {
    return false
  }
}

function parseClasses(tokens: Tokens): Array<ClassEntry> {
  const entries: Array<ClassEntry> = []
  while (!tokens.sees("}")) {
    const first = tokens.peek()
    const name = parseClassName(tokens)
    const test = tokens.take(":") ? parseExpression(tokens) : undefined
    entries.push({ name, ...(test === undefined ? {} : { test }), at: first.at, end: tokens.lastEnd })
    if (!tokens.take(",") && !tokens.sees("}")) {
      throw mistake("syntax", tokens.peek(), `expected "," or "}" behind a class, found ${described(tokens.peek())}`)
    }
  }
  return entries
}

/** `row`, `is-open`, `"any text"`, or an expression in parentheses. */
function parseClassName(tokens: Tokens): string | ExpressionSyntax {
  const token = tokens.peek()
  if (token.kind === "symbol" && token.text === "(") {
    tokens.next()
    const expression = parseExpression(tokens)
    tokens.expect(")", "behind the expression of a class")
    return expression
  }
  tokens.next()
  if (token.kind === "string") return token.text
  if (token.kind !== "name") throw mistake("syntax", token, `expected the name of a class, found ${described(token)}`)
  let name = token.text
  while (tokens.sees("-") && tokens.peek().at === tokens.lastEnd) {
    const dash = tokens.next()
    const part = tokens.peek()
    if ((part.kind !== "name" && part.kind !== "number") || part.at !== dash.end)
      throw mistake("syntax", part, 'expected the rest of the class behind "-"')
    name += `-${tokens.next().text}`
  }
  return name
}
