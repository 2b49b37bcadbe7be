/**
 * The functions a guest imports, over the host's side of the call.
 *
 * Invariants
 * - Every address and length is checked against the memory as it is at that moment (`memory()` is asked anew at each entry: growing detaches views).
 * - What has a result returns an error. `read`, `random`, `abort` and `proc_exit` have none: they stop the guest by a Fault that leaves its frames, and
 *   the instance is replaced.
 */
import { type Host, isInside } from "./Host.ts"
import { RANDOM_BYTES_MAX } from "./Limits.ts"
import { callFault } from "./Reasons.ts"
import { makeWasi } from "./Wasi.ts"

/** Builds the import object of one instance. `memory` gives the guest's whole memory, now. */
export function makeImports(host: Host, memory: () => Uint8Array): WebAssembly.Imports {
  return {
    planck: {
      call: (op: number, address: number, length: number): number => {
        const bytes = memory()
        if (!isInside(bytes, address, length)) {
          return host.refuse({ code: "bad_pointer", message: `operation ${op}: ${describe(bytes, address, length)}`, fields: {} })
        }
        return host.operation(op, bytes, address >>> 0, length >>> 0)
      },
      read: (address: number): void => {
        const bytes = memory()
        const { parked } = host
        if (!isInside(bytes, address, parked.length)) stop(host, `read: ${describe(bytes, address, parked.length)}`)
        bytes.set(parked.bytes.subarray(0, parked.length), address >>> 0)
      },
      fail: (address: number, length: number): void => {
        const bytes = memory()
        if (isInside(bytes, address, length)) host.recordFailure(bytes, address >>> 0, length >>> 0)
        else host.recordFailure(bytes, 0, 0)
      },
      log: (level: number, address: number, length: number): void => {
        const bytes = memory()
        if (isInside(bytes, address, length)) host.line(level, bytes, address >>> 0, length >>> 0)
        else host.line(level, bytes, 0, 0)
      },
      now: (): number => host.now(),
      random: (address: number, length: number): void => {
        const bytes = memory()
        if (length >>> 0 > RANDOM_BYTES_MAX || !isInside(bytes, address, length)) stop(host, `random: ${describe(bytes, address, length)}`)
        host.random(bytes, address >>> 0, length >>> 0)
      },
      tick: (): number => (host.mustStop() ? 1 : 0)
    },
    wasi_snapshot_preview1: makeWasi(host, memory),
    env: {
      abort: (): void => {
        throw callFault("guest_trapped", "the guest aborted")
      }
    }
  }
}

function describe(memory: Uint8Array, address: number, length: number): string {
  return `${length >>> 0} bytes at ${address >>> 0} do not lie in the memory of ${memory.length} bytes`
}

function stop(host: Host, message: string): never {
  host.fatal ??= { code: "bad_pointer", message, fields: {} }
  throw callFault("bad_pointer", message)
}
