/** A folder outside of the repository in which the packed package is installed, as a user has it. */
import { assert } from "@effect/vitest"
import { execFileSync, spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, dirname, join } from "node:path"
import { Child } from "../Cli/Child.ts"
import { OLD_NODE } from "../Scripts/Skeleton.ts"

const repository = join(import.meta.dirname, "../..")
const PREPACK = join(repository, "scripts/pack.ts")

export interface Ran {
  readonly code: number | null
  readonly out: string
  readonly err: string
  readonly elapsedMs: number
}

/** The tarball of this checkout: `dist` made anew, then packed. */
export function pack(into: string): string {
  // `npm pack` runs `prepack` through the launcher; here the same script runs under the Node of the test.
  execFileSync(process.execPath, [PREPACK], { cwd: repository, stdio: "inherit" })
  const argv = ["pack", "--silent", "--ignore-scripts", "--pack-destination", into]
  const name = execFileSync("npm", argv, { cwd: repository, encoding: "utf8", env: clean() }).trim()
  return join(into, name)
}

/** The environment without what npm and the launcher of the checkout put into it. */
function clean(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_|VITEST|PLANCK_|GLIBC_)/i.test(name))
  return Object.fromEntries(entries)
}

const npmDirectory = dirname(execFileSync("which", ["npm"], { encoding: "utf8" }).trim())

export class Consumer implements Disposable {
  readonly path: string
  readonly env: NodeJS.ProcessEnv
  readonly #isOwner: boolean

  /** `node`: what the user has first on the PATH. The Node of this test, which is new enough, is on it too, unless `alone`. `of`: another's folder. */
  constructor(node: string, { alone = false, of }: { readonly alone?: boolean; readonly of?: Consumer } = {}) {
    this.#isOwner = of === undefined
    this.path = of?.path ?? mkdtempSync(join(tmpdir(), "planck-consumer-"))
    const directories = [dirname(node), ...(alone ? [] : [dirname(process.execPath), npmDirectory]), "/usr/bin", "/bin"]
    this.env = { ...clean(), PATH: directories.join(delimiter), NO_COLOR: "1" }
  }

  write(name: string, text: string): void {
    mkdirSync(dirname(join(this.path, name)), { recursive: true })
    writeFileSync(join(this.path, name), text)
  }

  /** Installs what package.json names, with the npm of this machine and its cache. */
  install(): Ran {
    const ran = this.run("npm", ["install", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"])
    assert.strictEqual(ran.code, 0, ran.err)
    return ran
  }

  run(command: string, argv: ReadonlyArray<string>, folder = "."): Ran {
    const startedAt = performance.now()
    const result = spawnSync(command, argv, { cwd: join(this.path, folder), env: this.env, encoding: "utf8" })
    return { code: result.status, out: result.stdout ?? "", err: result.stderr ?? "", elapsedMs: performance.now() - startedAt }
  }

  planck(...argv: ReadonlyArray<string>): Ran {
    return this.run(join(this.path, "node_modules/.bin/planck"), argv)
  }

  start(command: string, argv: ReadonlyArray<string>, folder = "."): Child {
    return new Child(command, argv, { cwd: join(this.path, folder), env: this.env, bare: true })
  }

  /** What `node -v` says to a script of this package, which has `node_modules/.bin` in front of the PATH. */
  nodeVersion(folder = "."): string {
    const bin = join(this.path, folder, "node_modules/.bin")
    const env = { ...this.env, PATH: `${bin}${delimiter}${this.env["PATH"] ?? ""}` }
    return execFileSync("node", ["-v"], { env, encoding: "utf8" }).trim()
  }

  /** MiB of the installed packages. */
  installedMib(folder = "."): number {
    const modules = join(this.path, folder, "node_modules")
    return Number(execFileSync("du", ["-sm", modules], { encoding: "utf8" }).split("\t")[0])
  }

  list(folder: string): ReadonlyArray<string> {
    return readdirSync(join(this.path, folder))
  }

  [Symbol.dispose](): void {
    if (this.#isOwner) rmSync(this.path, { recursive: true, force: true })
  }
}

/** The Nodes a user may start with: the machine's oldest, and the one of this test. */
export const NODES = [...new Set([OLD_NODE, process.execPath])]

export const versionOf = (node: string): string => execFileSync(node, ["-v"], { encoding: "utf8" }).trim()
