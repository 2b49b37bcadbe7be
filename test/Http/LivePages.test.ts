import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { brotliCompressSync, gzipSync } from "node:zlib"
import { parseMount } from "../../src/Config/Mount.ts"
import { documentHead } from "../../src/Http/HtmlDocument.ts"
import { Http } from "../../src/Http/Http.ts"
import type { BuildNews } from "../../src/Http/LivePages.ts"
import { widenPolicies } from "../../src/Http/LivePolicy.ts"
import { LIVE_SCRIPT } from "../../src/Http/LiveScript.ts"
import type { GatewayService } from "../../src/Http/Service.ts"
import type { Answer } from "../../src/Wasm/Answer.ts"
import { type Handler, makeService, options, serve, storage } from "./PlainService.ts"

const DOCUMENT = "<!doctype html>\n<html lang=en><head><title>é</title></head><body>whole</body></html>"
const TAG = /<script src="\/_planck\/dev\/client\.js" data-build="([^"]*)" nonce="[0-9a-f]{32}"><\/script>/
const BROWSER = { accept: "text/html,application/xhtml+xml" }
const WELL: BuildNews = { build: "one", title: "", mistakes: [] }

const html = (body: string | Uint8Array, ...headers: ReadonlyArray<string>): Partial<Answer> => ({
  headers: ["content-type", "text/html; charset=utf-8", ...headers],
  body: typeof body === "string" ? new TextEncoder().encode(body) : body
})

const HANDLERS: Record<string, Handler> = {
  "GET /document": () => html(DOCUMENT, "etag", '"1"', "cache-control", "max-age=60", "x-own", "kept"),
  "GET /ascii": () => ({ headers: ["content-type", "text/html; charset=utf-8"], body: "<!doctype html><p>short</p>" }),
  "GET /fragment": () => html("<ul><li>one</li></ul>"),
  "GET /text": () => ({ headers: ["content-type", "text/plain"], body: new TextEncoder().encode(DOCUMENT) }),
  "GET /packed": () => html(gzipSync(DOCUMENT), "content-encoding", "gzip"),
  "GET /broken": () => html(new Uint8Array([1, 2, 3]), "content-encoding", "gzip"),
  "GET /policy": () => html(DOCUMENT, "content-security-policy", "default-src 'none'; img-src *"),
  "POST /document": () => html(DOCUMENT)
}

const PAGE = new TextEncoder().encode(DOCUMENT)
const ASSETS: GatewayService["assets"] = new Map([
  ["/index.html", { type: "text/html; charset=utf-8", hash: "ab".repeat(16), bytes: PAGE, brotli: brotliCompressSync(PAGE) }]
])

interface Site {
  readonly url: string
  readonly http: Http["Service"]
  readonly released: ReadonlyArray<Answer>
  readonly get: (path: string, init?: RequestInit) => Promise<Response>
}

/** Runs a test with a gateway whose pages follow the build, or do not. */
const withPages = <A>(use: (site: Site) => Promise<A>, livePages = true) =>
  Effect.gen(function* () {
    const http = yield* Http
    const { released, service } = makeService(HANDLERS, ASSETS)
    yield* serve(http, service)
    const { port } = yield* http.listen
    yield* http.tell(WELL)
    const url = `http://127.0.0.1:${port}`
    const get: Site["get"] = (path, init = {}) => fetch(url + path, { ...init, headers: { ...BROWSER, ...init.headers } })
    return yield* Effect.promise(() => use({ url, http, released, get }))
  }).pipe(Effect.scoped, Effect.provide(Http.layer({ ...options, livePages }).pipe(Layer.provideMerge(storage()))))

