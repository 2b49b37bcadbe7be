/** What a test sends and what it gets back. */

/** A request besides its path. At most one of `json`, `form` and `body`. */
export interface TestRequest {
  /** GET without a body, POST with one, unless given. */
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  /** A body as JSON. */
  readonly json?: unknown
  /** A body as a form has it. */
  readonly form?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

/** An answer, complete. Redirects are answers like any other: nothing is followed. */
export class TestAnswer {
  readonly status: number
  /** Header fields, named in small letters. */
  readonly headers: Readonly<Record<string, string>>
  readonly bytes: Uint8Array

  constructor(status: number, headers: Readonly<Record<string, string>>, bytes: Uint8Array) {
    this.status = status
    this.headers = headers
    this.bytes = bytes
  }

  /** The body as text. */
  get text(): string {
    return new TextDecoder().decode(this.bytes)
  }

  /** The body as JSON; throws a SyntaxError when it is none. */
  json<A = unknown>(): A {
    return JSON.parse(this.text) as A
  }
}

/** Sends a request and reads its answer to the end. */
export async function exchange(url: string, path: string, request: TestRequest, signal: AbortSignal): Promise<TestAnswer> {
  const { body, type } = bodyOf(request)
  const answer = await fetch(new URL(path, url), {
    method: request.method ?? (body === undefined ? "GET" : "POST"),
    headers: { ...(type === undefined ? {} : { "content-type": type }), ...request.headers },
    redirect: "manual",
    signal,
    ...(body === undefined ? {} : { body })
  })
  return new TestAnswer(answer.status, Object.fromEntries(answer.headers), new Uint8Array(await answer.arrayBuffer()))
}

function bodyOf(request: TestRequest): { readonly body: string | Uint8Array<ArrayBuffer> | undefined; readonly type: string | undefined } {
  if (request.json !== undefined) return { body: JSON.stringify(request.json), type: "application/json" }
  if (request.form !== undefined) return { body: new URLSearchParams(request.form).toString(), type: "application/x-www-form-urlencoded" }
  const { body } = request
  return { body: typeof body === "string" || body === undefined ? body : Uint8Array.from(body), type: undefined }
}
