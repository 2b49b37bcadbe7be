// What both launchers share (planck.js of the package, scripts/run.mjs of a checkout): finding a Node that is new enough, and being
// transparent to the program that runs in it.
//
// What must hold
// - Only Node 18 syntax and `node:` imports: this file runs under whatever Node a user has.
import { spawnSync } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { constants } from "node:os"
import { delimiter, join } from "node:path"

export const NODE_MAJOR_MIN = 24
/** Threads for file work: the log's sync must not wait behind reads of files. */
export const THREADS = "8"

/** What asks glibc for memory in pages of 2 MiB, and where Linux says whether it gives them to whoever asks. */
const LARGE_PAGES = "glibc.malloc.hugetlb"
const LARGE_PAGES_FILE = "/sys/kernel/mm/transparent_hugepage/enabled"

/** Whether a version such as `v24.1.0` is one that Planck runs in. */
export const isSuitable = (version) => Number(/^v(\d+)\./.exec(version)?.[1] ?? 0) >= NODE_MAJOR_MIN

/** The first of these files, then of the PATH, that is a Node new enough; undefined when there is none. */
export function findNode(first) {
  const name = process.platform === "win32" ? "node.exe" : "node"
  const onPath = (process.env.PATH ?? "").split(delimiter).map((directory) => join(directory, name))
  for (const candidate of new Set([...first, ...onPath])) {
    if (!existsSync(candidate)) continue
    const answer = spawnSync(candidate, ["--version"], { encoding: "utf8" })
    if (isSuitable(answer.stdout ?? "")) return candidate
  }
  return undefined
}

/**
 * The environment of a process that holds a database: as it is, but that memory comes in large pages where the system gives them to those who
 * ask, unless whoever started us has said something about them. The same object when there is nothing to add.
 */
export function withLargePages(environment, file = LARGE_PAGES_FILE) {
  const set = environment.GLIBC_TUNABLES ?? ""
  if (process.platform !== "linux" || set.includes(LARGE_PAGES)) return environment
  try {
    if (!readFileSync(file, "utf8").includes("[madvise]")) return environment
  } catch {
    return environment
  }
  const asked = `${LARGE_PAGES}=1`
  return { ...environment, GLIBC_TUNABLES: set === "" ? asked : `${set}:${asked}` }
}

/** Hands our signals to a child until it ends: how it ended, and the first signal we were asked to stop with. */
export function supervise(child) {
  let asked
  const handlers = ["SIGINT", "SIGTERM", "SIGHUP"].map((signal) => {
    const handler = () => {
      asked ??= signal
      child.kill(signal)
    }
    process.on(signal, handler)
    return () => process.off(signal, handler)
  })
  return new Promise((resolve) => {
    const end = (how) => {
      for (const remove of handlers) remove()
      resolve({ ...how, asked })
    }
    child.on("error", (error) => end({ error, code: null, signal: null }))
    child.on("exit", (code, signal) => end({ code, signal }))
  })
}

/** A program that a signal ended has the exit code that a shell gives it. */
export const exitCode = (code, signal) => code ?? 128 + (constants.signals[signal] ?? 0)

/** Says why nothing can be run, in one line, and ends. */
export function fail(message) {
  process.stderr.write(`planck: ${message}\n`)
  process.exit(1)
}
