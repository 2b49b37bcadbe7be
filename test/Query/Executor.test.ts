import { assert, describe, it } from "@effect/vitest"
import { Decimal128, encode, Key, ObjectId, UUID, type Value } from "../../src/Bson/Value.ts"
import { ByteSink } from "../../src/Bson/ByteSink.ts"
import { Fault, type Reason } from "../../src/Fault/Fault.ts"
import type { Get } from "../../src/Query/Ast.ts"
import type { QueryLimits } from "../../src/Query/Reasons.ts"
import { RowList } from "../../src/Query/RowList.ts"
import { writeRowJson } from "../../src/Query/Rows.ts"
import { encodeStatement } from "../../src/Query/StatementBson.ts"
import { keyOf, parseKey } from "../../src/Bson/Key.ts"
import { getById } from "../../src/Query/IdKeys.ts"
import { PLANS_MAX } from "../../src/Query/PlanCache.ts"
import { Shape } from "../../src/Query/Shape.ts"
import { DocumentView, type Reader } from "../../src/Storage/Reader.ts"
import { keyNumber } from "./Model.ts"
import { order, Shop } from "./Shop.ts"

/** The reason of the fault that `work` throws. */
function reasonOf(work: () => unknown): Reason & Record<string, unknown> {
  try {
    work()
  } catch (error) {
    if (error instanceof Fault) return error.reason as Reason & Record<string, unknown>
    throw error
  }
  throw new Error("nothing was refused")
}

const DEVICE = "0190a5c2-d7f0-7d3a-8c1e-5b6f7a8b9c0d"

describe("insert", () => {
  it("makes ids where the store's kind allows it, fills in defaults and follows the schema's order and encoding", () => {
    const shop = new Shop()
    const [stored] = shop.write({
      kind: "insert",
      store: "orders",
      documents: [{ placedAt: new Date(5), total: Decimal128.fromString("1.5"), status: "paid", customer: "ada", weight: 2 }]
    }) as ReadonlyArray<Record<string, Value>>
    assert.instanceOf(stored?.["_id"], Key)
    assert.deepStrictEqual(Object.keys(stored ?? {}), ["_id", "customer", "status", "total", "count", "weight", "placedAt", "lines"])
    assert.deepInclude(stored, { count: 1, lines: [] })
    assert.deepStrictEqual(shop.read("orders"), [stored])
    const [device] = shop.write("devices.insert({ name: 'tv' })") as ReadonlyArray<Record<string, Value>>
    assert.instanceOf(device?.["_id"], UUID)
    for (const store of ["categories", "counters", "legacy"]) {
      const refused = reasonOf(() => shop.write({ kind: "insert", store, documents: [{ name: "x", rank: 1, value: 1 }] }))
      assert.strictEqual(refused._tag, "InvalidDocument")
      assert.deepInclude(JSON.stringify(refused["issues"]), '"pointer":"/_id","code":"required"')
    }
  })

  it("takes ids of every kind and finds them again, also by their text", () => {
    const shop = new Shop()
    const cases: ReadonlyArray<readonly [string, Value, Record<string, Value>, ReadonlyArray<Value>]> = [
      ["orders", keyNumber(3), order(3), [String(keyNumber(3))]],
      ["categories", "pizza", { name: "Pizza", rank: 1 }, []],
      ["counters", 5n, { value: 1n }, [5, 5.0, Decimal128.fromString("5.0")]],
      ["devices", new UUID(DEVICE), { name: "tv" }, [DEVICE, DEVICE.replaceAll("-", "").toUpperCase()]],
      ["legacy", new ObjectId("65a1b2c3d4e5f60718293a4b"), { name: "old" }, ["65a1b2c3d4e5f60718293a4b"]]
    ]
    for (const [store, id, fields, others] of cases) {
      shop.write({ kind: "insert", store, documents: [{ ...fields, _id: id }] })
      for (const [index, key] of [id, ...others].entries()) {
        const found = [
          shop.read({ kind: "find", store, filter: { op: "eq", path: "_id", value: key } }),
          shop.read({ kind: "find", store, filter: { op: "in", path: "_id", values: [key, key] } })
        ]
        for (const rows of found) assert.strictEqual((rows as ReadonlyArray<unknown>).length, 1, `${store} by ${key}`)
        const isInteger = store === "counters" && index === 3
        if (!isInteger) assert.isDefined(shop.read({ kind: "get", store, key }), `${store} get ${key}`)
      }
    }
  })

  it("finds nothing for a value that can be no id", () => {
    const shop = new Shop({}, 3)
    for (const key of ["x", 5, null, "8190a5c2d7f08d3a8c1e5b6f7a8b9c0d"]) {
      assert.isUndefined(shop.read({ kind: "get", store: "orders", key }))
      assert.deepStrictEqual(shop.read({ kind: "find", store: "orders", filter: { op: "eq", path: "_id", value: key } }), [])
    }
    assert.strictEqual(shop.read({ kind: "count", store: "orders", filter: { op: "ne", path: "_id", value: "x" } }), 3)
  })

  it("is all or nothing, and names the document, the field and the reason", () => {
    const shop = new Shop({}, 2)
    const transaction = shop.database.engine.transact()
    const good = { ...order(7) }
    const bad = { ...order(8), count: "many", extra: 1 }
    const refused = reasonOf(() => shop.writeIn(transaction, { kind: "insert", store: "orders", documents: [good, bad] }))
    assert.deepInclude(refused, { _tag: "InvalidDocument", store: "orders", index: 1 })
    assert.deepStrictEqual(
      (refused["issues"] as ReadonlyArray<{ pointer: string; code: string }>).map(({ code, pointer }) => `${pointer} ${code}`).toSorted(),
      ["/count type", "/extra unknown_field"]
    )
    const twice = reasonOf(() => shop.writeIn(transaction, { kind: "insert", store: "orders", documents: [good, order(1)] }))
    assert.deepInclude(twice, { _tag: "DuplicateKey", store: "orders", key: String(keyNumber(1)) })
    assert.strictEqual(shop.readIn(transaction, { kind: "count", store: "orders" }), 2)
    transaction.rollback()
    assert.strictEqual(reasonOf(() => shop.write({ kind: "insert", store: "nothing", documents: [{}] }))._tag, "UnknownStore")
  })
})

