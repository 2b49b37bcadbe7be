/** What compiles and what does not. The runtime part only makes sure that the statements are what they say. */
import { assert, describe, it } from "@effect/vitest"
import { Decimal128, type Key } from "../../src/Bson/Value.ts"
import type { Reading, Writing } from "../../src/Query/Builder.ts"
import { each, explain, matching, store } from "../../src/Query/Builder.ts"
import type { DocumentOf, NewDocumentOf } from "../../src/Query/DocumentType.ts"

export const orders = store({
  name: "orders",
  idKind: "key",
  schema: {
    customer: { type: "string", maxLength: 80 },
    status: { type: "literals", values: ["pending", "paid", "cancelled"] },
    total: { type: "decimal" },
    count: { type: "int", default: 1 },
    big: { type: "long", optional: true },
    note: { type: "string", optional: true, nullable: true },
    placedAt: { type: "date" },
    lines: { type: "array", items: { type: "struct", fields: { sku: { type: "string" }, quantity: { type: "int" } } } },
    address: { type: "struct", fields: { city: { type: "string" }, zip: { type: "string", optional: true } } },
    prices: { type: "record", values: { type: "number" } },
    either: { type: "union", members: [{ type: "int" }, { type: "string" }] },
    anything: { type: "any", optional: true }
  },
  indexes: []
})

const tagged = store({
  name: "tagged",
  idKind: "key",
  schema: { name: { type: "string" }, tags: { type: "array", items: { type: "string" } } },
  indexes: []
})

type Order = DocumentOf<typeof orders.definition>
type NewOrder = NewDocumentOf<typeof orders.definition>

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(_proof: Same<A, B>): void => {}
type ResultOf<R> = R extends Reading<infer A> ? A : never
const resultOf = <A>(_statement: Reading<A> | Writing<A>): A => undefined as A

