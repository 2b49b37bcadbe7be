import { assert, describe, it } from "@effect/vitest"
import { encode } from "../../src/Bson/Value.ts"
import { loadEngine } from "../../src/Wasm/Engine.ts"
import { makeImage } from "../../src/Wasm/Image.ts"
import { GuestInstance, HostFailure, rawService } from "./GuestInstance.ts"

const names = [
  "fine",
  "throws",
  "throwsText",
  "spins",
  "spinsInCatch",
  "recurses",
  "allocates",
  "backtracks",
  "pending",
  "rejects",
  "floats",
  "handled",
  "asynchronous",
  "endlessJobs",
  "asks",
  "catches",
  "random",
  "clock",
  "keeps",
  "encodeFails",
  "getter",
  "ownFields"
] as const

const image = makeImage(
  loadEngine(),
  rawService(
    `{
    fine: () => ({ calls: ++calls }),
    throws: () => { throw new TypeError("no such order") },
    throwsText: () => { throw "only text" },
    spins: () => { for (;;); },
    spinsInCatch: () => { for (;;) try { for (;;); } catch {} finally { calls = -1 } },
    recurses: () => { const deeper = (n) => deeper(n + 1) + 1; return deeper(0) },
    allocates: () => { const kept = []; for (;;) kept.push(new Array(10000).fill(1)) },
    backtracks: () => /^(a+)+$/.test("a".repeat(60) + "b"),
    pending: () => new Promise(() => {}),
    rejects: async () => { await null; throw new RangeError("too far") },
    floats: () => { (async () => { throw new Error("nobody looks") })(); return {} },
    handled: () => { const p = Promise.reject(new Error("x")); p.catch(() => {}); return { ok: true } },
    asynchronous: async () => { const [a, b] = await Promise.all([Promise.resolve(1), (async () => 2)()]); return { a, b } },
    endlessJobs: () => { const again = () => Promise.resolve().then(again); again(); return {} },
    asks: () => planck.call(1, { store: "orders" }),
    catches: () => { try { planck.call(1, {}) } catch (error) { return { name: error.constructor.name, code: error.code, extra: error.extra, message: error.message } } },
    random: () => ({ number: Math.random(), again: Math.random() }),
    clock: () => ({ now: Date.now(), date: new Date(), zone: new Date().getTimezoneOffset() }),
    keeps: (request) => { const before = kept; kept = request; return { before: (() => { try { return before?.path ?? null } catch (error) { return error.message } })() } },
    encodeFails: () => ({ x: { get y() { throw new Error("from a getter") } } }),
    getter: () => ({ get inner() { return planck.call(1, { from: "getter", padding: "x".repeat(40000) }) }, after: 1 }),
    ownFields: () => { throw Object.assign(new Error("with fields"), { code: "own_code", issues: [{ pointer: "/a" }], bad: () => 1 }) }
  }`,
    "let calls = 0; let kept; class HostError extends Error { constructor(document) { super(document.message); Object.assign(this, document) } } planck.hostError(HostError);"
  ),
  {}
)

const guest = (answers?: ConstructorParameters<typeof GuestInstance>[1]): GuestInstance => new GuestInstance(image.file, answers)
const index = (name: (typeof names)[number]): number => names.indexOf(name)

describe("a handler that fails", () => {
  const failures = [
    { name: "throws", code: "handler_failed", message: "no such order" },
    { name: "throwsText", code: "handler_failed", message: "only text" },
    { name: "spins", code: "deadline_exceeded", message: "interrupted" },
    { name: "spinsInCatch", code: "deadline_exceeded", message: "interrupted" },
    { name: "recurses", code: "stack_overflow", message: "Maximum call stack size exceeded" },
    { name: "allocates", code: "out_of_memory", message: "out of memory" },
    { name: "backtracks", code: "deadline_exceeded", message: "interrupted" },
    {
      name: "pending",
      code: "promise_pending",
      message: "the handler returned a promise that never settles: a service cannot wait for anything outside the call"
    },
    { name: "rejects", code: "handler_failed", message: "too far" },
    { name: "floats", code: "handler_failed", message: "nobody looks" },
    { name: "endlessJobs", code: "deadline_exceeded", message: "the call ran longer than its deadline" },
    { name: "encodeFails", code: "handler_failed", message: "from a getter" },
    { name: "ownFields", code: "own_code", message: "with fields" }
  ] as const
  it.each(failures)("$name: $code", ({ name, code, message }) => {
    const instance = guest()
    assert.isUndefined(instance.call(index(name)))
    assert.strictEqual(instance.failure?.["code"], code)
    assert.strictEqual(instance.failure?.["message"], message)
  })

  it("has a stack that names the line of the bundle", () => {
    const instance = guest()
    instance.call(index("throws"))
    assert.match(String(instance.failure?.["stack"]), /throws \(service\.js:\d+:\d+\)/)
  })

  it("keeps the fields of the error that can be kept", () => {
    const instance = guest()
    instance.call(index("ownFields"))
    assert.deepStrictEqual(instance.failure?.["issues"], [{ pointer: "/a" }])
    assert.notProperty(instance.failure, "bad")
  })

  it("leaves the instance able to answer", () => {
    for (const { name } of failures) {
      const instance = guest()
      instance.call(index(name))
      instance.ticks = 100
      if (name === "endlessJobs") assert.isUndefined(instance.call(index("fine")), "jobs were left: no more requests")
      else assert.deepStrictEqual(instance.call(index("fine"))?.["body"], { calls: name === "spinsInCatch" ? 1 : 1 })
    }
  })

  it("costs no memory, however often it fails", () => {
    const instance = guest()
    const fail = (): void => {
      for (const name of ["throws", "rejects", "recurses", "pending", "encodeFails"] as const) instance.call(index(name))
    }
    for (let round = 0; round < 1000; round++) fail()
    const before = instance.bytes().length
    for (let round = 0; round < 2000; round++) fail()
    assert.strictEqual(instance.bytes().length, before)
    assert.deepStrictEqual(instance.call(index("fine"))?.["body"], { calls: 1 })
  })
})

