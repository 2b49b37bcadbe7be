/**
 * Run as `node Serve.ts <small|tiny> <module> <directory>`: the ledger served with small files and a small memtable, so that a second of load
 * flushes, rotates, compacts and releases many times. Otherwise it is what `planck serve` is.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { readFileSync } from "node:fs"
import * as Planck from "../../src/Planck.ts"
import { SERVICE, SMALL_LIMITS, testSettings, TINY_LIMITS } from "./Small.ts"

const [kind, module, directory] = process.argv.slice(2)
const server = Planck.Server.layer({
  directory: directory!,
  service: SERVICE,
  settings: testSettings,
  storage: kind === "tiny" ? TINY_LIMITS : SMALL_LIMITS
})

const program = Effect.gen(function* () {
  const { deploy, port } = yield* Planck.Server
  yield* deploy(readFileSync(module!))
  console.log(JSON.stringify({ event: "serving", port }))
  return yield* Effect.never
}).pipe(Effect.provide(server.pipe(Layer.provide(Planck.Disk.layer))))

NodeRuntime.runMain(program)
