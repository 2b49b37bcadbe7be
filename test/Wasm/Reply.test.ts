import { assert, describe, it } from "@effect/vitest"
import * as Type from "../../src/Bson/Type.ts"
import { Binary, encode, type DocumentValue, Double } from "../../src/Bson/Value.ts"
import { Answers, type ServiceAnswer } from "../../src/Wasm/Answers.ts"
import { HEADERS_MAX, Reply } from "../../src/Wasm/Reply.ts"

const answers = new Answers({ answerBytesMax: 256 * 1024, answersMax: 2 })

const read = (document: DocumentValue): Reply => {
  const reply = new Reply()
  reply.read(encode(document), 0)
  return reply
}

const answer = (document: DocumentValue): ServiceAnswer => {
  const reply = new Reply()
  const bytes = encode(document)
  reply.read(bytes, 0)
  return answers.answer(reply, bytes, 0)
}

const text = (found: ServiceAnswer): string =>
  typeof found.body === "string" ? found.body : Buffer.from(found.body ?? []).toString("utf8")

describe("a reply", () => {
  it.each<[DocumentValue, number, ReadonlyArray<string>, string]>([
    [{ kind: "json", body: { a: 1, b: [true, null] } }, 200, ["content-type", "application/json"], '{"a":1,"b":[true,null]}'],
    [{ kind: "json", body: null }, 200, ["content-type", "application/json"], "null"],
    [{ kind: "json", body: "ü", status: 201 }, 201, ["content-type", "application/json"], '"ü"'],
    [{ kind: "html", body: "<p>ü</p>" }, 200, ["content-type", "text/html; charset=utf-8"], "<p>ü</p>"],
    [{ kind: "text", body: "" }, 200, ["content-type", "text/plain; charset=utf-8"], ""],
    [{ kind: "bytes", body: Buffer.from("hi") }, 200, ["content-type", "application/octet-stream"], "hi"],
    [{ kind: "empty" }, 204, [], ""],
    [{ kind: "empty", status: 304, headers: { ETag: '"1"' } }, 304, ["etag", '"1"'], ""],
    [{ kind: "redirect", location: "/orders/1" }, 303, ["location", "/orders/1"], ""],
    [{ kind: "redirect", location: "/bücher?q=ü" }, 303, ["location", "/b%C3%BCcher?q=%C3%BC"], ""],
    [{ kind: "redirect", location: "/", status: 301 }, 301, ["location", "/"], ""],
    [
      { kind: "problem", problem: { title: "No", status: 404 } },
      404,
      ["content-type", "application/problem+json"],
      '{"title":"No","status":404}'
    ],
    [{ kind: "problem", status: 409, problem: {} }, 409, ["content-type", "application/problem+json"], "{}"],
    [
      { kind: "text", body: "a", headers: { "Content-Type": "text/csv", "set-cookie": ["a=1", "b=2"] } },
      200,
      ["content-type", "text/csv", "set-cookie", "a=1", "set-cookie", "b=2"],
      "a"
    ]
  ])("%j is answered", (document, status, headers, body) => {
    const found = answer(document)
    assert.strictEqual(found.status, status)
    assert.deepStrictEqual(found.headers, headers)
    assert.strictEqual(text(found), body)
    answers.release(found)
  })

  it.each<[string, DocumentValue]>([
    ["kind is missing", {}],
    ["kind", { kind: "jsonp" }],
    ["kind", { kind: 1 }],
    ["oops is not a field", { kind: "empty", oops: 1 }],
    ["status is not an int32", { kind: "empty", status: new Double(200) }],
    ["status 99", { kind: "empty", status: 99 }],
    ["status 600", { kind: "empty", status: 600 }],
    ["status 204 has no body", { kind: "json", status: 204, body: 1 }],
    ["status 304 has no body", { kind: "answer", status: 304, answer: 1 }],
    ["body is missing", { kind: "json" }],
    ["body is not a string", { kind: "html", body: 1 }],
    ["body is not a string", { kind: "text" }],
    ["body is not binary", { kind: "bytes", body: "x" }],
    ["body does not belong", { kind: "empty", body: 1 }],
    ["body does not belong", { kind: "redirect", location: "/", body: "x" }],
    ["location is missing", { kind: "redirect" }],
    ["location is not a string", { kind: "redirect", location: 1 }],
    ["headers.location holds a character", { kind: "redirect", location: "/a\r\nset-cookie: x=1" }],
    ["status 200 is no redirect", { kind: "redirect", location: "/", status: 200 }],
    ["problem is missing", { kind: "problem", status: 400 }],
    ["problem is not a document", { kind: "problem", problem: "no" }],
    ["status 0 is no status of a problem", { kind: "problem", problem: {} }],
    ["status 200 is no status of a problem", { kind: "problem", problem: { status: 200 } }],
    ["status 999 is no status of a problem", { kind: "problem", problem: { status: 999 } }],
    ["headers is not a document", { kind: "empty", headers: "x" }],
    ["headers", { kind: "empty", headers: { "a b": "c" } }],
    ["headers.a holds a character", { kind: "empty", headers: { a: "b\nc: d" } }],
    ["headers.a holds a character", { kind: "empty", headers: { a: "ü" } }],
    ["headers.a is neither", { kind: "empty", headers: { a: 1 } }],
    ["headers.a is neither", { kind: "empty", headers: { a: ["b", 1] } }],
    ["headers.content-length is set by the gateway", { kind: "empty", headers: { "Content-Length": "5" } }],
    ["headers.transfer-encoding is set by the gateway", { kind: "empty", headers: { "transfer-encoding": "chunked" } }],
    ["more than", { kind: "empty", headers: { a: Array.from({ length: HEADERS_MAX + 1 }, () => "b") } }]
  ])("is nonsense: %s", (message, document) => {
    assert.throws(() => read(document), message)
  })

  it("keeps nothing of the one before", () => {
    const reply = new Reply()
    reply.read(encode({ kind: "text", status: 201, body: "x", headers: { "content-type": "text/csv", a: "b" } }), 0)
    reply.read(encode({ kind: "empty" }), 0)
    assert.deepStrictEqual([reply.status, reply.headers, reply.hasContentType, reply.bodyType], [204, [], false, 0])
    reply.read(encode({ kind: "json", body: [] }), 0)
    assert.strictEqual(reply.bodyType, Type.ARRAY)
  })

  it("rolls back when it is a problem and only then", () => {
    assert.isTrue(read({ kind: "problem", problem: { status: 400 } }).rollsBack)
    assert.isFalse(read({ kind: "json", status: 500, body: {} }).rollsBack)
    assert.isFalse(read({ kind: "empty" }).rollsBack)
  })
})

