import { assert, describe, it } from "@effect/vitest"
import { Binary, encode, type DocumentValue } from "../../src/Bson/Value.ts"
import { Fault } from "../../src/Fault/Fault.ts"
import type { WasmReason } from "../../src/Wasm/Reasons.ts"
import { Bench, json, request, text } from "./Bench.ts"
import { DATA_AT, type GuestParts } from "./Guests.ts"

/** A guest that always gives this reply. */
const replying = (document: DocumentValue): GuestParts => ({ data: encode(document) })
/** A guest that fails with this error document. */
const failing = (document: DocumentValue): GuestParts => {
  const data = encode(document)
  return { data, main: `(call $fail (i32.const ${DATA_AT}) (i32.const ${data.length})) (i32.const 0)` }
}
const spinning: GuestParts = { main: "(loop $again (br_if $again (i32.eqz (call $tick)))) (i32.const 0)" }
const trapping: GuestParts = { main: "(unreachable)" }
const recursing: GuestParts = {
  more: "(func $again (param i32) (result i32) (i32.add (call $again (local.get 0)) (i32.const 1)))",
  main: "(call $again (i32.const 1))"
}
/** Traps at the first call of an instance only: shows whether the next request has a new instance or the broken one. */
const once: GuestParts = {
  data: encode({ kind: "text", body: "fine" }),
  more: "(global $calls (mut i32) (i32.const 0))",
  main: `(global.set $calls (i32.add (global.get $calls) (i32.const 1)))
    (if (i32.eq (global.get $calls) (i32.const 2)) (then (unreachable))) (i32.const ${DATA_AT})`
}

describe("a handler that reads", () => {
  it("runs on the durable snapshot, and its answer waits for nothing", () => {
    const bench = new Bench(replying({ kind: "json", body: { a: 1 } }))
    const answer = bench.get()
    assert.deepInclude(answer, { status: 200, body: '{"a":1}', waitLsn: 0 })
    assert.deepStrictEqual(bench.engine.events, ["snapshot", "close"])
  })

  it("closes its snapshot however it ends", () => {
    for (const parts of [trapping, failing({ code: "x" }), { data: Uint8Array.of(1, 2, 3) }]) {
      const bench = new Bench(parts)
      assert.deepInclude(bench.get(), { status: 500, waitLsn: 0 })
      assert.deepStrictEqual(bench.engine.events, ["snapshot", "close"])
    }
  })
})

describe("a handler that writes", () => {
  it("commits, and waits for the newest commit it may have seen", () => {
    const bench = new Bench(replying({ kind: "json", body: 1 }))
    assert.deepInclude(bench.post(), { status: 200, waitLsn: 12 })
    assert.deepStrictEqual(bench.engine.events, ["transact", "commit"])
  })

  it("waits for nothing when everything it saw is durable", () => {
    const bench = new Bench(replying({ kind: "empty" }))
    bench.engine.awaitedLsn = 10
    assert.strictEqual(bench.post().waitLsn, 0)
  })

  it("rolls back with a problem, which waits for what it saw", () => {
    const bench = new Bench(replying({ kind: "problem", problem: { status: 404, title: "No such order" } }))
    const answer = bench.post()
    assert.deepInclude(answer, { status: 404, waitLsn: 12 })
    assert.deepStrictEqual(bench.engine.events, ["transact", "rollback"])
  })

  it("commits an answer of 500 that is no problem", () => {
    const bench = new Bench(replying({ kind: "text", status: 500, body: "x" }))
    bench.post()
    assert.deepStrictEqual(bench.engine.events, ["transact", "commit"])
  })

  it.each<[string, GuestParts]>([
    ["fails", failing({ code: "handler_failed", message: "boom" })],
    ["returns 0 without a reason", { main: "(i32.const 0)" }],
    ["traps", trapping],
    ["overflows its stack", recursing],
    ["loops", spinning],
    ["returns nonsense", { data: Uint8Array.of(1, 2, 3) }]
  ])("rolls back once when it %s", (_what, parts) => {
    const bench = new Bench(parts, {}, { limits: { deadlineMs: 5 } })
    bench.stepMs = 1
    const answer = bench.post()
    assert.isAtLeast(answer.status, 500)
    assert.strictEqual(answer.waitLsn, 12)
    assert.deepStrictEqual(bench.engine.events, ["transact", "rollback"])
  })

  it("whose commit is refused says why, and sends nothing of its answer", () => {
    const bench = new Bench(replying({ kind: "text", body: "a".repeat(5000) }))
    bench.engine.refusal = new Fault({ _tag: "Backpressure", message: "too much is waiting" })
    const answer = bench.post()
    assert.deepInclude(json(answer), { status: 503, code: "busy" })
    assert.includeMembers([...answer.headers], ["retry-after"])
    assert.deepStrictEqual(bench.engine.events, ["transact"])
  })

  it("is refused before it runs when the engine takes no writes", () => {
    const bench = new Bench(trapping)
    bench.engine.poisoned = new Fault({ _tag: "Poisoned", message: "a sync failed" })
    assert.deepInclude(json(bench.post()), { status: 503, code: "read_only" })
    assert.strictEqual(bench.service.replacedInstances, 0)
  })
})

