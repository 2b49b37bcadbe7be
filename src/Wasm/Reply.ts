/**
 * The reply document of a handler, read where it lies in the guest's memory.
 *
 * Invariants
 * - `read` accepts a reply completely or throws a Fault `bad_reply` with the field at fault; what it accepted can be answered without further checks.
 * - Offsets are valid until the guest is called again.
 */
import * as Type from "../Bson/Type.ts"
import {
  documentEnd,
  elementName,
  equalBytes,
  fieldName,
  findElement,
  firstElement,
  nameEnd,
  nextElement,
  readInt32,
  readString,
  valueOffset
} from "../Bson/View.ts"
import { callFault } from "./Reasons.ts"

/** What a reply answers with. */
export type ReplyKind = "json" | "html" | "text" | "bytes" | "redirect" | "problem" | "answer" | "empty"

interface KindRule {
  readonly kind: ReplyKind
  readonly name: Uint8Array
  /** Status when the reply names none; 0 = it has to. */
  readonly status: number
}

const rule = (kind: ReplyKind, status: number): KindRule => ({ kind, name: fieldName(kind), status })
const KINDS: ReadonlyArray<KindRule> = [
  rule("answer", 200),
  rule("json", 200),
  rule("html", 200),
  rule("redirect", 303),
  rule("text", 200),
  rule("bytes", 200),
  rule("empty", 204),
  rule("problem", 0)
]

/** Header fields that belong to the gateway: the framing of the message, and the connection. */
const GATEWAY_HEADERS: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "date",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade"
])
/** Header fields of one reply. */
export const HEADERS_MAX = 100

const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const HEADER_VALUE = /^[\t\x20-\x7e]*$/

export class Reply {
  kind: ReplyKind = "empty"
  status = 0
  /** Type and offset of the body's value; type 0 = none. */
  bodyType = 0
  bodyAt = 0
  /** Number of the parked answer. */
  answer = 0
  /** Offset of the problem document. */
  problemAt = 0
  /** Header fields, flat: name in small letters, value. */
  headers: string[] = []
  /** Whether `headers` has a content type. */
  hasContentType = false
  private location: string | undefined

  /** Reads the (validated) reply at `bytes[at]`. */
  read(bytes: Uint8Array, at: number): void {
    this.clear()
    const end = documentEnd(bytes, at)
    let kindAt = 0
    for (let element = firstElement(at); element < end; element = nextElement(bytes, element)) {
      const valueAt = valueOffset(bytes, element)
      if (!this.readField(bytes, element, valueAt)) {
        if (!isNamed(bytes, element, KIND) || bytes[element] !== Type.STRING)
          throw bad(elementName(bytes, element), "is not a field of a reply")
        kindAt = valueAt
      }
    }
    if (kindAt === 0) throw bad("kind", "is missing")
    if (this.status === 0 && this.problemAt !== 0) this.status = problemStatus(bytes, this.problemAt)
    this.finish(readKind(bytes, kindAt))
  }

  /** Whether the transaction is rolled back. */
  get rollsBack(): boolean {
    return this.kind === "problem" && this.status >= 400
  }

  private clear(): void {
    this.status = 0
    this.bodyType = 0
    this.answer = 0
    this.problemAt = 0
    this.hasContentType = false
    this.location = undefined
    if (this.headers.length > 0) this.headers = []
  }

  /** Reads a field; false when it is none of these. */
  private readField(bytes: Uint8Array, element: number, valueAt: number): boolean {
    const type = bytes[element]
    if (isNamed(bytes, element, BODY)) {
      this.bodyType = type ?? 0
      this.bodyAt = valueAt
    } else if (isNamed(bytes, element, STATUS)) {
      if (type !== Type.INT32) throw bad("status", "is not an int32")
      this.status = readInt32(bytes, valueAt)
      if (this.status < 200 || this.status > 599) throw bad("status", `${this.status} is no status of an answer`)
    } else if (isNamed(bytes, element, ANSWER)) {
      if (type !== Type.INT32) throw bad("answer", "is not an int32")
      this.answer = readInt32(bytes, valueAt)
    } else if (isNamed(bytes, element, HEADERS)) {
      if (type !== Type.DOCUMENT) throw bad("headers", "is not a document")
      this.readHeaders(bytes, valueAt)
    } else if (isNamed(bytes, element, LOCATION)) {
      if (type !== Type.STRING) throw bad("location", "is not a string")
      this.location = readString(bytes, valueAt).replace(/\P{ASCII}+/gu, encodeURIComponent)
    } else if (isNamed(bytes, element, PROBLEM)) {
      if (type !== Type.DOCUMENT) throw bad("problem", "is not a document")
      this.problemAt = valueAt
    } else return false
    return true
  }

