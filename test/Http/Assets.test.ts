import { assert, describe, it } from "@effect/vitest"
import { answerAsset } from "../../src/Http/Assets.ts"

const plain = new TextEncoder().encode("body{}")
const asset = {
  type: "text/css; charset=utf-8",
  hash: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
  bytes: plain,
  gzip: new Uint8Array([1]),
  brotli: new Uint8Array([2])
}
const field = (headers: ReadonlyArray<string>, name: string) => {
  const at = headers.indexOf(name)
  return at < 0 ? undefined : headers[at + 1]
}

describe("assets", () => {
  it("are sent plain to a client that names no encoding", () => {
    const answer = answerAsset(asset, {})
    assert.strictEqual(answer.status, 200)
    assert.strictEqual(answer.body, plain)
    assert.strictEqual(field(answer.headers, "content-type"), "text/css; charset=utf-8")
    assert.isUndefined(field(answer.headers, "content-encoding"))
    assert.strictEqual(field(answer.headers, "vary"), "accept-encoding")
  })

  it("are sent in the best form the client accepts", () => {
    const encoding = (accepted: string) => field(answerAsset(asset, { "accept-encoding": accepted }).headers, "content-encoding")
    assert.strictEqual(encoding("gzip, deflate, br"), "br")
    assert.strictEqual(encoding("gzip"), "gzip")
    assert.strictEqual(encoding("br;q=0, gzip;q=0.5"), "gzip")
    assert.strictEqual(encoding("*"), "br")
    assert.strictEqual(encoding("*, br;q=0"), "gzip")
    assert.isUndefined(encoding("identity"))
  })

  it("are not sent again to a client that has that very form", () => {
    const tag = field(answerAsset(asset, { "accept-encoding": "br" }).headers, "etag") ?? ""
    const again = answerAsset(asset, { "accept-encoding": "br", "if-none-match": `"x", W/${tag}` })
    assert.strictEqual(again.status, 304)
    assert.isUndefined(again.body)
    assert.strictEqual(answerAsset(asset, { "accept-encoding": "gzip", "if-none-match": tag }).status, 200)
  })
})
