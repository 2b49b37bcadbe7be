/**
 * Plays a trace on a simulated disk, event by event: between any two it knows what a power cut could leave.
 *
 * Invariant: a name that the volume under the recording one got from elsewhere (a socket, a lock) is not in the trace, so its removal is nothing.
 */
import type { SimulatedVolume } from "../../src/Disk/SimulatedVolume.ts"
import type { File } from "../../src/Disk/Volume.ts"
import type { TraceEvent } from "./RecordingVolume.ts"

export class Replay {
  readonly volume: SimulatedVolume
  readonly #files = new Map<number, File>()
  /** The syncs under way, in the order in which they were called. */
  readonly #syncs: Array<number> = []

  /** On a volume that holds what the directory held when the recording began; its syncs are pumped by hand. */
  constructor(volume: SimulatedVolume) {
    this.volume = volume
  }

  /** Takes the next event; true when it may have changed what a power cut leaves. */
  play(event: TraceEvent): boolean {
    switch (event.kind) {
      case "open":
        this.#files.set(event.handle, this.volume.open(event.path, event.mode))
        return event.mode === "create"
      case "write":
        this.#file(event.handle).writeAt(event.offset, event.bytes)
        return true
      case "truncate":
        this.#file(event.handle).truncate(event.sizeBytes)
        return true
      case "sync":
        this.#syncs.push(event.sync)
        this.#file(event.handle).syncData(() => {})
        return false
      case "truncateAndSync":
        this.#syncs.push(event.sync)
        this.#file(event.handle).truncateAndSync(event.sizeBytes, () => {})
        return true
      case "syncDirectory":
        this.#syncs.push(event.sync)
        this.volume.syncDirectory(event.path, () => {})
        return false
      case "synced":
        return this.#synced(event.sync)
      case "makeDirectory":
        this.volume.makeDirectory(event.path)
        return true
      case "remove":
        if (!this.volume.exists(event.path)) return false
        this.volume.remove(event.path)
        return true
      case "rename":
        this.volume.rename(event.from, event.to)
        return true
      case "request":
      case "answer":
        return false
    }
  }

  #synced(sync: number): boolean {
    const position = this.#syncs.indexOf(sync)
    this.#syncs.splice(position, 1)
    if (position < 0 || !this.volume.pump(position)) throw new Error(`the trace ends sync ${sync}, which it has not begun`)
    return true
  }

  #file(handle: number): File {
    const file = this.#files.get(handle)
    if (file === undefined) throw new Error(`the trace uses handle ${handle}, which it has not opened`)
    return file
  }
}