  private readHeaders(bytes: Uint8Array, at: number): void {
    const end = documentEnd(bytes, at)
    for (let element = firstElement(at); element < end; element = nextElement(bytes, element)) {
      const name = elementName(bytes, element).toLowerCase()
      const valueAt = valueOffset(bytes, element)
      if (!HEADER_NAME.test(name)) throw bad("headers", `${JSON.stringify(name)} is not the name of a header field`)
      if (GATEWAY_HEADERS.has(name)) throw bad(`headers.${name}`, "is set by the gateway")
      if (bytes[element] === Type.STRING) this.addHeader(name, readString(bytes, valueAt))
      else if (bytes[element] === Type.ARRAY) this.addHeaders(name, bytes, valueAt)
      else throw bad(`headers.${name}`, "is neither a string nor a list of strings")
      if (name === "content-type") this.hasContentType = true
    }
  }

  private addHeaders(name: string, bytes: Uint8Array, at: number): void {
    const end = documentEnd(bytes, at)
    for (let element = firstElement(at); element < end; element = nextElement(bytes, element)) {
      if (bytes[element] !== Type.STRING) throw bad(`headers.${name}`, "is neither a string nor a list of strings")
      this.addHeader(name, readString(bytes, valueOffset(bytes, element)))
    }
  }

  private addHeader(name: string, value: string): void {
    if (this.headers.length >= 2 * HEADERS_MAX) throw bad("headers", `more than ${HEADERS_MAX} header fields`)
    if (!HEADER_VALUE.test(value)) throw bad(`headers.${name}`, "holds a character that a header field cannot have")
    this.headers.push(name, value)
  }

  /** Checks that the fields fit the kind, and fills in the status. */
  private finish(found: KindRule): void {
    this.kind = found.kind
    if (this.status === 0) this.status = found.status
    const allowsBody = found.kind === "json" || found.kind === "html" || found.kind === "text" || found.kind === "bytes"
    if (!allowsBody && this.bodyType !== 0) throw bad("body", `does not belong to a reply of kind ${found.kind}`)
    if ((this.status === 204 || this.status === 304) && (allowsBody || found.kind === "answer")) {
      throw bad("status", `${this.status} has no body: the kind of such a reply is empty`)
    }
    switch (found.kind) {
      case "json":
        if (this.bodyType === 0) throw bad("body", "is missing")
        break
      case "html":
      case "text":
        if (this.bodyType !== Type.STRING) throw bad("body", "is not a string")
        break
      case "bytes":
        if (this.bodyType !== Type.BINARY) throw bad("body", "is not binary")
        break
      case "redirect":
        if (this.status < 300 || this.status > 399) throw bad("status", `${this.status} is no redirect`)
        if (this.location === undefined || this.location === "") throw bad("location", "is missing")
        this.addHeader("location", this.location)
        break
      case "problem":
        if (this.problemAt === 0) throw bad("problem", "is missing")
        if (this.status < 400 || this.status > 599) throw bad("status", `${this.status} is no status of a problem`)
        break
      default:
        break
    }
  }
}

const KIND = fieldName("kind")
const BODY = fieldName("body")
const STATUS = fieldName("status")
const ANSWER = fieldName("answer")
const HEADERS = fieldName("headers")
const LOCATION = fieldName("location")
const PROBLEM = fieldName("problem")

/** The status a problem document names, 0 when it names none. */
export function problemStatus(bytes: Uint8Array, at: number): number {
  const element = findElement(bytes, at, STATUS)
  if (element < 0 || bytes[element] !== Type.INT32) return 0
  return readInt32(bytes, element + 1 + STATUS.length)
}

function isNamed(bytes: Uint8Array, element: number, name: Uint8Array): boolean {
  return (
    bytes[element + 1] === name[0] &&
    nameEnd(bytes, element) - element === name.length &&
    equalBytes(bytes, element + 1, name, 0, name.length)
  )
}

function readKind(bytes: Uint8Array, at: number): KindRule {
  for (const candidate of KINDS) {
    const { name } = candidate
    if (readInt32(bytes, at) === name.length && equalBytes(bytes, at + 4, name, 0, name.length)) return candidate
  }
  throw bad("kind", `${JSON.stringify(readString(bytes, at))} is not a kind of reply`)
}

function bad(field: string, message: string): Error {
  return callFault("bad_reply", `the reply's ${field} ${message}`)
}
