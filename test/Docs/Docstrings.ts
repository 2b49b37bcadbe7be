/** The `@example` blocks of the sources' documentation comments. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

export interface Example {
  /** From the repository's root, with "/". */
  readonly file: string
  /** Of the first line of the code, counted from 1. */
  readonly line: number
  readonly code: string
}

const BLOCK = /@example[ \t]*\n[ \t]*\* ```ts\n([\s\S]*?)\n[ \t]*\* ```/g

/** Every example below a folder. */
export function docstringExamples(root: string, folder: string): ReadonlyArray<Example> {
  return typeScriptFiles(root, folder).flatMap((file) => {
    const text = readFileSync(join(root, file), "utf8")
    return [...text.matchAll(BLOCK)].map((match) => {
      const body = match[1] ?? ""
      const line = text.slice(0, match.index + match[0].indexOf(body)).split("\n").length
      return { file, line, code: body.replace(/^[ \t]*\* ?/gm, "") }
    })
  })
}

export function typeScriptFiles(root: string, folder: string): ReadonlyArray<string> {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .map((name) => `${folder}/${name.replaceAll("\\", "/")}`)
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts"))
    .toSorted()
}

/** The names that a file exports as values: functions, classes and constants. */
export function exportedValues(text: string): ReadonlyArray<string> {
  return [...text.matchAll(/^export (?:abstract )?(?:async )?(?:function\*?|class|const) (\w+)/gm)].map(([, name = ""]) => name)
}

/** The names that a file exports, types included. */
export function exportedNames(text: string): ReadonlyArray<string> {
  return [...exportedValues(text), ...[...text.matchAll(/^export (?:interface|type) (\w+)/gm)].map(([, name = ""]) => name)]
}

/** The values that an entry of the package gives: its own, and those it passes on. */
export function publicValues(text: string): ReadonlyArray<string> {
  const passedOn = [...text.matchAll(/^export \{([^}]*)\}/gm)].flatMap(([, names = ""]) => names.split(","))
  const values = passedOn.map((name) => name.trim()).filter((name) => name !== "" && !name.startsWith("type "))
  return [...exportedValues(text), ...values.map((name) => name.replace(/^.* as /, ""))]
}
