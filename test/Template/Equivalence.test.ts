/** Generated code, closures and a renderer written apart write the same bytes, for random templates and for data of right and wrong types. */
import { assert, describe, it } from "vitest"
import { ByteSink } from "../../src/Bson/ByteSink.ts"
import { admitTemplates, compileTemplates, formatIssue, parse, prepare, type RowList } from "../../src/Template/Template.ts"
import { randomData, TemplateText } from "./RandomTemplate.ts"
import { Reference } from "./Reference.ts"
import { bindings, documentsOf, randomFrom, stores } from "./Shop.ts"

describe("generated code, closures and the reference", () => {
  for (let seed = 1; seed <= 8; seed++) {
    it(`agree on the templates of seed ${seed}`, () => {
      const random = randomFrom(seed)
      let written = 0
      for (let round = 0; round < 20; round++) {
        const text = new TemplateText(random)
        const files = [
          { path: "page.zsx", source: text.page() },
          { path: "line.zsx", source: text.component() }
        ]
        const { set, issues } = compileTemplates(files, stores)
        if (set === undefined) assert.fail(`${issues.map(formatIssue).join("\n\n")}`)
        const admitted = admitTemplates(JSON.parse(JSON.stringify(set)))
        const generated = prepare(admitted)
        const interpreted = prepare(admitted, { codeGeneration: false })
        const [page, line] = files.map(({ path, source }) => parse(source, path))
        const reference = new Reference({ Line: line! })
        for (let round = 0; round < 20; round++) {
          const data = randomData(random)
          const bound = bindings(data)
          const [first, second] = [new ByteSink(64), new ByteSink(64)]
          generated.render("page.zsx", bound, first)
          interpreted.render("page.zsx", bound, second)
          assert.strictEqual(first.toText(), second.toText(), files.map((file) => file.source).join("\n----\n"))
          const plain = Object.entries(data).map(([name, value]) => [name, documentsOf(value as RowList) ?? value])
          const third = reference.render(page!, Object.fromEntries(plain) as Record<string, unknown>)
          assert.strictEqual(first.toText(), third.toWellFormed(), files.map((file) => file.source).join("\n----\n"))
          written += first.length
        }
      }
      assert.isAbove(written, 10_000)
    })
  }
})
