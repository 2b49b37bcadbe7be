/** Whatever is written or sent, the answer is a set, issues with places, or a typed Fault: never a crash, never a hang. */
import { assert, describe, it } from "vitest"
import { ByteSink } from "../../src/Bson/ByteSink.ts"
import { isFault } from "../../src/Fault/Fault.ts"
import { admitTemplates, compileTemplates, prepare, type TemplateSet } from "../../src/Template/Template.ts"
import { randomData, TemplateText } from "./RandomTemplate.ts"
import { bindings, randomFrom, stores } from "./Shop.ts"

const fragments = [
  "{",
  "}",
  "{/",
  "{#",
  "#}",
  "{if ",
  "{else",
  "{else if ",
  "{/if}",
  "{for x in ",
  "{/for}",
  "{let ",
  "{param ",
  "{import ",
  "${",
  "<",
  "</",
  "/>",
  ">",
  "<!--",
  "-->",
  "<p",
  "</p>",
  "<br>",
  "<script>",
  "</script>",
  "<Line ",
  "<slot/>",
  "<>",
  "</>",
  '"',
  "'",
  "=",
  "\n",
  "  ",
  "|",
  "??",
  "?",
  ":",
  "(",
  ")",
  "[",
  "]",
  ".",
  ",",
  "not ",
  "orders",
  "order",
  ".customer",
  "Doc<orders>",
  "[]",
  "1",
  "1e5",
  "\\",
  "\u0000",
  "\ud800",
  "é",
  "😀",
  "class={",
  "{switch ",
  "{case ",
  "{/switch}",
  "{fragment row(order)}",
  "{/fragment}",
  "{raw ",
  '<slot name="end">',
  ' slot="end"',
  "href=",
  "style=",
  " upper",
  "<!doctype html>",
  "<textarea>",
  "<pre>"
]

function mutated(source: string, random: () => number): string {
  let text = source
  for (let count = 1 + Math.floor(random() * 6); count > 0; count--) {
    const at = Math.floor(random() * (text.length + 1))
    const length = Math.floor(random() * 12)
    const kind = random()
    if (kind < 0.3) text = text.slice(0, at) + text.slice(at + length)
    else if (kind < 0.8) text = text.slice(0, at) + fragments[Math.floor(random() * fragments.length)]! + text.slice(at)
    else text = text.slice(0, at) + text.slice(at, at + length * 4) + text.slice(at)
  }
  return text
}

describe("the compiler", () => {
  for (let seed = 1; seed <= 6; seed++) {
    it(`answers every source of seed ${seed} with a set or with places`, () => {
      const random = randomFrom(1000 + seed)
      let right = 0
      for (let round = 0; round < 150; round++) {
        const text = new TemplateText(random)
        const source =
          random() < 0.2
            ? Array.from({ length: 30 }, () => fragments[Math.floor(random() * fragments.length)]!).join("")
            : random() < 0.1
              ? text.page()
              : mutated(text.page(), random)
        const files = [
          { path: "page.zsx", source },
          { path: "line.zsx", source: text.component() }
        ]
        const { set, issues } = compileTemplates(files, stores)
        assert.strictEqual(set === undefined, issues.length > 0)
        if (set !== undefined) {
          right++
          const renderer = prepare(admitTemplates(JSON.parse(JSON.stringify(set))))
          const data = Object.fromEntries(renderer.parameters("page.zsx")!.map(({ name }) => [name, []]))
          renderer.render("page.zsx", bindings(data), new ByteSink())
        }
        for (const issue of issues) {
          const lines = files.find((file) => file.path === issue.file)!.source.split("\n")
          assert.isAtLeast(issue.line, 1)
          assert.isAtMost(issue.line, lines.length)
          assert.isAtLeast(issue.column, 1)
          assert.isAtMost(issue.column, lines[issue.line - 1]!.length + 1)
          assert.include(issue.frame, "^")
          assert.notInclude(issue.message, "\n")
        }
      }
      assert.isAbove(right, 0)
    })
  }
})

/** Changes one thing somewhere in a tree of JSON. */
function damaged(value: unknown, random: () => number): unknown {
  const places: Array<{ holder: Record<string, unknown>; name: string }> = []
  const visit = (node: unknown) => {
    if (typeof node !== "object" || node === null) return
    for (const [name, inner] of Object.entries(node)) {
      places.push({ holder: node as Record<string, unknown>, name })
      visit(inner)
    }
  }
  visit(value)
  for (let count = random() < 0.8 ? 1 : 3; count > 0; count--) {
    const place = places[Math.floor(random() * places.length)]!
    const other = places[Math.floor(random() * places.length)]!
    const replacements = [
      null,
      0,
      1,
      -1,
      1.5,
      1e9,
      "",
      "x",
      "upper",
      "__proto__",
      "constructor",
      true,
      [],
      {},
      "\ud800",
      "a b=c",
      { op: "literal", value: 3 },
      { node: "slot", otherwise: [] },
      structuredClone(other.holder[other.name])
    ]
    const kind = random()
    if (kind < 0.2) delete place.holder[place.name]
    else if (kind < 0.3) place.holder[`extra${count}`] = 1
    else place.holder[place.name] = replacements[Math.floor(random() * replacements.length)]
  }
  return value
}

describe("the host's check of a set", () => {
  it("refuses a damaged set with its place, or what it lets in renders within its budgets", () => {
    const random = randomFrom(99)
    let refused = 0
    let admitted = 0
    for (let round = 0; round < 300; round++) {
      const text = new TemplateText(random)
      const files = [
        { path: "page.zsx", source: text.page() },
        { path: "line.zsx", source: text.component() }
      ]
      const { set } = compileTemplates(files, stores)
      let checked: TemplateSet
      try {
        checked = admitTemplates(JSON.parse(JSON.stringify(damaged(structuredClone(set), random))))
      } catch (error) {
        if (!isFault(error, "InvalidTemplateSet")) throw error
        assert.isString(error.reason.path)
        refused++
        continue
      }
      admitted++
      for (const codeGeneration of [true, false]) {
        const renderer = prepare(checked, { codeGeneration, stepsMax: 10_000, outputBytesMax: 100_000 })
        for (const name of renderer.names) {
          try {
            renderer.render(name, bindings(randomData(random)), new ByteSink())
          } catch (error) {
            if (!isFault(error, "InvalidBinding") && !isFault(error, "RenderLimit")) throw error
          }
        }
      }
    }
    assert.isAbove(refused, 60)
    assert.isAbove(admitted, 10)
  })
})
