/**
 * What a guest with a C library finds of WASI: a clock that stands still during a call, entropy, and standard output as log lines. Everything
 * else is not there.
 */
import { readUtf8 } from "../Bson/Utf8.ts"
import { readUint32, writeInt32 } from "../Bson/View.ts"
import { WASI_IMPORTS } from "./Abi.ts"
import { type Host, isInside } from "./Host.ts"
import { LOG_LINE_BYTES_MAX, RANDOM_BYTES_MAX } from "./Limits.ts"
import { callFault } from "./Reasons.ts"

const OK = 0
const BAD_FILE = 8
const FAULT = 21
const INVALID = 28
const NOT_HERE = 52

/** Buffers one `fd_write` may gather. */
const GATHER_MAX = 64

/** What a function that is not there answers, by name; `NOT_HERE` for the rest. */
const ANSWERS: Readonly<Record<string, number>> = {
  fd_close: BAD_FILE,
  fd_fdstat_get: BAD_FILE,
  fd_fdstat_set_flags: BAD_FILE,
  fd_prestat_dir_name: BAD_FILE,
  fd_prestat_get: BAD_FILE,
  fd_read: BAD_FILE,
  fd_seek: BAD_FILE,
  sched_yield: OK
}

/** Builds the functions of `wasi_snapshot_preview1`. */
export function makeWasi(host: Host, memory: () => Uint8Array): Record<string, (...parameters: number[]) => number | void> {
  const functions: Record<string, (...parameters: number[]) => number | void> = {}
  for (const name of Object.keys(WASI_IMPORTS)) {
    const answer = ANSWERS[name] ?? NOT_HERE
    functions[name] = () => answer
  }
  const empty = (countAt: number, sizeAt: number): number => {
    const bytes = memory()
    if (!isInside(bytes, countAt, 4) || !isInside(bytes, sizeAt, 4)) return FAULT
    writeInt32(bytes, countAt >>> 0, 0)
    writeInt32(bytes, sizeAt >>> 0, 0)
    return OK
  }
  functions["args_sizes_get"] = empty
  functions["environ_sizes_get"] = empty
  functions["args_get"] = () => OK
  functions["environ_get"] = () => OK
  functions["clock_time_get"] = (_clock, _precision, address = 0) => writeTime(host, memory(), address)
  functions["random_get"] = (address = 0, length = 0) => {
    const bytes = memory()
    if (!isInside(bytes, address, length)) return FAULT
    if (length >>> 0 > RANDOM_BYTES_MAX) return INVALID
    host.random(bytes, address >>> 0, length >>> 0)
    return OK
  }
  functions["fd_write"] = (file = 0, gather = 0, count = 0, writtenAt = 0) => print(host, memory(), file, gather, count, writtenAt)
  functions["proc_exit"] = (status = 0) => {
    throw callFault("guest_trapped", `the guest ended itself with status ${status}`)
  }
  return functions
}

function writeTime(host: Host, memory: Uint8Array, address: number): number {
  if (!isInside(memory, address, 8)) return FAULT
  const nanoseconds = BigInt(Math.trunc(host.now())) * 1_000_000n
  writeInt32(memory, address >>> 0, Number(BigInt.asIntN(32, nanoseconds)))
  writeInt32(memory, (address >>> 0) + 4, Number(BigInt.asIntN(32, nanoseconds >> 32n)))
  return OK
}

function print(host: Host, memory: Uint8Array, file: number, gather: number, count: number, writtenAt: number): number {
  if (file !== 1 && file !== 2) return BAD_FILE
  if (count >>> 0 > GATHER_MAX) return INVALID
  if (!isInside(memory, gather, count * 8) || !isInside(memory, writtenAt, 4)) return FAULT
  let text = ""
  let written = 0
  for (let index = 0; index < count; index++) {
    const at = readUint32(memory, (gather >>> 0) + index * 8)
    const length = readUint32(memory, (gather >>> 0) + index * 8 + 4)
    if (!isInside(memory, at, length)) return FAULT
    if (written + length <= LOG_LINE_BYTES_MAX) text += readUtf8(memory, at, at + length)
    written += length
  }
  const line = text.replace(/\n$/, "")
  if (line !== "") host.printed(file === 1 ? "info" : "warning", line)
  writeInt32(memory, writtenAt >>> 0, written)
  return OK
}
