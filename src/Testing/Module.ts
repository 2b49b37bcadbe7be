/** What is tested: a folder that is built, a file that was, or its bytes. */
import * as Effect from "effect/Effect"
import { fileURLToPath } from "node:url"
import { build, BuildError } from "../Build/Build.ts"
import { NodeVolume } from "../Disk/NodeVolume.ts"
import { inspectModule } from "../Wasm/Inspect.ts"
import type { Manifest } from "../Wasm/Manifest.ts"
import { TestError } from "./Errors.ts"

/** The folder of a service (a path or a `file:` URL), a `.wasm`, or the bytes of one. */
export type TestedService = string | URL | Uint8Array

export interface TestedModule {
  readonly module: Uint8Array
  readonly manifest: Manifest
}

/** Folders that were built already: all tests of a file share one build. */
const built = new Map<string, Promise<TestedModule>>()

export const moduleOf = (service: TestedService): Effect.Effect<TestedModule, BuildError | TestError> => {
  if (service instanceof Uint8Array) return described(service)
  const path = service instanceof URL || service.startsWith("file:") ? fileURLToPath(service) : service
  if (path.endsWith(".wasm")) return Effect.flatMap(readModule(path), described)
  return Effect.tryPromise({
    try: () => {
      const known =
        built.get(path) ??
        Effect.runPromise(Effect.map(build(path, { types: false }), ({ file, manifest }) => ({ module: file, manifest })))
      built.set(path, known)
      return known
    },
    catch: (error) => (error instanceof BuildError ? error : new TestError({ message: String(error) }))
  })
}

const described = (module: Uint8Array): Effect.Effect<TestedModule, TestError> =>
  inspectModule(module).pipe(
    Effect.map((manifest) => ({ module, manifest })),
    Effect.mapError(({ message }) => new TestError({ message }))
  )

const readModule = (path: string): Effect.Effect<Uint8Array, TestError> =>
  Effect.try({
    try: () => {
      const file = new NodeVolume().open(path, "read")
      try {
        const bytes = new Uint8Array(file.size())
        return bytes.subarray(0, file.readAt(0, bytes))
      } finally {
        file.close()
      }
    },
    catch: (error) => new TestError({ message: error instanceof Error ? error.message : String(error) })
  })
