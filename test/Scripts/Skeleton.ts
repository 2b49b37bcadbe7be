/** A project with nothing but the launcher, programs of the test's own, and an npm that only pretends. */
import { spawnSync } from "node:child_process"
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { Child } from "../Cli/Child.ts"

const REPOSITORY = join(import.meta.dirname, "../..")
/** The launcher and what it imports. */
const LAUNCHER = ["scripts/run.mjs", "bin/launch.js"]

/** Installs by making `node_modules`, and writes down when it began and ended. `NPM_MS`: how long it takes. `NPM_EXIT`: its exit code. */
const NPM = `const { appendFileSync, mkdirSync } = require("node:fs")
appendFileSync("npm.log", "begin " + process.argv.slice(2).join(" ") + "\\n")
setTimeout(() => {
  mkdirSync("node_modules", { recursive: true })
  appendFileSync("npm.log", "end\\n")
  process.exit(Number(process.env.NPM_EXIT ?? 0))
}, Number(process.env.NPM_MS ?? 0))
`

/** The oldest Node of this machine: what a user may start with. */
export const OLD_NODE = oldest(["/usr/bin/node", "/usr/local/bin/node", process.execPath])

export class Skeleton implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "planck-launcher-"))

  constructor(programs: Readonly<Record<string, string>>) {
    this.write("package.json", '{ "type": "module" }')
    this.write("package-lock.json", "{}")
    this.write("npm/npm-cli.cjs", NPM)
    for (const [name, text] of Object.entries(programs)) this.write(name, text)
    for (const name of LAUNCHER) cpSync(join(REPOSITORY, name), join(this.path, name))
  }

  write(name: string, text: string): void {
    const path = join(this.path, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  }

  /** A shell script that can be run. */
  script(name: string, text: string): string {
    this.write(name, `#!/bin/sh\n${text}\n`)
    chmodSync(join(this.path, name), 0o755)
    return join(this.path, name)
  }

  /** The Node that the project pins: the one of this test, which can be told by \`PINNED\`. */
  pin(): void {
    this.script(`node_modules/node-${process.platform}-${process.arch}/bin/node`, `PINNED=yes exec "${process.execPath}" "$@"`)
  }

  /** What npm did so far. */
  get npmLog(): ReadonlyArray<string> {
    const file = join(this.path, "npm.log")
    return existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n") : []
  }

  /** Starts the launcher as npm does, under the oldest Node of this machine. */
  start(argv: ReadonlyArray<string>, options: { readonly env?: NodeJS.ProcessEnv; readonly flags?: ReadonlyArray<string> } = {}): Child {
    const env = { npm_execpath: join(this.path, "npm/npm-cli.cjs"), PATH: `${dirname(process.execPath)}:/usr/bin:/bin`, ...options.env }
    return new Child(OLD_NODE, [...(options.flags ?? []), join(this.path, "scripts/run.mjs"), ...argv], { env, cwd: this.path })
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}

function oldest(paths: ReadonlyArray<string>): string {
  const versions = paths.filter((path) => existsSync(path)).map((path) => ({ path, major: majorOf(path) }))
  return versions.filter(({ major }) => major >= 18).toSorted((a, b) => a.major - b.major)[0]?.path ?? process.execPath
}

function majorOf(path: string): number {
  return Number(/^v(\d+)\./.exec(spawnSync(path, ["--version"], { encoding: "utf8" }).stdout ?? "")?.[1] ?? 0)
}
