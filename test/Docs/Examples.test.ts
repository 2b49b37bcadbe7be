/**
 * Examples of the product: docs/embedding.md and the documentation comments of `src`. All are type-checked in one go; those that import what they
 * use, or whose values are in comments, are run.
 */
import { assert, describe, it } from "@effect/vitest"
import { execFileSync, spawnSync } from "node:child_process"
import { mkdirSync, readFileSync, symlinkSync } from "node:fs"
import { join } from "node:path"
import { docstringExamples, type Example, exportedNames, exportedValues, publicValues } from "./Docstrings.ts"
import { checked, printed } from "./Expectations.ts"
import { GIVEN, WELL_KNOWN } from "./Fragments.ts"
import { blocks } from "./Markdown.ts"
import { repository, withFolder, writeFiles } from "./Served.ts"

interface Program {
  /** Where it stands: `docs/embedding.md:12`. */
  readonly place: string
  readonly name: string
  readonly text: string
  readonly isRun: boolean
  /** What it prints, line for line; undefined for a line that is not said. */
  readonly prints: ReadonlyArray<string | undefined>
}

const mentions = (code: string, name: string): boolean => new RegExp(`(?<![.\\w])${name}\\b`).test(code.replace(/^\/\/.*$/gm, ""))
const makes = (code: string, name: string): boolean =>
  new RegExp(`\\b(?:const|let|function|class) (?:\\{[^}]*\\b)?${name}\\b|(?:const|let) \\{[^}]*\\b${name}\\b`).test(code)

const hasValues = (code: string): boolean => /\/\/ => /.test(code)
const isComplete = (code: string): boolean => /^import /m.test(code)

