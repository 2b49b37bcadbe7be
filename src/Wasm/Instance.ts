/**
 * One instance of a module: its memory, its handlers, and the way in.
 *
 * Invariants
 * - `memory()` is always the whole memory as it is now; the view is made again once growing has detached it.
 * - Whatever leaves a guest's frame as an exception leaves the instance in an unknown state: the caller drops it.
 * - A guest is not entered twice: the host calls it only while no call runs.
 */
import { STACK_BYTES } from "./Evaluation.ts"
import type { Host } from "./Host.ts"
import { makeImports } from "./Imports.ts"
import { callFault, refusal } from "./Reasons.ts"

type Handler = (request: number) => number

/** An interpreter's heap ends this much before its memory, so that it runs out of heap, which it can say, and not of memory, which is a trap. */
export const HEAP_SLACK_BYTES = 4 * 1024 * 1024

const EMPTY = new Uint8Array(0)

export class Instance {
  private view: Uint8Array = EMPTY
  private readonly memoryObject: WebAssembly.Memory
  private readonly allocate: (length: number) => number
  private readonly releaseAll: (() => void) | undefined
  private readonly handlers: ReadonlyArray<Handler>

  /**
   * Instantiates a module whose imports and exports have been checked. `handlers` are names of exports, `memoryBytes` is the most the guest may have.
   * Throws a Fault `StartFailed` when the guest does not come up.
   */
  constructor(module: WebAssembly.Module, handlers: ReadonlyArray<string>, host: Host, memoryBytes: number) {
    host.begin(undefined, 0)
    try {
      const { exports } = new WebAssembly.Instance(
        module,
        makeImports(host, () => this.memory())
      )
      this.memoryObject = exports["memory"] as WebAssembly.Memory
      this.allocate = exports["planck_alloc"] as Handler
      this.releaseAll = exports["planck_reset"] as (() => void) | undefined
      this.handlers = handlers.map((name) => exports[name] as Handler)
      const arm = exports["planck_arm"] as ((memoryBytes: number, stackBytes: number) => void) | undefined
      arm?.(Math.max(memoryBytes - HEAP_SLACK_BYTES, memoryBytes >>> 1), STACK_BYTES)
      const initialize = exports["_initialize"] as (() => void) | undefined
      initialize?.()
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      throw refusal({ _tag: "StartFailed", message: `the module does not start: ${message}` })
    } finally {
      host.end()
    }
  }

  /** The guest's memory as it is now. Do not keep it across a call into the guest. */
  memory(): Uint8Array {
    if (this.view.length === 0) this.view = new Uint8Array(this.memoryObject.buffer)
    return this.view
  }

  /**
   * Hands the first `length` bytes of `request` to a handler and returns the address of its reply, 0 when it failed.
   * Throws what leaves the guest.
   */
  run(handler: number, request: Uint8Array, length: number): number {
    const at = this.allocate(length) >>> 0
    const memory = this.memory()
    if (at === 0) throw callFault("out_of_memory", `the guest has no room for a request of ${length} bytes`)
    if (at + length > memory.length) throw callFault("bad_pointer", `planck_alloc gave ${at} for ${length} bytes of ${memory.length}`)
    memory.set(length === request.length ? request : request.subarray(0, length), at)
    const invoke = this.handlers[handler]
    if (invoke === undefined) throw callFault("internal", `there is no handler ${handler}`)
    return invoke(at) >>> 0
  }

  /** Lets the guest free what the call has left behind, once its reply has been read. Throws what leaves the guest. */
  reset(): void {
    this.releaseAll?.()
  }

  /** Bytes of the guest's memory. It never shrinks. */
  get memoryBytes(): number {
    return this.memoryObject.buffer.byteLength
  }
}
