/**
 * The host's side of a running call: what a guest's imports reach.
 *
 * Invariants
 * - One call at a time. Between calls there is no operation to run: a guest that asks for one then is refused.
 * - Nothing here throws through a guest's frames where an error can be returned. `read` and `random` have no result: a bad pointer there stops the guest.
 * - Once `fatal` is set the call can only end in it, whatever the guest makes of the error it was given.
 * - `memory` is the guest's whole memory at this moment; every address and length has been checked against it before it gets here.
 */
import { validate, type ValidateLimits } from "../Bson/Validate.ts"
import { Writer } from "../Bson/Writer.ts"
import { type Failure, failureOf, type GuestFailure, readGuestFailure, writeFailure } from "./ErrorDocument.ts"
import { FAIL_BYTES_MAX, type Limits, LOG_LINE_BYTES_MAX } from "./Limits.ts"
import type { GuestLog, LogLevel } from "./Log.ts"
import { callFault } from "./Reasons.ts"

/** What the host takes from outside: clocks that never go back, and entropy. */
export interface HostPorts {
  /** Milliseconds of a monotonic clock, with fractions. */
  readonly monotonicMs: () => number
  /** Milliseconds of processor time this thread has used. Without it, a deadline is the wall clock's alone. */
  readonly cpuMs?: () => number
  readonly random: (into: Uint8Array) => void
}

/** Runs one operation on a validated argument document and writes its reply. Throws a Fault when it fails, having undone itself. */
export interface OperationRunner {
  run(op: number, bytes: Uint8Array, at: number, reply: Writer): void
}

export class Host {
  /** The reply of the last operation, waiting for `read`. */
  readonly parked: Writer
  /** What the guest passed to `fail` in this call. */
  failure: GuestFailure | undefined
  /** Why this call cannot succeed any more. */
  fatal: Failure | undefined
  /** Whether the call would say the same at any other time: it has asked for neither time nor randomness, and logged nothing. */
  isRepeatable = true

  readonly ports: HostPorts
  readonly log: GuestLog
  private readonly limits: Limits
  private operations: OperationRunner | undefined
  private operationCount = 0
  private nowMs = 0
  private readonly argumentLimits: ValidateLimits
  private deadlineMs = 0
  private deadlineAtMs = 0
  /** Processor time at which the call's grace ends; undefined until its deadline has passed. */
  private graceEndCpuMs: number | undefined
  private calls = 0

  constructor(ports: HostPorts, log: GuestLog, limits: Limits) {
    this.ports = ports
    this.log = log
    this.limits = limits
    this.parked = new Writer(undefined, limits.replyBytesMax)
    this.argumentLimits = { documentBytesMax: limits.argumentBytesMax }
  }

  /** Starts a call: `operations` answers what the guest asks until `end`. */
  begin(operations: OperationRunner | undefined, nowMs: number): void {
    this.operations = operations
    this.operationCount = 0
    this.failure = undefined
    this.fatal = undefined
    this.isRepeatable = true
    this.nowMs = nowMs
    this.parked.reset()
    this.deadlineMs = this.deadlineOfCall(operations !== undefined)
    this.deadlineAtMs = this.ports.monotonicMs() + this.deadlineMs
    this.graceEndCpuMs = undefined
  }

  /** Ends the call: from here on the guest reaches nothing. */
  end(): void {
    this.operations = undefined
  }

  /** Runs operation `op`; the length of the parked reply, negated when that is an error document. */
  operation(op: number, memory: Uint8Array, at: number, length: number): number {
    this.parked.reset()
    try {
      this.admit().run(op, memory, this.argument(memory, at, length), this.parked)
      return this.parked.length
    } catch (error) {
      return this.refuse(failureOf(error))
    }
  }

  /** Parks an error document and returns its negated length. */
  refuse(failure: Failure): number {
    if (failure.cause !== undefined) this.fatal ??= failure
    this.parked.reset()
    writeFailure(this.parked, failure)
    return -this.parked.length
  }

