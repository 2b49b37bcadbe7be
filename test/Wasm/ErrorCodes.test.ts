import { assert, describe, it } from "@effect/vitest"
import { readdirSync, readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { EXPORTS, IMPORTS, Operation } from "../../src/Wasm/Abi.ts"
import { codeOfFault, ERROR_CODES } from "../../src/Wasm/ErrorCodes.ts"

import { DEFAULT_LIMITS } from "../../src/Wasm/Limits.ts"

const root = resolve(import.meta.dirname, "../..")
const read = (path: string): string => readFileSync(join(root, path), "utf8")

/** The rows of the first table that starts with this head, as lists of cells. */
const table = (text: string, head: string): ReadonlyArray<ReadonlyArray<string>> => {
  const lines = text.split("\n")
  const start = lines.findIndex((line) => line.startsWith(head))
  assert.isAtLeast(start, 0, `no table ${head}`)
  const length = lines.slice(start).findIndex((line) => !line.startsWith("|"))
  return lines.slice(start + 2, length < 0 ? undefined : start + length).map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim())
  )
}

const sources = (folder: string, ending: string): string =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(ending) && !name.endsWith("ErrorCodes.ts"))
    .map((name) => read(join(folder, name)))
    .join("\n")

describe("docs/errors.md", () => {
  it("lists the registry, code for code", () => {
    assert.deepStrictEqual(
      table(read("docs/errors.md"), "| code | status").map((row) => row.join(" | ")),
      Object.entries(ERROR_CODES).map(([name, code]) =>
        [`\`${name}\``, code.status, code.retryable ? "yes" : "no", code.title, code.fields.map((field) => `\`${field}\``).join(", ")].join(
          " | "
        )
      )
    )
  })

  it("lists every reason a module is refused for", () => {
    const union = /export type WasmReason =([\s\S]*?)\n\n/.exec(read("src/Wasm/Reasons.ts"))?.[1] ?? ""
    const tags = [...union.matchAll(/_tag: "(\w+)"/g)].map((match) => match[1])
    assert.deepStrictEqual(
      table(read("docs/errors.md"), "| reason | when")
        .map((row) => row[0]?.replaceAll("`", ""))
        .toSorted(),
      tags.toSorted()
    )
  })
})

describe("the registry", () => {
  it("has no code that nothing uses", () => {
    const text = [
      sources("src/Wasm", ".ts"),
      sources("src/Http", ".ts"),
      sources("guest/engine", ".c"),
      sources("guest/typescript", ".ts")
    ].join("\n")
    const unused = Object.entries(ERROR_CODES)
      .filter(([name, code]) => code.faults.length === 0 && !text.includes(`"${name}"`))
      .map(([name]) => name)
    assert.deepStrictEqual(unused, [])
  })

  it("knows the code of a fault, and of no other", () => {
    assert.strictEqual(codeOfFault("DuplicateKey"), "duplicate_key")
    assert.isUndefined(codeOfFault("StorageDamaged"))
  })
})

describe("docs/abi.md", () => {
  const abi = read("docs/abi.md")

  it("lists the operations with their numbers", () => {
    assert.deepStrictEqual(
      table(abi, "| op | name").map((row) => [row[1], Number(row[0])]),
      Object.entries(Operation)
    )
  })

  it("lists the limits with their defaults", () => {
    const inMib = (value: number): string => (value >= 1 << 20 ? `${value / (1 << 20)} MiB` : String(value))
    const listed = table(abi, "| limit | default").flatMap((row) => {
      const values = row[1]?.split(", ") ?? []
      return (row[0] ?? "").split(", ").map((name, index) => [name.replaceAll("`", ""), values[index]])
    })
    assert.deepStrictEqual(
      Object.fromEntries(listed),
      Object.fromEntries(Object.entries(DEFAULT_LIMITS).map(([name, value]) => [name, inMib(value)]))
    )
  })

  it("names every import and export", () => {
    for (const functions of Object.values(IMPORTS)) for (const name of Object.keys(functions)) assert.include(abi, `\`${name}\``)
    for (const name of Object.keys(EXPORTS)) assert.include(abi, `\`${name}\``)
    const listed = table(abi, "| function | type").map((row) => row[0]?.replaceAll("`", ""))
    assert.deepStrictEqual(listed, Object.keys(IMPORTS["planck"] ?? {}))
  })
})
