import { assert, describe, it } from "@effect/vitest"
import { NO_SUCH_METHOD, NO_SUCH_PATH, RouteTable } from "../../src/Http/RouteTable.ts"
import { isPatternProblem, parsePattern } from "../../src/Wasm/RoutePattern.ts"

const table = (...routes: ReadonlyArray<string>) =>
  new RouteTable(
    routes.map((route) => {
      const [method = "", source = ""] = route.split(" ")
      const pattern = parsePattern(source)
      if (isPatternProblem(pattern)) return assert.fail(pattern.message)
      return { method, pattern }
    })
  )

const found = (routes: RouteTable, method: string, path: string) => ({ index: routes.find(method, path), params: routes.params })

describe("RouteTable", () => {
  const routes = table(
    "GET /",
    "GET /orders",
    "POST /orders",
    "GET /orders/page",
    "GET /orders/:id",
    "GET /orders/:id/lines/:line",
    "GET /files/*rest",
    "GET /files/:name/meta"
  )

  it("finds static routes, the root included", () => {
    assert.deepStrictEqual(found(routes, "GET", "/"), { index: 0, params: [] })
    assert.deepStrictEqual(found(routes, "POST", "/orders"), { index: 2, params: [] })
  })

  it("prefers static text to a parameter and a parameter to a wildcard", () => {
    assert.deepStrictEqual(found(routes, "GET", "/orders/page"), { index: 3, params: [] })
    assert.deepStrictEqual(found(routes, "GET", "/orders/17"), { index: 4, params: ["17"] })
    assert.deepStrictEqual(found(routes, "GET", "/files/a/meta"), { index: 7, params: ["a"] })
  })

  it("goes back to the next best branch where the better one leads nowhere", () => {
    assert.deepStrictEqual(found(routes, "GET", "/files/a/meta/x"), { index: 6, params: ["a/meta/x"] })
    assert.deepStrictEqual(found(routes, "GET", "/orders/page/lines/2"), { index: 5, params: ["page", "2"] })
  })

  it("hands out parameters raw", () => {
    assert.deepStrictEqual(found(routes, "GET", "/orders/a%2Fb"), { index: 4, params: ["a%2Fb"] })
  })

  it("tells an unknown path from an unknown method", () => {
    assert.strictEqual(routes.find("GET", "/nothing"), NO_SUCH_PATH)
    assert.strictEqual(routes.find("GET", "/orders/"), NO_SUCH_PATH)
    assert.strictEqual(routes.find("GET", "/orders//lines/1"), NO_SUCH_PATH)
    assert.strictEqual(routes.find("GET", "/files/"), NO_SUCH_PATH)
    assert.strictEqual(routes.find("DELETE", "/orders"), NO_SUCH_METHOD)
    assert.strictEqual(routes.allow, "GET, HEAD, OPTIONS, POST")
  })

  it("answers HEAD by the GET route unless there is one of its own", () => {
    assert.strictEqual(routes.find("HEAD", "/orders/17"), 4)
    const own = table("GET /a", "HEAD /a")
    assert.strictEqual(own.find("HEAD", "/a"), 1)
  })
})
