import { assert, describe, it } from "@effect/vitest"
import { Fault } from "../../src/Fault/Fault.ts"
import { readManifest } from "../../src/Wasm/ManifestReader.ts"
import type { Issue, WasmReason } from "../../src/Wasm/Reasons.ts"
import { manifest } from "./Guests.ts"

const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value))

const reasonOf = (value: unknown): WasmReason => {
  try {
    readManifest(value instanceof Uint8Array ? value : bytes(value))
  } catch (error) {
    if (error instanceof Fault) return error.reason as WasmReason
    throw error
  }
  throw new Error("the manifest was accepted")
}

const issuesOf = (value: unknown): ReadonlyArray<Issue> => {
  const reason = reasonOf(value)
  if (reason._tag !== "InvalidManifest") throw new Error(reason._tag)
  return reason.issues
}

const route = (pattern: string, method = "GET"): unknown => ({ method, pattern, handler: "main", writes: false })

const full = {
  ...manifest(),
  stores: [
    {
      name: "orders",
      idKind: "key",
      schema: { customer: { type: "string", maxLength: 80 }, total: { type: "decimal" } },
      indexes: [{ name: "byCustomer", on: [{ path: "customer", direction: "asc" }] }]
    }
  ],
  routes: [
    {
      method: "POST",
      pattern: "/orders/:id",
      handler: "main",
      writes: true,
      input: {
        params: { id: { type: "key" } },
        query: { page: { type: "int", min: 1, default: 1 } },
        headers: { "x-tenant": { type: "string" } },
        body: { type: "any" }
      },
      bodyKind: "json"
    }
  ],
  config: { taxRate: { type: "number", default: 0.19 }, stripeKey: { type: "string", secret: true } },
  limits: { deadlineMs: 20, memoryBytes: 1048576 }
}

/** The manifest with a second version of its store. */
const withMigration = (way: object): unknown => ({
  ...full,
  stores: [{ ...full.stores[0], version: 2, migrations: [{ to: 2, ...way }] }]
})

