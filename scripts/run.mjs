// Every npm script goes through here, so that a fresh clone needs nothing but npm and any Node from 18 on:
// it installs what the lock file names, finds the Node this project is built for, and runs the given file with it.
//
// What must hold
// - Only Node 18 syntax and `node:` imports: this file runs before anything is installed.
// - Two starts at once install once: the second waits for the first.
// - A signal reaches the program, and its exit code is ours.
import { spawn, spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { constants } from "node:os"
import { delimiter, dirname, join, resolve } from "node:path"
import { fileURLToPath } from "node:url"

const NODE_MAJOR_MIN = 24
const LOCK_POLL_MS = 200
const LOCK_WAIT_MS_MAX = 10 * 60_000
/** Threads for file work: the log's sync must not wait behind reads of files. */
const THREADS = "8"

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..")
const modules = join(root, "node_modules")
const stampFile = join(modules, ".planck-installed")
const lockDirectory = join(root, ".planck-install.lock")

/** What the stamp has to say for the installed modules to be those of the lock file, on this kind of machine. */
function stampWanted() {
  const lock = readFileSync(join(root, "package-lock.json"))
  return `${createHash("sha256").update(lock).digest("hex")} ${process.platform}-${process.arch}`
}

const installed = () => existsSync(stampFile) && readFileSync(stampFile, "utf8") === stampWanted()

function alive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === "EPERM"
  }
}

/** Takes the install lock, or waits until the start that holds it is done. A lock whose owner died is taken over. */
async function lockInstall() {
  const giveUpAt = Date.now() + LOCK_WAIT_MS_MAX
  for (;;) {
    try {
      mkdirSync(lockDirectory)
      writeFileSync(join(lockDirectory, "pid"), String(process.pid))
      return
    } catch (error) {
      if (error.code !== "EEXIST") throw error
    }
    await new Promise((wake) => setTimeout(wake, LOCK_POLL_MS))
    const pidFile = join(lockDirectory, "pid")
    const owner = existsSync(pidFile) ? Number(readFileSync(pidFile, "utf8")) : 0
    if ((owner > 0 && !alive(owner)) || Date.now() > giveUpAt) rmSync(lockDirectory, { recursive: true, force: true })
  }
}

/** npm as it called us, else the one on the PATH. */
function runInstall() {
  const npm = process.env.npm_execpath
  const arguments_ = ["ci", "--no-audit", "--no-fund", "--loglevel=error"]
  const options = { cwd: root, stdio: ["ignore", 2, 2] }
  const result =
    npm !== undefined && /npm-cli\.c?js$/.test(npm)
      ? spawnSync(process.execPath, [npm, ...arguments_], options)
      : spawnSync(process.platform === "win32" ? "npm.cmd" : "npm", arguments_, { ...options, shell: process.platform === "win32" })
  if (result.status !== 0) fail(`npm ci failed (${result.error?.message ?? `exit code ${result.status}`}); its messages are above`)
}

async function install() {
  if (installed()) return
  await lockInstall()
  try {
    if (installed()) return
    process.stderr.write("planck: installing what package-lock.json names\n")
    runInstall()
    writeFileSync(stampFile, stampWanted())
  } finally {
    rmSync(lockDirectory, { recursive: true, force: true })
  }
}

/** The pinned Node when there is one for this platform, else one from the PATH that is new enough. */
function findNode() {
  const name = process.platform === "win32" ? "node.exe" : "node"
  const pinned = join(modules, `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}`, "bin", name)
  if (existsSync(pinned)) return pinned
  const candidates = [process.execPath, ...(process.env.PATH ?? "").split(delimiter).map((directory) => join(directory, name))]
  for (const candidate of candidates) {
    if (!existsSync(candidate)) continue
    const answer = spawnSync(candidate, ["--version"], { encoding: "utf8" })
    if (Number(/^v(\d+)\./.exec(answer.stdout ?? "")?.[1] ?? 0) >= NODE_MAJOR_MIN) return candidate
  }
  return fail(
    `Planck needs Node ${NODE_MAJOR_MIN} or newer: none is packaged for ${process.platform}-${process.arch} and none is on the PATH`
  )
}

function fail(message) {
  process.stderr.write(`planck: ${message}\n`)
  process.exit(1)
}

/** Runs the program and becomes transparent to it. Our own programs learn by the closed channel that this process was killed. */
function run(node, file, rest) {
  const ours = /\.(ts|mjs)$/.test(file) && !file.startsWith("node_modules")
  const path = `${join(modules, ".bin")}${delimiter}${dirname(node)}${delimiter}${process.env.PATH ?? ""}`
  const child = spawn(node, [resolve(root, file), ...rest], {
    stdio: ours ? ["inherit", "inherit", "inherit", "ipc"] : "inherit",
    env: { ...process.env, UV_THREADPOOL_SIZE: process.env.UV_THREADPOOL_SIZE ?? THREADS, PATH: path }
  })
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal))
  child.on("error", (error) => fail(`cannot run ${node}: ${error.message}`))
  child.on("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)))
}

const [file, ...rest] = process.argv.slice(2)
if (file === undefined) fail("usage: node scripts/run.mjs <file> [arguments]")
await install()
run(findNode(), file, rest)