  /** Milliseconds since 1970 as the guest sees them. */
  now(): number {
    this.isRepeatable = false
    return this.nowMs
  }

  /** Fills a part of the guest's memory with random bytes. */
  random(memory: Uint8Array, at: number, length: number): void {
    this.isRepeatable = false
    this.ports.random(memory.subarray(at, at + length))
  }

  /** Whether the guest has to stop now. */
  mustStop(): boolean {
    if (this.fatal !== undefined) return true
    const nowMs = this.ports.monotonicMs()
    if (nowMs < this.deadlineAtMs || this.hasGrace(nowMs)) return false
    this.fatal = deadlineExceeded(this.deadlineMs)
    return true
  }

  /** Keeps the guest's error document. Only the first one counts; one that is no document counts as such. */
  recordFailure(memory: Uint8Array, at: number, length: number): void {
    if (this.failure !== undefined) return
    const failed = (message: string): GuestFailure => ({ code: "bad_reply", message, stack: undefined, document: {} })
    if (length > FAIL_BYTES_MAX) this.failure = failed(`an error document of ${length} bytes, ${FAIL_BYTES_MAX} are allowed`)
    else if (!isDocument(memory, at, length)) this.failure = failed("an error document that is no BSON")
    else this.failure = readGuestFailure(memory, at)
  }

  /** Passes a log line on. One that is too long or no document is counted as dropped. */
  line(level: number, memory: Uint8Array, at: number, length: number): void {
    this.isRepeatable = false
    if (length > LOG_LINE_BYTES_MAX || !isDocument(memory, at, length)) this.log.drop()
    else this.log.document(level, memory, at)
  }

  /** Passes a line of plain text on. */
  printed(level: LogLevel, line: string): void {
    this.isRepeatable = false
    this.log.text(level, line)
  }

  private hasGrace(nowMs: number): boolean {
    const { cpuMs } = this.ports
    if (cpuMs === undefined || nowMs >= this.deadlineAtMs + this.limits.graceWallMs) return false
    const usedMs = cpuMs()
    this.graceEndCpuMs ??= usedMs + this.limits.graceCpuMs
    return usedMs < this.graceEndCpuMs
  }

  private deadlineOfCall(isCall: boolean): number {
    const { deadlineMs, coldDeadlineMs, coldCalls } = this.limits
    if (this.calls >= coldCalls) return deadlineMs
    if (isCall) this.calls++
    return Math.max(deadlineMs, coldDeadlineMs)
  }

  private admit(): OperationRunner {
    if (this.operations === undefined) throw callFault("unknown_operation", "no call is running: operations exist inside a handler only")
    if (this.mustStop()) throw callFault(this.fatal?.code ?? "deadline_exceeded", this.fatal?.message ?? "")
    if (++this.operationCount > this.limits.operationsMax) {
      const limit = this.limits.operationsMax
      throw callFault("too_many_operations", `more than ${limit} operations in one call`, { limit })
    }
    return this.operations
  }

  private argument(memory: Uint8Array, at: number, length: number): number {
    const end = validate(memory, at, at + length, this.argumentLimits)
    if (end !== at + length) throw callFault("bad_argument", `${at + length - end} bytes behind the argument document`)
    return at
  }
}

/** The failure of a call that ran out of time. */
export function deadlineExceeded(deadlineMs: number): Failure {
  return { code: "deadline_exceeded", message: `the handler ran longer than ${deadlineMs} ms`, fields: {} }
}

function isDocument(memory: Uint8Array, at: number, length: number): boolean {
  try {
    return validate(memory, at, at + length) === at + length
  } catch {
    return false
  }
}

/** Whether `length` bytes at `address` lie in `memory`; both as the signed integers that WebAssembly hands out. */
export function isInside(memory: Uint8Array, address: number, length: number): boolean {
  return (address >>> 0) + (length >>> 0) <= memory.length
}
