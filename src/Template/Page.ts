/**
 * The output of one rendering and its budgets.
 *
 * Invariants
 * - Writers carry the offset `q` of the next byte in a local variable; `sink.length` is only set at the end and when growing.
 * - `room(q, n)` makes `[q, q + n + SLACK_BYTES)` writable; it may replace `out` and `view`, so both are read again after every call
 *   that may grow.
 * - A rendering that exceeds its bytes or steps stops with a Fault, and the sink is as it was before.
 */
import { SLACK_BYTES, type ByteSink } from "../Bson/ByteSink.ts"
import { Fault } from "../Fault/Fault.ts"

/** A budget that a rendering used up. */
export interface RenderLimit {
  readonly _tag: "RenderLimit"
  readonly limit: "outputBytesMax" | "stepsMax" | "textLengthMax"
  readonly value: number
  /** The template that was to be rendered; set by the renderer. */
  readonly template?: string
  readonly message: string
}

export function renderLimit(limit: RenderLimit["limit"], value: number): Fault<RenderLimit> {
  const what = limit === "outputBytesMax" ? "bytes of output" : limit === "stepsMax" ? "steps" : "characters in one text"
  return new Fault<RenderLimit>({ _tag: "RenderLimit", limit, value, message: `a rendering has at most ${value} ${what}` })
}

export class Page {
  private sink: ByteSink
  private start: number
  private readonly outputBytesMax: number
  private readonly stepsMax: number
  /** What the pipe `link` puts in front of a path. */
  readonly mountPath: string
  /** Steps left; `spend` notices when they are used up. */
  steps: number
  /** The sink's buffer and a view of it. */
  out: Uint8Array
  view: DataView
  /** `room(q, n)` is needed when `q + n` is beyond this. */
  limit: number

  constructor(sink: ByteSink, outputBytesMax: number, stepsMax: number, mountPath = "") {
    this.sink = sink
    this.start = sink.length
    this.outputBytesMax = outputBytesMax
    this.stepsMax = stepsMax
    this.steps = stepsMax
    this.mountPath = mountPath
    this.out = sink.bytes
    this.view = sink.view
    this.limit = Math.min(sink.bytes.length - SLACK_BYTES, sink.length + outputBytesMax)
  }

  /** Makes room for `count` bytes at `q`. */
  room(q: number, count: number): void {
    if (q + count > this.limit) this.grow(q, count)
  }

  private grow(q: number, count: number): void {
    const { sink } = this
    // Writers ask for the worst case of what they write next, so the budget may be passed by what one of them asks, never more.
    if (q - this.start > this.outputBytesMax) throw renderLimit("outputBytesMax", this.outputBytesMax)
    sink.length = q
    sink.ensure(count)
    if (sink.bytes !== this.out) {
      this.out = sink.bytes
      this.view = sink.view
    }
    this.limit = Math.min(sink.bytes.length - SLACK_BYTES, Math.max(q + count, this.start + this.outputBytesMax))
  }

  /** Ends the rendering: everything before `q` belongs to it. */
  finish(q: number): void {
    if (q - this.start > this.outputBytesMax) throw renderLimit("outputBytesMax", this.outputBytesMax)
    this.sink.length = q
  }

  /** Takes `count` steps off the budget. */
  spend(count: number): void {
    this.steps -= count
    if (this.steps < 0) throw renderLimit("stepsMax", this.stepsMax)
  }
}