describe("a guest that misbehaves", () => {
  it("costs its instance, and the next request is fine", () => {
    const bench = new Bench(once)
    assert.strictEqual(bench.get().body, "fine")
    assert.deepInclude(json(bench.get()), { status: 500, code: "guest_trapped" })
    assert.strictEqual(bench.service.replacedInstances, 1)
    assert.strictEqual(bench.get().body, "fine")
    bench.settle()
    assert.deepInclude(json(bench.get()), { code: "guest_trapped" })
    assert.strictEqual(bench.get().body, "fine")
  })

  it.each<[string, GuestParts, string]>([
    ["spins", spinning, "deadline_exceeded"],
    ["recurses without end", recursing, "stack_overflow"],
    ["traps", trapping, "guest_trapped"],
    ["has run out of memory", failing({ code: "out_of_memory", message: "out of memory" }), "out_of_memory"],
    ["has overflowed its own stack", failing({ code: "stack_overflow", message: "stack" }), "stack_overflow"],
    ["has no room for a request", { alloc: `(func (export "planck_alloc") (param i32) (result i32) (i32.const 0))` }, "out_of_memory"],
    [
      "gives a bad address for a request",
      { alloc: `(func (export "planck_alloc") (param i32) (result i32) (i32.const -1))` },
      "bad_pointer"
    ],
    [
      "reads to a bad address",
      { main: "(drop (call $call (i32.const 1) (i32.const 0) (i32.const 0))) (call $read (i32.const -1)) (i32.const 8)" },
      "bad_pointer"
    ]
  ])("that %s is replaced", (_what, parts, code) => {
    const bench = new Bench(parts, {}, { limits: { deadlineMs: 5 } })
    bench.stepMs = 1
    assert.strictEqual(json(bench.get())["code"], code)
    assert.strictEqual(bench.service.replacedInstances, 1)
  })

  it.each<[string, GuestParts]>([
    ["throws", failing({ code: "handler_failed", message: "boom" })],
    ["replies with bytes that are no document", { data: Uint8Array.of(1, 2, 3) }],
    ["replies with an unknown kind", replying({ kind: "xml" })],
    ["replies with a bad address", { main: "(i32.const -8)" }],
    ["replies with an address at the end", { main: "(i32.const 65534)" }],
    ["replies with a length beyond its memory", { data: Uint8Array.of(255, 255, 255, 127) }]
  ])("that %s keeps its instance", (_what, parts) => {
    const bench = new Bench(parts)
    assert.strictEqual(bench.get().status, 500)
    assert.strictEqual(bench.service.replacedInstances, 0)
  })

  it("that replies with nonsense is told so in the log, not in the answer", () => {
    const bench = new Bench(replying({ kind: "xml" }))
    const answer = bench.get()
    assert.deepStrictEqual(json(answer), { title: "The service answered with nonsense", status: 500, code: "bad_reply", requestId: "r-1" })
    assert.deepInclude(bench.lines[0], { level: "error", handler: "main", requestId: "r-1" })
    assert.include(bench.lines[0]?.message, '"xml" is not a kind of reply')
  })

  it("shows details in development", () => {
    const bench = new Bench(
      failing({ code: "handler_failed", message: "boom", stack: "    at x (service.js:1:2)\n" }),
      {},
      { development: true }
    )
    assert.deepInclude(json(bench.get()), { detail: "boom", stack: ["at x (service.js:1:2)"] })
  })

  it("that grows large is retired after its call", () => {
    const bench = new Bench({
      ...replying({ kind: "empty" }),
      memory: "1 64",
      main: `(drop (memory.grow (i32.const 40))) (i32.const ${DATA_AT})`
    })
    assert.strictEqual(bench.get().status, 204)
    assert.strictEqual(bench.service.replacedInstances, 1)
  })

  it("whose reset traps has answered, and is replaced", () => {
    const bench = new Bench({ ...replying({ kind: "empty" }), more: `(func (export "planck_reset") (unreachable))` })
    assert.strictEqual(bench.post().status, 204)
    assert.deepStrictEqual(bench.engine.events, ["transact", "commit"])
    assert.strictEqual(bench.service.replacedInstances, 1)
  })

  it("that does not come up is refused", () => {
    const start = (): Bench => new Bench({ more: `(func (export "_initialize") (unreachable))` })
    assert.throws(start, "the module does not start")
  })
})

