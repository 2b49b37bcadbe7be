import { assert, describe, it } from "@effect/vitest"
import { decode, encode, type Value } from "../../src/Bson/Value.ts"
import { Fault } from "../../src/Fault/Fault.ts"
import type { Find, Order } from "../../src/Query/Ast.ts"
import { Executor } from "../../src/Query/Executor.ts"
import { Finder } from "../../src/Query/Finder.ts"
import { CURSOR_LENGTH_MAX, PageCursors } from "../../src/Query/PageCursor.ts"
import { planWith } from "../../src/Query/PlanCompiler.ts"
import { describeCandidate } from "../../src/Query/Planner.ts"
import { DEFAULT_QUERY_LIMITS, type QueryLimits } from "../../src/Query/Reasons.ts"
import { RowList } from "../../src/Query/RowList.ts"
import { encodeStatement } from "../../src/Query/StatementBson.ts"
import { openDatabase } from "../Storage/Database.ts"
import { Random } from "../Storage/Random.ts"
import { find, keyNumber } from "./Model.ts"
import { Shop } from "./Shop.ts"
import { INDEXED, randomDocument, randomFind } from "./Things.ts"

const SECRET = new Uint8Array(16).fill(3)
const plainJson = (_name: string, value: unknown): unknown => (typeof value === "bigint" ? `${value}n` : value)

/** The reason of the fault that `work` throws. */
function reasonOf(work: () => unknown): Record<string, unknown> {
  try {
    work()
  } catch (error) {
    if (error instanceof Fault) return error.reason as unknown as Record<string, unknown>
    throw error
  }
  throw new Error("nothing was refused")
}

describe("pages", () => {
  it("together are the whole answer in its order, whichever plan gives each of them", () => {
    const random = new Random(11)
    const database = openDatabase({ seed: 11, limits: { snapshotTimeoutMs: 1_000_000 } })
    database.engine.define([INDEXED])
    database.settle()
    const executor = new Executor({ store: (name) => database.engine.store(name) })
    const documents = Array.from({ length: 100 }, (_, number) => randomDocument(random, number))
    const transaction = database.engine.transact()
    executor.insert(transaction, encodeStatement({ kind: "insert", store: INDEXED.name, documents }), 0, new RowList())
    transaction.commit()
    database.settle()
    const reader = database.engine.snapshot()
    const cursors = new PageCursors(SECRET)
    const finder = new Finder((name) => database.engine.store(name)!, DEFAULT_QUERY_LIMITS, { cursors })
    const taken = new Set<string>()
    for (let round = 0; round < 60; round++) {
      const { limit: _limit, skip: _skip, ...query } = randomFind(random)
      const expected = find(documents, query).map((document) => String(document["_id"]))
      const size = 1 + random.below(20)
      const rows = new RowList()
      const seen: Array<string> = []
      let after: string | undefined
      do {
        const statement = encodeStatement({
          kind: "find",
          store: INDEXED.name,
          ...query,
          limit: size,
          ...(after === undefined ? {} : { after })
        })
        const plan = finder.plans.take("find", statement, 0)
        const candidate = random.pick(plan.candidates)
        taken.add(`${candidate.access.kind} ${candidate.ordering}`)
        const hasMore = finder.findPage(reader, planWith(plan, candidate), rows)
        for (let row = 0; row < rows.count; row++) seen.push(String(decode(rows.bytes(row), rows.at(row))["_id"]))
        const last = rows.count - 1
        assert.isAtMost(rows.count, size)
        after = hasMore ? cursors.write(plan, rows.bytes(last), rows.at(last)) : undefined
        assert.isAtMost(seen.length, expected.length, `${JSON.stringify(query, plainJson)} by ${describeCandidate(candidate)}`)
      } while (after !== undefined)
      assert.deepStrictEqual(seen, expected, JSON.stringify(query, plainJson))
    }
    for (const way of ["scan walk", "scan sort", "index walk", "index ties", "index keys", "index sort"]) assert.isTrue(taken.has(way), way)
  })

  it("show what stays where it was exactly once while other documents come and go", () => {
    const random = new Random(5)
    const shop = new Shop({}, 120)
    const orderBy: ReadonlyArray<Order> = [
      { path: "status", direction: "asc" },
      { path: "placedAt", direction: "desc" }
    ]
    const steady = (shop.read({ kind: "find", store: "orders", orderBy }) as ReadonlyArray<Record<string, Value>>).map((row) =>
      String(row["_id"])
    )
    const kept = new Set(steady)
    const seen: Array<string> = []
    let after: string | undefined
    do {
      const statement: Find = { kind: "find", store: "orders", orderBy, limit: 7, ...(after === undefined ? {} : { after }) }
      const snapshot = shop.database.engine.snapshot()
      after = shop.executor.findPage(snapshot, encodeStatement(statement), 0, shop.rows)
      for (let row = 0; row < shop.rows.count; row++) seen.push(String(decode(shop.rows.bytes(row), shop.rows.at(row))["_id"]))
      snapshot.close()
      const gone = steady[random.below(steady.length)]!
      kept.delete(gone)
      shop.write("orders.delete($id)", { id: gone })
      shop.write({ kind: "insert", store: "orders", documents: [{ ...orderLike(random.below(200)), _id: keyNumber(1000 + seen.length) }] })
    } while (after !== undefined)
    assert.strictEqual(new Set(seen).size, seen.length)
    for (const id of kept) assert.isTrue(seen.includes(id))
  })

  it("begin at their place in an index instead of reading everything before it", () => {
    const shop = new Shop({}, 200)
    shop.limit({ scannedMax: 20 })
    let pages = 0
    let after: string | undefined
    do {
      const statement: Find = {
        kind: "find",
        store: "orders",
        filter: { op: "eq", path: "status", value: "paid" },
        orderBy: [{ path: "placedAt", direction: "desc" }],
        limit: 5,
        ...(after === undefined ? {} : { after })
      }
      const snapshot = shop.database.engine.snapshot()
      after = shop.executor.findPage(snapshot, encodeStatement(statement), 0, shop.rows)
      snapshot.close()
      pages++
    } while (after !== undefined)
    assert.strictEqual(pages, 14)
  })

  it("end where a reply has no room for more rows, and go on behind that", () => {
    const shop = new Shop({ rowsMax: 30 }, 100)
    const snapshot = shop.database.engine.snapshot()
    const sizes: Array<number> = []
    let after: string | undefined
    do {
      after = shop.executor.findPage(
        snapshot,
        encodeStatement({ kind: "find", store: "orders", ...(after === undefined ? {} : { after }) }),
        0,
        shop.rows
      )
      sizes.push(shop.rows.count)
    } while (after !== undefined)
    assert.deepStrictEqual(sizes, [30, 30, 30, 10])
    snapshot.close()
  })

  it("refuse cursors that were changed, made elsewhere, or are of another order or store", () => {
    const shop = new Shop({}, 20)
    const snapshot = shop.database.engine.snapshot()
    const page = (statement: Omit<Find, "kind">, executor = shop.executor): string | undefined =>
      executor.findPage(snapshot, encodeStatement({ kind: "find", ...statement }), 0, new RowList())
    const byTotal = { store: "orders", orderBy: [{ path: "total", direction: "asc" as const }], limit: 5 }
    const cursor = page(byTotal)!
    assert.isString(page({ ...byTotal, after: cursor }))
    const other = cursor.slice(0, 30) + (cursor[30] === "A" ? "B" : "A") + cursor.slice(31)
    const refusals: ReadonlyArray<readonly [Omit<Find, "kind">, string]> = [
      [{ ...byTotal, after: other }, "the cursor was not made by this database"],
      [{ ...byTotal, after: "" }, "this is no cursor"],
      [{ ...byTotal, after: "no cursor!" }, "this is no cursor"],
      [{ ...byTotal, after: "A".repeat(CURSOR_LENGTH_MAX + 1) }, "this is no cursor"],
      [{ store: "orders", limit: 5, after: cursor }, "the cursor is of rows in another order, or of another store"],
      [
        { ...byTotal, orderBy: [{ path: "total", direction: "desc" }], after: cursor },
        "the cursor is of rows in another order, or of another store"
      ]
    ]
    for (const [statement, message] of refusals)
      assert.deepInclude(
        reasonOf(() => page(statement)),
        { _tag: "InvalidCursor", message }
      )
    const stranger = new Executor({ store: (name) => shop.database.engine.store(name), cursorSecret: SECRET })
    assert.deepInclude(
      reasonOf(() => page({ ...byTotal, after: cursor }, stranger)),
      { _tag: "InvalidCursor" }
    )
    assert.deepInclude(
      reasonOf(() => shop.executor.find(snapshot, encode({ store: "orders", after: 5 }), 0, new RowList())),
      {
        _tag: "InvalidStatement",
        path: "after"
      }
    )
    snapshot.close()
  })
})

