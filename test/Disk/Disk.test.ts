import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { Disk } from "../../src/Disk/Disk.ts"

describe("Disk", () => {
  it.effect("holds a directory for a scope and refuses it meanwhile, typed, with the owner's name", () =>
    Effect.gen(function* () {
      const disk = yield* Disk
      const scope = yield* Scope.make()
      const lock = yield* disk.acquire("data/shop").pipe(Scope.provide(scope))
      const error = yield* Effect.flip(disk.acquire("data/shop"))
      assert.strictEqual(error._tag, "DiskError")
      assert.strictEqual(error.reason._tag, "DirectoryLocked")
      assert.strictEqual(error.message, `data/shop is in use by ${lock.owner}`)
      yield* Scope.close(scope, Exit.void)
      yield* disk.acquire("data/shop")
    }).pipe(Effect.scoped, Effect.provide(Disk.layerMemory()))
  )

  it.effect("turns a failing volume into a typed error with operation, path and code", () =>
    Effect.gen(function* () {
      const disk = yield* Disk
      disk.volume.open("data", "create").close()
      const error = yield* Effect.flip(disk.acquire("data"))
      assert.strictEqual(error.message, "makeDirectory of data failed: EEXIST")
    }).pipe(Effect.scoped, Effect.provide(Disk.layerMemory()))
  )

  it.live("runs on a simulated volume whose syncs complete by themselves", () =>
    Effect.gen(function* () {
      const { volume } = yield* Disk
      const file = volume.open("one", "create")
      yield* Effect.callback<void>((resume) => file.syncData(() => resume(Effect.void)))
    }).pipe(Effect.provide(Disk.layerSimulated({ seed: 1 })))
  )
})
