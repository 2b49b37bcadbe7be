#!/usr/bin/env node
// The `planck` command, under any Node from 18 on: in this process when it is new enough, else in a newer one of the PATH.
// In a checkout, whose dist may be missing or old, it runs the sources through the launcher there.
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import * as module from "node:module"
import { fileURLToPath } from "node:url"
import { exitCode, fail, findNode, isSuitable, NODE_MAJOR_MIN, supervise, THREADS, withLargePages } from "./launch.js"

/** Commands that hold a database for long, or write much: what their memory is made of is worth another start of Node. */
const LASTING = ["serve", "load"]

const isCheckout = existsSync(fileURLToPath(new URL("../src/Main.ts", import.meta.url)))

if (isCheckout) {
  process.argv.splice(2, 0, "src/Main.ts")
  await import("../scripts/run.mjs")
} else if (isSuitable(process.version)) {
  process.env.UV_THREADPOOL_SIZE ??= THREADS
  if (process.argv.slice(2).some((word) => LASTING.includes(word))) becomeLarge()
  module.enableCompileCache?.()
  await import("../dist/command/planck.js")
} else await runElsewhere()

/** Replaces this process by one whose memory comes in large pages; the C library asks only while it starts. Not where somebody talks to it over a channel. */
function becomeLarge() {
  const environment = withLargePages(process.env)
  if (environment === process.env || process.execve === undefined || process.connected) return
  process.execve(process.execPath, [process.execPath, ...process.execArgv, ...process.argv.slice(1)], environment)
}

/** Runs this file again under a Node that is new enough. The channel tells the command when this process was killed. */
async function runElsewhere() {
  const node = findNode([])
  if (node === undefined) {
    fail(
      `this is Node ${process.versions.node}, and Planck needs ${NODE_MAJOR_MIN} or newer: install it from https://nodejs.org, or with nvm install ${NODE_MAJOR_MIN}`
    )
  }
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: ["inherit", "inherit", "inherit", "ipc"],
    env: withLargePages(process.env)
  })
  const { error, code, signal } = await supervise(child)
  if (error !== undefined) fail(`cannot run ${node}: ${error.message}`)
  process.exit(exitCode(code, signal))
}
