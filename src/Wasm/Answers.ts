/**
 * From a reply to an answer: bodies go as bytes into pooled buffers, short ASCII ones become a string, which is cheaper to send.
 *
 * Invariant: a sink taken here is in exactly one place: parked under a number of this call, owned by the answer that goes out, or back in the pool.
 */
import { type ByteSink, ByteSinkPool } from "../Bson/ByteSink.ts"
import { writeJson } from "../Bson/Json.ts"
import * as Type from "../Bson/Type.ts"
import { readLatin1 } from "../Bson/Utf8.ts"
import { readInt32 } from "../Bson/View.ts"
import { Fault } from "../Fault/Fault.ts"
import type { Answer } from "./Answer.ts"
import { PROBLEM_TYPE, SHORT_TEXT_LENGTH_MAX } from "./Problem.ts"
import { callFault } from "./Reasons.ts"
import type { Reply } from "./Reply.ts"

/** Content types by kind of reply. */
export const ContentType = {
  json: "application/json",
  html: "text/html; charset=utf-8",
  text: "text/plain; charset=utf-8",
  bytes: "application/octet-stream"
} as const

const NO_HEADERS: ReadonlyArray<string> = []
/** Shared by every answer whose reply set no header fields. */
const PLAIN_HEADERS: Readonly<Record<string, ReadonlyArray<string>>> = Object.fromEntries(
  [...Object.values(ContentType), PROBLEM_TYPE].map((type) => [type, ["content-type", type]])
)

/** An answer that may own a pooled buffer. */
export class ServiceAnswer implements Answer {
  readonly status: number
  readonly headers: ReadonlyArray<string>
  readonly body: Uint8Array | string | undefined
  /** Set once the transaction has ended, before the answer goes out. */
  waitLsn: number
  /** The buffer behind `body`, until it is given back. */
  sink: ByteSink | undefined

  constructor(status: number, headers: ReadonlyArray<string>, body: Uint8Array | string | undefined, waitLsn: number, sink?: ByteSink) {
    this.status = status
    this.headers = headers
    this.body = body
    this.waitLsn = waitLsn
    this.sink = sink
  }
}

interface Parked {
  sink: ByteSink | undefined
  readonly contentType: string
}

export class Answers {
  private readonly pool: ByteSinkPool
  private readonly parked: Parked[] = []
  private readonly answersMax: number

  constructor(limits: { readonly answerBytesMax: number; readonly answersMax: number }) {
    this.pool = new ByteSinkPool({ sinkBytesMax: limits.answerBytesMax })
    this.answersMax = limits.answersMax
  }

  /** An empty buffer for an answer of this call; `park` or `drop` it. */
  take(): ByteSink {
    if (this.parked.length >= this.answersMax) {
      throw callFault("too_many_answers", `more than ${this.answersMax} answers in one call`, { limit: this.answersMax })
    }
    return this.pool.take()
  }

  /** Keeps a filled buffer for the reply; returns its number, counted from 1. */
  park(sink: ByteSink, contentType: string): number {
    return this.parked.push({ sink, contentType })
  }

  /** Gives a buffer back that became no answer. */
  drop(sink: ByteSink): void {
    this.pool.give(sink)
  }

  /** Whether the number is a parked answer of this call. */
  has(number: number): boolean {
    return this.parked[number - 1]?.sink !== undefined
  }

  /** Forgets the answers of this call that did not go out. */
  clear(): void {
    if (this.parked.length === 0) return
    for (const { sink } of this.parked) if (sink !== undefined) this.pool.give(sink)
    this.parked.length = 0
  }

  /** Gives the buffer of an answer back. */
  release(answer: Answer): void {
    if (!(answer instanceof ServiceAnswer) || answer.sink === undefined) return
    this.pool.give(answer.sink)
    answer.sink = undefined
  }

