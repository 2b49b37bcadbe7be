/**
 * One way to write a template: indentation, white space in tags and holes, line ends.
 *
 * Invariants
 * - A page looks the same before and after: white space is never added where there was none nor taken away where there was some, but
 *   a run with a line break in it may become another such run. Line breaks stay where the author put them; more than one empty line
 *   becomes one.
 * - What stands in `<script>`, `<style>`, `<pre>`, `<textarea>` and comments is left alone.
 * - Formatting twice is formatting once.
 */
import { parseTagRest } from "./AttributeParser.ts"
import { Cursor } from "./Cursor.ts"
import { formattedTokens } from "./FormatTokens.ts"
import { invalidTemplate, Issues } from "./Issue.ts"
import { parseMarkup } from "./MarkupParser.ts"
import type { AttributeSyntax, Mark } from "./Syntax.ts"

const indentation = "  "

/**
 * A template's source, formatted. Faults with InvalidTemplate when it cannot be read.
 *
 * @example
 * ```ts
 * formatTemplate("{param n:int}\n<p  id = a>\n{ n|number }</p>", "page.zsx") // "{param n: int}\n<p id=\"a\">\n  {n | number}</p>\n"
 * ```
 */
export function formatTemplate(source: string, file: string): string {
  const unix = source.replace(/\r\n?/g, "\n")
  const issues = new Issues(file, unix)
  const { marks } = parseMarkup(file, unix, issues)
  if (issues.found.length > 0) throw invalidTemplate(issues.found)
  return new Formatter(unix, marks).text()
}

/** Something open: the line on which it was opened. Things opened on one line indent once. */
interface Level {
  line: number
  readonly isCase: boolean
}

class Formatter {
  private readonly source: string
  private readonly marks: ReadonlyArray<Mark>
  private out = ""
  private line = 0
  private breaks = 0
  private readonly levels: Array<Level> = []
  /** Numbers of the levels that are switches. */
  private readonly switches = new Set<number>()

  constructor(source: string, marks: ReadonlyArray<Mark>) {
    this.source = source
    this.marks = marks
  }

  text(): string {
    let at = 0
    for (const [index, mark] of this.marks.entries()) {
      this.between(this.source.slice(at, mark.at))
      this.mark(mark, index)
      at = mark.end
    }
    this.between(this.source.slice(at))
    const text = this.out.trim()
    return text === "" ? "" : `${text}\n`
  }

  /** Text outside of tags and holes: its line breaks take the indentation that follows. */
  private between(text: string): void {
    for (const piece of text.split(/(\s*\n\s*)/)) {
      if (/^\s*\n\s*$/.test(piece)) this.breaks = Math.min(2, this.breaks + piece.split("\n").length - 1)
      else if (piece !== "") this.write(piece)
    }
  }

  private write(text: string, depth = this.depth()): void {
    if (this.breaks > 0) {
      this.out += "\n".repeat(this.breaks) + indentation.repeat(depth)
      this.line += this.breaks
      this.breaks = 0
    }
    this.out += text
    this.line += text.split("\n").length - 1
  }

  /** How far a line is indented: by the number of earlier lines that opened what is still open. */
  private depth(levels: ReadonlyArray<Level> = this.levels): number {
    const next = this.line + this.breaks
    return new Set(levels.filter((level) => level.line < next).map((level) => level.line)).size
  }

  private mark(mark: Mark, index: number): void {
    const written = this.source.slice(mark.at, mark.end)
    switch (mark.kind) {
      case "verbatim":
        this.out += written
        this.line += written.split("\n").length - 1
        return
      case "single":
        return this.write(this.tidy(mark, written))
      case "open":
        this.write(this.tidy(mark, written))
        this.levels.push({ line: this.line, isCase: false })
        return
      case "divider":
        return this.divider(mark, written)
      case "close": {
        // Ends that follow one another at the beginning of a line stand where the first of what they end began.
        let ends = 1
        while (this.marks[index + ends]?.kind === "close" && this.marks[index + ends]!.at === this.marks[index + ends - 1]!.end) ends++
        this.write(this.tidy(mark, written), this.depth(this.without(ends)))
        this.pop()
      }
    }
  }

