/** The gateway over real sockets, with a service made of plain functions and an engine whose durability the test decides. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { request as httpRequest } from "node:http"
import { connect, createServer } from "node:net"
import { Http } from "../../src/Http/Http.ts"
import type { HttpOptions } from "../../src/Http/Options.ts"
import { type Handler, makeService, options, serve, storage } from "./PlainService.ts"

const withServer = <A>(
  handlers: Record<string, Handler>,
  use: (server: { readonly url: string; readonly port: number } & ReturnType<typeof makeService>) => Effect.Effect<A>,
  settings: { readonly options?: Partial<HttpOptions>; readonly awaitDurable?: (lsn: number) => Effect.Effect<void> } = {}
) =>
  Effect.gen(function* () {
    const http = yield* Http
    const made = makeService(handlers)
    yield* serve(http, made.service)
    const { port } = yield* http.listen
    return yield* use({ url: `http://127.0.0.1:${port}`, port, ...made })
  }).pipe(
    Effect.scoped,
    Effect.provide(Http.layer({ ...options, ...settings.options }).pipe(Layer.provideMerge(storage(settings.awaitDurable))))
  )

/** A gateway that listens until the scope ends, with a service whose writes wait. */
const listeningIn = Effect.fnUntraced(function* (
  scope: Scope.Scope,
  settings: HttpOptions,
  awaitDurable: (lsn: number) => Effect.Effect<void>
) {
  const { asked, service } = makeService({ "POST /a": () => ({ waitLsn: 1 }) })
  const layer = Http.layer(settings).pipe(Layer.provideMerge(storage(awaitDurable)))
  const context = yield* Layer.buildWithScope(layer, scope)
  const listening = Effect.gen(function* () {
    const http = yield* Http
    yield* serve(http, service)
    return yield* http.listen
  })
  const { port } = yield* listening.pipe(Effect.provide(context), Scope.provide(scope))
  return { asked, port }
})

const get = (url: string, init?: RequestInit) => Effect.promise(() => fetch(url, init))
const text = (response: Response) => Effect.promise(() => response.text())
const problemCode = (response: Response) =>
  Effect.map(text(response), (body) => {
    assert.strictEqual(response.headers.get("content-type"), "application/problem+json")
    return (JSON.parse(body) as { readonly code: string }).code
  })

/** Sends raw bytes and gives back everything the server said until it closed. */
const raw = (port: number, bytes: string) =>
  Effect.promise(
    () =>
      new Promise<string>((resolve) => {
        let received = ""
        const socket = connect(port, "127.0.0.1", () => socket.write(bytes))
        socket.on("data", (chunk) => (received += chunk.toString()))
        socket.on("close", () => resolve(received))
        socket.on("error", () => resolve(received))
      })
  )

