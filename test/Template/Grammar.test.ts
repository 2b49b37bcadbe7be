/** The grammar for editors knows the language that the compiler knows. */
import { readFileSync } from "node:fs"
import { assert, describe, it } from "vitest"
import { pipeNames } from "../../src/Template/Pipes.ts"

interface Rule {
  readonly include?: string
  readonly match?: string
  readonly begin?: string
  readonly end?: string
  readonly patterns?: ReadonlyArray<Rule>
}

interface Grammar extends Rule {
  readonly scopeName: string
  readonly repository: Readonly<Record<string, Rule>>
}

const grammar = JSON.parse(readFileSync(new URL("../../editors/zsx.tmLanguage.json", import.meta.url), "utf8")) as Grammar

function rules(rule: Rule): ReadonlyArray<Rule> {
  return [rule, ...(rule.patterns ?? []).flatMap(rules)]
}

const all = [grammar, ...Object.values(grammar.repository)].flatMap(rules)
const patterns = all.flatMap(({ match, begin, end }) => [match, begin, end]).filter((pattern) => pattern !== undefined)
const regExp = (pattern: string) => new RegExp(pattern.replace("(?i)", ""), pattern.startsWith("(?i)") ? "iu" : "u")

describe("the TextMate grammar", () => {
  it("refers only to rules it has and to the languages inside of pages", () => {
    for (const { include } of all) {
      if (include?.startsWith("#") === true) assert.property(grammar.repository, include.slice(1))
      else if (include !== undefined) assert.include(["source.js", "source.css"], include)
    }
  })

  it("has patterns that can be read", () => {
    for (const pattern of patterns) assert.doesNotThrow(() => regExp(pattern), pattern)
  })

  it("knows every word and every pipe", () => {
    const begins = (text: string) =>
      patterns.some((pattern) => regExp(pattern.startsWith("^") ? pattern : `^(?:${pattern.replace("(?i)", "")})`).test(text))
    const blocks = [
      "if x",
      "else",
      "else if x",
      "for x in y",
      "switch x",
      "case x",
      "let x = 1",
      "raw x",
      "fragment f(x)",
      "param x: int",
      "import X from"
    ]
    const known = patterns.filter((pattern) => pattern.includes("\\{)\\s*(")).map(regExp)
    for (const block of blocks)
      assert.isTrue(
        known.some((pattern) => pattern.test(`{${block}}`)),
        block
      )
    for (const word of ["if", "for", "switch", "fragment"]) assert.isTrue(begins(`{/${word}}`), word)
    const pipes = patterns.find((pattern) => pattern.includes("upper|"))!
    for (const name of pipeNames) assert.isTrue(regExp(pipes).test(`| ${name}`), name)
    for (const text of ["<Line ", "<List.row ", "<p ", "<>", "</p>", "</>", "<!-- ", "{# ", "&nbsp;"]) assert.isTrue(begins(text), text)
  })
})
