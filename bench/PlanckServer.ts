/** Planck as one of the peers: serves an example, filled with the workload, until it is stopped. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { join } from "node:path"
import { parseKey } from "../src/Bson/Key.ts"
import { type Value, encode } from "../src/Bson/Value.ts"
import { build } from "../src/Build/Build.ts"
import { readConfiguration } from "../src/Config/Configuration.ts"
import { Disk } from "../src/Disk/Disk.ts"
import { Executor } from "../src/Query/Executor.ts"
import { RowList } from "../src/Query/RowList.ts"
import { Server } from "../src/Server.ts"
import { Storage } from "../src/Storage/Storage.ts"
import { SEED, hexId, loadCategories, order } from "./compare/workload.mjs"

const BATCH = 1000

const service = process.env["SERVICE"] ?? "orders"
const directory = process.env["DIRECTORY"] ?? "."
const configuration = readConfiguration({
  environment: {
    PLANCK_HTTP_ANSWERS_HELD_MAX: process.env["ANSWERS_HELD_MAX"],
    PLANCK_HTTP_PORT: process.env["PORT"],
    PLANCK_GUEST_ANSWER_CACHE_BYTES_MAX: process.env["ANSWER_CACHE_BYTES_MAX"]
  }
})
if (!("settings" in configuration)) throw new Error(configuration.map((reason) => reason.message).join("\n"))

/** Inserts documents made one by one, a thousand a transaction. */
const fill = Effect.fnUntraced(function* (store: string, count: number, make: (index: number) => Record<string, Value>) {
  const storage = yield* Storage
  const executor = new Executor({ store: (name) => storage.engine.store(name) })
  const rows = new RowList()
  for (let from = 0; from < count; from += BATCH) {
    yield* storage.admitWrite
    const documents = Array.from({ length: Math.min(BATCH, count - from) }, (_, offset) => make(from + offset))
    const transaction = storage.engine.transact()
    executor.insert(transaction, encode({ store, documents }), 0, rows)
    yield* storage.awaitDurable(transaction.commit())
  }
})

const program = Effect.gen(function* () {
  const server = yield* Server
  const built = yield* build(join(import.meta.dirname, "..", "examples", service))
  yield* server.deploy(built.file)
  if (process.env["FILL"] === "1" && service === "orders") {
    yield* fill("orders", SEED, (index) => ({ _id: parseKey(hexId(index + 1)), ...order(index) }))
  }
  if (process.env["FILL"] === "1" && service === "pizzahub") {
    const categories = yield* Effect.promise(loadCategories)
    yield* fill("categories", categories.length, (index) => ({ ...categories[index] }))
  }
  console.log("ready")
  return yield* Effect.never
})

const layer = Server.layer({ directory, service, settings: configuration.settings, accessLog: "off" }).pipe(Layer.provide(Disk.layer))
Effect.runFork(Effect.scoped(Effect.provide(program, layer)))
