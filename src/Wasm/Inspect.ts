/** A look at a file without running anything of it and without a database. */
import * as Effect from "effect/Effect"
import { WasmError } from "./Errors.ts"
import { DEFAULT_LIMITS } from "./Limits.ts"
import type { Manifest } from "./Manifest.ts"
import { loadModule, type Module } from "./Module.ts"
import { isWasmFault } from "./Reasons.ts"

/** Checks a file and gives what it holds; its memory image is not judged, so nothing of it may be run. */
export const inspectFile = (bytes: Uint8Array): Effect.Effect<Module, WasmError> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(loadModule(bytes, { memoryBytes: DEFAULT_LIMITS.memoryBytes, judge: () => {} }))
    } catch (error) {
      if (isWasmFault(error)) return Effect.fail(new WasmError({ reason: error.reason }))
      throw error
    }
  })

/** The manifest of a file. */
export const inspectModule = (bytes: Uint8Array): Effect.Effect<Manifest, WasmError> =>
  Effect.map(inspectFile(bytes), (module) => module.manifest)
