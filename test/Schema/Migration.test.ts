import { assert, describe, it } from "@effect/vitest"
import { Decimal128, decode, encode, type DocumentValue } from "../../src/Bson/Value.ts"
import { checkStore } from "../../src/Schema/Check.ts"
import type { MigrationStep } from "../../src/Schema/Definition.ts"
import { migrate } from "../../src/Schema/Migration.ts"

const migrated = (document: DocumentValue, ...steps: ReadonlyArray<MigrationStep>): unknown => {
  const made = migrate(steps, encode(document), 0)
  return made instanceof Uint8Array ? decode(made) : made
}

describe("the steps of a migration", () => {
  it("rename a field, also into and out of a structure, and leave one alone that is not there", () => {
    assert.deepStrictEqual(migrated({ _id: 1, a: "x" }, { op: "rename", from: "a", to: "b" }), { _id: 1, b: "x" })
    assert.deepStrictEqual(migrated({ _id: 1, city: "Graz" }, { op: "rename", from: "city", to: "address.city" }), {
      _id: 1,
      address: { city: "Graz" }
    })
    assert.deepStrictEqual(migrated({ address: { city: "Graz", zip: 1 } }, { op: "rename", from: "address.city", to: "city" }), {
      address: { zip: 1 },
      city: "Graz"
    })
    assert.deepStrictEqual(migrated({ _id: 1 }, { op: "rename", from: "a", to: "b" }), { _id: 1 })
  })

  it("do not rename onto a value", () => {
    assert.deepInclude(migrated({ a: 1, b: 2 }, { op: "rename", from: "a", to: "b" }), { pointer: "/b", code: "invalid" })
  })

  it("drop a field, and give a value where there is none", () => {
    assert.deepStrictEqual(migrated({ a: 1, b: { c: 2, d: 3 } }, { op: "drop", path: "a" }, { op: "drop", path: "b.c" }), { b: { d: 3 } })
    assert.deepStrictEqual(migrated({ a: 1 }, { op: "default", path: "a", value: 5 }, { op: "default", path: "b.c", value: ["x"] }), {
      a: 1,
      b: { c: ["x"] }
    })
  })

  it("convert values both ways, and say where one cannot be", () => {
    const date = new Date("2026-01-31T12:00:00Z")
    const of = (value: unknown, to: Extract<MigrationStep, { op: "convert" }>["to"]) =>
      (migrated({ v: value } as DocumentValue, { op: "convert", path: "v", to }) as { readonly v?: unknown }).v
    assert.strictEqual(of("12", "int"), 12)
    assert.strictEqual(of("1.5", "number"), 1.5)
    assert.strictEqual(String(of("19.90", "decimal")), "19.90")
    assert.strictEqual(of("true", "boolean"), true)
    assert.deepStrictEqual(of("2026-01-31T12:00:00Z", "date"), date)
    assert.deepStrictEqual(of(date.getTime(), "date"), date)
    assert.strictEqual(of(date, "long"), BigInt(date.getTime()))
    assert.strictEqual(of(date, "string"), "2026-01-31T12:00:00.000Z")
    assert.strictEqual(of(7, "string"), "7")
    assert.strictEqual(of(Decimal128.fromString("7.10"), "string"), "7.10")
    assert.deepStrictEqual(migrated({ a: { v: "seven" } }, { op: "convert", path: "a.v", to: "int" }), {
      pointer: "/a/v",
      code: "type",
      message: "cannot be converted to int"
    })
  })

  it("leave every other byte as it is", () => {
    const document = { _id: 1, real: 1.0, big: 5n, list: [1, { x: 2.5 }], a: 1 }
    const made = migrate([{ op: "rename", from: "a", to: "b" }], encode(document), 0) as Uint8Array
    assert.isTrue(
      Buffer.from(made)
        .subarray(4, -9)
        .equals(Buffer.from(encode(document)).subarray(4, -9))
    )
  })
})

describe("a definition with migrations", () => {
  const issues = (more: object) =>
    checkStore({ name: "orders", idKind: "key", schema: {}, indexes: [], ...more }).map(({ message, pointer }) => `${pointer} ${message}`)

  it("is checked to the last step", () => {
    const steps = [{ op: "rename", from: "a", to: "b" }]
    assert.deepStrictEqual(
      issues({
        version: 3,
        migrations: [
          { to: 2, steps },
          { to: 3, handler: "third" }
        ]
      }),
      []
    )
    assert.deepStrictEqual(issues({ version: 0 }), ["/version must be a whole number from 1 to 1000000"])
    assert.deepStrictEqual(issues({ migrations: [{ to: 2, steps }] }), [
      "/migrations/0/to must be a version above 1, at most the store's own (1)"
    ])
    assert.deepStrictEqual(issues({ version: 2, migrations: [{ to: 2 }] }), ["/migrations/0 needs either steps or a handler"])
    assert.deepStrictEqual(issues({ version: 2, migrations: [{ to: 2, steps, down: { handler: "back" } }] }), [])
    assert.deepStrictEqual(issues({ version: 2, migrations: [{ to: 2, steps, down: { steps: [{ op: "drop" }], handler: "back" } }] }), [
      "/migrations/0/down needs either steps or a handler",
      "/migrations/0/down/steps/0/path is required",
      "/migrations/0/down/steps/0/path must be a path of names with dots between them, not into _id"
    ])
    const wrong = [{ op: "swap" }, { op: "drop", path: "_id" }, { op: "convert", path: "a", to: "money" }, { op: "drop" }]
    assert.deepStrictEqual(issues({ version: 2, migrations: [{ to: 2, steps: wrong }] }), [
      "/migrations/0/steps/0/op must be one of rename, drop, default, convert",
      "/migrations/0/steps/1/path must be a path of names with dots between them, not into _id",
      "/migrations/0/steps/2/to must be one of string, int, long, number, decimal, boolean, date, key, uuid, objectId",
      "/migrations/0/steps/3/path is required",
      "/migrations/0/steps/3/path must be a path of names with dots between them, not into _id"
    ])
  })
})