describe("a failure", () => {
  it.each<[DocumentValue, number, string]>([
    [{ code: "handler_failed", message: "boom" }, 500, "handler_failed"],
    [{ code: "made_up", message: "boom" }, 500, "handler_failed"],
    [{ message: "boom" }, 500, "handler_failed"],
    [{ code: "duplicate_key", message: "there is one" }, 409, "duplicate_key"],
    [{ code: "promise_pending", message: "" }, 500, "promise_pending"],
    [{ code: "problem", message: "no", problem: "nonsense" }, 500, "problem"]
  ])("%j is answered with its code", (document, status, code) => {
    assert.deepInclude(json(new Bench(failing(document)).get()), { status, code })
  })

  it("of the guest's making below 500 says what it is about", () => {
    const issues = [{ pointer: "/total", code: "type", message: "expected a decimal" }]
    const answer = new Bench(failing({ code: "invalid_document", message: "the order is wrong", issues, secret: 1 })).get()
    assert.deepStrictEqual(json(answer), {
      title: "The document does not fit its store",
      status: 422,
      code: "invalid_document",
      detail: "the order is wrong",
      issues,
      requestId: "r-1"
    })
  })

  it("that is a thrown problem is answered as one", () => {
    const bench = new Bench(failing({ code: "problem", message: "gone", problem: { status: 410, title: "Gone" }, headers: { "x-a": "b" } }))
    const answer = bench.post()
    assert.deepInclude(answer, { status: 410, body: '{"status":410,"title":"Gone"}' })
    assert.deepStrictEqual(answer.headers, ["content-type", "application/problem+json", "x-a", "b"])
    assert.deepStrictEqual(bench.engine.events, ["transact", "rollback"])
    assert.strictEqual(bench.lines.length, 0)
  })
})