describe("a document under planck dev", () => {
  it.live("gets the script at the start of its head, with the build; nothing else of it changes", () =>
    withPages(async ({ get, released }) => {
      const answer = await get("/document")
      const text = await answer.text()
      assert.strictEqual(TAG.exec(text)?.[1], "one")
      assert.strictEqual(text.replace(TAG, ""), DOCUMENT)
      assert.strictEqual(text.search(TAG), DOCUMENT.indexOf("<title>"))
      assert.strictEqual(answer.headers.get("content-length"), String(Buffer.byteLength(text)))
      assert.strictEqual(answer.headers.get("x-own"), "kept")
      assert.deepStrictEqual([answer.headers.get("etag"), answer.headers.get("cache-control")], [null, "no-store"])
      assert.lengthOf(released, 1)
      assert.strictEqual((await (await get("/ascii")).text()).replace(TAG, ""), "<!doctype html><p>short</p>")
    })
  )

  it.live("has with HEAD the length that it has with GET", () =>
    withPages(async ({ get }) => {
      const lengths = await Promise.all(
        ["GET", "HEAD"].map(async (method) => (await get("/document", { method })).headers.get("content-length"))
      )
      assert.strictEqual(lengths[0], lengths[1])
      assert.isAbove(Number(lengths[0]), Buffer.byteLength(DOCUMENT))
    })
  )

  it.live("stays as it is for a program, for htmx, for a script of a page, and when the service is served", () =>
    withPages(async ({ get, url }) => {
      const plain = async (path: string, headers: Record<string, string>): Promise<void> => {
        const answer = await fetch(url + path, { headers })
        assert.strictEqual(await answer.text(), DOCUMENT)
        assert.strictEqual(answer.headers.get("etag"), '"1"')
      }
      await plain("/document", {})
      await plain("/document", { ...BROWSER, "hx-request": "true" })
      await plain("/document", { ...BROWSER, "sec-fetch-dest": "empty" })
      assert.match(await (await get("/document", { headers: { accept: "*/*", "sec-fetch-dest": "document" } })).text(), TAG)
    }).pipe(
      Effect.andThen(
        withPages(async ({ get }) => {
          assert.strictEqual(await (await get("/document")).text(), DOCUMENT)
          assert.strictEqual((await get("/_planck/dev/client.js")).status, 404)
        }, false)
      )
    )
  )

  it.live("is no fragment and no other kind of answer: those stay as they are", () =>
    withPages(async ({ get }) => {
      assert.strictEqual(await (await get("/fragment")).text(), "<ul><li>one</li></ul>")
      assert.strictEqual(await (await get("/text")).text(), DOCUMENT)
    })
  )

  it.live("is unpacked when the service packed it; what cannot be unpacked stays", () =>
    withPages(async ({ get, url }) => {
      const answer = await get("/packed")
      assert.strictEqual(answer.headers.get("content-encoding"), null)
      assert.strictEqual((await answer.text()).replace(TAG, ""), DOCUMENT)
      assert.strictEqual(await (await fetch(`${url}/packed`)).text(), DOCUMENT)
      const broken = await get("/broken", { method: "HEAD" })
      assert.deepStrictEqual([broken.headers.get("content-encoding"), broken.headers.get("content-length")], ["gzip", "3"])
    })
  )

  it.live("may be a static file, which is then sent whole whatever copy the browser has", () =>
    withPages(async ({ get, url }) => {
      const headers = { "accept-encoding": "br", "if-none-match": "*" }
      const answer = await get("/index.html", { headers })
      assert.strictEqual(answer.status, 200)
      assert.strictEqual((await answer.text()).replace(TAG, ""), DOCUMENT)
      assert.strictEqual((await fetch(`${url}/index.html`, { headers })).status, 304)
    })
  )

  it.live("that answers a form is not loaded again, for that would send the form again", () =>
    withPages(async ({ get }) => {
      assert.strictEqual(TAG.exec(await (await get("/document", { method: "POST" })).text())?.[1], "")
    })
  )

  it.live("keeps its policy, with room for the script", () =>
    withPages(async ({ get, url }) => {
      const host = url.slice("http://".length)
      assert.strictEqual(
        (await get("/policy")).headers.get("content-security-policy"),
        `default-src 'none'; img-src *; script-src ${host}/_planck/dev/client.js; connect-src ${host}/_planck/dev/events`
      )
    })
  )
})

describe("pages that listen", () => {
  /** The next piece of news of a stream of them. */
  const reader = (answer: Response) => {
    const from = answer.body?.pipeThrough(new TextDecoderStream()).getReader() ?? assert.fail("no body")
    let text = ""
    return async (): Promise<BuildNews | undefined> => {
      for (;;) {
        const found = /^(?:retry: \d+\n)?data: (.*)\n\n/.exec(text)
        if (found !== null) {
          text = text.slice(found[0].length)
          return JSON.parse(found[1] ?? "") as BuildNews
        }
        const { done, value } = await from.read()
        if (done) return undefined
        text += value
      }
    }
  }

  it.live("hear what is, and then what changes", () =>
    withPages(async ({ get, http }) => {
      const answer = await get("/_planck/dev/events")
      assert.strictEqual(answer.headers.get("content-type"), "text/event-stream")
      const next = reader(answer)
      assert.deepStrictEqual(await next(), WELL)
      const failed = { build: "one", title: "not built", mistakes: ["service.ts:1:2: <b>\n\n1 | x"] }
      await Effect.runPromise(http.tell(failed))
      assert.deepStrictEqual(await next(), failed)
    })
  )

  it.live("are let go at once when the server ends", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const layer = Http.layer({ ...options, drainTimeoutMs: 60_000, livePages: true })
      const http = yield* Effect.provide(Http, yield* Layer.buildWithScope(layer, scope))
      const { port } = yield* Scope.provide(http.listen, scope)
      const next = reader(yield* Effect.promise(() => fetch(`http://127.0.0.1:${port}/_planck/dev/events`)))
      yield* Effect.promise(next)
      yield* Scope.close(scope, Exit.void)
      assert.isUndefined(yield* Effect.promise(next))
    })
  )

  it.live("get a script that is one program; unknown paths beside it are none", () =>
    withPages(async ({ get }) => {
      const answer = await get("/_planck/dev/client.js")
      assert.strictEqual(answer.headers.get("content-type"), "text/javascript; charset=utf-8")
      assert.strictEqual(await answer.text(), LIVE_SCRIPT)
      assert.doesNotThrow(() => Function(LIVE_SCRIPT))
      assert.strictEqual((await get("/_planck/dev/other")).status, 404)
      assert.strictEqual((await get("/_planck/dev/events", { method: "POST" })).status, 405)
    })
  )
})

