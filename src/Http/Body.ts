/**
 * Collects a request's body as Node's parser hands it over: the stream around it, with its events, ticks and end, costs more than the parser.
 *
 * Invariants
 * - No more than `bytesMax` bytes are ever held; a declared length above it is refused before a byte is read.
 * - At most one outcome is reported. A client that goes away reports none: whoever waits listens to the response's `close`, and stops.
 * - A request whose body nobody collects is the stream Node knows, and is read away after its answer.
 */
import { IncomingMessage } from "node:http"
import { Readable } from "node:stream"

const EMPTY = new Uint8Array(0)

export interface BodyOutcome {
  /** All of it. The bytes belong to the receiver. */
  readonly complete: (body: Uint8Array) => void
  /** More than `bytesMax`; what is still to come has to be drained or the connection closed. */
  readonly tooLarge: () => void
}

/** A request as Node's server makes it, with a body that may be collected. */
export class Incoming extends IncomingMessage {
  /** Whether its body was collected to the end. */
  isCollected = false
  private body: Body | undefined = undefined

  /** Collects a body of `declaredBytes` (NaN when nobody said) and reports one outcome. Only while the request is being announced. */
  collect(declaredBytes: number, bytesMax: number, outcome: BodyOutcome): void {
    if (declaredBytes > bytesMax) return outcome.tooLarge()
    this.body = new Body(bytesMax, outcome)
    // Tells Node that somebody reads: it does not read the body away itself.
    this._read(0)
  }

  /** Node's parser hands over a piece of the body, or null at its end. */
  override push(chunk: Uint8Array | null, encoding?: BufferEncoding): boolean {
    const { body } = this
    if (body === undefined) return super.push(chunk, encoding)
    if (chunk !== null) body.take(chunk)
    else {
      this.body = undefined
      this.isCollected = true
      body.end()
    }
    return true
  }
}

/** Node asks for it after the answer, and keeps a request that has not ended until the connection's next one. */
const streamEnded = Object.getOwnPropertyDescriptor(Readable.prototype, "readableEnded")?.get
Object.defineProperty(Incoming.prototype, "readableEnded", {
  get(this: Incoming): boolean {
    return this.isCollected || streamEnded?.call(this) === true
  }
})

class Body {
  private first: Uint8Array = EMPTY
  private chunks: Array<Uint8Array> | undefined = undefined
  private length = 0
  private readonly bytesMax: number
  private readonly outcome: BodyOutcome

  constructor(bytesMax: number, outcome: BodyOutcome) {
    this.bytesMax = bytesMax
    this.outcome = outcome
  }

  take(chunk: Uint8Array): void {
    const isOver = this.length > this.bytesMax
    this.length += chunk.length
    if (this.length > this.bytesMax) {
      if (!isOver) this.outcome.tooLarge()
    } else if (this.first.length === 0) this.first = chunk
    else (this.chunks ??= [this.first]).push(chunk)
  }

  end(): void {
    if (this.length <= this.bytesMax)
      this.outcome.complete(this.chunks === undefined ? this.first : Buffer.concat(this.chunks, this.length))
  }
}