  /** The answer of a reply that lies in `bytes`. Throws a Fault when its body is too large. */
  answer(reply: Reply, bytes: Uint8Array, waitLsn: number): ServiceAnswer {
    switch (reply.kind) {
      case "json":
        return this.json(reply, bytes, reply.bodyType, reply.bodyAt, ContentType.json, waitLsn)
      case "problem":
        return this.json(reply, bytes, Type.DOCUMENT, reply.problemAt, PROBLEM_TYPE, waitLsn)
      case "html":
        return this.copy(reply, bytes, reply.bodyAt + 4, readInt32(bytes, reply.bodyAt) - 1, ContentType.html, waitLsn)
      case "text":
        return this.copy(reply, bytes, reply.bodyAt + 4, readInt32(bytes, reply.bodyAt) - 1, ContentType.text, waitLsn)
      case "bytes":
        return this.copy(reply, bytes, reply.bodyAt + 5, readInt32(bytes, reply.bodyAt), ContentType.bytes, waitLsn)
      case "answer":
        return this.parkedAnswer(reply, waitLsn)
      default:
        return new ServiceAnswer(reply.status, reply.headers.length === 0 ? NO_HEADERS : reply.headers, undefined, waitLsn)
    }
  }

  private json(reply: Reply, bytes: Uint8Array, type: number, at: number, contentType: string, waitLsn: number): ServiceAnswer {
    const sink = this.pool.take()
    try {
      writeJson(sink, bytes, type, at)
    } catch (error) {
      this.pool.give(sink)
      throw tooLarge(error)
    }
    return this.finish(reply, sink, contentType, waitLsn)
  }

  private copy(reply: Reply, bytes: Uint8Array, at: number, length: number, contentType: string, waitLsn: number): ServiceAnswer {
    const sink = this.pool.take()
    try {
      sink.raw(bytes, at, length)
    } catch (error) {
      this.pool.give(sink)
      throw tooLarge(error)
    }
    return this.finish(reply, sink, contentType, waitLsn)
  }

  private parkedAnswer(reply: Reply, waitLsn: number): ServiceAnswer {
    const parked = this.parked[reply.answer - 1]
    const sink = parked?.sink
    if (parked === undefined || sink === undefined) throw callFault("bad_reply", `the reply's answer ${reply.answer} is none of this call`)
    parked.sink = undefined
    return this.finish(reply, sink, parked.contentType, waitLsn)
  }

  private finish(reply: Reply, sink: ByteSink, contentType: string, waitLsn: number): ServiceAnswer {
    const headers = headersOf(reply, contentType)
    const { bytes, length } = sink
    if (length < SHORT_TEXT_LENGTH_MAX && isAscii(sink)) {
      const text = readLatin1(bytes, 0, length)
      this.pool.give(sink)
      return new ServiceAnswer(reply.status, headers, text, waitLsn)
    }
    return new ServiceAnswer(reply.status, headers, Buffer.from(bytes.buffer, bytes.byteOffset, length), waitLsn, sink)
  }
}

/** Turns "the sink is full" into the code an author understands, with the template that filled it; other errors stay. */
export function tooLarge(error: unknown, template?: string): unknown {
  if (!(error instanceof Fault) || error.reason._tag !== "TooLarge") return error
  const limitBytes = "limitBytes" in error.reason && typeof error.reason.limitBytes === "number" ? error.reason.limitBytes : 0
  const where = template === undefined ? "" : `${template}: `
  return callFault("answer_too_large", `${where}the answer has more than ${limitBytes} bytes`, { limitBytes })
}

function headersOf(reply: Reply, contentType: string): ReadonlyArray<string> {
  if (reply.headers.length === 0) return PLAIN_HEADERS[contentType] ?? ["content-type", contentType]
  return reply.hasContentType ? reply.headers : ["content-type", contentType, ...reply.headers]
}

function isAscii({ bytes, length, view }: ByteSink): boolean {
  let bits = 0
  let at = 0
  for (; at + 4 <= length; at += 4) bits |= view.getInt32(at, true)
  for (; at < length; at++) bits |= bytes[at]!
  return (bits & 0x80808080) === 0
}
