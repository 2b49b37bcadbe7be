import { assert, describe, it } from "@effect/vitest"
import { Binary, Decimal128, decode, encode, Key, ObjectId, UUID, type Value } from "../../src/Bson/Value.ts"
import { loadEngine } from "../../src/Wasm/Engine.ts"
import { makeImage } from "../../src/Wasm/Image.ts"
import { GuestInstance, rawService, type Plain } from "./GuestInstance.ts"

const image = makeImage(
  loadEngine(),
  rawService(`{
    untouched: (request) => request.body,
    touched: (request) => ({ ...request.body }),
    all: (request) => ({ ...request }),
    types: (request) => Object.entries(request.body).map(([name, value]) => name + ":" + (planck.kind(value) >= 0 ? "kind" + planck.kind(value) : value === null ? "null" : value instanceof Date ? "Date" : value instanceof Uint8Array ? "Uint8Array" : Array.isArray(value) ? "Array" : typeof value)),
    changed: ({ body }) => { body.a = 2; delete body.b; body.c = "new"; Object.defineProperty(body, "hidden", { value: 1, enumerable: false }); return body },
    looked: ({ body }) => ({ json: JSON.stringify(body), keys: Object.keys(body), has: "a" in body, not: "zz" in body, own: Object.hasOwn(body, "a"), plain: Object.getPrototypeOf(body) === Object.prototype, text: String(body) }),
    bad: ({ body }) => ({ value: [1n << 64n, () => 1, Symbol("x"), new Map(), new Date(NaN), Promise.resolve(1), new (class Own {})(), /x/, (() => { const a = {}; a.a = a; return a })()][body.which] }),
    odd: () => ({ undefined: undefined, inArray: [undefined, 1], negativeZero: -0, whole: 5.0, big: 2 ** 31, lone: "a\\ud800b", pair: "\\u{1f600}", long: 1n, min: -(1n << 63n), bytes: new Uint8Array([1, 2]), nested: { deep: [{ x: [] }] } })
  }`),
  {}
)
const guest = (): GuestInstance => new GuestInstance(image.file)
const request = (body: Plain): Uint8Array => encode({ method: "GET", body })
const [UNTOUCHED, TOUCHED, ALL, TYPES, CHANGED, LOOKED, BAD, ODD] = [0, 1, 2, 3, 4, 5, 6, 7]

const EVERY_TYPE: Plain = {
  double: 1.5,
  string: "Grüße, 世界 😀",
  document: { a: { b: [] } },
  array: [1, "two", null, [true], { x: 1 }],
  binary: new Binary(Uint8Array.of(1, 2, 3)),
  otherBinary: new Binary(Uint8Array.of(9), 5),
  key: new Key(new Uint8Array(16).fill(7)),
  uuid: new UUID("123e4567-e89b-42d3-a456-426614174000"),
  objectId: new ObjectId("507f1f77bcf86cd799439011"),
  boolean: true,
  date: new Date(-1),
  null: null,
  int32: -5,
  int64: 2n ** 53n + 1n,
  decimal: Decimal128.fromString("-1.50E+3"),
  negativeZero: -0,
  infinity: Infinity,
  empty: ""
}

