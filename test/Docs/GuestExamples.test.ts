/** Examples in the documentation comments of the SDK: one service made of them is built with types checked; those with values in comments are run. */
import { assert, describe, it } from "@effect/vitest"
import { docstringExamples, type Example } from "./Docstrings.ts"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { checked } from "./Expectations.ts"
import { repository, serving, withFolder, writeFiles } from "./Served.ts"

const SDK = "guest/typescript"

/** What examples leave to the reader. */
const GIVEN: Readonly<Record<string, string>> = {
  app: "app: App",
  orders: "orders: typeof given",
  query: "query: { readonly customer?: string }",
  basket: "basket: string",
  page: "page: Template<{ orders: unknown }>",
  id: "id: Key<'orders'>"
}
const VALUES: Readonly<Record<string, string>> = { app: "app", id: 'Key.parse<"orders">("0198f0c2a3b47d8e9f00112233445566")!' }

const STORES = `import { s, store } from "@planckdb/planck/guest"
export const given = store("orders", { customer: s.string(), status: s.string(), total: s.decimal(), placedAt: s.date() })
`

const exported = [...readFileSync(join(repository, SDK, "index.ts"), "utf8").matchAll(/\{([^}]*)\}/g)].flatMap(([, names = ""]) =>
  names.split(",").map((name) => name.trim())
)
const available = exported.filter((name) => /^(type )?[A-Za-z]+$/.test(name)).map((name) => name.replace("type ", ""))
const mentions = (code: string, name: string): boolean => new RegExp(`(?<![.\\w"/])${name}\\b`).test(code.replace(/\/\/.*$/gm, ""))
const makes = (code: string, name: string): boolean => new RegExp(`\\b(?:const|let|function|import) (?:\\{[^}]*\\b)?${name}\\b`).test(code)

const nameOf = ({ file, line }: Example): string => `${file.replaceAll(/\W/g, "_")}_${line}`

/** An example as a module that exports a function; its values are compared when the function is called. */
function moduleOf(example: Example): string {
  const { code } = example
  if (code.includes('from "@planckdb/planck/guest"')) return code
  const body = checked(code, (actual, expected) => `same(${actual}, ${expected})`)
  const imports = body.split("\n").filter((line) => line.startsWith("import "))
  const rest = body.split("\n").filter((line) => !line.startsWith("import "))
  const parameters = Object.keys(GIVEN).filter((name) => mentions(code, name) && !makes(code, name))
  const names = new Set([...available.filter((name) => mentions(code, name) && !makes(code, name)), "App", "Key", "Template"])
  return [
    `import { ${[...names].map((name) => (["App", "Key", "Template"].includes(name) && !mentions(code, name) ? `type ${name}` : name)).join(", ")} } from "@planckdb/planck/guest"`,
    'import type { given } from "./given.ts"',
    ...imports,
    `export function example(${parameters.map((name) => GIVEN[name]).join(", ")}) {`,
    ...rest.map((line) => line.replace(/^export default /, "void ")),
    "}",
    "function same(actual: unknown, expected: unknown): void {",
    "  if (actual !== expected) throw new Error(`${String(actual)} is not ${String(expected)}`)",
    "}"
  ].join("\n")
}

const examples = docstringExamples(repository, SDK)
const withValues = examples.filter(({ code }) => /\/\/ => /.test(code))

/** A service that imports every example and calls those with values. */
function entry(): string {
  const called = withValues.map((example) => {
    const parameters = Object.keys(GIVEN).filter((name) => mentions(example.code, name) && !makes(example.code, name))
    return `app.get("/${nameOf(example)}", () => { ${nameOf(example)}(${parameters.map((name) => VALUES[name]).join(", ")}) })`
  })
  return [
    'import { Key, service } from "@planckdb/planck/guest"',
    'import "./given.ts"',
    ...examples.map((example) =>
      withValues.includes(example)
        ? `import { example as ${nameOf(example)} } from "./${nameOf(example)}.ts"`
        : `import "./${nameOf(example)}.ts"`
    ),
    'export default service({ name: "examples", version: "1.0.0" }, (app) => {',
    "  void Key",
    ...called,
    "})"
  ].join("\n")
}

describe("the examples of the SDK", () => {
  it("have the right types, and give what they say", () =>
    withFolder(async (folder) => {
      writeFiles(folder, {
        "given.ts": STORES,
        "service.ts": entry(),
        "templates/orders.zsx": "{param orders: Doc<orders>[]}\n<p>{orders | count}</p>\n"
      })
      writeFiles(folder, Object.fromEntries(examples.map((example) => [`${nameOf(example)}.ts`, moduleOf(example)])))
      await serving(folder, async (url) => {
        assert.isAtLeast(withValues.length, 2)
        for (const example of withValues) {
          const answer = await fetch(`${url}/${nameOf(example)}`)
          assert.strictEqual(answer.status, 204, `${example.file}:${example.line}: ${await answer.text()}`)
        }
      })
    }))
})
