/**
 * A growable buffer that answers, JSON and templates are written into.
 *
 * Invariants
 * - `bytes[0, length)` is what was written. `bytes` is replaced when the sink grows: read it again after `ensure`.
 * - After `ensure(n)` there is room for n bytes and `SLACK_BYTES` more, so that a hot loop may write a few bytes past its own count.
 * - A sink never outgrows `maxBytes`: it faults with TooLarge instead, and what was written before stays intact.
 * - A pooled sink belongs to whoever took it until it is given back; then its bytes are anybody's.
 */
import { bsonFault } from "./Errors.ts"
import { readUtf8, utf8BytesMax, utf8Length, writeUtf8 } from "./Utf8.ts"
import { copyRange, viewOf } from "./View.ts"

/** First size of a sink: most answers fit, and none of the small ones costs a new buffer. */
export const SINK_BYTES = 64 * 1024
/** Largest a sink grows unless told otherwise. */
export const SINK_BYTES_MAX = 64 * 1024 * 1024
/** Spare room behind what `ensure` promises. */
export const SLACK_BYTES = 8
/** From here on the runtime's copy pays for the view that it needs. */
const LONG_COPY_BYTES = 1024
/** From here on bytes are copied eight at a time, which needs a view as well. */
const WORD_COPY_BYTES = 16

export class ByteSink {
  /** The buffer; only `[0, length)` means anything. */
  bytes: Uint8Array
  /** A view of `bytes`, replaced with it. */
  view: DataView
  /** Bytes written. May be set back to an earlier value to take a tail away. */
  length = 0
  readonly maxBytes: number

  constructor(initialBytes: number = SINK_BYTES, maxBytes: number = SINK_BYTES_MAX) {
    this.bytes = new Uint8Array(Math.min(initialBytes, maxBytes) + SLACK_BYTES)
    this.view = new DataView(this.bytes.buffer)
    this.maxBytes = maxBytes
  }

  /** Forgets everything written; keeps the buffer. */
  reset(): void {
    this.length = 0
  }

  /** Makes room for `count` more bytes. Faults with TooLarge beyond `maxBytes`. */
  ensure(count: number): void {
    if (this.length + count + SLACK_BYTES > this.bytes.length) this.grow(this.length + count)
  }

  private grow(neededBytes: number): void {
    if (neededBytes > this.maxBytes) {
      throw bsonFault({ _tag: "TooLarge", limitBytes: this.maxBytes, message: `needs ${neededBytes} bytes, the limit is ${this.maxBytes}` })
    }
    const size = Math.min(this.maxBytes, Math.max(neededBytes, this.bytes.length * 2))
    const larger = new Uint8Array(size + SLACK_BYTES)
    larger.set(this.bytes.subarray(0, this.length))
    this.bytes = larger
    this.view = new DataView(larger.buffer)
  }

  /** One byte. */
  byte(value: number): void {
    this.ensure(1)
    this.bytes[this.length++] = value
  }

  /** Text that is known to be ASCII. */
  ascii(text: string): void {
    const length = text.length
    this.ensure(length)
    const bytes = this.bytes
    const at = this.length
    for (let index = 0; index < length; index++) bytes[at + index] = text.charCodeAt(index)
    this.length = at + length
  }

  /** Any text, as UTF-8; lone surrogates become U+FFFD. */
  utf8(text: string): void {
    // Three bytes per unit are nearly always there; only when they are not is the text measured.
    if (this.length + utf8BytesMax(text.length) + SLACK_BYTES > this.bytes.length) this.ensure(utf8Length(text))
    this.length = writeUtf8(text, this.bytes, this.length)
  }

  /** `count` bytes of `source` from `at` on. */
  raw(source: Uint8Array, at: number, count: number): void {
    this.ensure(count)
    const start = this.length
    this.length = start + count
    if (count >= LONG_COPY_BYTES) return this.bytes.set(source.subarray(at, at + count), start)
    if (count >= WORD_COPY_BYTES) return copyRange(viewOf(source), at, this.view, start, count)
    const bytes = this.bytes
    for (let done = 0; done < count; done++) bytes[start + done] = source[at + done]!
  }

  /** A copy of what was written, for callers that keep it. */
  toBytes(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.bytes.subarray(0, this.length))
  }

  /** What was written, as text. */
  toText(): string {
    return readUtf8(this.bytes, 0, this.length)
  }
}

/** Keeps sinks for reuse: at most `keptMax`, and none that has grown beyond `keptBytesMax`. */
export class ByteSinkPool {
  private readonly kept: Array<ByteSink> = []
  private readonly keptMax: number
  private readonly keptBytesMax: number
  private readonly sinkBytesMax: number

  constructor(options: { readonly keptMax?: number; readonly keptBytesMax?: number; readonly sinkBytesMax?: number } = {}) {
    this.keptMax = options.keptMax ?? 64
    this.keptBytesMax = options.keptBytesMax ?? 4 * SINK_BYTES
    this.sinkBytesMax = options.sinkBytesMax ?? SINK_BYTES_MAX
  }

  /** An empty sink. */
  take(): ByteSink {
    return this.kept.pop() ?? new ByteSink(SINK_BYTES, this.sinkBytesMax)
  }

  /** Gives a sink back. Its bytes must not be read afterwards. */
  give(sink: ByteSink): void {
    sink.reset()
    if (this.kept.length < this.keptMax && sink.bytes.length <= this.keptBytesMax + SLACK_BYTES) this.kept.push(sink)
  }
}