describe("values cross into a service and back", () => {
  it("a document nobody looks at goes back as the bytes it came in", () => {
    const reply = guest().replyBytes(UNTOUCHED, request(EVERY_TYPE))
    assert.deepStrictEqual(reply, encode({ kind: "json", body: EVERY_TYPE }))
  })

  it("a document that was looked at goes back as the same bytes", () => {
    const reply = guest().replyBytes(TOUCHED, request(EVERY_TYPE))
    assert.deepStrictEqual(reply, encode({ kind: "json", body: EVERY_TYPE }))
  })

  it("NaN survives", () => {
    const reply = guest().callBytes(TOUCHED, request({ nan: NaN }))
    assert.deepStrictEqual(reply?.["body"], { nan: NaN })
  })

  it("every type has its JavaScript type", () => {
    const reply = guest().callBytes(TYPES, request(EVERY_TYPE))
    assert.deepStrictEqual(reply?.["body"], [
      "double:number",
      "string:string",
      "document:object",
      "array:Array",
      "binary:Uint8Array",
      "otherBinary:Uint8Array",
      "key:kind0",
      "uuid:kind1",
      "objectId:kind2",
      "boolean:boolean",
      "date:Date",
      "null:null",
      "int32:number",
      "int64:bigint",
      "decimal:kind3",
      "negativeZero:number",
      "infinity:number",
      "empty:string"
    ])
  })

  it("random documents come back as the same bytes, whether looked at or not", () => {
    const instance = guest()
    const random = generator(20260907)
    for (let round = 0; round < 400; round++) {
      const bytes = request(randomDocument(random, 0))
      const expected = encode({ kind: "json", body: decode(bytes)["body"] as Plain })
      assert.deepStrictEqual(instance.replyBytes(UNTOUCHED, bytes), expected)
      assert.deepStrictEqual(instance.replyBytes(TOUCHED, bytes), expected)
    }
  })

  it("names are kept, however many and however long they are", () => {
    const instance = guest()
    for (let round = 0; round < 5; round++) {
      const body = Object.fromEntries(Array.from({ length: 700 }, (_, index) => [`${"n".repeat(index % 60)}_${round}_${index}`, index]))
      assert.deepStrictEqual(instance.callBytes(TOUCHED, request(body))?.["body"], body)
    }
  })

  it("__proto__ and other special names are plain fields", () => {
    const body = { ["__proto__"]: 1, constructor: 2, toString: 3, "": 4 } as Plain
    Object.defineProperty(body, "__proto__", { value: { x: 1 }, enumerable: true })
    const reply = guest().replyBytes(TOUCHED, request(body))
    assert.deepStrictEqual(reply, encode({ kind: "json", body }))
  })
})

describe("a document that stays bytes is not to be told from an object", () => {
  it("can be changed", () => {
    assert.deepStrictEqual(guest().callBytes(CHANGED, request({ a: 1, b: 2 }))?.["body"], { a: 2, c: "new" })
  })

  it("can be looked at in every way", () => {
    const reply = guest().callBytes(LOOKED, request({ a: 1, b: "x" }))
    const expected = { json: '{"a":1,"b":"x"}', keys: ["a", "b"], has: true, not: false, own: true, plain: true, text: "[object Object]" }
    assert.deepStrictEqual(reply?.["body"], expected)
  })

  it("all parts of a request can be listed", () => {
    const instance = guest()
    assert.deepStrictEqual(instance.call(ALL, { body: { a: 1 } })?.["body"], {
      method: "GET",
      path: "/",
      params: {},
      query: {},
      headers: {},
      requestId: "r-1",
      body: { a: 1 }
    })
  })
})