describe("get and getMany", () => {
  it("answers a get without bytes as one with them: by key, by text, of other stores, with a select, of nothing", () => {
    const shop = new Shop({}, 5)
    shop.write({ kind: "insert", store: "categories", documents: [{ _id: "pizza", name: "Pizza", rank: 1 }] })
    const gets: ReadonlyArray<readonly [number, Omit<Get, "kind">]> = [
      [1, { store: "orders", key: keyNumber(2) }],
      [0, { store: "orders", key: keyNumber(9) }],
      [1, { store: "orders", key: String(keyNumber(3)) }],
      [0, { store: "orders", key: 5 }],
      [1, { store: "orders", key: keyNumber(4), select: ["count", "lines.0.sku"] }],
      [1, { store: "orders", key: keyNumber(4), omit: ["lines"] }],
      [1, { store: "categories", key: "pizza" }],
      [0, { store: "categories", key: keyNumber(2) }],
      [0, { store: "devices", key: keyNumber(2) }]
    ]
    const snapshot = shop.database.engine.snapshot()
    const textOf = (rows: RowList): string | undefined => {
      const sink = new ByteSink()
      if (rows.count > 0) writeRowJson(sink, rows, 0)
      return rows.count > 0 ? sink.toText() : undefined
    }
    const rows = new RowList()
    for (const [count, of] of gets) {
      const statement: Get = { kind: "get", ...of }
      assert.strictEqual(shop.executor.getRow(snapshot, encodeStatement(statement), 0, rows), count === 1)
      const expected = textOf(rows)
      assert.strictEqual(shop.executor.getRowOf(snapshot, statement, rows), count === 1)
      assert.strictEqual(rows.count, count)
      assert.strictEqual(textOf(rows), expected)
    }
    const unknown = reasonOf(() => shop.executor.getRowOf(snapshot, { kind: "get", store: "nothing", key: keyNumber(1) }, rows))
    assert.deepInclude(unknown, { _tag: "UnknownStore", store: "nothing" })
    snapshot.close()
  })

  it("give documents as they lie, and say what is missing", () => {
    const shop = new Shop({}, 5)
    const snapshot = shop.database.engine.snapshot()
    const view = new DocumentView()
    assert.isTrue(shop.executor.get(snapshot, encode({ store: "orders", key: keyNumber(2) }), 0, view))
    assert.strictEqual(view.length, new DataView(view.bytes.buffer, view.bytes.byteOffset).getInt32(view.at, true))
    assert.isFalse(shop.executor.get(snapshot, encode({ store: "orders", key: keyNumber(9) }), 0, view))
    const selecting = encodeStatement({ kind: "get", store: "orders", key: keyNumber(2), select: ["count"] })
    assert.strictEqual(reasonOf(() => shop.executor.get(snapshot, selecting, 0, view))._tag, "InvalidStatement")
    const rows = new RowList()
    shop.executor.getMany(snapshot, encode({ store: "orders", keys: [keyNumber(4), keyNumber(9), String(keyNumber(0)), 5] }), 0, rows)
    assert.deepStrictEqual(
      Array.from({ length: rows.count }, (_, row) => rows.at(row) >= 0),
      [true, false, true, false]
    )
    const sink = new ByteSink()
    writeRowJson(sink, rows, 1)
    assert.strictEqual(sink.toText(), "null")
    assert.strictEqual(
      reasonOf(() => shop.executor.getMany(snapshot, encode({ store: "orders", keys: 5 }), 0, rows))._tag,
      "InvalidStatement"
    )
    assert.strictEqual(
      reasonOf(() => shop.executor.getMany(snapshot, encode({ store: "orders", key: 5 }), 0, rows))._tag,
      "InvalidStatement"
    )
    snapshot.close()
  })
})

