/** One competitor: a process that says `ready` once it serves. */
import type { ChildProcess } from "node:child_process"
import { execFileSync, spawn, spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"

export interface PeerDefinition {
  readonly name: string
  readonly file: string
  readonly port: number
  readonly environment: Readonly<Record<string, string>>
  /** Works it takes part in; all when absent. */
  readonly works?: ReadonlyArray<string>
}

export class Peer {
  readonly definition: PeerDefinition
  readonly url: string
  private readonly child: ChildProcess

  private constructor(definition: PeerDefinition, child: ChildProcess) {
    this.definition = definition
    this.url = `http://127.0.0.1:${definition.port}`
    this.child = child
  }

  /** Starts the process and waits until it serves. */
  static start(definition: PeerDefinition): Promise<Peer> {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [definition.file], {
        stdio: ["ignore", "pipe", "inherit"],
        env: { ...process.env, NODE_ENV: "production", PORT: String(definition.port), ...definition.environment }
      })
      child.stdout.on("data", (chunk: Buffer) => {
        if (chunk.toString().includes("ready")) resolve(new Peer(definition, child))
      })
      child.on("error", reject)
      child.on("exit", (code) => reject(new Error(`${definition.name} exited with ${code} before it served`)))
    })
  }

  takesPartIn(work: string): boolean {
    return this.definition.works === undefined || this.definition.works.includes(work)
  }

  /** Processor time of the process so far, all its threads; undefined where the system does not tell. */
  cpuMicros(): number | undefined {
    try {
      const fields = readFileSync(`/proc/${this.child.pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? []
      return ((Number(fields[11]) + Number(fields[12])) * 1e6) / ticksPerSecond
    } catch {
      return undefined
    }
  }

  /** Counts sync calls of the process while `work` runs; undefined without strace. */
  async countSyncs(work: () => Promise<unknown>): Promise<number | undefined> {
    if (spawnSync("strace", ["-V"]).error !== undefined) return undefined
    const tracer = spawn("strace", ["-f", "-c", "-e", "trace=fsync,fdatasync", "-p", String(this.child.pid)], {
      stdio: ["ignore", "ignore", "pipe"]
    })
    let report = ""
    tracer.stderr.on("data", (chunk: Buffer) => (report += chunk.toString()))
    await new Promise((wake) => setTimeout(wake, 300))
    await work()
    tracer.kill("SIGINT")
    await new Promise((done) => tracer.once("exit", done))
    const calls = [...report.matchAll(/^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?f(?:data)?sync$/gm)]
    return calls.reduce((sum, call) => sum + Number(call[1]), 0)
  }

  /** Ends the process; with SIGKILL as a crash would. */
  stop(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    return new Promise((done) => {
      if (this.child.exitCode !== null || this.child.signalCode !== null) done()
      else {
        this.child.once("exit", () => done())
        this.child.kill(signal)
      }
    })
  }
}

const ticksPerSecond = (() => {
  try {
    return Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }))
  } catch {
    return 100
  }
})()
