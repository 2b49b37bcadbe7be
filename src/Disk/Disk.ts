import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { DiskError } from "./Errors.ts"
import { toDiskError } from "./Errors.ts"
import type { MemoryVolumeOptions } from "./MemoryVolume.ts"
import { MemoryVolume } from "./MemoryVolume.ts"
import { NodeVolume } from "./NodeVolume.ts"
import type { SimulatedOptions } from "./SimulatedVolume.ts"
import { SimulatedVolume } from "./SimulatedVolume.ts"
import type { DirectoryLock, Volume } from "./Volume.ts"

/**
 * The disk of the running program.
 *
 * @example
 * ```ts
 * const program = Effect.gen(function* () {
 *   const disk = yield* Disk
 *   yield* disk.acquire("data/services/shop")
 *   return disk.volume.list("data/services/shop")
 * }).pipe(Effect.scoped, Effect.provide(Disk.layer))
 * ```
 */
export class Disk extends Context.Service<
  Disk,
  {
    /** The synchronous handle for the cores. */
    readonly volume: Volume
    /** Creates the directory when it is missing and holds its lock for the scope; refused with the owner's name when it is held. */
    readonly acquire: (directory: string) => Effect.Effect<DirectoryLock, DiskError, Scope.Scope>
  }
>()("planck/Disk/Disk") {
  /** The disk over any volume: the simulated one in tests. */
  static readonly over = (volume: Volume) => Disk.of({ volume, acquire: (directory) => acquire(volume, directory) })

  /** The file system of this machine. */
  static readonly layer = Layer.sync(Disk, () => Disk.over(new NodeVolume()))

  /** A fresh volume in memory for every build of the layer. */
  static readonly layerMemory = (options: MemoryVolumeOptions = {}) => Layer.sync(Disk, () => Disk.over(new MemoryVolume(options)))

  /** A volume that fails on demand. Its syncs complete by themselves unless the options say otherwise. */
  static readonly layerSimulated = (options: SimulatedOptions) =>
    Layer.sync(Disk, () => Disk.over(new SimulatedVolume({ syncs: "automatic", ...options })))
}

function acquire(volume: Volume, directory: string): Effect.Effect<DirectoryLock, DiskError, Scope.Scope> {
  return Effect.acquireRelease(
    Effect.suspend(() => {
      try {
        volume.makeDirectory(directory)
        return Effect.succeed(volume.lock(directory))
      } catch (error) {
        const known = toDiskError(error)
        return known === undefined ? Effect.die(error) : Effect.fail(known)
      }
    }),
    (lock) => Effect.sync(() => lock.release())
  )
}