describe("what has no BSON type", () => {
  const cases = [
    ["a bigint of more than 64 bits", /bigint.*at body\.value/],
    ["a function", /a function cannot be stored \(at body\.value\)/],
    ["a symbol", /a symbol/],
    ["a Map", /an object of this class/],
    ["an invalid date", /an invalid Date/],
    ["a promise", /a promise.*await/],
    ["an instance of a class", /an object of this class/],
    ["a regular expression", /an object of this class/],
    ["a cycle", /nested deeper than 100 levels, or contains itself \(at body\.value\.a\.a/]
  ] as const
  it.each(cases.map(([name, message], which) => ({ name, message, which })))("$name is refused with its path", ({ message, which }) => {
    const instance = guest()
    assert.isUndefined(instance.callBytes(BAD, request({ which })))
    assert.strictEqual(instance.failure?.["code"], "unsupported_value")
    assert.match(String(instance.failure?.["message"]), message)
    assert.isDefined(instance.callBytes(UNTOUCHED, request({ after: 1 })), "the instance goes on")
  })

  it("undefined fields are left out, lone surrogates repaired, whole numbers are integers", () => {
    const reply = guest().replyBytes(ODD, request({}))
    const body: Plain = {
      inArray: [null, 1],
      negativeZero: -0,
      whole: 5,
      big: 2 ** 31,
      lone: "a�b",
      pair: "😀",
      long: 1n,
      min: -(2n ** 63n),
      bytes: new Binary(Uint8Array.of(1, 2)),
      nested: { deep: [{ x: [] }] }
    }
    assert.deepStrictEqual(reply, encode({ kind: "json", body }))
  })
})

describe("malformed bytes", () => {
  it("never trap, and the instance goes on", () => {
    const instance = guest()
    const random = generator(7)
    const valid = request(EVERY_TYPE)
    let refused = 0
    for (let round = 0; round < 4000; round++) {
      const bytes = valid.slice()
      for (let change = 0; change <= random(3); change++) bytes[random(bytes.length)] = random(256)
      if (instance.replyBytes(TOUCHED, bytes) === undefined) refused++
    }
    assert.isAbove(refused, 1000)
    assert.isDefined(instance.callBytes(TOUCHED, valid))
  })

  it("are refused when they are cut off anywhere", () => {
    const instance = guest()
    const valid = request({ a: "text", b: [1, 2], c: { d: 1.5 } })
    for (let length = 5; length < valid.length; length++) {
      const cut = valid.slice(0, length)
      new DataView(cut.buffer).setInt32(0, length, true)
      cut[length - 1] = 0
      instance.replyBytes(TOUCHED, cut)
    }
    assert.isDefined(instance.callBytes(TOUCHED, valid))
  })

  it("documents nested deeper than 100 levels are refused", () => {
    const instance = guest()
    const nested = (levels: number): Uint8Array => {
      let bytes = Uint8Array.of(5, 0, 0, 0, 0)
      for (let level = 0; level < levels; level++) {
        const outer = new Uint8Array(bytes.length + 8)
        new DataView(outer.buffer).setInt32(0, outer.length, true)
        outer.set([3, 0x61, 0], 4)
        outer.set(bytes, 7)
        bytes = outer
      }
      return bytes
    }
    const wrap = (inner: Uint8Array): Uint8Array => {
      const bytes = new Uint8Array(inner.length + 11)
      new DataView(bytes.buffer).setInt32(0, bytes.length, true)
      bytes.set([3, ...new TextEncoder().encode("body"), 0], 4)
      bytes.set(inner, 10)
      return bytes
    }
    assert.isDefined(instance.replyBytes(TOUCHED, wrap(nested(90))))
    assert.isUndefined(instance.replyBytes(TOUCHED, wrap(nested(5000))))
    assert.strictEqual(instance.failure?.["code"], "too_deep")
  })

  it("types a service cannot read are refused by name", () => {
    const instance = guest()
    const timestamp = encode({ body: { at: 1.5 } })
    timestamp[timestamp.indexOf(1, 10)] = 17 // a BSON timestamp in place of the double
    assert.isUndefined(instance.replyBytes(TOUCHED, timestamp))
    assert.strictEqual(instance.failure?.["code"], "unsupported_type")
  })
})

function generator(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

function randomDocument(random: (below: number) => number, depth: number): Plain {
  return Object.fromEntries(
    Array.from({ length: random(6) }, (_, index) => [`f${index}${"x".repeat(random(4))}`, randomValue(random, depth)])
  )
}

function randomValue(random: (below: number) => number, depth: number): Value {
  const makers: ReadonlyArray<() => Value> = [
    () => random(2 ** 31) - 2 ** 30,
    () => random(1000) / 8 + 0.0625,
    () => BigInt(random(2 ** 31)) * BigInt(random(2 ** 31)) - 5n,
    () => String.fromCodePoint(...Array.from({ length: random(12) }, () => [0x41, 0xe4, 0x4e16, 0x1f600][random(4)] ?? 0x41)),
    () => random(2) === 1,
    () => null,
    () => new Date(random(2 ** 31) * 1000),
    () => new Key(Uint8Array.from({ length: 16 }, () => random(256))),
    () => new ObjectId(Uint8Array.from({ length: 12 }, () => random(256))),
    () => Decimal128.fromString(`${random(1000)}.${random(1000)}`),
    () => new Binary(Uint8Array.from({ length: random(20) }, () => random(256))),
    () => (depth > 3 ? 0 : Array.from({ length: random(5) }, () => randomValue(random, depth + 1))),
    () => (depth > 3 ? {} : randomDocument(random, depth + 1))
  ]
  return (makers[random(makers.length)] ?? (() => null))()
}
