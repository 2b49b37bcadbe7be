/**
 * Compiles the glue and compares it with the committed `glue.wasm`: `node guest/engine/build.ts` checks, `--write` replaces it.
 *
 * Only whoever changes the C files needs a compiler. Without one the comparison of the bytes is skipped, and says so; that the committed file
 * belongs to the committed sources is checked everywhere, by their hashes in `glue.json`.
 */
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { GlueRecord } from "../../src/Wasm/Engine.ts"

const COMPILER = "clang-19"
const HERE = fileURLToPath(new URL(".", import.meta.url))
const ENGINE = { package: "quickjs-wasi", version: "3.6.2", file: "quickjs-wasi/quickjs.wasm" }

/** The engine has 532 table entries and 18 pages of data: the glue's entries and data come behind them. */
const FLAGS = [
  "--target=wasm32",
  "-std=c17",
  "-O2",
  "-ffreestanding",
  "-nostdlib",
  "-mbulk-memory",
  "-Wall",
  "-Wextra",
  "-Werror",
  "-Wno-unused-parameter",
  "-Wl,--no-entry",
  "-Wl,--import-memory",
  "-Wl,--import-table",
  "-Wl,--table-base=532",
  `-Wl,--global-base=${18 * 65536}`,
  "-Wl,-z,stack-size=16",
  "-Wl,--strip-all"
]

/** What a check of the committed glue found. */
export type GlueCheck =
  | { readonly status: "same" }
  | { readonly status: "skipped"; readonly reason: string }
  | { readonly status: "different"; readonly reason: string }

/** Compares the committed glue with its sources and, where the compiler is, with what the compiler makes of them. */
export function checkGlue(): GlueCheck {
  const record = JSON.parse(readFileSync(join(HERE, "glue.json"), "utf8")) as GlueRecord
  const found = sourceHashes()
  const changed = [...new Set([...Object.keys(found), ...Object.keys(record.sources)])].filter(
    (name) => record.sources[name] !== found[name]
  )
  if (changed.length > 0) return { status: "different", reason: `${changed.join(", ")} changed after glue.wasm was compiled` }
  if (hashOf(readFileSync(join(HERE, "glue.wasm"))) !== record.glue.sha256)
    return { status: "different", reason: "glue.wasm is not the file glue.json describes" }
  const version = compilerVersion()
  if (version === undefined) return { status: "skipped", reason: `${COMPILER} is not installed, so the bytes were not compared` }
  if (version !== record.compiler) return { status: "skipped", reason: `glue.wasm was made by ${record.compiler}, here is ${version}` }
  const built = compile()
  return hashOf(built) === record.glue.sha256
    ? { status: "same" }
    : { status: "different", reason: "the compiler makes other bytes of these sources" }
}

/** Compiles the glue and writes `glue.wasm` and `glue.json`. */
export function writeGlue(): void {
  const version = compilerVersion()
  if (version === undefined)
    throw new Error(`${COMPILER} and wasm-ld-19 are needed to compile the glue (Debian: apt-get install clang-19 lld-19)`)
  const glue = compile()
  const engine = readFileSync(fileURLToPath(import.meta.resolve(ENGINE.file)))
  const record: GlueRecord = {
    engine: { ...ENGINE, sha256: hashOf(engine) },
    glue: { sha256: hashOf(glue) },
    compiler: version,
    flags: FLAGS,
    sources: sourceHashes()
  }
  writeFileSync(join(HERE, "glue.wasm"), glue)
  writeFileSync(join(HERE, "glue.json"), `${JSON.stringify(record, undefined, 2)}\n`)
}

function sources(): string[] {
  return readdirSync(HERE)
    .filter((name) => name.endsWith(".c") || name.endsWith(".h"))
    .toSorted()
}

function sourceHashes(): Record<string, string> {
  return Object.fromEntries(sources().map((name) => [name, hashOf(readFileSync(join(HERE, name)))]))
}

function compilerVersion(): string | undefined {
  const { status, stdout } = spawnSync(COMPILER, ["--version"], { encoding: "utf8" })
  return status === 0 ? /version (\S+)/.exec(stdout)?.[1] : undefined
}

function compile(): Uint8Array {
  const directory = mkdtempSync(join(tmpdir(), "planck-glue-"))
  try {
    const file = join(directory, "glue.wasm")
    const inputs = sources().filter((name) => name.endsWith(".c"))
    const { status, stderr } = spawnSync(COMPILER, [...FLAGS, "-o", file, ...inputs], { encoding: "utf8", cwd: HERE })
    if (status !== 0) throw new Error(`${COMPILER} failed\n${stderr}`)
    return readFileSync(file)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex")
}

if (import.meta.main) {
  if (process.argv.includes("--write")) writeGlue()
  const check = checkGlue()
  process.stdout.write(`glue: ${check.status === "skipped" ? "SKIPPED" : check.status}${"reason" in check ? ` (${check.reason})` : ""}\n`)
  if (check.status === "different") process.exitCode = 1
}
