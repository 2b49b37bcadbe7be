import { assert, describe, it } from "@effect/vitest"
import { Fault } from "../../src/Fault/Fault.ts"
import type { Field, Fields, StoreDefinition } from "../../src/Schema/Definition.ts"
import { Database, faultOf, openDatabase } from "./Database.ts"
import { listIndex, ORDERS, putOrder } from "./Shop.ts"

const index = (name: string, ...paths: ReadonlyArray<string>): StoreDefinition["indexes"][number] => ({
  name,
  on: paths.map((path) => ({ path, direction: "asc" as const }))
})

function withOrders(definition: StoreDefinition = ORDERS): Database {
  const database = openDatabase()
  database.engine.define([definition])
  database.settle()
  const transaction = database.engine.transact()
  for (let n = 0; n < 50; n++) putOrder(transaction, database.engine.store("orders")!, n, { status: "open", total: n % 7 })
  transaction.commit()
  return database.settle()
}

/** `path: message` of the refusal of a definition; undefined when it is accepted. */
function refusalOf(database: Database, definition: StoreDefinition): string | undefined {
  const before = database.engine.lastLsn
  try {
    database.engine.define([definition])
    return undefined
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    assert.strictEqual(database.engine.lastLsn, before)
    const { _tag, path, message } = error.reason as { _tag: string; path?: string; message?: string }
    return `${_tag} ${path}: ${message}`
  }
}

const change = (schema: Record<string, Field>): StoreDefinition => ({ ...ORDERS, schema: { ...ORDERS.schema, ...schema } })

function without(name: string): Fields {
  return Object.fromEntries(Object.entries(ORDERS.schema).filter(([field]) => field !== name))
}

