/** The real thing: a process that writes to a real disk is killed with SIGKILL, again and again, and the next one finds its work. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Storage } from "../../src/Storage/Storage.ts"
import { countAll, LEDGER, ledgerLayer, sidesOf } from "./Ledger.ts"

const LIVES = 4

/** Writes from number `first` on until `count` entries are acknowledged, then dies; the numbers that were acknowledged. */
function writeAndDie(directory: string, first: number, count: number): Promise<Array<number>> {
  const writer = new URL("./Writer.ts", import.meta.url).pathname
  const child = spawn(process.execPath, [writer, directory, String(first)], { stdio: ["ignore", "pipe", "inherit"] })
  let text = ""
  return new Promise((resolve, reject) => {
    child.stdout.on("data", (chunk: Buffer) => {
      text += chunk.toString()
      if (text.split("\n").length > count) child.kill("SIGKILL")
    })
    child.once("close", (code, signal) => {
      // The last line may be half a number.
      const lines = text.slice(0, text.lastIndexOf("\n")).split("\n")
      if (signal === "SIGKILL") resolve(lines.map(Number))
      else reject(new Error(`the writer ended by itself: ${code}`))
    })
  })
}

describe("a process that is killed", () => {
  it("leaves everything it acknowledged, whole, and a directory that opens at once", async () => {
    const directory = mkdtempSync(join(tmpdir(), "planck-kill-"))
    const acknowledged: Array<number> = []
    let first = 1
    for (let life = 1; life <= LIVES; life++) {
      acknowledged.push(...(await writeAndDie(directory, first, 150 * life)))
      first = Math.max(...acknowledged) + 1000
      const found = Effect.gen(function* () {
        const { engine, defineStores } = yield* Storage
        yield* defineStores([LEDGER])
        const store = engine.store(LEDGER.name)!
        const reader = yield* (yield* Storage).snapshot
        const numbers = Array.from({ length: first }, (_, number) => number)
        const lost = acknowledged.filter((number) => sidesOf(reader, store, number) !== 2)
        const torn = numbers.filter((number) => sidesOf(reader, store, number) === 1)
        return { lost, torn, ...countAll(reader, store) }
      }).pipe(Effect.scoped, Effect.provide(ledgerLayer(directory)))
      const { lost, torn, documents, indexed } = await Effect.runPromise(found)
      assert.deepStrictEqual(lost, [], `life ${life}: acknowledged and lost`)
      assert.deepStrictEqual(torn, [], `life ${life}: one half of a transaction`)
      assert.isAtLeast(documents, acknowledged.length * 2)
      assert.strictEqual(indexed, documents, `life ${life}: the index agrees`)
    }
    rmSync(directory, { recursive: true })
  })
})
