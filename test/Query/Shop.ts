/** A shop's stores, and a database with them, for tests that look at one statement at a time. */
import { ByteSink } from "../../src/Bson/ByteSink.ts"
import { Decimal128, decode, type Value } from "../../src/Bson/Value.ts"
import type { Statement, Write } from "../../src/Query/Ast.ts"
import { Executor } from "../../src/Query/Executor.ts"
import { parsePql } from "../../src/Query/Pql.ts"
import type { Parameters } from "../../src/Query/Pql.ts"
import type { QueryLimits } from "../../src/Query/Reasons.ts"
import { RowList } from "../../src/Query/RowList.ts"
import { appendRow, writeRowsJson } from "../../src/Query/Rows.ts"
import { encodeStatement } from "../../src/Query/StatementBson.ts"
import { Writer } from "../../src/Bson/Writer.ts"
import type { StoreDefinition } from "../../src/Schema/Definition.ts"
import type { Reader, Transaction } from "../../src/Storage/Reader.ts"
import { type Database, openDatabase } from "../Storage/Database.ts"
import { keyNumber } from "./Model.ts"

const asc = (path: string) => ({ path, direction: "asc" as const })
const desc = (path: string) => ({ path, direction: "desc" as const })

export const ORDERS: StoreDefinition = {
  name: "orders",
  idKind: "key",
  schema: {
    customer: { type: "string" },
    status: { type: "literals", values: ["pending", "paid", "cancelled"] },
    total: { type: "decimal" },
    count: { type: "int", default: 1 },
    big: { type: "long", optional: true },
    weight: { type: "number", optional: true },
    note: { type: "string", optional: true, nullable: true },
    placedAt: { type: "date" },
    lines: {
      type: "array",
      items: { type: "struct", fields: { sku: { type: "string" }, quantity: { type: "int", min: 1 } } },
      default: []
    },
    address: { type: "struct", fields: { city: { type: "string" }, zip: { type: "string", optional: true } }, optional: true },
    seller: { type: "key", store: "sellers", optional: true }
  },
  indexes: [
    { name: "byCustomer", on: [asc("customer"), asc("status")] },
    { name: "byDate", on: [asc("status"), desc("placedAt")] },
    { name: "byTotal", on: [asc("total")] },
    { name: "bySeller", on: [asc("seller")] }
  ]
}

export const CATEGORIES: StoreDefinition = {
  name: "categories",
  idKind: "string",
  schema: { name: { type: "string" }, rank: { type: "int" } },
  indexes: [{ name: "byRank", on: [asc("rank")] }]
}

export const COUNTERS: StoreDefinition = { name: "counters", idKind: "long", schema: { value: { type: "long" } }, indexes: [] }
export const DEVICES: StoreDefinition = { name: "devices", idKind: "uuid", schema: { name: { type: "string" } }, indexes: [] }
export const LEGACY: StoreDefinition = { name: "legacy", idKind: "objectId", schema: { name: { type: "string" } }, indexes: [] }

/** Order number `n`: 10 customers, every third pending, totals repeating. */
export function order(n: number): Record<string, Value> {
  return {
    _id: keyNumber(n),
    customer: `customer-${n % 10}`,
    status: (["pending", "paid", "cancelled"] as const)[n % 3] ?? "paid",
    total: Decimal128.fromString(`${n % 7}.50`),
    placedAt: new Date(1_700_000_000_000 + (n % 20) * 1000),
    lines: [{ sku: `sku-${n % 4}`, quantity: (n % 3) + 1 }]
  }
}

/** A database with these stores, and a way to run statements that are written as PQL. */
export class Shop {
  readonly database: Database
  executor: Executor
  readonly rows = new RowList()

  constructor(limits: Partial<QueryLimits> = {}, orders = 0) {
    this.database = openDatabase()
    this.database.engine.define([ORDERS, CATEGORIES, COUNTERS, DEVICES, LEGACY])
    this.database.settle()
    this.executor = new Executor({ store: (name) => this.database.engine.store(name), limits })
    if (orders > 0) this.write({ kind: "insert", store: "orders", documents: Array.from({ length: orders }, (_, n) => order(n)) })
  }

  /** Goes on with an executor that has these limits. */
  limit(limits: Partial<QueryLimits>): void {
    this.executor = new Executor({ store: (name) => this.database.engine.store(name), limits })
  }

  /** Runs a write as a transaction of its own; what it gives. A fault undoes it. */
  write(statement: Write | string, parameters: Parameters = {}): unknown {
    const transaction = this.database.engine.transact()
    try {
      const given = this.writeIn(transaction, typeof statement === "string" ? (parsePql(statement, parameters) as Write) : statement)
      transaction.commit()
      this.database.settle()
      return given
    } catch (error) {
      transaction.rollback()
      throw error
    }
  }

  writeIn(transaction: Transaction, statement: Write): unknown {
    const bytes = encodeStatement(statement)
    switch (statement.kind) {
      case "insert":
        this.executor.insert(transaction, bytes, 0, this.rows)
        return this.documents()
      case "upsert":
        return this.executor.upsert(transaction, bytes, 0, this.rows)
      case "replace":
        return this.executor.replace(transaction, bytes, 0)
      case "update":
        return this.executor.update(transaction, bytes, 0)
      case "delete":
        return this.executor.delete(transaction, bytes, 0)
    }
  }

  /** Runs a statement that reads: documents, a number, or an explanation. */
  read(statement: Statement | string, parameters: Parameters = {}): unknown {
    const snapshot = this.database.engine.snapshot()
    try {
      return this.readIn(snapshot, typeof statement === "string" ? parsePql(statement, parameters) : statement)
    } finally {
      snapshot.close()
    }
  }

  readIn(reader: Reader, statement: Statement): unknown {
    const bytes = encodeStatement(statement)
    switch (statement.kind) {
      case "find":
        this.executor.find(reader, bytes, 0, this.rows)
        return this.documents()
      case "get":
        this.executor.getRow(reader, bytes, 0, this.rows)
        return this.documents()[0]
      case "count":
        return this.executor.count(reader, bytes, 0)
      case "explain":
        return this.executor.explain(statement.of.kind, bytes, 0)
      default:
        throw new Error(`${statement.kind} writes`)
    }
  }

  /** The rows of a find as JSON text. */
  json(text: string, parameters: Parameters = {}): string {
    const snapshot = this.database.engine.snapshot()
    const sink = new ByteSink()
    this.executor.find(snapshot, encodeStatement(parsePql(text, parameters)), 0, this.rows)
    writeRowsJson(sink, this.rows)
    snapshot.close()
    return sink.toText()
  }

  /** Rows as values, with the statement's `select`. */
  documents(): ReadonlyArray<Record<string, Value>> {
    return Array.from({ length: this.rows.count }, (_, row) => {
      const writer = new Writer()
      appendRow(writer, this.rows, row)
      return decode(writer.bytes, 0)
    })
  }
}
