// Every npm script goes through here, so that a fresh clone needs nothing but npm and any Node from 18 on:
// it installs what the lock file names, finds the Node this project is built for, and runs the given file with it.
//
// What must hold
// - Only Node 18 syntax and `node:` imports: this file runs before anything is installed.
// - Two starts at once install once: the second waits for the first. One that died while installing is followed by the next start.
// - A signal reaches the program, and its exit code is ours.
import { spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { delimiter, dirname, join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { exitCode, fail, findNode, NODE_MAJOR_MIN, supervise, THREADS, withLargePages } from "../bin/launch.js"

const LOCK_POLL_MS = 200
const PARENT_POLL_MS = 250
/** This project's own programs import it as its sources, not as what `prepack` made of them. */
const SOURCES = "--conditions=planck-source"
/** Ten minutes. */
const LOCK_POLLS_MAX = 3000
/** Five seconds: so long a claim may say nothing before its owner counts as dead. */
const SILENT_POLLS_MAX = 25

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

const claimFile = (number) => join(lockDirectory, String(number))

const claims = () =>
  readdirSync(lockDirectory)
    .filter((name) => /^\d+$/.test(name))
    .map(Number)

const newestClaim = () => Math.max(0, ...claims())

/** What a claim says: the ids of the processes behind it, "0" when it was given back, nothing while it is being written. */
const readClaim = (number) => (existsSync(claimFile(number)) ? readFileSync(claimFile(number), "utf8") : "")

/** Whether one of these processes still runs. Our own id in an older claim was somebody else's. */
const isHeld = (text) => text.split(" ").some((pid) => Number(pid) > 0 && Number(pid) !== process.pid && alive(Number(pid)))

/** Makes a claim; false when another start made it first, or was further already. */
function claim(number) {
  try {
    writeFileSync(claimFile(number), String(process.pid), { flag: "wx" })
  } catch (error) {
    if (error.code !== "EEXIST") throw error
    return false
  }
  const isNewest = newestClaim() === number
  for (const other of claims()) if (isNewest ? other < number : other === number) rmSync(claimFile(other), { force: true })
  return isNewest
}

/**
 * Takes the install lock, or waits until the start that holds it is done or dead; the file of the claim.
 * The lock is a folder of numbered claims with the ids of the processes behind them. The highest counts; it is never removed, only followed
 * by the next, which the file system lets only one process create. So two that find the same dead owner cannot both take its place.
 */
async function lockInstall() {
  mkdirSync(lockDirectory, { recursive: true })
  let silentPolls = 0
  for (let polls = 0; polls < LOCK_POLLS_MAX; polls++) {
    const newest = newestClaim()
    const text = newest === 0 ? "0" : readClaim(newest)
    silentPolls = text === "" ? silentPolls + 1 : 0
    if ((text === "" ? silentPolls > SILENT_POLLS_MAX : !isHeld(text)) && claim(newest + 1)) return claimFile(newest + 1)
    if (polls === 1) process.stderr.write("planck: another start is installing; waiting for it\n")
    await new Promise((wake) => setTimeout(wake, LOCK_POLL_MS))
  }
  const minutes = (LOCK_POLLS_MAX * LOCK_POLL_MS) / 60_000
  return fail(`another start has been installing for ${minutes} minutes; if it is not, remove ${lockDirectory}`)
}

/** Runs npm as it called us, else the one on the PATH; what went wrong, if anything. A signal reaches it too, and ends us when it has ended. */
function runInstall(claimed) {
  const npm = process.env.npm_execpath
  const rest = ["ci", "--no-audit", "--no-fund", "--loglevel=error"]
  const options = { cwd: root, stdio: ["ignore", 2, 2] }
  const child =
    npm !== undefined && /npm-cli\.c?js$/.test(npm)
      ? spawn(process.execPath, [npm, ...rest], options)
      : spawn(process.platform === "win32" ? "npm.cmd" : "npm", rest, { ...options, shell: process.platform === "win32" })
  if (child.pid !== undefined) appendFileSync(claimed, ` ${child.pid}`)
  return supervise(child).then(({ error, code, signal, asked }) => {
    if (asked !== undefined) return { code: exitCode(null, asked) }
    if (code === 0) return undefined
    return { code: 1, message: `npm ci failed (${error?.message ?? `exit code ${exitCode(code, signal)}`}); its messages are above` }
  })
}

async function install() {
  if (installed()) return
  const claimed = await lockInstall()
  let problem
  try {
    if (!installed()) {
      process.stderr.write("planck: installing what package-lock.json names\n")
      problem = await runInstall(claimed)
      if (problem === undefined) writeFileSync(stampFile, stampWanted())
    }
  } finally {
    writeFileSync(claimed, "0")
  }
  if (problem?.message !== undefined) fail(problem.message)
  if (problem !== undefined) process.exit(problem.code)
}

/** The pinned Node when there is one that runs here, else one from the PATH that is new enough. */
function findPinnedNode() {
  const name = process.platform === "win32" ? "node.exe" : "node"
  const pinned = join(modules, `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}`, "bin", name)
  const found = findNode([pinned, process.execPath])
  if (found !== undefined) return found
  return fail(
    `Planck needs Node ${NODE_MAJOR_MIN} or newer: none is packaged for ${process.platform}-${process.arch} and none is on the PATH`
  )
}

/** npm that is killed outright tells nobody: a parent that changes says so. Whoever starts us without npm may leave us alone. */
function stopWithNpm(child) {
  if (process.env.npm_lifecycle_event === undefined) return
  const parent = process.ppid
  const watch = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(watch)
    child.kill("SIGTERM")
  }, PARENT_POLL_MS)
}

/** Runs the program and becomes transparent to it. Our own programs learn by the closed channel that this process was killed. */
function run(node, file, rest) {
  const ours = /\.(ts|mjs)$/.test(file) && !file.startsWith("node_modules")
  const path = `${join(modules, ".bin")}${delimiter}${dirname(node)}${delimiter}${process.env.PATH ?? ""}`
  const child = spawn(node, [...(ours ? [SOURCES] : []), resolve(root, file), ...rest], {
    stdio: ours ? ["inherit", "inherit", "inherit", "ipc"] : "inherit",
    env: { ...withLargePages(process.env), UV_THREADPOOL_SIZE: process.env.UV_THREADPOOL_SIZE ?? THREADS, PATH: path }
  })
  stopWithNpm(child)
  return supervise(child).then(({ error, code, signal }) => {
    if (error !== undefined) fail(`cannot run ${node}: ${error.message}`)
    process.exit(exitCode(code, signal))
  })
}

const [file, ...rest] = process.argv.slice(2)
if (file === undefined) fail("usage: node scripts/run.mjs <file> [arguments]")
await install()
await run(findPinnedNode(), file, rest)
