/** Runs the examples of docs/zsx.md: templates and data have to give the page, the declaration or the messages that stand behind them. */
import { readFileSync } from "node:fs"
import { assert, describe, it } from "vitest"
import { ByteSink } from "../../src/Bson/ByteSink.ts"
import { Decimal128, type Value } from "../../src/Bson/Value.ts"
import type { StoreDefinition } from "../../src/Schema/Definition.ts"
import { compileTemplates, declaration, formatIssue, prepare, type TemplateFile } from "../../src/Template/Template.ts"
import { bindings, type Data } from "./Shop.ts"

const text = readFileSync(new URL("../../docs/zsx.md", import.meta.url), "utf8")
const blocks = [...text.matchAll(/^```(\w+)(?: (\S+))?\n([^]*?)^```$/gm)].map(([, language = "", name = "", body = ""]) => ({
  language,
  name,
  body
}))

/** JSON with `{ "$decimal": "…" }` and `{ "$date": "…" }`. */
function data(json: string): Data {
  return JSON.parse(json, (_name, value: unknown): unknown => {
    if (typeof value !== "object" || value === null) return value
    if ("$decimal" in value) return Decimal128.fromString(String(value.$decimal))
    return "$date" in value ? new Date(String(value.$date)) : value
  }) as Record<string, Value>
}

describe("docs/zsx.md", () => {
  const stores = JSON.parse(blocks.find((block) => block.name === "stores")!.body) as ReadonlyArray<StoreDefinition>
  let files: Array<TemplateFile> = []
  let given: Data = {}
  let examples = 0
  for (const { language, name, body } of blocks) {
    if (language === "zsx") files.push({ path: name, source: body })
    else if (language === "json" && name === "") given = data(body)
    else if (language === "html" || language === "text" || name === "declaration") {
      const [example, values] = [files, given]
      files = []
      given = {}
      examples++
      it(`${example[0]!.path} (example ${examples})`, () => {
        const { set, issues, signatures } = compileTemplates(example, stores)
        if (language === "text") return assert.strictEqual(`${issues.map(formatIssue).join("\n\n")}\n`, body)
        assert.deepEqual(issues.map(formatIssue), [])
        if (name === "declaration") return assert.strictEqual(declaration(signatures.get(example[0]!.path)!), body)
        for (const codeGeneration of [true, false]) {
          const sink = new ByteSink()
          prepare(set!, { codeGeneration }).render(example[0]!.path, bindings(values), sink)
          assert.strictEqual(`${sink.toText()}\n`, body)
        }
      })
    }
  }

  it("has its examples run", () => assert.strictEqual(examples, 10))
})
