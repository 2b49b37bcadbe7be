/**
 * Lines about requests, kept until they are written together: a line at a time would cost more than the request (docs/performance.md).
 *
 * Invariants
 * - At most `LINES_MAX` lines wait; more are counted and the count is written with the next batch, so nothing is lost silently.
 */
const LINES_MAX = 10_000

export class AccessLog {
  private lines: Array<string> = []
  private dropped = 0
  private readonly level: "off" | "errors" | "all"

  constructor(level: "off" | "errors" | "all") {
    this.level = level
  }

  /** Whether a request that is answered with this status is logged: ask before working out what to note. */
  wants(status: number): boolean {
    return this.level === "all" || (this.level === "errors" && status >= 500)
  }

  /** Notes one request. */
  note(method: string, path: string, status: number, requestId: string, tookMs: number): void {
    if (this.lines.length >= LINES_MAX) this.dropped++
    else this.lines.push(`${method} ${path} ${status} ${tookMs.toFixed(0)}ms ${requestId}`)
  }

  /** Everything noted since the last call, ready to be written. */
  take(): ReadonlyArray<string> {
    const taken = this.lines
    if (this.dropped > 0) taken.push(`${this.dropped} more requests were not logged`)
    this.lines = []
    this.dropped = 0
    return taken
  }
}
