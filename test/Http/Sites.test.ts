/** Several services behind one gateway. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { request } from "node:http"
import { parseMount } from "../../src/Config/Mount.ts"
import { Http } from "../../src/Http/Http.ts"
import { Storage } from "../../src/Storage/Storage.ts"
import { makeService, options, serve, storage } from "./PlainService.ts"

interface Said {
  readonly status: number
  readonly location: string | undefined
  readonly body: string
}

type Ask = (path: string, host?: string, method?: string) => Promise<Said>

const asking =
  (port: number): Ask =>
  (path, host = "localhost", method = "GET") =>
    new Promise((resolve, reject) => {
      const sending = request({ port, host: "127.0.0.1", path, method, headers: { host } }, (answer) => {
        let body = ""
        answer.on("data", (chunk) => (body += String(chunk)))
        answer.on("end", () => resolve({ status: answer.statusCode ?? 0, location: answer.headers.location, body }))
      })
      sending.on("error", reject)
      sending.end()
    })

const mountOf = (text: string) => parseMount(text) ?? assert.fail(text)
const layer = Http.layer(options).pipe(Layer.provideMerge(storage()))

/** A service that says its name and what it was asked. */
const speaking = (name: string) =>
  makeService({
    "GET /": ({ path, query }) => ({ body: `${name} ${path} ${query}` }),
    "GET /*rest": ({ params, path }) => ({ body: `${name} ${path} ${params[0]}` }),
    "POST /": () => ({ status: 201, body: name })
  }).service

/** Runs a test with services at places. */
const withSites = <A>(places: Readonly<Record<string, string>>, use: (ask: Ask) => Promise<A>) =>
  Effect.gen(function* () {
    const http = yield* Http
    for (const [name, mount] of Object.entries(places)) yield* serve(http, speaking(name), name, mountOf(mount))
    const { port } = yield* http.listen
    return yield* Effect.promise(() => use(asking(port)))
  }).pipe(Effect.scoped, Effect.provide(layer))

describe("services at places of one gateway", () => {
  it.live("see the paths below their own; the longer place wins, and the root takes the rest", () =>
    withSites({ shell: "/", orders: "/orders", archive: "/orders/archive" }, async (ask) => {
      const bodies = async (...paths: ReadonlyArray<string>): Promise<ReadonlyArray<string>> =>
        Promise.all(paths.map(async (path) => (await ask(path)).body))
      assert.deepStrictEqual(
        await bodies("/", "/orders/?a=1", "/orders/7/lines", "/orders/archive/x", "/ordersheet", "/orders/style.css"),
        ["shell / ", "orders / a=1", "orders /7/lines 7/lines", "archive /x x", "shell /ordersheet ordersheet", "body{}"]
      )
    })
  )

  it.live("send the browser to the slash of their place, with the query and the method", () =>
    withSites({ shell: "/", orders: "/orders" }, async (ask) => {
      assert.deepInclude(await ask("/orders?a=1"), { status: 307, location: "/orders/?a=1" })
      assert.deepInclude(await ask("/orders", "localhost", "POST"), { status: 307, location: "/orders/" })
      assert.deepInclude(await ask("/orders/", "localhost", "POST"), { status: 201, body: "orders" })
    })
  )

  it.live("may be told apart by host, whatever the port and the case", () =>
    withSites({ shop: "shop.example", admin: "shop.example/admin", rest: "/" }, async (ask) => {
      assert.strictEqual((await ask("/", "Shop.Example:3000")).body, "shop / ")
      assert.strictEqual((await ask("/admin/x", "shop.example")).body, "admin /x x")
      assert.strictEqual((await ask("/admin/x", "other.example")).body, "rest /admin/x admin/x")
    })
  )

  it.live("are all there is: a path at none of them is a 404", () =>
    withSites({ orders: "/orders" }, async (ask) => {
      const { body, status } = await ask("/elsewhere")
      assert.strictEqual(status, 404)
      assert.include(body, '"code":"route_not_found"')
    })
  )

  it.live("have one health each, and one together", () =>
    Effect.gen(function* () {
      const http = yield* Http
      yield* serve(http, speaking("orders"), "orders", mountOf("/orders"))
      const shell = yield* http.open("shell", mountOf("/"))
      const { port } = yield* http.listen
      const ask = asking(port)
      const health = (path: string) => Effect.promise(async () => [(await ask(path)).status, (await ask(path)).body])
      assert.deepStrictEqual(yield* health("/orders/_planck/health"), [200, '{"status":"ok"}'])
      assert.deepStrictEqual(yield* health("/_planck/health"), [
        503,
        '{"status":"no_service","services":{"orders":"ok","shell":"no_service"}}'
      ])
      shell.serve(speaking("shell"), yield* Storage)
      assert.deepStrictEqual(yield* health("/_planck/health"), [200, '{"status":"ok","services":{"orders":"ok","shell":"ok"}}'])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.live("have one place each; a place is free again when its service has ended", () =>
    Effect.gen(function* () {
      const http = yield* Http
      const first = yield* Scope.make()
      yield* Scope.provide(http.open("orders", mountOf("/orders")), first)
      const taken = yield* Effect.flip(http.open("other", mountOf("/orders/")))
      assert.strictEqual(
        taken.message,
        "other and orders are both mounted at /orders: give one another place with services.other.mount in planck.yaml"
      )
      yield* Scope.close(first, Exit.void)
      yield* serve(http, speaking("other"), "other", mountOf("/orders"))
      const { port } = yield* http.listen
      assert.strictEqual((yield* Effect.promise(() => asking(port)("/orders/"))).body, "other / ")
    }).pipe(Effect.scoped, Effect.provide(layer))
  )
})

describe("a mount", () => {
  it("is a path, a host or both", () => {
    assert.deepStrictEqual(
      ["/", "/orders", "/a/b/", "Shop.example", "localhost/x"].map((text) => parseMount(text)),
      [
        { host: undefined, path: "" },
        { host: undefined, path: "/orders" },
        { host: undefined, path: "/a/b" },
        { host: "shop.example", path: "" },
        { host: "localhost", path: "/x" }
      ]
    )
  })

  for (const text of ["", "/a b", "/a//b", "/a%20b", "-x.example", "example.com:80", "/../a", "/_planck/x", "http://a", "/a?b"])
    it(`is not ${JSON.stringify(text)}`, () => {
      assert.isUndefined(parseMount(text))
    })
})
