import { assert, describe, it } from "@effect/vitest"
import type { StoreDefinition } from "../../src/Schema/Definition.ts"
import { readIndexFilter } from "../../src/Schema/IndexFilter.ts"
import type { Store } from "../../src/Storage/Reader.ts"
import { Executor } from "../../src/Query/Executor.ts"
import type { Explanation } from "../../src/Query/Explanation.ts"
import { parsePql } from "../../src/Query/Pql.ts"
import { encodeStatement } from "../../src/Query/StatementBson.ts"
import { CATEGORIES, ORDERS } from "./Shop.ts"

/** A store that is nothing but its definition; `building` names an index that is not ready. */
function storeOf(definition: StoreDefinition, building?: string): Store {
  const indexes = definition.indexes.map((index, id) => {
    const filter = index.where === undefined ? undefined : readIndexFilter(index.where, definition.schema)
    return { id, definition: index, ready: index.name !== building, filter }
  })
  return { id: 1, definition, indexes }
}

const on = (...paths: ReadonlyArray<string>): StoreDefinition["indexes"][number]["on"] =>
  paths.map((path) => (path.startsWith("-") ? { path: path.slice(1), direction: "desc" } : { path, direction: "asc" }))

function explain(text: string, stores: ReadonlyArray<Store> = [storeOf(ORDERS), storeOf(CATEGORIES)]): Explanation {
  const executor = new Executor({ store: (name) => stores.find((store) => store.definition.name === name) })
  const statement = parsePql(text)
  if (statement.kind === "insert" || statement.kind === "replace" || statement.kind === "upsert" || statement.kind === "explain")
    throw new Error(text)
  return executor.explain(statement.kind, encodeStatement(statement), 0)
}

/** Access, bounds, residual and ordering of a plan in one line. */
function summary(text: string, stores?: ReadonlyArray<Store>): string {
  const plan = explain(text, stores)
  const backwards = plan.index?.backwards === true ? " backwards" : ""
  return `${plan.access}${backwards} [${plan.bounds.join("; ")}] test [${plan.residual.join("; ")}] ${plan.ordering}`
}

