/** Every maximum of this folder, in one place. A service's manifest may ask for less of `deadlineMs` and `memoryBytes`, never for more. */

/** What the host allows a guest. Times in milliseconds, sizes in bytes. */
export interface Limits {
  /** Wall-clock time of one call, host operations included. */
  readonly deadlineMs: number
  /**
   * What a call still gets once its deadline has passed on the wall clock: this much processor time, for at most `graceWallMs`. A machine that is busy
   * with other things must not fail requests that have hardly run.
   */
  readonly graceCpuMs: number
  readonly graceWallMs: number
  /**
   * Time of the first `coldCalls` calls of a module, when it is longer: the runtime compiles code when it is first run, and that is not the
   * handler's fault.
   */
  readonly coldDeadlineMs: number
  readonly coldCalls: number
  /** A guest's memory; the module's declared maximum is patched down to it. */
  readonly memoryBytes: number
  /** An argument of a host operation. */
  readonly argumentBytesMax: number
  /** A reply document, and also a parked reply of a host operation. */
  readonly replyBytesMax: number
  /** An answer built in the host: JSON, a rendered page. */
  readonly answerBytesMax: number
  /** Answers of read-only handlers that are kept for as long as the documents they rest on are unchanged; 0 keeps none. */
  readonly answerCacheBytesMax: number
  /** Answers parked by one call. */
  readonly answersMax: number
  /** Host operations of one call. */
  readonly operationsMax: number
  /** Log lines of one call; what is beyond is counted, not kept. */
  readonly logLinesMax: number
}

const MIB = 1024 * 1024

/** The limits a service has when nobody says otherwise. */
export const DEFAULT_LIMITS: Limits = {
  deadlineMs: 50,
  graceCpuMs: 10,
  graceWallMs: 1_000,
  coldDeadlineMs: 1_000,
  coldCalls: 50,
  memoryBytes: 64 * MIB,
  argumentBytesMax: 32 * MIB,
  replyBytesMax: 32 * MIB,
  answerBytesMax: 16 * MIB,
  answerCacheBytesMax: 64 * MIB,
  answersMax: 64,
  operationsMax: 100_000,
  logLinesMax: 200
}

/** Bytes of the largest module that is read at all. */
export const MODULE_BYTES_MAX = 256 * MIB
/** Bytes of one log line's document. */
export const LOG_LINE_BYTES_MAX = 64 * 1024
/** Bytes of one `random` call. */
export const RANDOM_BYTES_MAX = 64 * 1024
/** Bytes of the error document a guest may pass to `fail`. */
export const FAIL_BYTES_MAX = 64 * 1024
