/**
 * The white space inside of holes: one way to write an expression, a type and the head of a block.
 *
 * Invariants
 * - Only white space between tokens changes; tokens stay as they are written, so what is read back is the same.
 * - The result is formatted: formatting it again gives it back.
 */
import { Tokens, type Token } from "./Tokens.ts"

/** `expression`: also heads of blocks. `classes`: what stands in `class={…}`. `type`: `{param …}`, where a value may follow "=". */
export type HoleKind = "expression" | "classes" | "type"

const words = new Set("and or not in if else for let param import switch case raw fragment from".split(" "))

/** The tokens of [from, to) with the usual white space between them. */
export function formattedTokens(source: string, from: number, to: number, kind: HoleKind): string {
  return new HoleText(source, kind).text(from, to)
}

class HoleText {
  private readonly source: string
  private readonly kind: HoleKind
  private type: boolean
  private previous: Token | undefined
  private prefix = false
  /** For each open bracket how many "?" wait for their ":". */
  private readonly choices: Array<number> = [0]
  /** Whether the name of a class is being read. */
  private className: boolean

  constructor(source: string, kind: HoleKind) {
    this.source = source
    this.kind = kind
    this.type = kind === "type"
    this.className = kind === "classes"
  }

  text(from: number, to: number): string {
    const tokens = new Tokens(this.source, from)
    let text = ""
    while (tokens.peek().kind !== "end" && tokens.peek().at < to) {
      const token = tokens.next()
      if (this.previous !== undefined && this.spaced(this.previous, token)) text += " "
      text += this.source.slice(token.at, token.end)
      this.follow(token)
    }
    return text
  }

  /** Whether white space stands between two tokens. */
  private spaced(left: Token, right: Token): boolean {
    if (this.className && left.end === right.at && (isSymbol(left, "-") || isSymbol(right, "-"))) return false
    if (this.prefix || isSymbol(left, "(", "[", ".", "...") || isSymbol(right, ")", "]", ",", ".")) return false
    if (isSymbol(right, ":")) return !this.type && this.choices.at(-1)! > 0
    if (isSymbol(left, "{") || isSymbol(right, "}")) return !(isSymbol(left, "{") && isSymbol(right, "}"))
    if (isSymbol(right, "[", "(")) return !(isOperand(left) || isSymbol(left, "]", ")", "}", ">"))
    if (this.type && (isSymbol(right, "<", ">", "?") || isSymbol(left, "<"))) return false
    return true
  }

  private follow(token: Token): void {
    const { previous } = this
    const operand = previous !== undefined && (isOperand(previous) || isSymbol(previous, ")", "]", "}"))
    this.prefix = isSymbol(token, "-") && !operand && !this.className
    if (isSymbol(token, "(", "[", "{")) this.choices.push(0)
    else if (isSymbol(token, ")", "]", "}")) this.choices.pop()
    else if (isSymbol(token, "?") && !this.type) this.choices[this.choices.length - 1]!++
    else if (isSymbol(token, ":") && this.choices.at(-1)! > 0) this.choices[this.choices.length - 1]!--
    else if (isSymbol(token, "=")) this.type = false
    if (this.kind === "classes" && this.choices.length === 1) {
      if (isSymbol(token, ",")) this.className = true
      else if (isSymbol(token, ":")) this.className = false
    }
    this.previous = token
  }
}

function isSymbol(token: Token, ...texts: ReadonlyArray<string>): boolean {
  return token.kind === "symbol" && texts.includes(token.text)
}

/** Whether a token ends a value, so that what follows belongs to it. */
function isOperand(token: Token): boolean {
  return token.kind === "string" || token.kind === "number" || (token.kind === "name" && !words.has(token.text))
}