describe("replace and upsert", () => {
  it("put a document in the place of the one with its id", () => {
    const shop = new Shop({}, 2)
    const changed = { ...order(1), customer: "new" }
    assert.deepStrictEqual(shop.write({ kind: "replace", store: "orders", document: changed }), { matched: 1, modified: 1 })
    assert.deepStrictEqual(shop.write({ kind: "replace", store: "orders", document: changed }), { matched: 1, modified: 0 })
    assert.deepStrictEqual(shop.write({ kind: "replace", store: "orders", document: order(5) }), { matched: 0, modified: 0 })
    assert.strictEqual(shop.read("orders.filter(customer = 'new').count()"), 1)
    assert.strictEqual(shop.read("orders.filter(customer = 'customer-1').count()"), 0)
    assert.deepStrictEqual(shop.write({ kind: "upsert", store: "orders", document: order(5) }), { matched: 0, modified: 0 })
    assert.deepStrictEqual(shop.write({ kind: "upsert", store: "orders", document: { ...order(5), count: 9 } }), {
      matched: 1,
      modified: 1
    })
    assert.deepStrictEqual(shop.write({ kind: "upsert", store: "orders", document: { ...order(5), count: 9 } }), {
      matched: 1,
      modified: 0
    })
    assert.strictEqual(shop.read("orders.count()"), 3)
    const { _id, ...withoutId } = order(1)
    assert.strictEqual(reasonOf(() => shop.write({ kind: "replace", store: "orders", document: withoutId }))._tag, "InvalidDocument")
    assert.strictEqual(
      reasonOf(() => shop.write({ kind: "upsert", store: "orders", document: { _id: _id ?? null } }))._tag,
      "InvalidDocument"
    )
  })
})

