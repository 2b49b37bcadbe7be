import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Disk } from "../../src/Disk/Disk.ts"
import { SimulatedVolume } from "../../src/Disk/SimulatedVolume.ts"
import { Storage } from "../../src/Storage/Storage.ts"
import { Wasm } from "../../src/Wasm/Wasm.ts"
import { image } from "./Authors.ts"
import { json, request } from "./Bench.ts"

const source = `
import { service, store, s } from "@planckdb/planck/guest"
const notes = store("notes", { text: s.string() })
export default service({ name: "notes", version: "1.0.0" }, (app) => {
  app.get("/", () => ({ notes: notes.count() }))
  app.post("/", () => ({ id: notes.insert({ text: "x" }) }))
})`

const GET = 0
const POST = 1

describe("a service whose disk fails", () => {
  it.live("acknowledges no write, refuses the next one before it runs, and goes on reading what is durable", () => {
    const volume = new SimulatedVolume({ seed: 1, syncs: "automatic" })
    const live = Wasm.layer().pipe(
      Layer.provideMerge(Storage.layer({ directory: "/db" })),
      Layer.provide(Layer.succeed(Disk, Disk.over(volume)))
    )
    return Effect.gen(function* () {
      const storage = yield* Storage
      const wasm = yield* Wasm
      const service = yield* wasm.load(image(source))
      const first = service.handle(POST, request({ method: "POST" }))
      assert.strictEqual(first.status, 200)
      yield* storage.awaitDurable(first.waitLsn)
      volume.failWhen((operation) => (operation.operation === "syncCompletes" ? "EIO" : undefined))
      const lost = service.handle(POST, request({ method: "POST" }))
      assert.strictEqual(lost.status, 200)
      const failure = yield* Effect.flip(storage.awaitDurable(lost.waitLsn))
      assert.strictEqual(failure.reason._tag, "Poisoned")
      assert.deepInclude(json(service.handle(POST, request({ method: "POST" }))), { status: 503, code: "read_only" })
      assert.deepInclude(service.handle(GET, request()), { status: 200, body: '{"notes":1}', waitLsn: 0 })
    }).pipe(Effect.provide(live))
  })
})