describe("the request a handler gets", () => {
  /** Answers with the request as JSON. */
  const echo: GuestParts = {
    main: `(i32.store (i32.const 2000) (i32.add (i32.const 26) (i32.load (local.get $request))))
      (memory.copy (i32.const 2004) (i32.const ${DATA_AT}) (i32.const 21))
      (memory.copy (i32.const 2025) (local.get $request) (i32.load (local.get $request)))
      (i32.store8 (i32.add (i32.const 2025) (i32.load (local.get $request))) (i32.const 0)) (i32.const 2000)`,
    data: Buffer.concat([
      Uint8Array.of(2),
      Buffer.from("kind\0"),
      Uint8Array.of(5, 0, 0, 0),
      Buffer.from("json\0"),
      Uint8Array.of(3),
      Buffer.from("body\0")
    ])
  }
  const route = (part: object): Bench =>
    new Bench(echo, { routes: [{ method: "POST", pattern: "/orders/:id/*rest", handler: "main", writes: false, ...part }] })

  it("has its parts, and parameters decoded", () => {
    const answer = route({}).get({ method: "POST", path: "/orders/a%2Fb/c/d", params: ["a%2Fb", "c/d"], query: "x=1" })
    assert.deepStrictEqual(json(answer), {
      method: "POST",
      path: "/orders/a%2Fb/c/d",
      params: { id: "a/b", rest: "c/d" },
      query: {},
      headers: {},
      requestId: "r-1"
    })
  })

  it("is coerced to what the route declares", () => {
    const bench = route({
      input: {
        params: { id: { type: "int" } },
        query: {
          page: { type: "int", default: 1 },
          tag: { type: "array", items: { type: "string" } },
          at: { type: "date", optional: true }
        },
        headers: { "x-tenant": { type: "string" } }
      }
    })
    const answer = bench.get({ params: ["7", "x"], query: "tag=a&tag=b&utm_source=mail", headers: { "x-tenant": "acme", cookie: "s=1" } })
    const { params, query, headers } = json(answer)
    assert.deepStrictEqual(
      { params, query, headers },
      { params: { id: 7, rest: "x" }, query: { page: 1, tag: ["a", "b"] }, headers: { "x-tenant": "acme" } }
    )
  })

  it("names everything that does not fit, and the handler does not run", () => {
    const bench = route({
      input: {
        params: { id: { type: "int" } },
        query: { page: { type: "int", min: 1 } },
        headers: { "x-tenant": { type: "string" } },
        body: {
          type: "struct",
          fields: { lines: { type: "array", items: { type: "struct", fields: { quantity: { type: "int", min: 1 } } } } }
        }
      }
    })
    const body = Buffer.from('{"lines":[{"quantity":0}],"extra":1}')
    const answer = bench.get({ params: ["x", "y"], query: "page=0", contentType: "application/json", body })
    const problem = json(answer)
    assert.deepInclude(problem, { status: 400, code: "invalid_request" })
    assert.sameMembers(
      (problem["issues"] as ReadonlyArray<{ pointer: string }>).map((issue) => issue.pointer),
      ["/params/id", "/query/page", "/headers/x-tenant", "/body/lines/0/quantity", "/body/extra"]
    )
    assert.deepStrictEqual(bench.engine.events, [])
    assert.strictEqual(answer.waitLsn, 0)
  })

  it("has a body of JSON, of a form, or of bytes", () => {
    const struct = { type: "struct", fields: { name: { type: "string" }, count: { type: "int" } } }
    const send = (part: object, contentType: string, body: string): unknown =>
      json(route(part).get({ params: ["1", "x"], contentType, body: Buffer.from(body) }))["body"]
    const expected = { name: "ü x", count: 2 }
    assert.deepStrictEqual(send({ input: { body: struct } }, "application/json; charset=utf-8", '{"name":"ü x","count":2}'), expected)
    assert.deepStrictEqual(send({ input: { body: struct } }, "application/x-www-form-urlencoded", "name=%C3%BC+x&count=2"), expected)
    assert.deepStrictEqual(send({ bodyKind: "json" }, "application/merge-patch+json", "[1]"), [1])
    assert.deepStrictEqual(send({ bodyKind: "any" }, "image/png", "hi"), Buffer.from("hi").toString("base64"))
    assert.isUndefined(send({}, "application/json", "{}"))
  })

  it.each<[string, object, string | undefined, string, number, string]>([
    ["broken JSON", { bodyKind: "json" }, "application/json", '{"a":\n}', 400, "invalid_json"],
    ["JSON of no declared type", { input: { body: { type: "int" } } }, "text/plain", "1", 415, "unsupported_media_type"],
    ["no content type", { bodyKind: "json" }, undefined, "1", 415, "unsupported_media_type"],
    [
      "a form where JSON is declared",
      { input: { body: { type: "int" } }, bodyKind: "json" },
      "application/x-www-form-urlencoded",
      "a=1",
      415,
      "unsupported_media_type"
    ],
    [
      "JSON where a form is declared",
      { input: { body: { type: "struct", fields: {} } }, bodyKind: "form" },
      "application/json",
      "{}",
      415,
      "unsupported_media_type"
    ],
    ["no body where one is declared", { input: { body: { type: "int" } } }, "application/json", "", 400, "invalid_request"],
    [
      "a broken escape in a form",
      { input: { body: { type: "struct", fields: { a: { type: "string" } } } } },
      "application/x-www-form-urlencoded",
      "a=%zz",
      400,
      "invalid_request"
    ]
  ])("is refused with %s", (_what, part, contentType, body, status, code) => {
    const answer = route(part).get({ params: ["1", "x"], contentType, body: Buffer.from(body) })
    assert.deepInclude(json(answer), { status, code })
  })

  it("says line and column of broken JSON", () => {
    const answer = route({ bodyKind: "json" }).get({ params: ["1", "x"], contentType: "application/json", body: Buffer.from('{"a":\n}') })
    assert.deepInclude(json(answer), { line: 2, column: 1 })
  })

  it("is refused with a broken escape in a parameter or the query", () => {
    const bench = route({ input: { query: { a: { type: "string", optional: true } } } })
    const pointers = (part: object): unknown =>
      (json(bench.get({ params: ["1", "x"], ...part }))["issues"] as ReadonlyArray<{ pointer: string }>)[0]?.pointer
    assert.strictEqual(pointers({ params: ["%zz", "x"] }), "/params/id")
    assert.strictEqual(pointers({ query: "a=%zz" }), "/query/a")
  })
})