const orderLike = (number: number): Record<string, Value> => ({
  customer: "new",
  status: (["pending", "paid", "cancelled"] as const)[number % 3]!,
  total: 1,
  placedAt: new Date(1_700_000_000_000 + (number % 20) * 1000)
})

describe("budgets", () => {
  const broken = (limits: Partial<QueryLimits>, text: string): Record<string, unknown> => {
    const shop = new Shop({}, 200)
    shop.limit(limits)
    return reasonOf(() => shop.read(text))
  }

  it("name themselves and the index that is missing", () => {
    assert.deepInclude(broken({ scannedMax: 50 }, "orders.filter(note = 'x').orderBy(placedAt desc)"), {
      _tag: "BudgetExceeded",
      budget: "scannedMax",
      missingIndex: ["note", "-placedAt"],
      message: "the statement would look at more than 50 documents of orders; an index on note, -placedAt would help"
    })
    assert.deepInclude(broken({ rowsMax: 50 }, "orders.limit(60)"), { budget: "rowsMax", limit: 50 })
    assert.deepInclude(broken({ rowsBytesMax: 1000 }, "orders.limit(60)"), { budget: "rowsBytesMax" })
  })

  it("end a statement that takes too long", () => {
    const shop = new Shop({}, 3000)
    let nowMs = 0
    const executor = new Executor({
      store: (name) => shop.database.engine.store(name),
      now: () => (nowMs += 30),
      limits: { elapsedMsMax: 50 }
    })
    const snapshot = shop.database.engine.snapshot()
    const slow = (): number =>
      executor.count(snapshot, encodeStatement({ kind: "count", store: "orders", filter: { op: "eq", path: "count", value: 7 } }), 0)
    assert.deepInclude(reasonOf(slow), {
      _tag: "BudgetExceeded",
      budget: "elapsedMsMax",
      limit: 50,
      missingIndex: ["count"],
      message: "the statement would take more than 50 ms; an index on count would help"
    })
    snapshot.close()
  })
})