describe("a handler that succeeds", () => {
  it("may be asynchronous, as long as it waits for nothing outside", () => {
    assert.deepStrictEqual(guest().call(index("asynchronous"))?.["body"], { a: 1, b: 2 })
    assert.deepStrictEqual(guest().call(index("handled"))?.["body"], { ok: true })
  })

  it("keeps its state between calls and its memory flat", () => {
    const instance = guest()
    for (let call = 1; call <= 200; call++) instance.call(index("asynchronous"))
    const before = instance.bytes().length
    for (let call = 1; call <= 20_000; call++) instance.call(index("fine"))
    assert.strictEqual(instance.bytes().length, before)
    assert.deepStrictEqual(instance.call(index("fine"))?.["body"], { calls: 20_001 })
  })

  it("sees the host's clock and the host's randomness, in UTC", () => {
    const instance = guest()
    instance.now = 1_234_567_890_123
    assert.deepStrictEqual(instance.call(index("clock"))?.["body"], { now: 1_234_567_890_123, date: new Date(1_234_567_890_123), zone: 0 })
    const drawn = Number(0x5a5a5a5a5a5a5a5an >> 11n) * 2 ** -53
    assert.deepStrictEqual(instance.call(index("random"))?.["body"], { number: drawn, again: drawn })
  })

  it("cannot read another call's request through one it kept", () => {
    const instance = guest()
    instance.call(index("keeps"), { path: "/secret" })
    const reply = instance.call(index("keeps"), { path: "/other" })
    assert.deepStrictEqual(reply?.["body"], { before: "this request is over: it is there only while its handler runs" })
  })
})

describe("host operations", () => {
  it("reach the host with their argument, and their reply comes back", () => {
    const instance = guest(() => ({ document: { total: 5 } }))
    assert.deepStrictEqual(instance.call(index("asks"))?.["body"], { document: { total: 5 } })
    assert.deepStrictEqual(instance.calls, [{ operation: 1, argument: { store: "orders" } }])
  })

  it("that fail are exceptions with the fields of the error document", () => {
    const instance = guest(() => new HostFailure({ code: "duplicate_key", message: "taken", extra: [1, 2] }))
    assert.deepStrictEqual(instance.call(index("catches"))?.["body"], {
      name: "HostError",
      code: "duplicate_key",
      extra: [1, 2],
      message: "taken"
    })
    assert.isUndefined(instance.call(index("asks")))
    assert.strictEqual(instance.failure?.["code"], "duplicate_key")
    assert.deepStrictEqual(instance.failure?.["extra"], [1, 2])
  })

  it("may be called while a reply is being written", () => {
    const instance = guest(() => ({ big: "y".repeat(60_000) }))
    assert.deepStrictEqual(instance.call(index("getter"))?.["body"], { inner: { big: "y".repeat(60_000) }, after: 1 })
  })
})

describe("requests of any size", () => {
  it("are taken up to the host's limit, and what is too large is refused before anything is written", () => {
    const instance = guest()
    const large = encode({ body: { text: "x".repeat(4 << 20) } })
    assert.isDefined(instance.replyBytes(index("fine"), large))
    assert.strictEqual(instance.exports.planck_alloc(1 << 30), 0)
    assert.isDefined(instance.call(index("fine")))
  })
})
