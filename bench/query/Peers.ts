/** Planck, node:sqlite with JSON columns and the same indexes, and mingo on ready objects. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { Query as MingoQuery } from "mingo"
import { ByteSink } from "../../src/Bson/ByteSink.ts"
import { parseKey } from "../../src/Bson/Key.ts"
import * as Planck from "../../src/Planck.ts"
import type { Find, Get, Statement } from "../../src/Query/Ast.ts"
import { Finder } from "../../src/Query/Finder.ts"
import { KeptJson } from "../../src/Query/KeptJson.ts"
import { DEFAULT_QUERY_LIMITS } from "../../src/Query/Reasons.ts"
import { RowList } from "../../src/Query/RowList.ts"
import { writeRowJson, writeRowsJson } from "../../src/Query/Rows.ts"
import { encodeStatement, withStatement } from "../../src/Query/StatementBson.ts"
import { CUSTOMERS, customerDocument, listKey, order, orderId, type QueryPeer } from "./Orders.ts"

const BATCH = 1000

const STORES: ReadonlyArray<Planck.StoreDefinition> = [
  {
    name: "orders",
    idKind: "key",
    schema: {
      customer: { type: "string" },
      status: { type: "string" },
      total: { type: "int" },
      quantity: { type: "int" },
      placedAt: { type: "date" },
      note: { type: "string" }
    },
    indexes: [
      {
        name: "byCustomer",
        on: [
          { path: "customer", direction: "asc" },
          { path: "status", direction: "asc" },
          { path: "placedAt", direction: "desc" }
        ]
      }
    ]
  },
  { name: "customers", idKind: "string", schema: { name: { type: "string" }, city: { type: "string" } }, indexes: [] }
]

export interface PlanckPeer extends QueryPeer {
  /** Microseconds of reading a statement and finding its plan, when its shape is known. */
  readonly planMicros: () => number
  /** The same, but nothing is kept of an answer that was made before. */
  readonly anew: QueryPeer
}

/** Planck with `count` orders on this machine's disk. */
export async function planckPeer(count: number): Promise<PlanckPeer> {
  const directory = mkdtempSync(join(tmpdir(), "planck-bench-query-"))
  const scope = Effect.runSync(Scope.make())
  const context = await Effect.runPromise(Layer.buildWithScope(Planck.layer({ directory, stores: STORES }), scope))
  const query = Context.get(context, Planck.Query)
  const { engine } = Context.get(context, Planck.Storage)
  const stored = (n: number): Record<string, unknown> => ({
    ...order(n),
    _id: parseKey(orderId(n)),
    placedAt: new Date(order(n).placedAt)
  })
  for (let n = 0; n < count; n += BATCH) {
    const documents = Array.from({ length: Math.min(BATCH, count - n) }, (_, index) => stored(n + index))
    await Effect.runPromise(query.transact((transaction) => transaction.insert("orders", documents as never)))
  }
  await Effect.runPromise(
    query.transact((transaction) =>
      transaction.insert(
        "customers",
        Array.from({ length: CUSTOMERS }, (_, n) => ({ ...customerDocument(n) }))
      )
    )
  )
  await Effect.runPromise(Context.get(context, Planck.Storage).flush)
  const { executor } = query
  const rows = new RowList()
  const sink = new ByteSink()
  /** Everything done anew, and nothing looked up that was answered before. */
  const anew = (statement: Statement): Buffer => withStatement(statement, (bytes) => anewOf(statement, bytes))
  const anewOf = (statement: Statement, bytes: Uint8Array): Buffer => {
    const snapshot = engine.snapshot()
    try {
      sink.reset()
      if (statement.kind === "get") {
        executor.getRow(snapshot, bytes, 0, rows)
        writeRowJson(sink, rows, 0)
      } else {
        executor.rows(snapshot, bytes, 0, rows)
        writeRowsJson(sink, rows)
      }
      return Buffer.from(sink.bytes.subarray(0, sink.length))
    } finally {
      snapshot.close()
    }
  }
  /** What is behind `Query.json`. */
  const kept = new KeptJson(engine, executor, DEFAULT_QUERY_LIMITS.resultCacheBytesMax)
  const asked = (statement: Find | Get): Buffer => kept.json(statement) as Buffer
  const listOf = (n: number): Find => {
    const { customer, status } = listKey(n)
    const of = [
      { op: "eq", path: "customer", value: customer },
      { op: "eq", path: "status", value: status }
    ] as const
    return { kind: "find", store: "orders", filter: { op: "and", of }, orderBy: [{ path: "placedAt", direction: "desc" }], limit: 20 }
  }
  const lookup = [{ store: "customers", local: "customer", foreign: "_id", as: "buyer" }]
  const getOf = (n: number): Get => ({ kind: "get", store: "orders", key: parseKey(orderId(n)) })
  const lookupOf = (n: number): Find => {
    const filter = { op: "ge", path: "_id", value: parseKey(orderId(n)) } as const
    return { kind: "find", store: "orders", filter, limit: 20, lookup }
  }
  return {
    name: "planck",
    list: (n) => asked(listOf(n)),
    scan: (quantity, total) => {
      const snapshot = engine.snapshot()
      const of = [
        { op: "gt", path: "quantity", value: quantity },
        { op: "lt", path: "total", value: total }
      ] as const
      const found = executor.count(snapshot, encodeStatement({ kind: "count", store: "orders", filter: { op: "and", of } }), 0)
      snapshot.close()
      return found
    },
    group: () =>
      anew({
        kind: "aggregate",
        store: "orders",
        groupBy: ["customer"],
        aggregates: { total: { operator: "sum", path: "total" } }
      }).toString(),
    get: (n) => asked(getOf(n)),
    update: (n, status) =>
      Effect.runPromise(
        query.transact((transaction) => {
          transaction.update({
            kind: "update",
            store: "orders",
            filter: { op: "eq", path: "_id", value: parseKey(orderId(n)) },
            set: { status }
          })
        })
      ),
    lookup: (n) => asked(lookupOf(n)),
    anew: {
      name: "planck, anew",
      list: (n) => anew(listOf(n)),
      get: (n) => anew(getOf(n)),
      lookup: (n) => anew(lookupOf(n)),
      close: () => {}
    },
    planMicros: () => {
      const { plans } = new Finder((name) => engine.store(name)!, DEFAULT_QUERY_LIMITS)
      const statements = Array.from({ length: 1000 }, (_, n) => encodeStatement(listOf(n)))
      const snapshot = engine.snapshot()
      for (const bytes of statements) plans.take("find", bytes, 0, snapshot)
      const rounds = 100
      const startedMs = performance.now()
      for (let round = 0; round < rounds; round++) for (const bytes of statements) plans.take("find", bytes, 0, snapshot)
      const micros = ((performance.now() - startedMs) * 1000) / (rounds * statements.length)
      snapshot.close()
      return micros
    },
    close: async () => {
      await Effect.runPromise(Scope.close(scope, Exit.void))
      rmSync(directory, { recursive: true, force: true })
    }
  }
}

