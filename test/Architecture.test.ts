/**
 * The shape of the system as data, held against the sources. A new edge is a decision: change the table and say why in docs/decisions.
 */
import { assert, describe, it } from "@effect/vitest"
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { dirname, join, relative, resolve } from "node:path"

const root = resolve(import.meta.dirname, "..")
const source = join(root, "src")

/** Folder (or file of `src` itself) → the folders it may import. `Fault` is open to all, `Config` to every folder from Wal upwards. */
const mayImport: Record<string, ReadonlyArray<string>> = {
  Fault: [],
  Disk: [],
  Bson: [],
  Config: [],
  Schema: ["Bson"],
  Match: ["Bson"],
  Wal: ["Disk", "Bson", "Config"],
  Index: ["Disk", "Bson", "Config", "Schema"],
  Template: ["Bson", "Schema", "Config"],
  Storage: ["Disk", "Bson", "Schema", "Match", "Wal", "Index", "Config"],
  Query: ["Bson", "Schema", "Match", "Index", "Storage", "Config"],
  Exchange: ["Disk", "Bson", "Schema", "Storage", "Config"],
  Wasm: ["Disk", "Bson", "Schema", "Storage", "Query", "Template", "Config"],
  Http: ["Bson", "Storage", "Query", "Template", "Wasm", "Config"],
  Control: ["Disk"],
  Build: ["Bson", "Schema", "Match", "Template", "Query", "Wasm", "Config"],
  "Server.ts": ["Disk", "Control", "Storage", "Query", "Wasm", "Http", "Config"],
  "Planck.ts": [
    "Server.ts",
    "Disk",
    "Bson",
    "Schema",
    "Match",
    "Wal",
    "Index",
    "Template",
    "Storage",
    "Query",
    "Model",
    "Exchange",
    "Wasm",
    "Http",
    "Config"
  ],
  Client: ["Schema", "Wasm"],
  Model: ["Bson", "Schema", "Query"],
  Persistence: ["Bson", "Query", "Storage"],
  Testing: ["Server.ts", "Build", "Disk", "Bson", "Schema", "Storage", "Query", "Wasm", "Http", "Config"],
  Cli: [
    "Planck.ts",
    "Server.ts",
    "Client",
    "Control",
    "Build",
    "Exchange",
    "Disk",
    "Bson",
    "Schema",
    "Template",
    "Storage",
    "Query",
    "Wasm",
    "Http",
    "Config"
  ],
  "Main.ts": ["Cli"]
}

/** Modules of Effect that are marked unstable, and the folders that may use them. */
const unstable: Record<string, ReadonlyArray<string>> = {
  "effect/cli": ["Cli"],
  "effect/http": [],
  "effect/http-api": [],
  "effect/encoding/Yaml": ["Config"],
  "effect/persistence": ["Persistence"],
  "@effect/platform-node": ["Cli", "Main.ts"]
}

/**
 * Time, entropy, environment and files enter only here; everyone else gets them as arguments. A file by its path, where not the whole room:
 * the engine of the guests is a file of this package.
 */
