/**
 * One request with its response: what the gateway reads of it, once, and what a service is handed.
 *
 * Invariant: `headers` is parsed only when somebody asks for it. The few fields the gateway needs itself are read from the raw list, in one
 * pass; the object of all of them costs as much as routing.
 */
import type { ServerResponse } from "node:http"
import type { Request, RequestHeaders } from "../Wasm/Answer.ts"
import type { Incoming } from "./Body.ts"

const REQUEST_ID = /^[\x21-\x7e]{1,128}$/
const NO_PARAMETERS: ReadonlyArray<string> = []

/** What is to be sent. */
export interface Reply {
  readonly status: number
  /** Names and values in turn. */
  readonly headers: ReadonlyArray<string>
  readonly body: Uint8Array | string | undefined
  /** Called once the bytes of the body are with the socket. */
  readonly release: (() => void) | undefined
}

export class Exchange implements Request {
  readonly request: Incoming
  readonly response: ServerResponse
  readonly method: string
  /** Path and query, as they came; below the mount once `enter` was called. */
  target: string
  path: string
  readonly query: string
  readonly nowMs: number
  requestId = ""
  contentType: string | undefined
  contentEncoding: string | undefined
  /** The length the body is said to have; NaN when it comes in chunks or there is none. */
  contentLength = Number.NaN
  /** Whether there is a body to collect. */
  hasBody = false
  /** Set by the route table. */
  params: ReadonlyArray<string> = NO_PARAMETERS
  /** Set once it was collected. */
  body: Uint8Array | undefined
  /** Set from when the exchange is answered until the answer is being sent. */
  reply: Reply | undefined
  /** Whether something failed and the client was told so, or is about to be. */
  isBroken = false
  private mountPath = ""

  /** `makeId` gives the request's id when the client offered none. */
  constructor(request: Incoming, response: ServerResponse, nowMs: number, makeId: () => string) {
    const target = request.url ?? "/"
    const mark = target.indexOf("?")
    this.request = request
    this.response = response
    this.method = request.method ?? "GET"
    this.target = target
    this.path = mark < 0 ? target : target.slice(0, mark)
    this.query = mark < 0 ? "" : target.slice(mark + 1)
    this.nowMs = nowMs
    this.readHeaders(request.rawHeaders)
    if (this.requestId === "") this.requestId = makeId()
  }

  get headers(): RequestHeaders {
    return this.request.headers
  }

  /** The path as it came. */
  get fullPath(): string {
    return this.mountPath + this.path
  }

  /** The `Host` field, as it came. */
  get host(): string | undefined {
    return this.request.headers.host
  }

  /** Takes the mount, which the path is below, off the path; false when nothing would be left of it. */
  enter(mountPath: string): boolean {
    if (this.path.length === mountPath.length) return false
    this.mountPath = mountPath
    this.path = this.path.slice(mountPath.length)
    this.target = this.target.slice(mountPath.length)
    return true
  }

  /** The first of several fields of one name counts. */
  private readHeaders(raw: ReadonlyArray<string>): void {
    for (let index = raw.length - 2; index >= 0; index -= 2) {
      const name = raw[index]!
      const { length } = name
      if (length < 12 || length > 17) continue
      this.readHeader(name.toLowerCase(), raw[index + 1]!)
    }
  }

  private readHeader(name: string, value: string): void {
    switch (name) {
      case "content-type":
        this.contentType = value
        break
      case "content-length":
        this.contentLength = Number(value)
        this.hasBody = true
        break
      case "transfer-encoding":
        this.hasBody = true
        break
      case "content-encoding":
        this.contentEncoding = value
        break
      case "x-request-id":
        this.requestId = REQUEST_ID.test(value) ? value : ""
        break
    }
  }
}
