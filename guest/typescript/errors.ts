/** Errors a handler can meet and problems it can answer with. */
import { native } from "./native.ts"

/**
 * A host operation failed. It has undone itself: a handler that catches this goes on with its transaction. `code` is one of
 * docs/errors.md, for example `duplicate_key` or `invalid_document`; further fields are the error's own.
 */
export class PlanckError extends Error {
  readonly code: string;
  readonly [field: string]: unknown

  constructor(document: { readonly code: string; readonly message: string }) {
    const { code, message, ...fields } = document
    super(message)
    this.code = code
    Object.assign(this, fields)
  }
}

/** The members of a problem answer (RFC 9457), and any others it should have. */
export interface ProblemOptions {
  /** HTTP status, 400 to 599 for a failure. */
  readonly status: number
  readonly title?: string
  readonly detail?: string
  readonly type?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly [member: string]: unknown
}

/** A problem: thrown or returned, it is answered as `application/problem+json`, and everything the handler wrote is rolled back. */
export class Problem extends Error {
  readonly code = "problem"
  readonly problem: Readonly<Record<string, unknown>>
  /** Header fields of the answer. */
  readonly headers?: Readonly<Record<string, string>>

  constructor(options: ProblemOptions) {
    const { headers, ...problem } = options
    super(options.detail ?? options.title ?? `status ${options.status}`)
    this.problem = problem
    if (headers !== undefined) this.headers = headers
  }
}

/** A problem answer. `problem({ status: 409, title: "The basket is empty" })` */
export function problem(options: ProblemOptions): Problem {
  return new Problem(options)
}

/** The problem of status 404. */
export function notFound(detail?: string): Problem {
  return new Problem({ status: 404, title: "Not found", ...(detail === undefined ? {} : { detail }) })
}

/** A value was `undefined` where one is needed, for example in a filter. */
export function undefinedValue(where: string): TypeError {
  return Object.assign(new TypeError(`${where} is undefined; to leave a condition out on purpose, write optional(value)`), {
    code: "undefined_value"
  })
}

native.hostError(PlanckError)
