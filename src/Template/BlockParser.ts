/** What begins with a brace: comments, `{param}`, `{import}`, `{let}`, `{raw}`, blocks, and expressions to print. */
import { parseExpression } from "./ExpressionParser.ts"
import type { Span } from "./Issue.ts"
import type { MarkupParser } from "./MarkupParser.ts"
import { reservedWords, type BranchSyntax, type CaseSyntax, type NodeSyntax } from "./Syntax.ts"
import { described, mistake, type Token, type Tokens } from "./Tokens.ts"
import { parseType } from "./TypeParser.ts"

const opener = /^\{\s*(\/?)\s*(param|import|let|if|else|for|switch|case|raw|fragment)\b/

/** The blocks that have an end. */
export type BlockWord = "if" | "for" | "switch" | "fragment"

const blockWords: ReadonlySet<string> = new Set<BlockWord>(["if", "for", "switch", "fragment"])

function isBlock(word: string): word is BlockWord {
  return blockWords.has(word)
}

/** What `{` began: a whole node, or the end of the siblings before it. */
export type Outcome = "parsed" | "ended"

interface Divider {
  /** Whether it was the end of the block. */
  readonly closed: boolean
  readonly clean: boolean
  /** The condition of an `{else if}`. */
  readonly test?: BranchSyntax["test"] | undefined
  /** The values of a `{case}`. */
  readonly values?: CaseSyntax["values"] | undefined
  /** Whether an `{else if}` or `{case}` had a mistake in it. */
  readonly broken?: boolean
}

export class BlockParser {
  private readonly markup: MarkupParser
  /** Ends of blocks that were reported as crossing an element and will be met again. */
  private readonly forgiven = { if: 0, for: 0, switch: 0, fragment: 0 }

  constructor(markup: MarkupParser) {
    this.markup = markup
  }

  /** Reads what begins here with "{" into `found`; "ended" leaves a closing tag for the caller. */
  parse(found: Array<NodeSyntax>): Outcome {
    const { cursor } = this.markup
    if (cursor.sees("{#")) return this.comment(found)
    const match = opener.exec(cursor.source.slice(cursor.at, cursor.at + 200))
    const word = match?.[2] ?? ""
    if (match === null || this.isVariable(match[0].length)) {
      if (/^\{\s*\//.test(cursor.source.slice(cursor.at, cursor.at + 20))) return this.unknownEnd()
      this.markup.print(found)
      return "parsed"
    }
    if (match[1] === "/") return this.end(word)
    if (word === "else") return this.otherwise()
    if (word === "if") return this.if(found)
    if (word === "for") return this.for(found)
    if (word === "switch") return this.switch(found)
    if (word === "case") return this.case()
    if (word === "fragment") return this.fragment(found)
    if (word === "let") return this.let(found)
    if (word === "raw") return this.raw(found)
    return this.declaration(found, word === "param" ? "param" : "import")
  }

  /** `{param.x}` or `{raw | upper}`: a path or pipe, not a block, though the words are reserved; reported as such by the expression parser. */
  private isVariable(length: number): boolean {
    const { cursor } = this.markup
    return /^\s*[.|[]/.test(cursor.source.slice(cursor.at + length, cursor.at + length + 20))
  }

  private comment(found: Array<NodeSyntax>): Outcome {
    const { cursor } = this.markup
    const at = cursor.at
    const close = cursor.source.indexOf("#}", at + 2)
    if (close < 0) cursor.issues.add("unclosed", { at, end: at + 2 }, 'this comment is not closed: "#}" is missing')
    cursor.at = close < 0 ? cursor.source.length : close + 2
    const span = { at, end: cursor.at }
    this.markup.mark("single", at)
    this.markup.standalone(found, at)
    found.push({ kind: "comment", ...span })
    return "parsed"
  }

  private unknownEnd(): Outcome {
    const { cursor } = this.markup
    const at = cursor.at
    const brace = cursor.source.indexOf("}", at)
    cursor.at = brace < 0 ? cursor.source.length : brace + 1
    cursor.issues.add(
      "syntax",
      { at, end: Math.min(cursor.at, at + 40) },
      "this closes no block: the ends of blocks are {/if}, {/for}, {/switch} and {/fragment}"
    )
    return "parsed"
  }

  private skip(at: number): void {
    const { cursor } = this.markup
    const brace = cursor.source.indexOf("}", at)
    cursor.at = brace < 0 ? cursor.source.length : brace + 1
  }

  /** The end of a block: ends the siblings when such a block is open. */
  private end(word: string): Outcome {
    const { cursor, open } = this.markup
    if (isBlock(word) && open.some((entry) => entry.kind === word)) return "ended"
    const at = cursor.at
    this.skip(at)
    if (isBlock(word) && this.forgiven[word] > 0) {
      this.forgiven[word]--
      return "parsed"
    }
    const message = isBlock(word) ? `{/${word}} closes nothing: no {${word}} is open here` : `{${word}} has no end`
    cursor.issues.add("mismatched-close", { at, end: cursor.at }, message)
    return "parsed"
  }

  private otherwise(): Outcome {
    const { cursor, open } = this.markup
    if (open.some((entry) => entry.kind !== "tag" && entry.kind !== "fragment")) return "ended"
    const at = cursor.at
    this.skip(at)
    cursor.issues.add("mismatched-close", { at, end: cursor.at }, "{else} stands outside of {if}, {for} and {switch}")
    return "parsed"
  }

  private case(): Outcome {
    const { cursor, open } = this.markup
    if (open.some((entry) => entry.kind === "switch")) return "ended"
    const at = cursor.at
    this.skip(at)
    cursor.issues.add("mismatched-close", { at, end: cursor.at }, "{case} stands outside of {switch}")
    return "parsed"
  }

  private raw(found: Array<NodeSyntax>): Outcome {
    const { cursor } = this.markup
    const at = cursor.at
    const expression = cursor.hole(at + 1, (tokens) => (tokens.next(), parseExpression(tokens)))
    this.markup.mark("single", at)
    if (expression !== undefined) found.push({ kind: "raw", expression, at, end: cursor.at })
    return "parsed"
  }

  private let(found: Array<NodeSyntax>): Outcome {
    const { cursor } = this.markup
    const at = cursor.at
    const result = cursor.hole(at + 1, (tokens) => {
      tokens.next()
      const name = variableName(tokens)
      tokens.expect("=", `behind {let ${name.text}`)
      return { name, value: parseExpression(tokens) }
    })
    const end = cursor.at
    this.markup.mark("single", at)
    this.markup.standalone(found, at)
    if (result === undefined) return "parsed"
    found.push({ kind: "let", name: result.name.text, nameSpan: spanOf(result.name), value: result.value, at, end })
    return "parsed"
  }

  private declaration(found: Array<NodeSyntax>, word: "param" | "import"): Outcome {
    const { cursor, open } = this.markup
    const at = cursor.at
    const before = cursor.issues.found.length
    cursor.hole(at + 1, (tokens) => {
      tokens.next()
      if (word === "param") this.parameter(tokens, at)
      else this.import(tokens, at)
    })
    const end = cursor.at
    this.markup.mark("single", at)
    this.markup.standalone(found, at)
    if (open.length > 0 && cursor.issues.found.length === before) {
      cursor.issues.add("syntax", { at, end }, `{${word}} stands at the top of a file, not inside of markup`)
    }
    return "parsed"
  }

  private parameter(tokens: Tokens, at: number): void {
    const name = variableName(tokens)
    const optional = tokens.take("?")
    tokens.expect(":", `behind the parameter "${name.text}"`)
    const type = parseType(tokens)
    const initial = tokens.take("=") ? parseExpression(tokens) : undefined
    if (this.markup.parameters.some((other) => other.name === name.text)) {
      throw mistake("duplicate", name, `parameter "${name.text}" is declared twice`)
    }
    const nameSpan = spanOf(name)
    const base = { name: name.text, nameSpan, optional, type, at, end: tokens.lastEnd }
    this.markup.parameters.push(initial === undefined ? base : { ...base, initial })
  }

  private import(tokens: Tokens, at: number): void {
    const name = tokens.next()
    if (name.kind !== "name") throw mistake("syntax", name, `expected the name of a component, found ${described(name)}`)
    if (!/^[A-Z]/.test(name.text))
      throw mistake("syntax", name, `a component's name begins with a capital letter: write ${capitalised(name.text)}`)
    if (!tokens.take("from"))
      throw mistake("syntax", tokens.peek(), `expected "from" behind {import ${name.text}, found ${described(tokens.peek())}`)
    const path = tokens.next()
    if (path.kind !== "string") throw mistake("syntax", path, `expected the path of a template in quotes, found ${described(path)}`)
    if (this.markup.imports.some((other) => other.name === name.text)) throw mistake("duplicate", name, `"${name.text}" is imported twice`)
    this.markup.imports.push({ name: name.text, nameSpan: spanOf(name), path: path.text, pathSpan: spanOf(path), at, end: tokens.lastEnd })
  }

  private if(found: Array<NodeSyntax>): Outcome {
    const { markup } = this
    const { cursor } = markup
    const at = cursor.at
    const branches: Array<BranchSyntax> = []
    let otherwise: ReadonlyArray<NodeSyntax> = []
    let test = cursor.hole(at + 1, (tokens) => (tokens.next(), parseExpression(tokens)))
    const span = { at, end: cursor.at }
    markup.mark("open", at)
    let clean = markup.standalone(found, at)
    const placeholder = { kind: "literal", value: null, ...span } as const
    let closed = false
    let last = false
    for (;;) {
      const body = markup.within({ kind: "if", name: "if", ...span }, () => markup.nodes()) ?? []
      if (last) otherwise = body
      else branches.push({ test: test ?? placeholder, body })
      const next = this.divider(body, "if", last, clean)
      if (next === undefined) break
      clean = next.clean
      closed = next.closed
      if (closed) break
      test = next.test
      last = next.test === undefined && !next.broken
    }
    if (!closed) this.unclosed("if", span)
    found.push({ kind: "if", branches, otherwise, at, end: cursor.at })
    return "parsed"
  }

  /**
   * Takes `{else if …}`, `{case …}`, `{else}` or the end of a block; undefined when none of them stands here. `clean` says that all tags of the
   * block so far had a line for themselves; only then may this one's line go too, or white space would be lost.
   */
  private divider(before: Array<NodeSyntax>, word: BlockWord, last: boolean, clean: boolean): Divider | undefined {
    const { cursor } = this.markup
    const at = cursor.at
    const match = opener.exec(cursor.source.slice(at, at + 200))
    if (match?.[1] === "/" && match[2] === word) {
      cursor.hole(at + match[0].length, () => undefined)
      this.markup.mark("close", at)
      return { closed: true, clean: clean && this.markup.standalone(before, at) }
    }
    const isCase = match?.[2] === "case" && word === "switch"
    if (match === null || match[1] === "/" || word === "fragment" || !(match[2] === "else" || isCase)) return undefined
    let chained = false
    const values = isCase ? cursor.hole(at + match[0].length, caseValues) : undefined
    const test = isCase
      ? undefined
      : cursor.hole(at + match[0].length, (tokens) => {
          chained = tokens.take("if")
          return chained ? parseExpression(tokens) : undefined
        })
    const span = { at, end: cursor.at }
    this.markup.mark("divider", at)
    if (last) cursor.issues.add("syntax", span, `nothing can follow the {else} of {${word}} but {/${word}}`)
    else if (chained && word !== "if") cursor.issues.add("syntax", span, `{else if} belongs to {if}; a {${word}} has only {else}`)
    const broken = (chained && test === undefined) || (isCase && values === undefined)
    return { closed: false, test, values, broken, clean: clean && this.markup.standalone(before, at) }
  }

  private switch(found: Array<NodeSyntax>): Outcome {
    const { markup } = this
    const { cursor } = markup
    const at = cursor.at
    const subject = cursor.hole(at + 1, (tokens) => (tokens.next(), parseExpression(tokens)))
    const span = { at, end: cursor.at }
    markup.mark("open", at)
    let clean = markup.standalone(found, at)
    const read = () => markup.within({ kind: "switch", name: "switch", ...span }, () => markup.nodes()) ?? []
    const cases: Array<CaseSyntax> = []
    let otherwise: ReadonlyArray<NodeSyntax> = []
    let body = read()
    const stray = body.find((node) => node.kind !== "comment" && !(node.kind === "text" && node.text.trim() === ""))
    if (stray !== undefined) cursor.issues.add("syntax", stray, "only {case …} and {else} can stand directly inside {switch}")
    let last = false
    let next = this.divider(body, "switch", last, clean)
    while (next !== undefined && !next.closed) {
      clean = next.clean
      last = next.values === undefined && next.broken !== true
      body = read()
      if (last) otherwise = body
      else cases.push({ values: next.values ?? [], body })
      next = this.divider(body, "switch", last, clean)
    }
    if (next === undefined) this.unclosed("switch", span)
    if (subject !== undefined) found.push({ kind: "switch", subject, cases, otherwise, at, end: cursor.at })
    return "parsed"
  }

  private fragment(found: Array<NodeSyntax>): Outcome {
    const { markup } = this
    const { cursor } = markup
    const at = cursor.at
    const head = cursor.hole(at + 1, fragmentHead)
    const span = { at, end: cursor.at }
    markup.mark("open", at)
    const clean = markup.standalone(found, at)
    const body = markup.within({ kind: "fragment", name: "fragment", ...span }, () => markup.nodes()) ?? []
    if (this.divider(body, "fragment", false, clean) === undefined) this.unclosed("fragment", span)
    if (head !== undefined) markup.fragments.push(head.name)
    if (head !== undefined) found.push({ kind: "fragment", ...head, body, at, end: cursor.at })
    return "parsed"
  }

  private for(found: Array<NodeSyntax>): Outcome {
    const { cursor } = this.markup
    const at = cursor.at
    const head = cursor.hole(at + 1, forHead)
    const span = { at, end: cursor.at }
    this.markup.mark("open", at)
    const clean = this.markup.standalone(found, at)
    const read = () => this.markup.within({ kind: "for", name: "for", ...span }, () => this.markup.nodes()) ?? []
    const body = read()
    let otherwise: Array<NodeSyntax> = []
    let next = this.divider(body, "for", false, clean)
    while (next !== undefined && !next.closed) {
      otherwise = read()
      next = this.divider(otherwise, "for", true, next.clean)
    }
    if (next === undefined) this.unclosed("for", span)
    if (head !== undefined) found.push({ kind: "for", ...head, body, otherwise, at, end: cursor.at })
    return "parsed"
  }

  private unclosed(word: BlockWord, span: Span): void {
    const { cursor } = this.markup
    const where = cursor.ended ? "" : ` before ${this.markup.ending(cursor.at)}`
    cursor.issues.add("unclosed", span, `{${word}} is not closed${where}: {/${word}} is missing`)
    if (!cursor.ended) this.forgiven[word]++
  }
}

function forHead(tokens: Tokens) {
  tokens.next()
  const item = variableName(tokens)
  const index = tokens.take(",") ? variableName(tokens) : undefined
  if (index?.text === item.text) throw mistake("duplicate", index, `"${index.text}" names both the item and its index`)
  if (!tokens.take("in"))
    throw mistake("syntax", tokens.peek(), `expected "in" behind {for ${item.text}, found ${described(tokens.peek())}`)
  const head = { item: item.text, itemSpan: spanOf(item), list: parseExpression(tokens) }
  return index === undefined ? head : { ...head, index: index.text, indexSpan: spanOf(index) }
}

function caseValues(tokens: Tokens): CaseSyntax["values"] {
  const values = [parseExpression(tokens)]
  while (tokens.take(",")) values.push(parseExpression(tokens))
  return values
}

/** Names that a fragment cannot have, because the imported template has other members of these names. */
const takenNames: ReadonlySet<string> = new Set(["render", "then", "constructor", "prototype"])

function fragmentHead(tokens: Tokens) {
  tokens.next()
  const name = variableName(tokens)
  if (takenNames.has(name.text)) throw mistake("syntax", name, `a fragment cannot be called "${name.text}"`)
  tokens.expect("(", `behind {fragment ${name.text}: its parameters are names of this place`)
  const parameters: Array<Span & { name: string }> = []
  while (!tokens.take(")")) {
    const parameter = variableName(tokens)
    if (parameters.some((other) => other.name === parameter.text)) {
      throw mistake("duplicate", parameter, `"${parameter.text}" is a parameter twice`)
    }
    parameters.push({ name: parameter.text, ...spanOf(parameter) })
    if (!tokens.take(",") && !tokens.sees(")")) {
      throw mistake("syntax", tokens.peek(), `expected "," or ")" behind a parameter, found ${described(tokens.peek())}`)
    }
  }
  return { name: name.text, nameSpan: spanOf(name), parameters }
}

function variableName(tokens: Tokens): Token {
  const token = tokens.next()
  if (token.kind !== "name") throw mistake("syntax", token, `expected a name, found ${described(token)}`)
  if (reservedWords.has(token.text)) throw mistake("syntax", token, `"${token.text}" is a reserved word and cannot be a name`)
  return token
}

function spanOf(token: Token): Span {
  return { at: token.at, end: token.end }
}

function capitalised(name: string): string {
  return name.slice(0, 1).toUpperCase() + name.slice(1)
}