describe("Http", () => {
  it.live("hands a handler the request as it came, and its answer to the client", () =>
    withServer({ "GET /orders/:id": () => ({ body: "seven", headers: ["content-type", "text/plain", "x-a", "b"] }) }, ({ url, asked }) =>
      Effect.gen(function* () {
        const response = yield* get(`${url}/orders/a%20b?x=1&y`, { headers: { "x-request-id": "mine" } })
        assert.strictEqual(response.status, 200)
        assert.strictEqual(yield* text(response), "seven")
        assert.strictEqual(response.headers.get("x-a"), "b")
        assert.strictEqual(response.headers.get("x-request-id"), "mine")
        const { method, path, params, query, requestId } = asked[0] ?? assert.fail("not asked")
        assert.deepStrictEqual(
          { method, path, params, query, requestId },
          { method: "GET", path: "/orders/a%20b", params: ["a%20b"], query: "x=1&y", requestId: "mine" }
        )
      })
    )
  )

  it.live("answers 500 in place of an answer that cannot be sent, and goes on", () =>
    withServer({ "GET /bad": () => ({ headers: ["x-a", "line\nbreak"] }), "GET /good": () => ({}) }, ({ url }) =>
      Effect.gen(function* () {
        const [bad, good] = yield* Effect.all([get(`${url}/bad`), get(`${url}/good`)], { concurrency: 2 })
        assert.strictEqual(bad.status, 500)
        assert.strictEqual(yield* problemCode(bad), "internal")
        assert.strictEqual(yield* text(good), "ok")
      })
    )
  )

  it.live("collects a body and gives pooled answers back when they are sent", () =>
    withServer({ "POST /orders": (request) => ({ status: 201, body: request.body }) }, ({ url, released }) =>
      Effect.gen(function* () {
        const response = yield* get(`${url}/orders`, { method: "POST", body: "x".repeat(1000) })
        assert.strictEqual(response.status, 201)
        assert.strictEqual(yield* text(response), "x".repeat(1000))
        assert.strictEqual(released.length, 1)
      })
    )
  )

  it.live("answers nothing before it is durable, a 404 of the handler included", () =>
    Effect.gen(function* () {
      const durable = yield* Deferred.make<void>()
      const waited: Array<number> = []
      yield* withServer(
        { "POST /orders": () => ({ status: 404, body: "none", waitLsn: 7 }) },
        ({ url, asked }) =>
          Effect.gen(function* () {
            const fiber = yield* Effect.forkChild(get(`${url}/orders`, { method: "POST" }))
            while (asked.length === 0) yield* Effect.sleep(5)
            yield* Effect.sleep(50)
            assert.isUndefined(fiber.pollUnsafe())
            yield* Deferred.succeed(durable, undefined)
            assert.strictEqual((yield* Fiber.join(fiber)).status, 404)
            assert.deepStrictEqual(waited, [7])
          }),
        { awaitDurable: (lsn) => Effect.suspend(() => (waited.push(lsn), Deferred.await(durable))) }
      )
    })
  )

  it.live("gives an answer back when its client left before it was durable, and goes on", () =>
    Effect.gen(function* () {
      const durable = yield* Deferred.make<void>()
      yield* withServer(
        { "POST /orders": () => ({ status: 201, waitLsn: 7 }), "GET /a": () => ({}) },
        ({ url, asked, released }) =>
          Effect.gen(function* () {
            const leaving = new AbortController()
            const fiber = yield* Effect.forkChild(
              Effect.tryPromise(() => fetch(`${url}/orders`, { method: "POST", signal: leaving.signal })).pipe(Effect.exit)
            )
            while (asked.length === 0) yield* Effect.sleep(5)
            leaving.abort()
            assert.isTrue(Exit.isFailure(yield* Fiber.join(fiber)))
            yield* Effect.sleep(20)
            yield* Deferred.succeed(durable, undefined)
            while (released.length === 0) yield* Effect.sleep(5)
            assert.strictEqual(yield* Effect.flatMap(get(`${url}/a`), text), "ok")
          }),
        { awaitDurable: () => Deferred.await(durable) }
      )
    })
  )

  it.live("says 404, 405 with Allow, and answers HEAD and OPTIONS by itself", () =>
    withServer({ "GET /a": () => ({}), "POST /a": () => ({}) }, ({ url }) =>
      Effect.gen(function* () {
        assert.strictEqual(yield* Effect.flatMap(get(`${url}/b`), problemCode), "route_not_found")
        const wrong = yield* get(`${url}/a`, { method: "DELETE" })
        assert.strictEqual(wrong.status, 405)
        assert.strictEqual(wrong.headers.get("allow"), "GET, HEAD, OPTIONS, POST")
        const head = yield* get(`${url}/a`, { method: "HEAD" })
        assert.strictEqual(head.headers.get("content-length"), "2")
        assert.strictEqual(yield* text(head), "")
        const allowed = yield* get(`${url}/a`, { method: "OPTIONS" })
        assert.strictEqual(allowed.status, 204)
        assert.strictEqual(allowed.headers.get("allow"), "GET, HEAD, OPTIONS, POST")
      })
    )
  )

  it.live("serves the module's files, and 304 to who has them", () =>
    withServer({ "GET /:page": () => ({ body: "page" }) }, ({ url }) =>
      Effect.gen(function* () {
        const first = yield* get(`${url}/style.css`)
        assert.strictEqual(yield* text(first), "body{}")
        const again = yield* get(`${url}/style.css`, { headers: { "if-none-match": first.headers.get("etag") ?? "" } })
        assert.strictEqual(again.status, 304)
        assert.strictEqual(yield* Effect.flatMap(get(`${url}/other`), text), "page")
      })
    )
  )

  it.live("refuses a body that is too large, declared or not, and keeps serving", () =>
    withServer({ "POST /a": () => ({}) }, ({ url, asked }) =>
      Effect.gen(function* () {
        assert.strictEqual(
          yield* Effect.flatMap(get(`${url}/a`, { method: "POST", body: "x".repeat(1025) }), problemCode),
          "body_too_large"
        )
        const status = yield* Effect.promise(
          () =>
            new Promise<number | undefined>((resolve, reject) => {
              const sent = httpRequest(`${url}/a`, { method: "POST" }, (response) => {
                response.resume()
                resolve(response.statusCode)
              })
              sent.on("error", reject)
              for (let i = 0; i < 3; i++) sent.write("x".repeat(1000))
              sent.end()
            })
        )
        assert.strictEqual(status, 413)
        assert.strictEqual(asked.length, 0)
        assert.strictEqual((yield* get(`${url}/a`, { method: "POST", body: "x" })).status, 200)
      })
    )
  )

  it.live("refuses encoded bodies, long targets and targets that are no path", () =>
    withServer({ "POST /a": () => ({}) }, ({ url, port }) =>
      Effect.gen(function* () {
        const encoded = yield* get(`${url}/a`, { method: "POST", body: "x", headers: { "content-encoding": "gzip" } })
        assert.strictEqual(encoded.status, 415)
        assert.strictEqual((yield* get(`${url}/${"a".repeat(300)}`)).status, 414)
        const foreign = yield* raw(port, "GET http://elsewhere/a HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        assert.match(foreign, /^HTTP\/1\.1 400 /)
      })
    )
  )

  it.live("answers a malformed request, too many header bytes and a silent client with problems", () =>
    withServer({ "GET /a": () => ({}) }, ({ port }) =>
      Effect.gen(function* () {
        assert.match(yield* raw(port, "NONSENSE\r\n\r\n"), /^HTTP\/1\.1 400 [\s\S]*malformed_request/)
        assert.match(
          yield* raw(port, `GET /a HTTP/1.1\r\nhost: a\r\nx: ${"y".repeat(5000)}\r\n\r\n`),
          /^HTTP\/1\.1 431 [\s\S]*header_too_large/
        )
        assert.match(yield* raw(port, "GET /a HTTP/1.1\r\nhost: a\r\n"), /^HTTP\/1\.1 408 [\s\S]*request_timeout/)
        assert.match(yield* raw(port, "POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc"), /^HTTP\/1\.1 40[58] /)
      })
    )
  )

  it.live("does not call the handler for a client that left while sending its body", () =>
    withServer({ "POST /a": () => ({}) }, ({ port, asked, url }) =>
      Effect.gen(function* () {
        yield* Effect.promise(
          () =>
            new Promise<void>((resolve) => {
              const socket = connect(port, "127.0.0.1", () => {
                socket.write("POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc", () => socket.destroy())
              })
              socket.on("close", () => resolve())
            })
        )
        yield* Effect.sleep(50)
        assert.strictEqual(asked.length, 0)
        assert.strictEqual((yield* get(`${url}/a`, { method: "POST", body: "x" })).status, 200)
      })
    )
  )

  it.live("says so when the port is taken", () =>
    Effect.gen(function* () {
      const other = createServer()
      yield* Effect.promise(() => new Promise<void>((resolve) => other.listen(0, "127.0.0.1", () => resolve())))
      const address = other.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      const listening = Effect.flatMap(Http, (http) => http.listen).pipe(Effect.scoped, Effect.provide(Http.layer({ ...options, port })))
      const error = yield* Effect.flip(listening)
      assert.strictEqual(error.reason._tag, "AddressInUse")
      assert.match(error.message, /^port \d+ on 127\.0\.0\.1 is in use: .*PLANCK_HTTP_PORT$/)
      other.close()
    })
  )

  it.live("lets requests under way end at shutdown, and refuses new connections", () =>
    Effect.gen(function* () {
      const durable = yield* Deferred.make<void>()
      const scope = yield* Scope.make()
      const { asked, port } = yield* listeningIn(scope, options, () => Deferred.await(durable))
      const pending = yield* Effect.forkChild(get(`http://127.0.0.1:${port}/a`, { method: "POST" }))
      while (asked.length === 0) yield* Effect.sleep(5)
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
      yield* Effect.sleep(50)
      assert.isUndefined(closing.pollUnsafe())
      const refused = yield* Effect.exit(Effect.tryPromise(() => fetch(`http://127.0.0.1:${port}/a`)))
      assert.isTrue(Exit.isFailure(refused))
      yield* Deferred.succeed(durable, undefined)
      const response = yield* Fiber.join(pending)
      assert.strictEqual(response.status, 200)
      assert.strictEqual(response.headers.get("connection"), "close")
      yield* Fiber.join(closing)
    })
  )

  it.live("gives up on requests that outlast the drain", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { asked, port } = yield* listeningIn(scope, { ...options, drainTimeoutMs: 50 }, () => Effect.never)
      const pending = yield* Effect.forkChild(Effect.exit(Effect.tryPromise(() => fetch(`http://127.0.0.1:${port}/a`, { method: "POST" }))))
      while (asked.length === 0) yield* Effect.sleep(5)
      yield* Scope.close(scope, Exit.void)
      const outcome = yield* Fiber.join(pending)
      assert.isTrue(Exit.isFailure(outcome) || outcome.value.status === 500)
    })
  )
})
