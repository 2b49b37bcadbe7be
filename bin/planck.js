#!/usr/bin/env node
// The `planck` command, under any Node from 18 on: in this process when it is new enough, else in a newer one of the PATH.
// In a checkout, whose dist may be missing or old, it runs the sources through the launcher there.
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import * as module from "node:module"
import { fileURLToPath } from "node:url"
import { exitCode, fail, findNode, isSuitable, NODE_MAJOR_MIN, supervise, THREADS } from "./launch.js"

const isCheckout = existsSync(fileURLToPath(new URL("../src/Main.ts", import.meta.url)))

if (isCheckout) {
  process.argv.splice(2, 0, "src/Main.ts")
  await import("../scripts/run.mjs")
} else if (isSuitable(process.version)) {
  process.env.UV_THREADPOOL_SIZE ??= THREADS
  module.enableCompileCache?.()
  await import("../dist/command/planck.js")
} else await runElsewhere()

/** Runs this file again under a Node that is new enough. The channel tells the command when this process was killed. */
async function runElsewhere() {
  const node = findNode([])
  if (node === undefined) {
    fail(
      `this is Node ${process.versions.node}, and Planck needs ${NODE_MAJOR_MIN} or newer: install it from https://nodejs.org, or with nvm install ${NODE_MAJOR_MIN}`
    )
  }
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: ["inherit", "inherit", "inherit", "ipc"] })
  const { error, code, signal } = await supervise(child)
  if (error !== undefined) fail(`cannot run ${node}: ${error.message}`)
  process.exit(exitCode(code, signal))
}
