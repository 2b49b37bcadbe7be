import { assert, describe, it } from "@effect/vitest"
import { spawn } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs"
import { hostname, tmpdir } from "node:os"
import { join } from "node:path"
import { describeVolume } from "../Contract/DiskContract.ts"
import { NodeVolume } from "../../src/Disk/NodeVolume.ts"
import type { DirectoryLocked } from "../../src/Disk/Volume.ts"
import { isFault } from "../../src/Fault/Fault.ts"

const temporary = () => mkdtempSync(join(tmpdir(), "planck-disk-"))

describeVolume("NodeVolume", () => {
  const directory = temporary()
  return { volume: new NodeVolume(), directory, settle: () => {}, dispose: () => rmSync(directory, { recursive: true }) }
})

/** A process that locks a directory, says so, and then waits to be killed. */
function holder(directory: string) {
  const moduleUrl = new URL("../../src/Disk/NodeVolume.ts", import.meta.url).href
  const script = `
    const { NodeVolume } = await import(${JSON.stringify(moduleUrl)})
    const lock = new NodeVolume().lock(${JSON.stringify(directory)})
    console.log(lock.owner)
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "inherit"] })
  const ready = new Promise<string>((resolve) => child.stdout.once("data", (chunk: Buffer) => resolve(chunk.toString().trim())))
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()))
  return { child, ready, exited }
}

function refusedBy(volume: NodeVolume, directory: string): string {
  try {
    volume.lock(directory).release()
  } catch (error) {
    if (isFault<DirectoryLocked & Record<string, unknown>>(error, "DirectoryLocked")) return error.reason.owner
    throw error
  }
  return "nobody"
}

/** Files of a directory that this process has open although they have no name any more. */
function openAfterRemoval(directory: string): ReadonlyArray<string> {
  const links = readdirSync("/proc/self/fd").map((descriptor) => {
    try {
      return readlinkSync(join("/proc/self/fd", descriptor))
    } catch {
      return ""
    }
  })
  return links.filter((path) => path.startsWith(directory) && path.endsWith("(deleted)"))
}

describe.runIf(process.platform === "linux")("NodeVolume: removed files", () => {
  it("have no name when the call returns, and give their blocks back soon after, each of them, however many", async () => {
    const directory = temporary()
    const volume = new NodeVolume()
    const paths = Array.from({ length: 100 }, (_, index) => join(directory, `segment-${index}`))
    for (const path of paths) writeFileSync(path, "bytes")
    for (const path of paths) volume.remove(path)
    assert.deepStrictEqual(readdirSync(directory), [])
    const waiting = openAfterRemoval(directory).length
    assert.isAtLeast(waiting, 1, "none of them gives its blocks back on the calling thread")
    assert.isAtMost(waiting, 64, "what waits is bounded")
    while (openAfterRemoval(directory).length > 0) await new Promise((done) => setTimeout(done, 1))
    rmSync(directory, { recursive: true })
  })

  it("give their blocks back later too when another one takes their name", async () => {
    const directory = temporary()
    const volume = new NodeVolume()
    const [path, next] = [join(directory, "copy"), join(directory, "copy.new")]
    for (let round = 0; round < 100; round++) {
      writeFileSync(next, `round ${round}`)
      volume.rename(next, path)
      assert.deepStrictEqual(readdirSync(directory), ["copy"])
    }
    assert.strictEqual(readFileSync(path, "utf8"), "round 99")
    const waiting = openAfterRemoval(directory).length
    assert.isAtLeast(waiting, 1, "none of them gives its blocks back on the calling thread")
    assert.isAtMost(waiting, 64, "what waits is bounded")
    while (openAfterRemoval(directory).length > 0) await new Promise((done) => setTimeout(done, 1))
    assert.throws(() => volume.rename(next, path), /rename/)
    assert.strictEqual(readFileSync(path, "utf8"), "round 99")
    rmSync(directory, { recursive: true })
  })

  it("are refused as ever, and nothing of them stays open", () => {
    const directory = temporary()
    const volume = new NodeVolume()
    const missing = join(directory, "missing")
    assert.throws(() => volume.remove(missing), /remove/)
    assert.throws(() => volume.remove(directory), /remove/)
    assert.deepStrictEqual(openAfterRemoval(directory), [])
    rmSync(directory, { recursive: true })
  })
})

describe("NodeVolume: the lock", () => {
  it("refuses a second process with the holder's pid, host and start, and is free right after kill -9", async () => {
    const directory = temporary()
    const { child, ready, exited } = holder(directory)
    const owner = await ready
    const volume = new NodeVolume()
    assert.match(owner, new RegExp(`^process ${child.pid} on ${hostname()} since \\d{4}-\\d\\d-\\d\\dT`))
    assert.strictEqual(refusedBy(volume, directory), owner)
    child.kill("SIGKILL")
    await exited
    assert.strictEqual(readFileSync(join(directory, "LOCK.owner"), "utf8").trim(), owner, "what a dead process left is not believed")
    assert.strictEqual(refusedBy(volume, directory), "nobody")
    rmSync(directory, { recursive: true })
  })

  it("names no one when the owner file cannot be read", () => {
    const directory = temporary()
    const volume = new NodeVolume()
    const lock = volume.lock(directory)
    rmSync(join(directory, "LOCK.owner"))
    assert.strictEqual(refusedBy(volume, directory), "another process")
    writeFileSync(join(directory, "LOCK.owner"), "  ")
    assert.strictEqual(refusedBy(volume, directory), "another process")
    lock.release()
    rmSync(directory, { recursive: true })
  })
})
