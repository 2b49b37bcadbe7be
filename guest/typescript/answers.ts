/** What a handler can answer with. */
import { native, Operation } from "./native.ts"
import { Problem } from "./errors.ts"
import { isRowSource, type RowSource } from "./query.ts"

/** A reply as the host takes it: docs/abi.md. */
export interface Reply {
  readonly kind: "json" | "html" | "text" | "bytes" | "answer" | "redirect" | "problem" | "empty"
  readonly status?: number
  readonly headers?: HeaderFields
  readonly body?: unknown
  readonly location?: string
  readonly answer?: number
  readonly problem?: Readonly<Record<string, unknown>>
}

/** Header fields; a list where a field stands several times, as `set-cookie` may. */
export type HeaderFields = Readonly<Record<string, string | ReadonlyArray<string>>>

/** Status and header fields of an answer. */
export interface AnswerOptions {
  readonly status?: number
  readonly headers?: HeaderFields
}

/** The name under which answers carry the type of their JSON; there is no value. */
export declare const sent: unique symbol

/**
 * An answer: made by `html`, `text`, `json`, `redirect`, a template's `render` and so on, finished with `status` and `header`.
 *
 * @example
 * ```ts
 * return page.render({ orders }).header("set-cookie", `basket=${basket}; HttpOnly; Path=/`)
 * ```
 */
export class Answer<out Body = unknown> {
  /** Only for types: what is sent as JSON. */
  declare readonly [sent]: Body
  /** The answer as the host takes it. */
  declare readonly reply: Reply

  /** Answers are made by functions such as `html`. */
  constructor(reply: Reply) {
    this.reply = reply
  }

  /** The same answer with another status. */
  status(status: number): Answer<Body> {
    return new Answer({ ...this.reply, status })
  }

  /** The same answer with a header field; one of the same name is replaced. */
  header(name: string, value: string | ReadonlyArray<string>): Answer<Body> {
    return new Answer({ ...this.reply, headers: { ...this.reply.headers, [name.toLowerCase()]: value } })
  }

  /** The same answer with header fields. */
  headers(fields: HeaderFields): Answer<Body> {
    return Object.entries(fields).reduce<Answer<Body>>((answer, [name, value]) => answer.header(name, value), this)
  }
}

/** What a handler may return: an answer, a problem, a query (its rows as JSON), nothing (204), or a value (JSON). */
export type Answerable = Answer | Problem | RowSource<unknown> | JsonValue | void

/** A value that can be written as JSON. Dates, keys, decimals and bytes have a plain form; see docs/services.md. */
export type JsonValue = string | number | bigint | boolean | null | object

function answer<Body = unknown>(reply: Reply, options: AnswerOptions | undefined): Answer<Body> {
  if (options === undefined) return new Answer<Body>(reply)
  const made = new Answer<Body>(options.status === undefined ? reply : { ...reply, status: options.status })
  return options.headers === undefined ? made : made.headers(options.headers)
}

/** A value as JSON. Only needed to give it a status or header fields. */
export function json<const Value extends JsonValue>(value: Value, options?: AnswerOptions): Answer<Value> {
  return answer<Value>(isRowSource(value) ? rowsOf(value) : { kind: "json", body: value }, options)
}

/** HTML, as it is: nothing is escaped. Templates do that. */
export function html(markup: string, options?: AnswerOptions): Answer {
  return answer({ kind: "html", body: markup }, options)
}

/** Plain text. */
export function text(content: string, options?: AnswerOptions): Answer {
  return answer({ kind: "text", body: content }, options)
}

/** Bytes of any content type. */
export function bytes(content: Uint8Array, contentType = "application/octet-stream", options?: AnswerOptions): Answer {
  return answer({ kind: "bytes", body: content, headers: { "content-type": contentType } }, options)
}

/** Sends the client elsewhere: 303 (see other) unless another status is given. */
export function redirect(location: string, options?: AnswerOptions): Answer {
  return answer({ kind: "redirect", location }, options)
}

/** A status, with a value or answer or with nothing. `return status(201, { id })` */
export function status<const Content extends Exclude<Answerable, Problem> = void>(
  code: number,
  content?: Content
): Answer<Content extends Answer<infer Body> ? Body : Content> {
  return new Answer<Content extends Answer<infer Body> ? Body : Content>(replyOf(content)).status(code)
}

/** An answer without a body: 204 unless another status is given. */
export function empty(options?: AnswerOptions): Answer {
  return answer({ kind: "empty" }, options)
}

/** The reply that a handler's result stands for. */
export function replyOf(result: Answerable): Reply {
  if (result instanceof Answer) return result.reply
  if (isRowSource(result)) return rowsOf(result)
  if (result instanceof Problem) {
    const { problem, headers } = result
    return { kind: "problem", status: Number(problem["status"]), problem, ...(headers === undefined ? {} : { headers }) }
  }
  return result === undefined ? { kind: "empty" } : { kind: "json", body: result }
}

/** The host writes the rows as JSON; they never enter the service. */
function rowsOf(query: RowSource<unknown>): Reply {
  return { kind: "answer", answer: native.call(Operation.json, { statement: query.toStatement() }).answer ?? 0 }
}