describe("the types of the builder", () => {
  it("takes documents from the schema", () => {
    same<Order["_id"], Key>(true)
    same<Order["status"], "pending" | "paid" | "cancelled">(true)
    same<Order["count"], number>(true)
    same<Order["big"], bigint | undefined>(true)
    same<Order["note"], string | null | undefined>(true)
    same<Order["lines"][number]["sku"], string>(true)
    same<Order["address"]["zip"], string | undefined>(true)
    same<Order["either"], string | number>(true)
    same<NewOrder["_id"], Key | undefined>(true)
    same<NewOrder["count"], number | undefined>(true)
    const asText = store({ name: "categories", idKind: "string", schema: { name: { type: "string" } }, indexes: [] })
    // @ts-expect-error a natural id has to be given
    asText.insert({ name: "Pizza" })
  })

  it("lets filters name what there is, and compare it with what it can be", () => {
    orders.filter({ customer: "ada", status: "paid" })
    orders.filter({ "address.city": "Berlin", "lines.sku": "A-1", note: null, anything: 5, "anything.below": "x", "prices.a": 1 })
    orders.filter("lines.quantity", ">=", 2).filter("status", "in", ["paid", "pending"])
    orders
      .filter("placedAt", "between", [new Date(0), new Date(1)])
      .filter("customer", "startsWith", "a")
      .filter("big", "exists", true)
    orders.filterAny({ customer: "ada" }, ["total", ">", Decimal128.fromString("5")])
    orders.filterNot(["status", "=", "paid"])
    // @ts-expect-error no such field
    orders.filter({ costumer: "ada" })
    // @ts-expect-error no such field inside
    orders.filter("address.town", "=", "Berlin")
    // @ts-expect-error no such status
    orders.filter({ status: "open" })
    // @ts-expect-error a number is no decimal
    orders.filter("total", ">", 5)
    // @ts-expect-error text is no date
    orders.filter("placedAt", ">", "2026-01-01")
    // @ts-expect-error no such operator
    orders.filter("customer", "like", "a")
    // @ts-expect-error in takes a list
    orders.filter("customer", "in", "ada")
    // @ts-expect-error exists takes a boolean
    orders.filter("customer", "exists", 1)
    // @ts-expect-error between takes two values
    orders.filter("count", "between", [1])
    // @ts-expect-error no such path in a group
    orders.filterAny({ costumer: "ada" })
    // @ts-expect-error wrong value in a list condition
    orders.filterNot(["count", "=", "one"])
  })

  it("lets texts and arrays be looked into", () => {
    orders
      .filter("customer", "contains", "a")
      .filter("customer", "~", /^a/i)
      .filter("customer", "endsWith", "a")
      .filter("either", "is", "string")
    orders.filter("lines", "size", 2).filter("lines", "any", { sku: "A" }).filter("lines", "all", ["quantity", ">", 0])
    orders.filter("lines", "any", [{ sku: "A" }, ["quantity", ">", 5]])
    tagged.filter("tags", "any", ["this", "startsWith", "a"]).filter("tags", "contains", "a")
    assert.deepStrictEqual(orders.filter("lines", "any", [{ sku: "A" }, ["quantity", ">", 5]]).statement.filter, {
      op: "any",
      path: "lines",
      of: {
        op: "and",
        of: [
          { op: "eq", path: "sku", value: "A" },
          { op: "gt", path: "quantity", value: 5 }
        ]
      }
    })
    assert.deepStrictEqual(tagged.filter("tags", "any", ["this", "=", "a"]).statement.filter, {
      op: "any",
      path: "tags",
      of: { op: "eq", path: "", value: "a" }
    })
    assert.deepStrictEqual(orders.filter("customer", "~", /^a/i).statement.filter, {
      op: "regex",
      path: "customer",
      pattern: "^a",
      flags: "i"
    })
    // @ts-expect-error no such field in the elements
    orders.filter("lines", "any", { price: 5 })
    // @ts-expect-error the elements are no texts
    orders.filter("lines", "any", ["this", "=", "a"])
    // @ts-expect-error a size is a number
    orders.filter("lines", "size", "2")
    // @ts-expect-error no such type
    orders.filter("customer", "is", "text")
  })

  it("lets arrays be changed by elements of theirs", () => {
    assert.deepStrictEqual(
      tagged
        .filter({ name: "x" })
        .push({ tags: "a" })
        .addToSet({ tags: each(["b", "c"]) }).statement,
      {
        kind: "update",
        store: "tagged",
        filter: { op: "eq", path: "name", value: "x" },
        push: { tags: "a" },
        addToSet: { tags: { $each: ["b", "c"] } }
      }
    )
    assert.deepStrictEqual(orders.pull({ lines: matching(["quantity", "<", 1]) }).statement.pull, {
      lines: { $any: { quantity: { $lt: 1 } } }
    })
    // @ts-expect-error no array
    orders.push({ customer: "a" })
    // @ts-expect-error not an element of it
    tagged.addToSet({ tags: 5 })
    // @ts-expect-error not elements of it
    tagged.pull({ tags: each([5]) })
    // @ts-expect-error no such field in the elements
    orders.pull({ lines: matching({ price: 1 }) })
  })

  it("lets groups name what there is, and types what is computed of them", () => {
    const query = orders
      .filter({ status: "paid" })
      .orderBy("placedAt")
      .groupBy("customer", "address.city")
      .aggregate({ orders: { count: true }, sold: { sum: "lines.quantity" }, last: { last: "placedAt" }, skus: { push: "lines" } })
      .having("orders", ">", 1)
      .orderBy("sold", "desc")
      .limit(3)
    const groups = resultOf(query)
    same<(typeof groups)[number]["orders"], number>(true)
    same<(typeof groups)[number]["city"], string | null>(true)
    same<(typeof groups)[number]["last"], Date | null>(true)
    same<(typeof groups)[number]["sold"], bigint | number | Decimal128 | null>(true)
    assert.deepStrictEqual(query.statement, {
      kind: "aggregate",
      store: "orders",
      filter: { op: "eq", path: "status", value: "paid" },
      inputOrder: [{ path: "placedAt", direction: "asc" }],
      groupBy: ["customer", "address.city"],
      aggregates: {
        orders: { operator: "count" },
        sold: { operator: "sum", path: "lines.quantity" },
        last: { operator: "last", path: "placedAt" },
        skus: { operator: "push", path: "lines" }
      },
      having: { op: "gt", path: "orders", value: 1 },
      orderBy: [{ path: "sold", direction: "desc" }],
      limit: 3
    })
    assert.deepStrictEqual(orders.distinct("lines.sku").statement, { kind: "aggregate", store: "orders", distinct: "lines.sku" })
    // @ts-expect-error no such field
    orders.groupBy("costumer")
    // @ts-expect-error no such field to add up
    orders.aggregate({ total: { sum: "price" } })
    // @ts-expect-error no such operator
    orders.aggregate({ total: { median: "total" } })
    const counted = orders.groupBy("customer").aggregate({ n: { count: true } })
    // @ts-expect-error not among the results
    counted.orderBy("total")
    // @ts-expect-error a number is compared with a number
    counted.having("n", ">", "1")
  })

  it("lets computed values be of fields that can be, and types them", () => {
    const query = orders.select("customer").compute({
      twice: ["total", "*", 2],
      tax: [["count", "+", 1], "/", Decimal128.fromString("1.19")],
      isOpen: ["status", "=", "pending"],
      city: "address.city"
    })
    const rows = resultOf(query)
    same<(typeof rows)[number]["twice"], number | bigint | Decimal128 | null>(true)
    same<(typeof rows)[number]["isOpen"], boolean>(true)
    same<(typeof rows)[number]["city"], string | null>(true)
    same<(typeof rows)[number]["customer"], string>(true)
    assert.deepStrictEqual(query.statement, {
      kind: "find",
      store: "orders",
      select: ["customer"],
      compute: {
        twice: { op: "multiply", left: { op: "path", path: "total" }, right: { op: "value", value: 2 } },
        tax: {
          op: "divide",
          left: { op: "add", left: { op: "path", path: "count" }, right: { op: "value", value: 1 } },
          right: { op: "value", value: Decimal128.fromString("1.19") }
        },
        isOpen: { op: "test", filter: { op: "eq", path: "status", value: "pending" } },
        city: { op: "path", path: "address.city" }
      }
    })
    const without = resultOf(orders.omit("lines", "note"))
    same<keyof (typeof without)[number], Exclude<keyof Order, "lines" | "note">>(true)
    const sums = resultOf(
      orders.groupBy("customer").aggregate({ sold: { sum: ["total", "*", "count"] }, all: { push: ["count", "+", 1] } })
    )
    same<(typeof sums)[number]["sold"], number | bigint | Decimal128 | null>(true)
    // @ts-expect-error text cannot be multiplied
    orders.compute({ a: ["customer", "*", 2] })
    // @ts-expect-error no such field
    orders.compute({ a: ["price", "*", 2] })
    // @ts-expect-error no such sign
    orders.compute({ a: ["count", "%", 2] })
    // @ts-expect-error no such status
    orders.compute({ a: ["status", "=", "open"] })
    // @ts-expect-error _id is always there
    orders.omit("_id")
    // @ts-expect-error no such field in a sum
    orders.aggregate({ a: { sum: ["price", "*", "count"] } })
  })

  it("lets order and selection name what there is", () => {
    orders.orderBy("placedAt", "desc").orderBy("address.city").limit(20).skip(5)
    same<ReturnType<typeof resultOf<ReadonlyArray<Pick<Order, "_id" | "customer">>>>, ReadonlyArray<Pick<Order, "_id" | "customer">>>(true)
    const rows = resultOf(orders.select("customer", "total"))
    same<typeof rows, ReadonlyArray<Pick<Order, "customer" | "total" | "_id">>>(true)
    // @ts-expect-error no such direction
    orders.orderBy("placedAt", "down")
    // @ts-expect-error no such path
    orders.orderBy("placed")
    // @ts-expect-error no such field
    orders.select("costumer")
    // @ts-expect-error text is no number
    orders.limit("20")
  })

  it("lets changes set, add to and remove what there is", () => {
    orders
      .filter({ customer: "ada" })
      .set({ status: "paid", "address.city": "Berlin", lines: [] })
      .inc({ count: 1, big: 5n, total: Decimal128.fromString("0.5") })
    orders.unset("note", "address.zip")
    // @ts-expect-error no such value
    orders.set({ status: "open" })
    // @ts-expect-error one element is not the array
    orders.set({ lines: { sku: "a", quantity: 1 } })
    // @ts-expect-error _id does not change
    orders.set({ _id: "x" })
    // @ts-expect-error text has nothing to add to
    orders.inc({ customer: 1 })
    // @ts-expect-error a bigint is no int
    orders.inc({ count: 1n })
    // @ts-expect-error no such field
    orders.unset("remark")
  })

  it("knows what each statement gives", () => {
    const one = resultOf(orders.get("0190a5c2d7f07d3a8c1e5b6f7a8b9c0d"))
    same<typeof one, Order | undefined>(true)
    const first = resultOf(orders.filter({ customer: "ada" }).first())
    same<typeof first, Order | undefined>(true)
    const count = resultOf(orders.count())
    same<typeof count, number>(true)
    const deleted = resultOf(orders.delete())
    same<typeof deleted, number>(true)
    const document: NewOrder = {
      customer: "ada",
      status: "paid",
      total: Decimal128.fromString("1"),
      placedAt: new Date(0),
      lines: [],
      address: { city: "Berlin" },
      prices: {},
      either: 1
    }
    const id = resultOf(orders.insert(document))
    same<typeof id, Key>(true)
    const ids = resultOf(orders.insert([document]))
    same<typeof ids, ReadonlyArray<Key>>(true)
    // @ts-expect-error a replacement needs its id
    orders.replace(document)
    // @ts-expect-error a field is missing
    orders.insert({ customer: "ada" })
  })

  it("builds the statements of the AST", () => {
    const query = orders
      .filter({ customer: "ada", status: "paid" })
      .filter("count", ">", 1)
      .orderBy("placedAt", "desc")
      .limit(20)
      .select("customer")
    assert.deepStrictEqual(query.statement, {
      kind: "find",
      store: "orders",
      filter: {
        op: "and",
        of: [
          { op: "eq", path: "customer", value: "ada" },
          { op: "eq", path: "status", value: "paid" },
          { op: "gt", path: "count", value: 1 }
        ]
      },
      orderBy: [{ path: "placedAt", direction: "desc" }],
      limit: 20,
      select: ["customer"]
    })
    assert.deepStrictEqual(
      orders
        .filterAny({ customer: "ada" }, ["count", "between", [1, 5]])
        .filterNot(["note", "startsWith", "x"])
        .count().statement,
      {
        kind: "count",
        store: "orders",
        filter: {
          op: "and",
          of: [
            {
              op: "or",
              of: [
                { op: "eq", path: "customer", value: "ada" },
                { op: "between", path: "count", low: 1, high: 5 }
              ]
            },
            { op: "not", of: { op: "prefix", path: "note", value: "x" } }
          ]
        }
      }
    )
    assert.deepStrictEqual(orders.filter("customer", "not in", ["a"]).set({ status: "paid" }).inc({ count: 2 }).unset("note").statement, {
      kind: "update",
      store: "orders",
      filter: { op: "notIn", path: "customer", values: ["a"] },
      set: { status: "paid" },
      inc: { count: 2 },
      unset: ["note"]
    })
    assert.deepStrictEqual(orders.filter("customer", "exists", false).delete().statement, {
      kind: "delete",
      store: "orders",
      filter: { op: "exists", path: "customer", value: false }
    })
  })

  it("refuses at run time what types cannot say", () => {
    assert.throws(() => orders.limit(5).delete(), /takes a filter only/)
    assert.throws(() => orders.orderBy("count").set({ count: 1 }), /takes a filter only/)
    // @ts-expect-error undefined is a slip
    assert.throws(() => orders.filter({ customer: undefined }), /customer in a filter is undefined/)
  })

  it("looks up documents of other stores, page by page, and explains anything", () => {
    const makers = store({ name: "makers", idKind: "string", schema: { city: { type: "string" } }, indexes: [] })
    const joined = orders.filter({ status: "paid" }).select("customer").lookup(makers, "customer", "_id", "makers")
    type Joined = ResultOf<typeof joined>[number]
    same<Joined["customer"], string>(true)
    same<Joined["makers"][number]["city"], string>(true)
    const twice = joined.lookup(tagged, "lines.sku", "tags", "same").page(10)
    assert.deepStrictEqual(twice.statement, {
      kind: "find",
      store: "orders",
      filter: { op: "eq", path: "status", value: "paid" },
      limit: 10,
      select: ["customer"],
      lookup: [
        { store: "makers", local: "customer", foreign: "_id", as: "makers" },
        { store: "tagged", local: "lines.sku", foreign: "tags", as: "same" }
      ]
    })
    const page: { readonly next: string | undefined } | undefined = resultOf(twice)
    assert.isUndefined(page)
    // @ts-expect-error there is no such path here
    orders.lookup(makers, "nothing", "_id", "makers")
    // @ts-expect-error nor there
    orders.lookup(makers, "customer", "nothing", "makers")
    const next = orders.orderBy("placedAt", "desc").page(20, "cursor")
    assert.deepInclude(next.statement, { limit: 20, after: "cursor" })
    assert.isTrue(next.isPage)
    const rows: ReadonlyArray<Order> | undefined = resultOf(next)?.rows
    assert.isUndefined(rows)
    assert.deepStrictEqual(explain(orders.filter({ status: "paid" }).set({ status: "cancelled" })).statement, {
      kind: "explain",
      of: { kind: "update", store: "orders", filter: { op: "eq", path: "status", value: "paid" }, set: { status: "cancelled" } }
    })
    assert.throws(() => explain(tagged.insert({ name: "x", tags: [] })), /insert has no plan/)
    assert.throws(() => orders.after("cursor").delete(), /takes a filter only/)
  })
})