describe("a manifest", () => {
  it("is read as it was written", () => {
    assert.deepStrictEqual(readManifest(bytes(full)) as unknown, full)
    const migrating = {
      ...(withMigration({ handler: "up", down: { steps: [{ op: "drop", path: "x" }] } }) as typeof full),
      handlers: [...full.handlers, { name: "up", export: "up", kind: "migration" }]
    }
    assert.deepStrictEqual(readManifest(bytes(migrating)) as unknown, migrating)
  })

  it("may leave out what it has none of", () => {
    const { abi, name, version, language } = manifest()
    assert.deepStrictEqual(readManifest(bytes({ abi, name, version, language })), { ...manifest(), routes: [], handlers: [] })
  })

  it("that is no JSON says where", () => {
    assert.match(issuesOf('{"abi": 1,')[0]?.message ?? "", /position 10|end of JSON/)
    assert.strictEqual(issuesOf(Uint8Array.of(0xff, 0xfe))[0]?.code, "encoding")
  })

  it.each([[undefined], [0], [2], ["1"], [null]])("of ABI %s is not spoken here", (abi) => {
    assert.deepInclude(reasonOf({ ...manifest(), abi }), { _tag: "UnknownAbi", supported: [1] })
  })

  it.each<[string, unknown, string, string]>([
    ["an unknown member", { ...full, handler: [] }, "/handler", "unknown_member"],
    ["a name in capitals", { ...full, name: "Orders" }, "/name", "type"],
    ["no version", { ...full, version: undefined }, "/version", "type"],
    ["no language", { ...full, language: 1 }, "/language", "type"],
    ["stores that are no list", { ...full, stores: {} }, "/stores", "type"],
    ["a store of the host", { ...full, stores: [{ ...full.stores[0], name: "$topics" }] }, "/stores/0/name", "invalid"],
    ["two stores of one name", { ...full, stores: [full.stores[0], full.stores[0]] }, "/stores/1/name", "duplicate"],
    [
      "a store whose schema is wrong",
      { ...full, stores: [{ ...full.stores[0], schema: { a: { type: "text" } } }] },
      "/stores/0/schema/a/type",
      "invalid"
    ],
    [
      "an index whose filter names no field",
      {
        ...full,
        stores: [
          {
            ...full.stores[0],
            indexes: [
              { name: "a", on: [{ path: "customer", direction: "asc" }], unique: true, where: { op: "eq", path: "nowhere", value: 1 } }
            ]
          }
        ]
      },
      "/stores/0/indexes/0/where/path",
      "invalid"
    ],
    ["a method nobody knows", { ...full, routes: [route("/", "BREW")] }, "/routes/0/method", "value"],
    ["a pattern that is none", { ...full, routes: [route("orders")] }, "/routes/0/pattern", "pattern"],
    [
      "a route to a handler of migrations",
      { ...full, handlers: [{ ...full.handlers[0], kind: "migration" }] },
      "/routes/0/handler",
      "unknown_handler"
    ],
    ["a migration by no handler", withMigration({ handler: "up" }), "/stores/0/migrations/0/handler", "unknown_handler"],
    ["a migration by a handler of routes", withMigration({ handler: "main" }), "/stores/0/migrations/0/handler", "unknown_handler"],
    [
      "a way down by no handler",
      withMigration({ steps: [], down: { handler: "down" } }),
      "/stores/0/migrations/0/down/handler",
      "unknown_handler"
    ],
    ["a route to no handler", { ...full, handlers: [] }, "/routes/0/handler", "unknown_handler"],
    ["a route that writes maybe", { ...full, routes: [{ ...full.routes[0], writes: "yes" }] }, "/routes/0/writes", "type"],
    [
      "a parameter the pattern lacks",
      { ...full, routes: [{ ...full.routes[0], pattern: "/" }] },
      "/routes/0/input/params/id",
      "unknown_parameter"
    ],
    [
      "an input field of no type",
      { ...full, routes: [{ ...full.routes[0], input: { query: { page: { type: "int", minimum: 1 } } } }] },
      "/routes/0/input/query/page/minimum",
      "unknown_field"
    ],
    [
      "a header field in capitals",
      { ...full, routes: [{ ...full.routes[0], input: { headers: { "X-Tenant": { type: "string" } } } }] },
      "/routes/0/input/headers/X-Tenant",
      "case"
    ],
    ["a body of no type", { ...full, routes: [{ ...full.routes[0], input: { body: {} } }] }, "/routes/0/input/body/type", "invalid"],
    ["a body kind nobody knows", { ...full, routes: [{ ...full.routes[0], bodyKind: "xml" }] }, "/routes/0/bodyKind", "value"],
    ["two handlers of one name", { ...full, handlers: [full.handlers[0], full.handlers[0]] }, "/handlers/1/name", "duplicate"],
    ["a handler of a later kind", { ...full, handlers: [{ name: "main", export: "main", kind: "job" }] }, "/handlers/0/kind", "value"],
    ["a handler without export", { ...full, handlers: [{ name: "main", kind: "http" }] }, "/handlers/0/export", "type"],
    ["a configuration of no type", { ...full, config: { a: { type: "secret" } } }, "/config/a/type", "invalid"],
    ["a secret that is not true", { ...full, config: { a: { type: "string", secret: "yes" } } }, "/config/a/secret", "value"],
    ["a configuration called like no variable", { ...full, config: { "a-b": { type: "string" } } }, "/config/a-b", "type"],
    ["a limit of nothing", { ...full, limits: { deadlineMs: 0 } }, "/limits/deadlineMs", "type"],
    ["a limit nobody knows", { ...full, limits: { cpu: 1 } }, "/limits/cpu", "unknown_member"],
    ["a capability nobody has", { ...full, capabilities: ["network"] }, "/capabilities/0", "unknown_capability"]
  ])("with %s is refused at its place", (_what, value, pointer, code) => {
    assert.deepInclude(
      issuesOf(value).map((issue) => [issue.pointer, issue.code]),
      [pointer, code]
    )
  })

  it("names both of two routes that overlap", () => {
    const [issue] = issuesOf({ ...full, routes: [route("/orders/:id"), route("/orders"), route("/orders/:number")] })
    assert.strictEqual(issue?.pointer, "/routes/2/pattern")
    assert.include(issue?.message, "GET /orders/:number overlaps GET /orders/:id")
  })

  it("may have the same pattern for two methods", () => {
    const routes = [route("/orders/:id"), route("/orders/:id", "DELETE"), route("/orders/new")]
    assert.strictEqual(readManifest(bytes({ ...full, routes })).routes.length, 3)
  })

  it("reports everything at once, to a limit", () => {
    const routes = Array.from({ length: 100 }, () => route("x"))
    assert.strictEqual(issuesOf({ ...full, name: "", routes }).length, 50)
  })
})