describe("in place of a service under planck dev", () => {
  const pageAt = (mounts: Readonly<Record<string, string>>) =>
    Effect.gen(function* () {
      const http = yield* Http
      for (const [name, mount] of Object.entries(mounts)) yield* http.open(name, parseMount(mount) ?? assert.fail(mount))
      const { port } = yield* http.listen
      return yield* Effect.promise(async () => {
        const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: BROWSER })
        return { status: answer.status, text: await answer.text() }
      })
    }).pipe(Effect.scoped, Effect.provide(Http.layer({ ...options, livePages: true }).pipe(Layer.provideMerge(storage()))))

  it.live("stands a page that follows the build, as long as there is none", () =>
    Effect.forEach([{}, { shop: "/" }], (mounts) =>
      Effect.map(pageAt(mounts), ({ status, text }) => {
        assert.strictEqual(status, 503)
        assert.match(text, TAG)
      })
    )
  )

  it.live("stand links to the services there are, where there is none", () =>
    Effect.map(pageAt({ orders: "/orders", shop: "shop.example" }), ({ status, text }) => {
      assert.strictEqual(status, 404)
      assert.include(text, '<a href="/orders/">orders</a>')
      assert.include(text, '<a href="//shop.example/">shop</a>')
      assert.match(text, TAG)
    })
  )
})

describe("the head of a document", () => {
  const cases: ReadonlyArray<readonly [document: string, before: string | undefined]> = [
    ["<!doctype html><html><head><title>", "<title>"],
    ["\n <!-- a > b --><!DOCTYPE HTML>\n<HTML lang='a>b'>\n<HEAD data-x=\">\"><title>", "<title>"],
    ["\u00ef\u00bb\u00bf<html><body>", "<body>"],
    ["<!doctype html><title>", "<title>"],
    ["<html><header>", "<header>"],
    ["<p>a fragment</p>", undefined],
    ["<htmlish><head>", undefined],
    ["<head><title>", undefined],
    ["<!doctype html", undefined],
    ["<!-- open", undefined],
    ["", undefined]
  ]
  for (const [document, before] of cases) {
    it(`${JSON.stringify(document)}: ${before === undefined ? "none" : `before ${before}`}`, () => {
      assert.strictEqual(documentHead(document), before === undefined ? -1 : document.lastIndexOf(before))
    })
  }
})

describe("the policy of a page with room for the script", () => {
  const room = { script: "a:1/s.js", events: "a:1/e", nonce: "n0" }
  const cases: ReadonlyArray<readonly [what: string, policy: string, widened: string]> = [
    ["adds to what decides about scripts", "script-src 'self'; script-src-elem b", "script-src 'self'; script-src-elem b a:1/s.js"],
    ["keeps the page's own inline scripts", "script-src 'unsafe-inline'", "script-src 'unsafe-inline' a:1/s.js"],
    ["goes by trust where the policy does", "script-src 'nonce-x' 'strict-dynamic'", "script-src 'nonce-x' 'strict-dynamic' 'nonce-n0'"],
    ["takes the place of nothing", "script-src 'none'; connect-src 'NONE'", "script-src a:1/s.js; connect-src a:1/e"],
    ["leaves what is not restricted", "img-src 'self';; style-src b ;", "img-src 'self'; style-src b"],
    ["does it for each policy of a field", "connect-src b, script-src c", "connect-src b a:1/e,script-src c a:1/s.js"],
    [
      "leaves the rest of default-src as it is",
      "default-src 'self'",
      "default-src 'self'; script-src 'self' a:1/s.js; connect-src 'self' a:1/e"
    ]
  ]
  for (const [what, policy, widened] of cases) {
    it(what, () => {
      assert.strictEqual(widenPolicies(policy, room), widened)
    })
  }
})