describe("defining stores", () => {
  it("does nothing when nothing changes", () => {
    const database = withOrders()
    const lsn = database.engine.lastLsn
    assert.strictEqual(database.engine.define([structuredClone(ORDERS)]), lsn)
    assert.strictEqual(database.engine.lastLsn, lsn)
  })

  it("refuses what cannot be, with the offending path", () => {
    const database = openDatabase()
    const refused: ReadonlyArray<readonly [StoreDefinition, string]> = [
      [{ ...ORDERS, name: "" }, "InvalidStore : a name has 1 to 120 characters"],
      [{ ...ORDERS, name: "a\nb" }, "InvalidStore a\nb: a name has no control characters"],
      [
        { ...ORDERS, indexes: [index("a", "status"), index("a", "total")] },
        "InvalidStore orders.indexes.a: name: another index is called a"
      ],
      [{ ...ORDERS, indexes: [index("a")] }, "InvalidStore orders.indexes.a: on: expected an array of 1 to 16 paths"],
      [{ ...ORDERS, indexes: [index("a", "nope")] }, "InvalidStore orders.indexes.a: on.0.path: leads to no field of the schema"],
      [{ ...ORDERS, indexes: [index("a", "status.x")] }, "InvalidStore orders.indexes.a: on.0.path: leads to no field of the schema"],
      [
        { ...ORDERS, indexes: [{ ...index("a", "status"), where: { op: "eq", path: "total", value: "5" } }] },
        "InvalidStore orders.indexes.a: where.value: expected an int, found a string"
      ],
      [
        { ...change({ tags: { type: "array", items: { type: "string" } }, any: { type: "any" } }), indexes: [index("a", "tags", "any")] },
        "InvalidStore orders.indexes.a: on.1.path: tags and any may both hold arrays"
      ]
    ]
    for (const [definition, message] of refused) assert.strictEqual(refusalOf(database, definition), message)
    assert.deepStrictEqual(database.engine.stores(), [])
  })

  it("lets a store with documents only grow", () => {
    const refused: ReadonlyArray<readonly [StoreDefinition, string]> = [
      [{ ...ORDERS, idKind: "string" }, "/idKind: ids are of kind string, no longer key, and there are documents"],
      [{ ...ORDERS, schema: without("note") }, "/schema/note: the field is gone, and there are documents"],
      [change({ total: { type: "string" } }), "/schema/total/type: the type is string, no longer int, and there are documents"],
      [change({ total: { type: "int", min: 3 } }), "/schema/total/min: the limit is tightened, and there are documents"],
      [change({ note: { type: "string" } }), "/schema/note: the field is required, and there are documents"],
      [
        change({ extra: { type: "string" } }),
        "/schema/extra: the field is new and required: make it optional or give it a default, and there are documents"
      ]
    ]
    for (const [definition, message] of refused) {
      const hint = definition.idKind === ORDERS.idKind ? ": it needs a new version and a migration" : ""
      assert.strictEqual(refusalOf(withOrders(), definition), `IncompatibleSchema ${message}${hint}`)
    }
    const database = withOrders()
    const grown = change({ extra: { type: "string", optional: true }, count: { type: "int", default: 0 } })
    assert.isUndefined(refusalOf(database, grown))
    assert.deepStrictEqual(database.reopen().engine.store("orders")!.definition, grown)
  })

  it("lets a store without documents change in any way", () => {
    const database = openDatabase()
    database.engine.define([ORDERS])
    const other: StoreDefinition = {
      name: "orders",
      idKind: "string",
      schema: { name: { type: "string" } },
      indexes: [index("byName", "name")]
    }
    assert.isUndefined(refusalOf(database, other))
    database.settle()
    assert.isTrue(database.engine.store("orders")!.indexes[0]!.ready)
  })

  it("builds a new index over what is there, and drops the ones that are gone", () => {
    const database = withOrders({ ...ORDERS, indexes: [index("old", "status")] })
    database.engine.freeze()
    database.settle()
    const old = database.engine.store("orders")!.indexes[0]!
    database.engine.define([ORDERS])
    assert.isFalse(database.engine.store("orders")!.indexes[1]!.ready)
    assert.strictEqual(
      faultOf(() => listIndex(database.engine.snapshot(), database.engine.store("orders")!, "byTotal")),
      "IndexNotReady"
    )
    database.settle()
    const store = database.engine.store("orders")!
    assert.deepStrictEqual(
      store.indexes.map((it) => [it.definition.name, it.ready]),
      [
        ["byStatus", true],
        ["byTotal", true]
      ]
    )
    const snapshot = database.engine.snapshot()
    assert.strictEqual(listIndex(snapshot, store, "byTotal").length, 50)
    assert.strictEqual(
      faultOf(() => snapshot.entries(old, undefined, 1)),
      "IndexNotReady"
    )
  })

  it("keeps an index exact that is built while its documents change", () => {
    const database = withOrders({ ...ORDERS, indexes: [] })
    database.engine.define([ORDERS])
    const store = database.engine.store("orders")!
    for (let n = 0; database.engine.isBuilding; n++) {
      database.engine.maintain(200)
      const transaction = database.engine.transact()
      transaction.delete(store, new Uint8Array(16))
      putOrder(transaction, store, (n * 13) % 60, { status: "done", total: 100 + n })
      transaction.commit()
      if (n % 3 === 0) database.engine.freeze()
      database.sync()
    }
    database.settle()
    const snapshot = database.engine.snapshot()
    const orders = database.engine.store("orders")!
    const cursor = snapshot.documents(orders, undefined, 1)
    let count = 0
    while (cursor.next()) count++
    assert.strictEqual(new Set(listIndex(snapshot, orders, "byTotal")).size, count)
    assert.strictEqual(listIndex(snapshot, orders, "byTotal").length, count)
  })

  it("builds again what was ready in the log alone when the power went", () => {
    const database = withOrders({ ...ORDERS, indexes: [] })
    database.engine.freeze()
    database.settle()
    database.engine.define([ORDERS])
    while (database.engine.store("orders")!.indexes.some((it) => it.readyLsn === 0)) database.engine.maintain(1e6)
    database.sync()
    const crashed = database.crash(5)
    assert.isFalse(crashed.engine.store("orders")!.indexes[0]!.ready)
    crashed.settle()
    const orders = crashed.engine.store("orders")!
    assert.isTrue(orders.indexes.every((it) => it.ready))
    assert.strictEqual(listIndex(crashed.engine.snapshot(), orders, "byStatus").length, 50)
  })

  it("leaves an index unused when a document cannot be read for it, and everything else at work", () => {
    const database = withOrders({ ...ORDERS, indexes: [] })
    database.engine.freeze()
    database.settle()
    database.close()
    database.volume.rot("data/shop/values/00000001.values", 64 + 50, 1)
    const opened = new Database({ volume: database.volume }).open()
    opened.engine.define([ORDERS])
    opened.settle()
    const orders = opened.engine.store("orders")!
    assert.isFalse(orders.indexes[0]!.ready)
    assert.isDefined(opened.engine.buildFailure(orders.indexes[0]!))
    assert.strictEqual(opened.reports.length, 2)
    const transaction = opened.engine.transact()
    putOrder(transaction, orders, 40, { status: "done", total: 1 })
    transaction.commit()
    opened.settle()
    assert.strictEqual(opened.engine.admission(), "open")
  })

  it("never uses an id twice", () => {
    const database = withOrders()
    const ids = new Set(database.engine.store("orders")!.indexes.map((it) => it.id))
    for (let round = 0; round < 3; round++) {
      database.engine.define([{ ...ORDERS, indexes: [] }])
      database.engine.define([ORDERS])
      for (const { id } of database.engine.store("orders")!.indexes) {
        assert.isFalse(ids.has(id))
        ids.add(id)
      }
      database.settle()
      database.engine.freeze()
      database.settle()
    }
  })
})