/** SQLite as shipped with Node: documents as JSON text, the same index over expressions, synchronous FULL. */
export function sqlitePeer(count: number): QueryPeer {
  const directory = mkdtempSync(join(tmpdir(), "planck-bench-sqlite-"))
  const database = new DatabaseSync(join(directory, "orders.db"))
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536")
  database.exec(
    "CREATE TABLE orders (id TEXT PRIMARY KEY, doc TEXT NOT NULL) WITHOUT ROWID; CREATE TABLE customers (id TEXT PRIMARY KEY, doc TEXT NOT NULL) WITHOUT ROWID"
  )
  const insert = database.prepare("INSERT INTO orders VALUES (?, ?)")
  database.exec("BEGIN")
  for (let n = 0; n < count; n++) insert.run(order(n)._id, JSON.stringify(order(n)))
  const insertCustomer = database.prepare("INSERT INTO customers VALUES (?, ?)")
  for (let n = 0; n < CUSTOMERS; n++) insertCustomer.run(customerDocument(n)._id, JSON.stringify(customerDocument(n)))
  database.exec("COMMIT")
  database.exec(
    "CREATE INDEX by_customer ON orders (doc->>'$.customer', doc->>'$.status', doc->>'$.placedAt' DESC); ANALYZE; PRAGMA wal_checkpoint(TRUNCATE)"
  )
  const list = database.prepare(
    "SELECT doc FROM orders WHERE doc->>'$.customer' = ? AND doc->>'$.status' = ? ORDER BY doc->>'$.placedAt' DESC LIMIT 20"
  )
  const scan = database.prepare("SELECT count(*) AS found FROM orders WHERE doc->>'$.quantity' > ? AND doc->>'$.total' < ?")
  const group = database.prepare(
    "SELECT doc->>'$.customer' AS customer, sum(doc->>'$.total') AS total FROM orders GROUP BY doc->>'$.customer' ORDER BY doc->>'$.customer'"
  )
  const get = database.prepare("SELECT doc FROM orders WHERE id = ?")
  const update = database.prepare("UPDATE orders SET doc = json_set(doc, '$.status', ?) WHERE id = ?")
  const lookup = database.prepare(
    "SELECT json_set(o.doc, '$.buyer', json_array(json(c.doc))) AS doc FROM (SELECT * FROM orders WHERE id >= ? ORDER BY id LIMIT 20) o JOIN customers c ON c.id = o.doc->>'$.customer' ORDER BY o.id"
  )
  const docs = (found: ReadonlyArray<Record<string, unknown>>): Buffer =>
    Buffer.from(`[${found.map((row) => String(row["doc"])).join(",")}]`)
  return {
    name: "node:sqlite",
    list: (n) => docs(list.all(listKey(n).customer, listKey(n).status)),
    scan: (quantity, total) => Number(scan.get(quantity, total)?.["found"]),
    group: () => JSON.stringify(group.all()),
    get: (n) => Buffer.from(String(get.get(orderId(n))?.["doc"])),
    update: (n, status) => void update.run(status, orderId(n)),
    lookup: (n) => docs(lookup.all(orderId(n))),
    close: () => {
      database.close()
      rmSync(directory, { recursive: true, force: true })
    }
  }
}

/**
 * mingo on an array of objects, which costs it no reading: the scan only. The objects are there only as long as they are asked: the garbage
 * collector would look through them again and again while others are measured.
 */
export function mingoPeer(count: number): QueryPeer {
  let orders: ReadonlyArray<Record<string, unknown>> = []
  return {
    name: "mingo",
    scan: (quantity, total) => {
      const test = new MingoQuery({ quantity: { $gt: quantity }, total: { $lt: total } })
      let found = 0
      if (orders.length === 0) orders = Array.from({ length: count }, (_, n) => ({ ...order(n) }))
      for (const document of orders) if (test.test(document)) found++
      return found
    },
    rest: () => {
      orders = []
    },
    close: () => {}
  }
}