describe("update and delete", () => {
  it("report what they matched and changed, and keep indexes right", () => {
    const shop = new Shop({}, 30)
    assert.deepStrictEqual(
      shop.write(
        "orders.filter(customer = 'customer-3').set({ status: 'paid', \"address.city\": 'Berlin' }).inc({ count: 2 }).unset(note)"
      ),
      {
        matched: 3,
        modified: 3
      }
    )
    assert.deepStrictEqual(shop.write("orders.filter(customer = 'customer-3').set({ status: 'paid' })"), { matched: 3, modified: 0 })
    assert.strictEqual(shop.read("orders.filter(customer = 'customer-3' and status = 'paid').count()"), 3)
    assert.strictEqual(shop.read("orders.filter(address.city = 'Berlin' and count = 3).count()"), 3)
    assert.strictEqual(shop.write("orders.filter(customer in ['customer-3', 'customer-4'] and status = 'paid').delete()"), 4)
    assert.strictEqual(shop.read("orders.filter(customer = 'customer-3').count()"), 0)
    assert.strictEqual(shop.write("orders.delete()"), 26)
    assert.strictEqual(shop.read("orders.count()"), 0)
  })

  it("see the state as of their own start, not what they write themselves", () => {
    const shop = new Shop({}, 40)
    // Every change moves the document forward in the very index that finds it.
    assert.deepStrictEqual(shop.write("orders.filter(total >= decimal '0').inc({ total: decimal '10' })"), { matched: 40, modified: 40 })
    assert.strictEqual(shop.read("orders.filter(total between decimal '10' and decimal '17').count()"), 40)
  })

  it("change one document by its key", () => {
    const shop = new Shop({}, 5)
    const transaction = shop.database.engine.transact()
    assert.deepStrictEqual(
      shop.executor.update(transaction, encode({ store: "orders", key: String(keyNumber(2)), set: { count: 7 } }), 0),
      { matched: 1, modified: 1 }
    )
    assert.deepStrictEqual(shop.executor.update(transaction, encode({ store: "orders", key: keyNumber(77), set: { count: 7 } }), 0), {
      matched: 0,
      modified: 0
    })
    assert.strictEqual(shop.executor.delete(transaction, encode({ store: "orders", key: keyNumber(2) }), 0), 1)
    assert.strictEqual(shop.executor.delete(transaction, encode({ store: "orders", key: keyNumber(2) }), 0), 0)
    transaction.rollback()
  })

  it("undo themselves when one document does not fit, and leave the transaction usable", () => {
    const shop = new Shop({}, 10)
    const transaction = shop.database.engine.transact()
    const before = shop.readIn(transaction, { kind: "find", store: "orders" })
    const refused = reasonOf(() => shop.writeIn(transaction, { kind: "update", store: "orders", set: { "lines.0.quantity": 0 } }))
    assert.strictEqual(refused._tag, "InvalidDocument")
    assert.strictEqual((refused["issues"] as ReadonlyArray<{ pointer: string }>)[0]?.pointer, "/lines/0/quantity")
    assert.strictEqual(
      reasonOf(() => shop.writeIn(transaction, { kind: "update", store: "orders", inc: { customer: 1 } }))._tag,
      "InvalidUpdate"
    )
    assert.strictEqual(
      reasonOf(() => shop.writeIn(transaction, { kind: "update", store: "orders", inc: { count: 2147483647 } }))._tag,
      "InvalidDocument"
    )
    assert.strictEqual(
      reasonOf(() => shop.writeIn(transaction, { kind: "update", store: "orders", unset: ["customer"] }))._tag,
      "InvalidDocument"
    )
    assert.deepStrictEqual(shop.readIn(transaction, { kind: "find", store: "orders" }), before)
    assert.deepStrictEqual(shop.writeIn(transaction, { kind: "update", store: "orders", set: { count: 5 } }), { matched: 10, modified: 10 })
    transaction.rollback()
  })
})

describe("plans that are used again", () => {
  it("take the values of each run, of whatever kind they are", () => {
    const shop = new Shop({}, 60)
    for (let round = 0; round < 3; round++) {
      for (const customer of [3, 7, 99]) {
        const count = Array.from({ length: 60 }, (_, n) => n).filter((n) => n % 10 === customer && n % 3 !== 1).length
        const given = { customer: `customer-${customer}`, status: "paid", limit: round + 1 }
        assert.strictEqual(shop.read("orders.filter(customer = $customer and status != $status).count()", given), count)
        const rows = shop.read("orders.filter(customer = $customer and status != $status).limit($limit)", given)
        assert.strictEqual((rows as ReadonlyArray<unknown>).length, Math.min(round + 1, count))
      }
    }
    assert.strictEqual(shop.read("orders.filter(count between 1 and 2).count()"), 60)
    const pairs: ReadonlyArray<ReadonlyArray<number>> = [[1], [1, 2, 3], []]
    for (const pair of pairs) {
      const bytes = encode({ store: "orders", filter: { count: { $between: pair } } })
      assert.strictEqual(reasonOf(() => shop.executor.count(shop.database.engine.snapshot(), bytes, 0))._tag, "InvalidStatement")
    }
    const negative = encode({ store: "orders", filter: { customer: "x", status: { $ne: "y" } }, limit: -1 })
    assert.strictEqual(reasonOf(() => shop.executor.find(shop.database.engine.snapshot(), negative, 0, shop.rows))._tag, "InvalidStatement")
  })
})

