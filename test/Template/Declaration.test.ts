import { assert, describe, it } from "vitest"
import { compileTemplates, declaration } from "../../src/Template/Template.ts"
import { stores } from "./Shop.ts"

function declared(source: string): string {
  const { signatures, issues } = compileTemplates([{ path: "templates/page.zsx", source }], stores)
  assert.deepEqual(issues, [])
  return declaration(signatures.get("templates/page.zsx")!)
}

describe("the declaration of a template", () => {
  it("has a document or the rows of a query where documents are listed", () => {
    assert.strictEqual(
      declared("{param carts: Doc<carts>[]}"),
      `// Made from templates/page.zsx. Do not edit.
import type { Template, Rows, Key } from "@planckdb/planck/guest"

declare const template: Template<{
  readonly carts: Rows<{
    readonly _id: string
    readonly owner: Key<"orders">
  }>
}>
export default template
`
    )
  })

  it("has every type of field", () => {
    const text = declared(
      '{param a: { "b-c": int, d?: date, e: long[], f: record<string>, g: "x" | 1 | null, h: uuid, i: objectId, j: binary, k: any, l: boolean, m: (string | int)[] }}'
    )
    for (const line of [
      'readonly "b-c": number',
      "readonly d?: Date | null | undefined",
      "readonly e: ReadonlyArray<bigint | number>",
      "readonly f: { readonly [name: string]: string }",
      'readonly g?: "x" | 1 | null | undefined',
      "readonly h: Uuid",
      "readonly i: ObjectId",
      "readonly j: Uint8Array",
      "readonly k?: unknown",
      "readonly l: boolean",
      "readonly m: ReadonlyArray<string | number>"
    ])
      assert.include(text, `    ${line}\n`)
  })

  it("lets optional parameters be left out", () => {
    const text = declared('{param a?: string}{param b: int?}{param c: string = "x"}')
    assert.include(
      text,
      "  readonly a?: string | null | undefined\n  readonly b?: number | null | undefined\n  readonly c?: string | null | undefined\n"
    )
    assert.include(declared("<p>x</p>"), "Template<{}>")
  })
})