/** An example of a comment as a module: its own imports, or those of its file and of `Fragments.ts`. */
function programOf(example: Example): Program {
  const { code, file, line } = example
  const body = checked(code, (actual, expected) => `deepStrictEqual(${actual}, ${expected})`)
  const needed = body === code ? [] : ['import { deepStrictEqual } from "node:assert"']
  const program = { place: `${file}:${line}`, name: `${file.replaceAll(/\W/g, "-")}-${line}.ts`, prints: printed(code) }
  if (isComplete(code)) return { ...program, text: [...needed, body, "export {}"].join("\n"), isRun: true }
  const source = readFileSync(join(repository, file), "utf8")
  const wanted = (name: string): boolean => mentions(code, name) && !makes(code, name)
  const own = exportedValues(source).filter(wanted)
  const known = Object.entries(WELL_KNOWN).filter(([name]) => wanted(name) && !own.includes(name))
  const taken = new Set([...exportedNames(source), ...known.map(([name]) => name)])
  const given = GIVEN.filter(({ name, only }) => wanted(name) && !taken.has(name) && (only === undefined || only === file))
  const imports = [
    ...needed,
    ...known.map(([, text]) => text),
    ...(own.length === 0 ? [] : [`import { ${own.join(", ")} } from "../${file}"`])
  ]
  const declared = given.map(({ name, type }) => `declare const ${name}: ${type}`)
  const isGenerator = /\byield\b/.test(code.replace(/Effect\.gen\(function\* \(\) \{[\s\S]*/, ""))
  const isRun = hasValues(code) && given.length === 0
  const wrapped = isRun ? body : `export function${isGenerator ? "*" : ""} example() {\n${body}\n}`
  return { ...program, text: [...imports, ...declared, wrapped, "export {}"].join("\n"), isRun }
}

const documented = docstringExamples(repository, "src").map(programOf)
const embedded = blocks(readFileSync(join(repository, "docs/embedding.md"), "utf8"))
  .filter(({ language }) => language === "ts")
  .map(({ line, text, words }): Program => ({
    place: `docs/embedding.md:${line}`,
    name: words[0] ?? `line-${line}.ts`,
    text: `${text}\nexport {}\n`,
    isRun: true,
    prints: printed(text)
  }))
const programs = [...documented, ...embedded]

/** What the package's `exports` lead to. */
const ENTRIES = [
  "src/Planck.ts",
  "src/Build/Build.ts",
  "src/Persistence/Persistence.ts",
  "src/Testing/Testing.ts",
  "guest/typescript/index.ts"
]
/** Pages whose code is run, here or in the tests beside this one. */
const PAGES = ["docs/embedding.md", "docs/services.md", "docs/testing-services.md", "docs/zsx.md"]
const pageText = (page: string): string =>
  blocks(readFileSync(join(repository, page), "utf8"))
    .map(({ text }) => text)
    .join("\n")
const sdkExamples = docstringExamples(repository, "guest/typescript").map(({ code }) => code)

/** A folder in which `@planckdb/planck` and `../src` are this repository. */
function prepare(folder: string): void {
  const { exports } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8")) as { exports: unknown }
  writeFiles(folder, {
    "package.json": JSON.stringify({ name: "@planckdb/planck", type: "module", exports }),
    "tsconfig.json": JSON.stringify({ extends: join(repository, "tsconfig.json"), include: ["examples"], exclude: [] })
  })
  for (const name of ["src", "guest", "node_modules"]) symlinkSync(join(repository, name), join(folder, name))
  mkdirSync(join(folder, "examples"))
  writeFiles(folder, Object.fromEntries(programs.map(({ name, text }) => [`examples/${name}`, text])))
}

/** Runs programs one after another in one process; what each printed. */
function run(folder: string, names: ReadonlyArray<string>): ReadonlyArray<string> {
  const mark = "--- next example ---"
  writeFiles(folder, {
    "run.ts": names.map((name) => `await import("./examples/${name}")\nconsole.log(${JSON.stringify(mark)})`).join("\n")
  })
  const output = execFileSync(process.execPath, ["--conditions=planck-source", "--disable-warning=ExperimentalWarning", "run.ts"], {
    cwd: folder,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0" }
  })
  return output.split(`${mark}\n`)
}

describe("examples", () => {
  it("have the right types, and print what they say", () =>
    withFolder(async (folder) => {
      prepare(folder)
      const compiler = join(repository, "node_modules/typescript/bin/tsc")
      const types = spawnSync(process.execPath, [compiler, "-p", "tsconfig.json", "--pretty", "false"], { cwd: folder, encoding: "utf8" })
      const mistakes = types.stdout.trim().split("\n").filter(Boolean)
      assert.deepStrictEqual(
        mistakes.map((mistake) => placed(mistake)),
        []
      )
      const runs = programs.filter(({ isRun }) => isRun)
      const outputs = run(
        folder,
        runs.map(({ name }) => name)
      )
      runs.forEach(({ place, prints }, index) => {
        const lines = (outputs[index] ?? "").split("\n").slice(0, -1)
        const expected = prints.map((text, at) => text ?? lines[at] ?? "")
        assert.deepStrictEqual(lines, expected, place)
      })
      assert.isAtLeast(runs.length, 15)
    }))

  it("show every value that the package exports", () => {
    const shown = [...documented.map(({ text }) => text), ...sdkExamples, ...PAGES.map(pageText)].join("\n")
    const missing = ENTRIES.flatMap((entry) =>
      publicValues(readFileSync(join(repository, entry), "utf8"))
        .filter((name) => !new RegExp(`(?<![\\w$])${name}\\b`).test(shown))
        .map((name) => `${entry}: ${name}`)
    )
    assert.deepStrictEqual(missing, [])
  })

  it("of docs/embedding.md are programs with a name", () => {
    assert.isAtLeast(embedded.length, 4)
    assert.strictEqual(new Set(programs.map(({ name }) => name)).size, programs.length)
  })
})

/** A message of the compiler with the place of the example in front. */
function placed(mistake: string): string {
  const program = programs.find(({ name }) => mistake.includes(`examples/${name}(`))
  return program === undefined ? mistake : `${program.place}: ${mistake}`
}
