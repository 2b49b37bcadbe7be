/** A PostgreSQL cluster of our own in a temporary folder, when the server is installed on this machine. */
import { execFileSync, spawn } from "node:child_process"
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

export interface Cluster {
  readonly socket: string
  readonly port: number
  readonly stop: () => Promise<void>
}

const DEBIAN = "/usr/lib/postgresql"
const PORT = 5499

/** Starts a cluster with the defaults of the package but for 512 MB of shared buffers; undefined when no server is installed. */
export async function startPostgres(): Promise<Cluster | undefined> {
  const version = existsSync(DEBIAN) ? readdirSync(DEBIAN).toSorted().at(-1) : undefined
  const programs = version === undefined ? "" : join(DEBIAN, version, "bin")
  if (!existsSync(join(programs, "postgres"))) return undefined
  const folder = mkdtempSync(join(tmpdir(), "planck-postgres-"))
  chmodSync(folder, 0o755)
  const directory = join(folder, "data")
  mkdirSync(directory, { mode: 0o700 })
  const root = process.getuid?.() === 0
  if (root) execFileSync("chown", ["-R", "postgres", folder])
  const as = (command: string, arguments_: ReadonlyArray<string>) =>
    root ? { file: "su", arguments_: ["postgres", "-c", [command, ...arguments_].join(" ")] } : { file: command, arguments_ }
  const init = as(join(programs, "initdb"), ["-D", directory, "-U", "postgres", "-A", "trust"])
  execFileSync(init.file, init.arguments_, { stdio: "ignore" })
  const start = as(join(programs, "postgres"), [
    "-D",
    directory,
    "-p",
    String(PORT),
    "-k",
    folder,
    "-c",
    "listen_addresses=",
    "-c",
    "shared_buffers=512MB"
  ])
  const server = spawn(start.file, start.arguments_, { stdio: "ignore" })
  const isReady = as(join(programs, "pg_isready"), ["-q", "-h", folder, "-p", String(PORT)])
  for (let attempt = 0; ; attempt++) {
    try {
      execFileSync(isReady.file, isReady.arguments_)
      break
    } catch (error) {
      if (attempt === 100) throw error
      await new Promise((wake) => setTimeout(wake, 100))
    }
  }
  const stopWith = as(join(programs, "pg_ctl"), ["-D", directory, "-m", "fast", "-s", "stop"])
  const stop = async () => {
    execFileSync(stopWith.file, stopWith.arguments_)
    server.kill()
    rmSync(folder, { recursive: true, force: true })
  }
  return { socket: folder, port: PORT, stop }
}