describe("the planner", () => {
  it("finds documents by their key when it is known", () => {
    assert.strictEqual(summary("orders.get(0190a5c2d7f07d3a8c1e5b6f7a8b9c0d)"), "keys [_id = ?] test [] any")
    assert.strictEqual(summary("orders.filter(_id in ['a'] and status = 'paid')"), "keys [_id in ?] test [status = ?] walk")
    assert.strictEqual(summary("orders.filter(_id = 'a' and customer = 'x').orderBy(total)"), "keys [_id = ?] test [customer = ?] sort")
  })

  it("walks keys in a range, and all documents when nothing else helps", () => {
    assert.strictEqual(summary("orders.filter(_id > 'a' and note exists)"), "range of keys [_id > ?] test [note exists ?] walk")
    assert.strictEqual(summary("orders.filter(note = 'x')"), "all documents [] test [note = ?] walk")
    assert.strictEqual(summary("orders.orderBy(_id, desc).limit(3)"), "all documents [] test [] walk")
    assert.strictEqual(summary("categories.filter(_id > 'a')"), "all documents [] test [_id > ?] walk")
    assert.strictEqual(summary("categories.orderBy(_id)"), "all documents [] test [] sort")
  })

  it("binds an index's first fields, then one range, and tests the rest", () => {
    assert.strictEqual(
      summary("orders.filter(status = 'paid' and customer = 'x')"),
      "index byCustomer [customer = ?; status = ?] test [] walk"
    )
    assert.strictEqual(summary("orders.filter(customer = 'x' and note = 'y')"), "index byCustomer [customer = ?] test [note = ?] keys")
    assert.strictEqual(
      summary("orders.filter(total > decimal '1' and total <= decimal '5')"),
      "index byTotal [total > ?; total <= ?] test [] keys"
    )
    assert.strictEqual(
      summary("orders.filter(customer startsWith 'x' and status = 'paid').count()"),
      "index byDate [status = ?] test [customer startsWith ?] any"
    )
    assert.strictEqual(
      summary("orders.filter(customer in ['x', 'y'] and status in ['paid'])"),
      "index byCustomer [customer in ?; status in ?] test [] keys"
    )
    assert.strictEqual(
      summary("orders.filter(customer = 'x' and customer = 'y')"),
      "index byCustomer [customer = ?] test [customer = ?] keys"
    )
  })

  it("takes a union of indexes for an or all of whose alternatives have one, and does not look into not", () => {
    assert.strictEqual(
      summary("orders.filter(customer = 'x' or customer = 'y')"),
      "union of index byCustomer [] test [customer = ? or customer = ?] keys"
    )
    assert.strictEqual(
      summary("orders.filter(_id = 'a' or seller = 'b' or (status = 'paid' and placedAt > date '2026-01-01')).count()"),
      "union of keys and index bySeller and index byDate [] test [_id = ? or seller = ? or (status = ? and placedAt > ?)] any"
    )
    assert.strictEqual(
      summary("orders.filter(status = 'paid' and (customer = 'x' or note = 'y'))"),
      "index byDate [status = ?] test [customer = ? or note = ?] keys"
    )
    assert.strictEqual(summary("orders.filter(customer = 'x' or note = 'y')"), "all documents [] test [customer = ? or note = ?] walk")
    assert.deepStrictEqual(explain("orders.filter(customer = 'x' or (customer = 'y' and status = 'paid'))").parts, [
      { access: "index byCustomer", bounds: ["customer = ?"] },
      { access: "index byCustomer", bounds: ["customer = ?", "status = ?"] }
    ])
    assert.strictEqual(summary("orders.filter(not customer = 'x')"), "all documents [] test [not (customer = ?)] walk")
    assert.strictEqual(
      summary("orders.filter((customer = 'x' and (status = 'paid')) and note = 'z')"),
      "index byCustomer [customer = ?; status = ?] test [note = ?] walk"
    )
  })

  it("takes the order from an index where it can, either way", () => {
    assert.strictEqual(
      summary("orders.filter(status = 'paid').orderBy(placedAt, desc).limit(20)"),
      "index byDate [status = ?] test [] walk"
    )
    assert.strictEqual(
      summary("orders.filter(status = 'paid').orderBy(placedAt).limit(20)"),
      "index byDate backwards [status = ?] test [] ties"
    )
    assert.strictEqual(
      summary("orders.filter(status = 'paid').orderBy(placedAt).orderBy(_id, desc).limit(20)"),
      "index byDate backwards [status = ?] test [] walk"
    )
    assert.strictEqual(
      summary("orders.filter(customer = 'x' and status = 'paid').orderBy(_id, desc).limit(20)"),
      "index byCustomer backwards [customer = ?; status = ?] test [] walk"
    )
    assert.strictEqual(summary("orders.orderBy(total).limit(5)"), "index byTotal [] test [] walk")
    assert.strictEqual(summary("orders.orderBy(status).limit(5)"), "index byDate [] test [] ties")
    assert.strictEqual(
      summary("orders.filter(status = 'paid').orderBy(status).orderBy(placedAt, desc).limit(5)"),
      "index byDate [status = ?] test [] walk"
    )
    assert.strictEqual(summary("orders.filter(customer = 'x').orderBy(placedAt).limit(5)"), "index byCustomer [customer = ?] test [] sort")
    assert.strictEqual(summary("orders.filter(customer in ['x']).orderBy(note).limit(5)"), "index byCustomer [customer in ?] test [] sort")
  })

  it("bounds a field that may hold an array by one condition, and takes no order from it", () => {
    const definition: StoreDefinition = {
      ...ORDERS,
      indexes: [
        { name: "bySku", on: on("lines.sku", "-placedAt") },
        { name: "byQuantity", on: on("lines.quantity") },
        { name: "mixed", on: on("customer", "lines", "status") }
      ]
    }
    const stores = [storeOf(definition)]
    assert.strictEqual(summary("orders.filter(lines.sku = 'a')", stores), "index bySku [lines.sku = ?] test [] keys")
    assert.strictEqual(
      summary("orders.filter(lines.sku = 'a').orderBy(placedAt, desc)", stores),
      "index bySku [lines.sku = ?] test [] walk",
      "one value of the array: every document comes once, in the order of what follows"
    )
    assert.strictEqual(
      summary("orders.filter(lines.sku in ['a', 'b']).orderBy(placedAt, desc)", stores),
      "index bySku [lines.sku in ?] test [] sort"
    )
    assert.strictEqual(
      summary("orders.filter(lines.sku = 'a' and lines.sku = 'b').orderBy(lines.sku)", stores),
      "index bySku [lines.sku = ?] test [lines.sku = ?] sort"
    )
    assert.strictEqual(
      summary("orders.filter(lines.quantity > 1 and lines.quantity < 5)", stores),
      "index byQuantity [lines.quantity > ?] test [lines.quantity < ?] keys"
    )
    assert.strictEqual(
      summary("orders.filter(lines.quantity between 1 and 5)", stores),
      "index byQuantity [lines.quantity between ?] test [] keys"
    )
    assert.strictEqual(
      summary("orders.filter(customer = 'x' and lines = [] and status = 'paid')", stores),
      "index mixed [customer = ?; lines = ?; status = ?] test [] walk"
    )
    assert.strictEqual(summary("orders.filter(customer = 'x').orderBy(lines)", stores), "index mixed [customer = ?] test [] sort")
    assert.strictEqual(summary("orders.orderBy(lines.quantity)", stores), "all documents [] test [] sort")
  })

  it("uses a sparse index where the statement rules out null, by the values it has", () => {
    const stores = [storeOf({ ...ORDERS, indexes: [{ name: "byNote", on: on("note", "customer"), sparse: true }] })]
    assert.strictEqual(summary("orders.filter(note = 'x')", stores), "index byNote [note = ?] test [] keys")
    assert.strictEqual(summary("orders.filter(note = null)", stores), "all documents [] test [note = ?] walk")
    assert.strictEqual(summary("orders.filter(note in ['x', null])", stores), "all documents [] test [note in ?] walk")
    assert.strictEqual(summary("orders.filter(note startsWith 'x')", stores), "index byNote [note startsWith ?] test [] keys")
    assert.strictEqual(summary("orders.filter(note > 'a').orderBy(note).limit(3)", stores), "index byNote [note > ?] test [] ties")
    assert.strictEqual(summary("orders.orderBy(note).limit(3)", stores), "all documents [] test [] sort")
    assert.deepInclude(explain("orders.orderBy(note).limit(3)", stores).rejected, {
      access: "index byNote",
      reason: "it does not have every document that is asked for"
    })
    assert.strictEqual(summary("orders.filter(customer = 'x').orderBy(note).limit(3)", stores), "index byNote [] test [customer = ?] ties")
  })

  it("uses a partial index only where its filter follows from the statement", () => {
    const open: StoreDefinition["indexes"][number] = {
      name: "open",
      on: on("customer"),
      where: { op: "eq", path: "status", value: "pending" }
    }
    const stores = [storeOf({ ...ORDERS, indexes: [open] })]
    assert.strictEqual(
      summary("orders.filter(customer = 'x' and status = 'pending')", stores),
      "index open [customer = ?; status = ?] test [] walk"
    )
    assert.strictEqual(summary("orders.filter(status = 'pending').count()", stores), "index open [status = ?] test [] any")
    assert.strictEqual(
      summary("orders.filter(customer = 'x' and status = 'paid')", stores),
      "all documents [] test [customer = ?; status = ?] walk"
    )
    assert.strictEqual(summary("orders.filter(customer = 'x')", stores), "all documents [] test [customer = ?] walk")
    assert.strictEqual(
      summary("orders.filter(customer = 'x' and (status = 'pending' or count = 1))", stores),
      "all documents [] test [customer = ?; status = ? or count = ?] walk"
    )
  })

  it("takes a unique index with all of its fields bound before one with more fields", () => {
    const stores = [
      storeOf({
        ...ORDERS,
        indexes: [
          { name: "wide", on: on("customer", "status", "count") },
          { name: "one", on: on("customer"), unique: true }
        ]
      })
    ]
    assert.strictEqual(
      summary("orders.filter(customer = 'x' and status = 'paid' and count = 1)", stores),
      "index one [customer = ?] test [status = ?; count = ?] walk"
    )
  })

  it("uses no index that is still being built", () => {
    const stores = [storeOf(ORDERS, "byCustomer")]
    assert.strictEqual(summary("orders.filter(customer = 'x')", stores), "all documents [] test [customer = ?] walk")
    assert.deepInclude(explain("orders.filter(customer = 'x')", stores).rejected, {
      access: "index byCustomer",
      reason: "it is still being built"
    })
  })

  it("decides ties by the older index, every time", () => {
    const twins: StoreDefinition = {
      ...ORDERS,
      indexes: [
        { name: "first", on: [{ path: "customer", direction: "asc" }] },
        { name: "second", on: [{ path: "customer", direction: "asc" }] }
      ]
    }
    const plan = explain("orders.filter(customer = 'x').limit(3)", [storeOf(twins)])
    assert.strictEqual(plan.access, "index first")
    assert.match(plan.rejected.find((it) => it.access === "index second")?.reason ?? "", /expected to cost more/)
  })

  it("says why it took none of the others", () => {
    const plan = explain("orders.filter(customer = 'x')")
    assert.deepStrictEqual(
      plan.rejected.map((it) => it.access),
      ["all documents", "index byDate", "index byTotal", "index bySeller"]
    )
    assert.strictEqual(plan.rejected.at(-1)?.reason, "neither its first field nor its order is asked for")
  })

  it("reads two indexes and fetches what both have, where that is less than one of them gives", () => {
    const stores = [storeOf({ ...ORDERS, indexes: [...ORDERS.indexes, { name: "byNote", on: on("note") }] })]
    assert.strictEqual(
      summary("orders.filter(seller = 'x' and note = 'y')", stores),
      "intersection of index bySeller and index byNote [] test [seller = ?; note = ?] keys"
    )
    assert.strictEqual(summary("orders.filter(seller = 'x' and note != 'y')", stores), "index bySeller [seller = ?] test [note != ?] walk")
  })

  it("reads entries instead of documents where they say everything that is asked for", () => {
    const plan = explain("orders.filter(status = 'paid').orderBy(placedAt desc).select(placedAt, status)")
    assert.strictEqual(plan.access, "index byDate")
    assert.isTrue(plan.covering)
    assert.isUndefined(explain("orders.filter(status = 'paid').orderBy(placedAt desc).select(placedAt, note)").covering)
    // A decimal's digits are not in its entry.
    assert.isUndefined(explain("orders.filter(total > decimal '1').select(total)").covering)
    assert.isTrue(explain("orders.filter(customer = 'x' and status != 'paid').count()").covering)
    assert.isUndefined(explain("orders.filter(customer = 'x').count()").covering)
    assert.isUndefined(explain("categories.filter(rank > 3).select(rank)", [storeOf(CATEGORIES)]).covering)
    assert.isTrue(explain("categories.filter(rank > 3).aggregate(most: max(rank))", [storeOf(CATEGORIES)]).covering)
  })

  it("computes groups one after another where an index has them in order", () => {
    const plan = explain("orders.groupBy(customer).aggregate(orders: count).limit(3)")
    assert.strictEqual(plan.access, "index byCustomer")
    assert.isTrue(plan.streaming)
    assert.isUndefined(explain("orders.groupBy(note).aggregate(orders: count)").streaming)
    assert.isTrue(explain("orders.filter(customer = 'x').groupBy(status).aggregate(orders: count)").streaming)
  })

  it("forgets a plan when its store has changed", () => {
    let current = storeOf({ ...ORDERS, indexes: [] })
    const executor = new Executor({ store: () => current })
    const bytes = encodeStatement(parsePql("orders.filter(customer = 'x')"))
    assert.strictEqual(executor.explain("find", bytes, 0).access, "all documents")
    current = storeOf(ORDERS)
    assert.strictEqual(executor.explain("find", bytes, 0).access, "index byCustomer")
  })
})