describe("what a plan remembers", () => {
  it("is not taken for the values of another run", () => {
    const shop = new Shop({}, 12)
    for (const seller of ["0190a5c2d7f07d3a8c1e5b6f7a8b9c0d", "0190a5c2d7f07d3a8c1e5b6f7a8b9c0e"]) {
      shop.write({
        kind: "update",
        store: "orders",
        filter: { op: "eq", path: "customer", value: "customer-1" },
        set: { seller: parseKey(seller), note: seller }
      })
      // Text that is a key, text as long as the key's bytes that is none, shorter text, and the same again.
      for (const [value, count] of [
        [seller, 2],
        ["x".repeat(16), 0],
        ["short", 0],
        [seller, 2]
      ] as const) {
        assert.strictEqual(shop.read("orders.filter(not (seller != $value)).count()", { value }), count)
        assert.strictEqual(shop.read("orders.filter(not (note != $value and note != $other)).count()", { value, other: "y" }), count)
        assert.strictEqual(
          shop.read("orders.filter(not (note != $other and note != $value)).count()", { value, other: "longer than that" }),
          count
        )
      }
    }
  })

  it("is told apart from a plan whose shape has the same hash", () => {
    const [one, two] = collidingFields()
    const shop = new Shop({}, 9)
    const definition = {
      name: "wide",
      idKind: "int" as const,
      schema: { [one]: { type: "int" as const }, [two]: { type: "int" as const } },
      indexes: []
    }
    shop.database.engine.define([definition])
    shop.database.settle()
    shop.write({ kind: "insert", store: "wide", documents: [{ _id: 1, [one]: 1, [two]: 2 }] })
    for (let round = 0; round < 3; round++) {
      for (const [field, value] of [
        [one, 1],
        [two, 2]
      ] as const) {
        assert.strictEqual(shop.read({ kind: "count", store: "wide", filter: { op: "eq", path: field, value } }), 1)
        assert.strictEqual(shop.read({ kind: "count", store: "wide", filter: { op: "eq", path: field, value: 3 - value } }), 0)
      }
    }
  })

  it("does not let a hash of an id stand for the id", () => {
    const shop = new Shop()
    shop.write("categories.insert({ _id: 'pizza', name: 'Pizza', rank: 1 })")
    const snapshot = shop.database.engine.snapshot()
    const categories = shop.database.engine.store("categories")!
    const pizza = keyOf("string", 2, encode({ "": "pizza" }), 6)
    // A reader under which every id has the key of "pizza".
    const colliding: Reader = {
      lsn: snapshot.lsn,
      get: (store, _key, _at, out) => snapshot.get(store, pizza, 0, out),
      find: (store, _key, _at, out) => snapshot.find(store, pizza, 0, out),
      read: (out) => snapshot.read(out),
      documents: (...range) => snapshot.documents(...range),
      entries: (...range) => snapshot.entries(...range),
      size: (tree) => snapshot.size(tree)
    }
    const found = (id: string): boolean => getById(colliding, categories, encode({ "": id }), 2, 6, new DocumentView())
    assert.deepStrictEqual([found("pizza"), found("pasta")], [true, false])
    const rows = new RowList()
    shop.executor.find(colliding, encode({ store: "categories", filter: { _id: "pasta" } }), 0, rows)
    assert.strictEqual(rows.count, 0)
    snapshot.close()
  })

  it("is bounded, and plans are made again when they were forgotten", () => {
    const shop = new Shop({}, 5)
    for (let round = 0; round < 2; round++) {
      for (let shape = 0; shape < PLANS_MAX + 50; shape++) {
        assert.strictEqual(shop.read({ kind: "count", store: "orders", filter: { op: "ne", path: `unknown${shape}`, value: 1 } }), 5)
      }
    }
  })
})

/** Two names of fields, of one length, that give filters on them shapes with the same hash. */
function collidingFields(): readonly [string, string] {
  const shape = new Shape()
  const seen = new Map<number, string>()
  const statement = Buffer.from(encodeStatement({ kind: "count", store: "wide", filter: { op: "eq", path: "f000000", value: 1 } }))
  const nameAt = statement.indexOf("f000000")
  for (let number = 0; ; number++) {
    const name = `f${number.toString(36).padStart(6, "0")}`
    statement.write(name, nameAt, "latin1")
    shape.scan(2, statement, 0)
    const other = seen.get(shape.hash)
    if (other !== undefined) return [other, name]
    seen.set(shape.hash, name)
  }
}

