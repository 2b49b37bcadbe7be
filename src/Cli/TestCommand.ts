/** `planck test`: the tests of a project, by the vitest that is installed there. */
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join, resolve } from "node:path"
import { Failure } from "./Failure.ts"
import type { Output } from "./Output.ts"

export interface TestCommandOptions {
  readonly folder: string
  /** Parts of the names of the files to run; all of them when there is none. */
  readonly filters: ReadonlyArray<string>
  readonly watch: boolean
  readonly output: Output
}

export const test = Effect.fn("Cli.test")(function* (options: TestCommandOptions) {
  const folder = resolve(options.folder)
  const runner = findRunner(folder)
  if (runner === undefined) {
    return yield* new Failure({
      code: "NoTestRunner",
      message: `vitest is not installed in ${options.folder}: npm install --save-dev vitest`
    })
  }
  const json = options.output.json ? ["--reporter=json"] : []
  const code = yield* run([runner, options.watch ? "watch" : "run", ...json, ...options.filters], folder)
  if (code !== 0) return yield* new Failure({ code: "TestsFailed", message: "tests failed" })
})

/** The program of the package, from the folder and those above it. */
function findRunner(folder: string): string | undefined {
  const directories = createRequire(join(folder, "package.json")).resolve.paths("vitest") ?? []
  return directories
    .map((directory) => join(dirname(join(directory, "vitest/package.json")), "vitest.mjs"))
    .find((file) => existsSync(file))
}

/** Runs a program of Node to its end, or until the command is interrupted. */
const run = (argv: ReadonlyArray<string>, folder: string): Effect.Effect<number, Failure> =>
  Effect.callback((resume) => {
    const child = spawn(process.execPath, argv, { cwd: folder, stdio: "inherit" })
    child.on("error", (error) => resume(Effect.fail(new Failure({ code: "NoTestRunner", message: error.message }))))
    child.on("close", (code) => resume(Effect.succeed(code ?? 1)))
    return Effect.sync(() => void child.kill("SIGTERM"))
  })