const ambient: ReadonlyArray<{ readonly name: string; readonly pattern: RegExp; readonly allowed: ReadonlyArray<string> }> = [
  { name: "node:fs", pattern: /from "node:fs(\/promises)?"/, allowed: ["Disk", "Config", "Build", "Cli", "src/Wasm/Engine.ts"] },
  { name: "process.env", pattern: /\bprocess\.env\b/, allowed: ["Config", "Cli"] },
  { name: "Date.now", pattern: /\bDate\.now\b|\bperformance\.now\b|\bprocess\.hrtime\b/, allowed: ["Disk", "Build", "Cli"] },
  { name: "Math.random", pattern: /\bMath\.random\b/, allowed: [] },
  { name: "timers", pattern: /\b(setTimeout|setInterval|setImmediate)\(/, allowed: ["Storage", "Http", "Build", "Cli"] }
]

/** The synchronous stratum: folders whose every file is plain TypeScript, and folders in which only the door and its errors see Effect. */
const withoutEffect = ["Fault", "Bson", "Schema", "Match", "Index", "Template"]

const sources = (directory: string): ReadonlyArray<string> =>
  readdirSync(directory).flatMap((name) => {
    const path = join(directory, name)
    if (statSync(path).isDirectory()) return sources(path)
    return name.endsWith(".ts") ? [path] : []
  })

/** `src/Wal/Log.ts` → `Wal`, `src/Main.ts` → `Main.ts`. */
const room = (path: string): string => relative(source, path).split("/")[0] ?? ""

/** Import and export specifiers of a file; comments do not count. */
const specifiers = (text: string): ReadonlyArray<string> =>
  [...text.matchAll(/^\s*(?:import|export)\b[^"';]*?from\s+"([^"]+)"|^\s*import\s+"([^"]+)"|\bimport\("([^"]+)"\)/gm)].map(
    (match) => match[1] ?? match[2] ?? match[3] ?? ""
  )

const withoutComments = (text: string): string => text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|[^:])\/\/.*$/gm, "$1")

const files = sources(source).map((path) => ({ path, room: room(path), text: withoutComments(readFileSync(path, "utf8")) }))

describe("architecture", () => {
  it("knows every room of src", () => {
    for (const file of files) assert.property(mayImport, file.room, `${relative(root, file.path)} lies in a room the table does not know`)
  })

  it("imports only along the table", () => {
    const forbidden = files.flatMap((file) =>
      specifiers(file.text)
        .filter((specifier) => specifier.startsWith(".") && !specifier.endsWith("/package.json"))
        .map((specifier) => room(resolve(dirname(file.path), specifier)))
        .filter((target) => target !== file.room && target !== "Fault" && !(mayImport[file.room] ?? []).includes(target))
        .map((target) => `${relative(root, file.path)} → ${target}`)
    )
    assert.deepStrictEqual(forbidden, [])
  })

  it("uses unstable modules of Effect only where the table says", () => {
    const forbidden = files.flatMap((file) =>
      specifiers(file.text).flatMap((specifier) =>
        Object.entries(unstable)
          .filter(([prefix, rooms]) => (specifier === prefix || specifier.startsWith(`${prefix}/`)) && !rooms.includes(file.room))
          .map(() => `${relative(root, file.path)} → ${specifier}`)
      )
    )
    assert.deepStrictEqual(forbidden, [])
  })

  it("imports Effect by module path, never by barrel", () => {
    const barrels = new Set(["effect", "@effect/platform-node"])
    const forbidden = files.filter((file) => specifiers(file.text).some((specifier) => barrels.has(specifier)))
    assert.deepStrictEqual(
      forbidden.map((file) => relative(root, file.path)),
      []
    )
  })

  it("keeps Effect out of the synchronous stratum", () => {
    const forbidden = files.filter(
      (file) => withoutEffect.includes(file.room) && specifiers(file.text).some((specifier) => specifier.startsWith("effect/"))
    )
    assert.deepStrictEqual(
      forbidden.map((file) => relative(root, file.path)),
      []
    )
  })

  it("takes time, randomness, environment and files only through their owners", () => {
    const forbidden = files.flatMap((file) =>
      ambient
        .filter(
          (rule) => !rule.allowed.includes(file.room) && !rule.allowed.includes(relative(root, file.path)) && rule.pattern.test(file.text)
        )
        .map((rule) => `${relative(root, file.path)} uses ${rule.name}`)
    )
    assert.deepStrictEqual(forbidden, [])
  })

  it("gives every room with a service one door named after it", () => {
    const rooms = new Set(files.filter((file) => /Context\.Service</.test(file.text)).map((file) => file.room))
    for (const name of rooms) {
      if (name.endsWith(".ts")) continue
      assert.isTrue(existsSync(join(source, name, `${name}.ts`)), `src/${name} has a service and no ${name}.ts`)
    }
  })

  it("imports every file of src from somewhere, the entry excepted", () => {
    const reached = new Set(files.flatMap((file) => specifiers(file.text).map((specifier) => resolve(dirname(file.path), specifier))))
    const entries = new Set(["src/Main.ts", "src/Planck.ts", "src/Testing/Testing.ts", "src/Persistence/Persistence.ts"])
    const unused = files.map((file) => file.path).filter((path) => !reached.has(path) && !entries.has(relative(root, path)))
    assert.deepStrictEqual(
      unused.map((path) => relative(root, path)),
      []
    )
  })
})