describe("an answer", () => {
  it("is a string while it is short ASCII, and bytes of a pooled buffer otherwise", () => {
    assert.typeOf(answer({ kind: "text", body: "a".repeat(1023) }).body, "string")
    for (const body of ["a".repeat(1024), "ü"]) {
      const found = answer({ kind: "text", body })
      assert.instanceOf(found.body, Uint8Array)
      assert.strictEqual(text(found), body)
      answers.release(found)
    }
  })

  it("is not overwritten before it is given back, and gives back once", () => {
    const long = (letter: string): ServiceAnswer => answer({ kind: "text", body: letter.repeat(2000) })
    const first = long("a")
    const second = long("b")
    assert.strictEqual(text(first), "a".repeat(2000))
    answers.release(first)
    answers.release(first)
    const third = long("c")
    const fourth = long("d")
    assert.deepStrictEqual(
      [second, third, fourth].map(text),
      ["b", "c", "d"].map((letter) => letter.repeat(2000))
    )
    for (const found of [second, third, fourth]) answers.release(found)
  })

  it("that is too large says so", () => {
    assert.throws(() => answer({ kind: "bytes", body: new Binary(new Uint8Array(257 * 1024)) }), "more than 262144 bytes")
    assert.throws(() => answer({ kind: "json", body: "a".repeat(257 * 1024) }), "more than 262144 bytes")
  })

  it("can be parked in this call, so many times, and goes out once", () => {
    const bytes = encode({ kind: "answer", answer: 1, status: 201 })
    const reply = new Reply()
    const park = (letter: string): number => {
      const sink = answers.take()
      sink.ascii(letter)
      return answers.park(sink, "text/html; charset=utf-8")
    }
    assert.deepStrictEqual([park("a"), park("b")], [1, 2])
    assert.throws(() => answers.take(), "more than 2 answers")
    reply.read(bytes, 0)
    const found = answers.answer(reply, bytes, 0)
    assert.deepInclude(found, { status: 201, body: "a", headers: ["content-type", "text/html; charset=utf-8"] })
    assert.throws(() => answers.answer(reply, bytes, 0), "is none of this call")
    answers.clear()
    reply.read(encode({ kind: "answer", answer: 2 }), 0)
    assert.throws(() => answers.answer(reply, bytes, 0), "is none of this call")
    reply.read(encode({ kind: "answer" }), 0)
    assert.throws(() => answers.answer(reply, bytes, 0), "is none of this call")
  })
})