  /** `{else}` and `{else if}` stand where their block began, `{case}` and the `{else}` of a switch inside of it. */
  private divider(mark: Mark, written: string): void {
    const last = this.levels.at(-1)
    const inSwitch = last?.isCase === true || /^\{\s*case\b/.test(written) || this.switches.has(this.levels.length)
    if (!inSwitch || last?.isCase === true) this.levels.pop()
    this.write(this.tidy(mark, written))
    this.levels.push({ line: this.line, isCase: inSwitch })
  }

  private pop(): void {
    if (this.levels.pop()?.isCase === true) this.levels.pop()
    for (const level of this.switches) if (level > this.levels.length) this.switches.delete(level)
  }

  /** The levels without the last `ends` things; a case and its switch are one. */
  private without(ends: number): ReadonlyArray<Level> {
    const levels = [...this.levels]
    for (let end = 0; end < ends; end++) if (levels.pop()?.isCase === true) levels.pop()
    return levels
  }

  /** A tag, hole or block tag with its inner white space as it should be. */
  private tidy({ at, end }: Mark, written: string): string {
    if (written.startsWith("{#") || written.startsWith("<!")) return written
    if (written.startsWith("</")) return written.replace(/\s+/g, "")
    if (written.startsWith("<")) return written === "<>" ? written : this.tag(at, written)
    const closed = /^\{\s*\/\s*(\w+)\s*\}$/.exec(written)
    if (closed !== null) return `{/${closed[1]}}`
    if (/^\{\s*switch\b/.test(written)) this.switches.add(this.levels.length + 1)
    return `{${formattedTokens(this.source, at + 1, end - 1, /^\{\s*param\b/.test(written) ? "type" : "expression")}}`
  }

  /** A start tag: its attributes on one line, or each on its own when the author broke the line between them. */
  private tag(at: number, written: string): string {
    const name = /^<[A-Za-z][A-Za-z0-9_:.-]*/.exec(written)![0]
    const cursor = new Cursor(this.source, new Issues("", this.source))
    cursor.at = at + name.length
    const { attributes, closed } = parseTagRest(cursor, { at, end: cursor.at, name: name.slice(1) })
    if (attributes.length === 0) return `${name}${closed ? " /" : ""}>`
    let broken = false
    let before = at + name.length
    for (const attribute of attributes) {
      broken ||= this.source.slice(before, attribute.at).includes("\n")
      before = attribute.end
    }
    const texts = attributes.map((attribute) => this.attribute(attribute))
    if (!broken) return `${name} ${texts.join(" ")}${closed ? " /" : ""}>`
    const outer = indentation.repeat(this.depth())
    return `${name}\n${texts.map((text) => `${outer}${indentation}${text}\n`).join("")}${outer}${closed ? "/" : ""}>`
  }

  private attribute(attribute: AttributeSyntax): string {
    const { source } = this
    const hole = (from: number, to: number, kind: "expression" | "classes" = "expression") => formattedTokens(source, from, to, kind)
    switch (attribute.kind) {
      case "bare":
        return attribute.name
      case "spread":
        return `{${hole(attribute.at + 1, attribute.end - 1)}}`
      case "expression":
      case "classes": {
        const open = source.indexOf("{", attribute.nameSpan.end)
        return `${attribute.name}={${hole(open + 1, attribute.end - 1, attribute.kind)}}`
      }
      case "quoted": {
        const quote = attribute.quote === "" ? '"' : attribute.quote
        const parts = attribute.parts.map((part) => (part.kind === "text" ? part.text : `\${${hole(part.at + 2, part.end - 1)}}`))
        return `${attribute.name}=${quote}${parts.join("")}${quote}`
      }
    }
  }
}