describe("limit, skip and select", () => {
  it("take the rows they name", () => {
    const shop = new Shop({}, 10)
    assert.strictEqual(
      shop.json("orders.orderBy(_id, desc).skip(2).limit(2).select(count)"),
      `[{"_id":"${keyNumber(7)}","count":1},{"_id":"${keyNumber(6)}","count":1}]`
    )
    assert.strictEqual(shop.json("orders.limit(0)"), "[]")
    assert.strictEqual(shop.json("orders.skip(10)"), "[]")
    assert.strictEqual(shop.read("orders.skip(4).limit(3).count()"), 3)
    assert.strictEqual(shop.read("orders.skip(8).limit(3).count()"), 2)
    assert.strictEqual(shop.read("orders.skip(20).count()"), 0)
  })

  it("keep nesting, order and place of what is selected", () => {
    const shop = new Shop({}, 2)
    assert.deepStrictEqual(shop.read("orders.select(lines.sku, customer, nothing.below, customer.below).limit(1)"), [
      { _id: keyNumber(0), customer: "customer-0", lines: [{ sku: "sku-0" }] }
    ])
    assert.deepStrictEqual(shop.read("orders.select(lines, lines.sku).limit(1)"), [
      { _id: keyNumber(0), lines: [{ sku: "sku-0", quantity: 1 }] }
    ])
    assert.deepStrictEqual(shop.read("orders.get(key 00000000000070000000000000000000).select(_id)"), { _id: keyNumber(0) })
  })
})

describe("budgets", () => {
  const cases: ReadonlyArray<readonly [keyof QueryLimits, number, string]> = [
    ["scannedMax", 20, "orders.filter(note = 'x')"],
    ["scannedMax", 20, "orders.filter(customer in ['customer-1', 'customer-2', 'customer-3']).count()"],
    ["rowsMax", 20, "orders"],
    ["rowsBytesMax", 3000, "orders"],
    ["sortBytesMax", 1000, "orders.filter(total > decimal '0')"]
  ]
  for (const [budget, limit, text] of cases) {
    it(`ends ${text} beyond ${budget} with its name`, () => {
      const shop = new Shop({}, 100)
      shop.limit({ [budget]: limit })
      const refused = reasonOf(() => shop.read(text))
      assert.deepInclude(refused, { _tag: "BudgetExceeded", budget, limit, store: "orders" })
      // What is within the budget is answered, by the same executor.
      assert.strictEqual((shop.read("orders.limit(3)") as ReadonlyArray<unknown>).length, 3)
    })
  }

  it("names the index that is missing, as far as one would help", () => {
    const shop = new Shop({ scannedMax: 20 }, 100)
    const missing = (text: string): unknown => reasonOf(() => shop.read(text))["missingIndex"]
    assert.deepStrictEqual(missing("orders.filter(note = 'x' and count > 5)"), ["note", "count"])
    assert.deepStrictEqual(missing("orders.filter(note = 'x' and lines.sku = 'a').orderBy(weight, desc)"), ["note", "lines.sku", "-weight"])
    assert.deepStrictEqual(missing("orders.orderBy(big)"), ["big"])
    assert.isUndefined(missing("orders.filter(lines.sku = 'a' or note = 'x')"))
    assert.isUndefined(missing("orders.filter(total > decimal '0').count()"))
    assert.match(
      String(reasonOf(() => shop.read("orders.filter(note = 'x')"))["message"]),
      /more than 20 documents of orders; an index on note would help/
    )
  })

  it("ends getMany of too many keys", () => {
    const shop = new Shop({ rowsMax: 3 }, 5)
    const keys = [0, 1, 2, 3].map((n) => keyNumber(n))
    const snapshot = shop.database.engine.snapshot()
    assert.deepInclude(
      reasonOf(() => shop.executor.getMany(snapshot, encode({ store: "orders", keys }), 0, shop.rows)),
      { _tag: "BudgetExceeded", budget: "rowsMax" }
    )
    shop.executor.getMany(snapshot, encode({ store: "orders", keys: keys.slice(1) }), 0, shop.rows)
    assert.strictEqual(shop.rows.count, 3)
  })

  it("ends a write that matches too much, with nothing changed", () => {
    const shop = new Shop({ rowsMax: 20 }, 20)
    shop.write({ kind: "insert", store: "orders", documents: [order(50)] })
    assert.strictEqual(reasonOf(() => shop.write("orders.set({ count: 5 })"))._tag, "BudgetExceeded")
    assert.strictEqual(shop.read("orders.filter(count = 5).count()"), 0)
  })

  it("walks fewer, longer ranges when in has more combinations than it may open", () => {
    const shop = new Shop({ rangesMax: 4 }, 60)
    const text = "orders.filter(customer in ['customer-1', 'customer-2', 'customer-3'] and status in ['paid', 'pending']).count()"
    assert.strictEqual(shop.read(text), new Shop({}, 60).read(text))
  })
})
