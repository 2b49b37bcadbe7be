/** Load from a second process: wrk where it is installed, else autocannon. Both keep their connections and send as fast as they are answered. */
import { spawn, spawnSync } from "node:child_process"
import { mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

export interface Work {
  readonly name: string
  readonly method: "GET" | "POST"
  /** A Lua expression giving the target, evaluated per request by wrk; `random(n)` is a number below n. */
  readonly lua: string
  /** The same for autocannon. */
  readonly target: (random: (below: number) => number) => string
  readonly body?: string
}

export interface Measured {
  readonly requests: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Answers that were not 2xx, and requests that got none. */
  readonly errors: number
}

export const tool: "wrk" | "autocannon" = spawnSync("wrk", ["-v"]).error === undefined ? "wrk" : "autocannon"

const scripts = mkdtempSync(join(tmpdir(), "planck-bench-"))
const autocannonFile = join(import.meta.dirname, "compare", "node_modules", "autocannon", "autocannon.js")

const script = (work: Work): string => `
math.randomseed(os.time() + ${process.pid})
local function random(below) return math.random(0, below - 1) end
local headers = { ["content-type"] = "application/json" }
local body = ${work.body === undefined ? "nil" : JSON.stringify(work.body)}
request = function() return wrk.format("${work.method}", ${work.lua}, ${work.body === undefined ? "nil" : "headers"}, body) end
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format('RESULT {"requests":%d,"micros":%d,"p50":%d,"p99":%d,"errors":%d}\\n', summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), e.status + e.connect + e.read + e.write + e.timeout))
end
`

/** Loads `url` with one work for some seconds over 32 connections. */
export function load(url: string, work: Work, seconds: number): Promise<Measured> {
  return tool === "wrk" ? loadByWrk(url, work, seconds) : loadByAutocannon(url, work, seconds)
}

async function loadByWrk(url: string, work: Work, seconds: number): Promise<Measured> {
  const file = join(scripts, `${work.name}.lua`)
  writeFileSync(file, script(work))
  const output = await run("wrk", ["-t1", "-c32", `-d${seconds}s`, "--timeout", "10s", "-s", file, url])
  const found = /RESULT (\{.*\})/.exec(output)
  if (found?.[1] === undefined) throw new Error(`wrk said nothing usable:\n${output}`)
  const { requests, micros, p50, p99, errors } = JSON.parse(found[1]) as Record<"requests" | "micros" | "p50" | "p99" | "errors", number>
  return { requests, perSecond: (requests * 1e6) / micros, p50Ms: p50 / 1000, p99Ms: p99 / 1000, errors }
}

async function loadByAutocannon(url: string, work: Work, seconds: number): Promise<Measured> {
  const requests = Array.from({ length: 1000 }, () => ({
    method: work.method,
    path: work.target((below) => Math.floor(Math.random() * below)),
    ...(work.body === undefined ? {} : { body: work.body, headers: { "content-type": "application/json" } })
  }))
  const file = join(scripts, `${work.name}.mjs`)
  writeFileSync(
    file,
    `import autocannon from ${JSON.stringify(autocannonFile)}
const result = await autocannon({ url: ${JSON.stringify(url)}, connections: 32, duration: ${seconds}, requests: ${JSON.stringify(requests)} })
console.log("RESULT " + JSON.stringify({ requests: result.requests.total, seconds: result.duration, p50: result.latency.p50, p99: result.latency.p99, errors: result.errors + result.timeouts + result.non2xx }))`
  )
  const output = await run(process.execPath, [file])
  const found = /RESULT (\{.*\})/.exec(output)
  if (found?.[1] === undefined) throw new Error(`autocannon said nothing usable:\n${output}`)
  const result = JSON.parse(found[1]) as Record<"requests" | "seconds" | "p50" | "p99" | "errors", number>
  return {
    requests: result.requests,
    perSecond: result.requests / result.seconds,
    p50Ms: result.p50,
    p99Ms: result.p99,
    errors: result.errors
  }
}

function run(command: string, arguments_: ReadonlyArray<string>): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...arguments_], { stdio: ["ignore", "pipe", "inherit"] })
    let output = ""
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()))
    child.on("error", reject)
    child.on("exit", (code) => (code === 0 ? resolve(output) : reject(new Error(`${command} exited with ${code}:\n${output}`))))
  })
}
