import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Disk } from "../../src/Disk/Disk.ts"
import { Storage } from "../../src/Storage/Storage.ts"
import { Wasm, type WasmOptions } from "../../src/Wasm/Wasm.ts"
import { image } from "./Authors.ts"
import { json, request } from "./Bench.ts"
import { guest, manifest } from "./Guests.ts"

const live = (options: WasmOptions = {}): Layer.Layer<Wasm | Storage, unknown> =>
  Wasm.layer(options).pipe(Layer.provideMerge(Storage.layer({ directory: "/db" })), Layer.provide(Disk.layerMemory()))

const file = image(`
import { service, store, s } from "@planckdb/planck/guest"
const notes = store("notes", { text: s.string() })
export default service({ name: "notes", version: "2.0.0" }, (app) => {
  const config = app.config({ region: s.string() })
  app.get("/", () => ({ notes: notes.count(), region: config.region }))
  app.get("/throws", () => { throw new Error("boom") })
})`)

describe("the door", () => {
  it.live("loads a service, with its stores and configuration", () =>
    Effect.gen(function* () {
      const wasm = yield* Wasm
      const service = yield* wasm.load(file, { config: { region: "eu" } })
      assert.deepStrictEqual(
        service.routes.map((route) => [route.method, route.pattern.source, route.writes]),
        [
          ["GET", "/", false],
          ["GET", "/throws", false]
        ]
      )
      assert.strictEqual(service.handle(0, request()).body, '{"notes":0,"region":"eu"}')
      assert.notProperty(json(service.handle(1, request())), "detail")
      assert.isDefined((yield* Storage).engine.store("notes"))
    }).pipe(Effect.provide(live()))
  )

  it.live("shows details in development", () =>
    Effect.gen(function* () {
      const wasm = yield* Wasm
      const service = yield* wasm.load(file, { config: { region: "eu" } })
      assert.deepInclude(json(service.handle(1, request())), { detail: "boom", code: "handler_failed" })
    }).pipe(Effect.provide(live({ development: true })))
  )

  it.live("fails with a typed error and has changed nothing", () =>
    Effect.gen(function* () {
      const wasm = yield* Wasm
      const reason = (bytes: Uint8Array, config: Record<string, unknown> = {}): Effect.Effect<string, unknown> =>
        Effect.scoped(wasm.load(bytes, { config })).pipe(
          Effect.flip,
          Effect.map((error) => (error._tag === "WasmError" ? error.reason._tag : error._tag))
        )
      assert.strictEqual(yield* reason(new Uint8Array(3)), "NotAModule")
      assert.strictEqual(yield* reason(guest({}, manifest({ language: "rust" }))), "UnsupportedLanguage")
      assert.strictEqual(yield* reason(guest()), "ForgedImage")
      assert.strictEqual(yield* reason(file), "InvalidConfiguration")
      assert.isUndefined((yield* Storage).engine.store("notes"))
    }).pipe(Effect.provide(live()))
  )

  it.live("looks at a file without running anything of it", () =>
    Effect.gen(function* () {
      const wasm = yield* Wasm
      const module = yield* wasm.inspect(guest({ more: `(func (export "_initialize") (unreachable))` }, manifest({ language: "rust" })))
      assert.strictEqual(module.manifest.language, "rust")
      assert.strictEqual((yield* wasm.inspect(file)).manifest.name, "notes")
      const error = yield* Effect.flip(wasm.inspect(new Uint8Array(0)))
      assert.strictEqual(error.reason._tag, "NotAModule")
      assert.include(error.message, "not a WebAssembly module")
    }).pipe(Effect.provide(live()))
  )
})