describe("configuration", () => {
  const reading = (name: string): GuestParts => {
    const argument = encode({ name })
    // Puts { kind: "json", body: <the parked document> } together in front of where it reads it to.
    const head = Buffer.concat([
      Uint8Array.of(2),
      Buffer.from("kind\0"),
      Uint8Array.of(5, 0, 0, 0),
      Buffer.from("json\0"),
      Uint8Array.of(3),
      Buffer.from("body\0")
    ])
    return {
      data: Buffer.concat([argument, head]),
      main: `(local $length i32)
        (local.set $length (call $call (i32.const 19) (i32.const ${DATA_AT}) (i32.const ${argument.length})))
        (if (i32.lt_s (local.get $length) (i32.const 0)) (then (local.set $length (i32.sub (i32.const 0) (local.get $length)))))
        (i32.store (i32.const 2000) (i32.add (i32.const 26) (local.get $length)))
        (memory.copy (i32.const 2004) (i32.const ${DATA_AT + argument.length}) (i32.const 21))
        (call $read (i32.const 2025))
        (i32.store8 (i32.add (i32.const 2025) (local.get $length)) (i32.const 0))
        (i32.const 2000)`
    }
  }
  const config = {
    taxRate: { type: "number", default: 0.19 },
    apiKey: { type: "string", secret: true },
    region: { type: "string", optional: true }
  } as const

  it("is given to the guest in the type it declares", () => {
    const value = (name: string, given: Record<string, unknown>): unknown =>
      json(new Bench(reading(name), { config }, { config: { apiKey: "k", ...given } }).get())
    assert.deepStrictEqual(value("taxRate", {}), { value: 0.19 })
    assert.deepStrictEqual(value("taxRate", { taxRate: 1 }), { value: 1 })
    assert.deepStrictEqual(value("taxRate", { taxRate: "0.07" }), { value: 0.07 })
    assert.deepStrictEqual(value("apiKey", { apiKey: "s3cret" }), { value: "s3cret" })
    assert.deepStrictEqual(value("region", {}), {})
    assert.deepInclude(value("other", {}), { code: "unknown_config", name: "other" })
  })

  it("that is missing, mistyped or unknown refuses the service, naming all of it", () => {
    const start = (given: Record<string, unknown>): WasmReason => {
      try {
        const { service } = new Bench({}, { config }, { config: given })
        throw new Error(`${service.manifest.name} started`)
      } catch (error) {
        if (error instanceof Fault) return error.reason as WasmReason
        throw error
      }
    }
    const reason = start({ taxRate: "much", regoin: "eu" })
    if (reason._tag !== "InvalidConfiguration") throw new Error(reason._tag)
    assert.sameMembers(
      reason.issues.map((issue) => issue.pointer),
      ["/regoin", "/taxRate", "/apiKey"]
    )
    assert.include(reason.message, "apiKey")
    assert.strictEqual(start({ apiKey: 5 })._tag, "InvalidConfiguration")
  })

  it("keeps secrets out of the log", () => {
    const bench = new Bench(
      failing({ code: "handler_failed", message: "401 for s3cret-key" }),
      { config },
      { config: { apiKey: "s3cret-key" } }
    )
    bench.get()
    assert.strictEqual(bench.lines[0]?.message, "401 for <redacted>")
  })
})

describe("operations that do not exist", () => {
  it.each([0, 16, 17, 18, 20, 23, -1])("%i is unknown", (op) => {
    const data = encode({})
    const main = `(local $length i32)
      (local.set $length (call $call (i32.const ${op}) (i32.const ${DATA_AT}) (i32.const ${data.length})))
      (call $read (i32.const 40000))
      (call $fail (i32.const 40000) (i32.sub (i32.const 0) (local.get $length))) (i32.const 0)`
    assert.deepInclude(json(new Bench({ data, main }, {}, { development: true }).get()), { code: "unknown_operation", operation: op })
  })
})

describe("an answer of a service", () => {
  it("belongs to its request until it is released", () => {
    const bench = new Bench(replying({ kind: "bytes", body: new Binary(Buffer.from("ü".repeat(1000))) }))
    const first = bench.get()
    const second = bench.get()
    assert.strictEqual(text(first), text(second))
    assert.notStrictEqual(first.body, second.body)
    bench.service.release(first)
    bench.service.release(first)
    bench.service.release(second)
    bench.service.release({ status: 200, headers: [], body: "x", waitLsn: 0 })
  })

  it("of a route that is not there is an internal failure", () => {
    assert.deepInclude(json(new Bench().service.handle(99, request())), { code: "internal" })
  })
})
