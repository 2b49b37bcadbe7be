import { assert, describe, it } from "@effect/vitest"
import { decode } from "../../src/Bson/Value.ts"
import type { Find } from "../../src/Query/Ast.ts"
import { Executor } from "../../src/Query/Executor.ts"
import { Finder } from "../../src/Query/Finder.ts"
import { planWith } from "../../src/Query/PlanCompiler.ts"
import { describeAccess } from "../../src/Query/Planner.ts"
import { DEFAULT_QUERY_LIMITS } from "../../src/Query/Reasons.ts"
import { RowList } from "../../src/Query/RowList.ts"
import { encodeStatement } from "../../src/Query/StatementBson.ts"
import type { Reader, Store, Transaction } from "../../src/Storage/Reader.ts"
import { type Database, openDatabase } from "../Storage/Database.ts"
import { Random } from "../Storage/Random.ts"
import { type Document, find, keyNumber } from "./Model.ts"
import { INDEXED, PLAIN, randomDocument, randomFind } from "./Things.ts"

const DOCUMENTS = 120
const QUERIES = 40
/** Small budgets, so that values lie in several segments. */
const SMALL = { memtableBytesMax: 600 * 1024, valueSegmentBytesMax: 64 * 1024, snapshotTimeoutMs: 1_000_000 }

function insertAll(database: Database, documents: ReadonlyArray<Document>): void {
  const transaction = database.engine.transact()
  const executor = new Executor({ store: (name) => database.engine.store(name) })
  for (const store of [PLAIN.name, INDEXED.name]) {
    executor.insert(transaction, encodeStatement({ kind: "insert", store, documents }), 0, new RowList())
  }
  transaction.commit()
  database.settle()
}

function rowsOf(rows: RowList): Array<number> {
  return Array.from({ length: rows.count }, (_, row) => numberOf(rows.bytes(row), rows.at(row)))
}

function numberOf(bytes: Uint8Array, at: number): number {
  return keyNumbers.get(String(decode(bytes, at)["_id"])) ?? -1
}

const keyNumbers = new Map(Array.from({ length: 400 }, (_, number) => [String(keyNumber(number)), number]))

function numbersOf(documents: ReadonlyArray<Document>): Array<number> {
  return documents.map((document) => keyNumbers.get(String(document["_id"])) ?? -1)
}

/** Runs every plan the planner could choose, on both stores, and compares rows and their order. */
function checkFind(
  reader: Reader,
  findStore: (name: string) => Store,
  documents: ReadonlyArray<Document>,
  query: Omit<Find, "kind" | "store">,
  message: string
): void {
  const expected = numbersOf(find(documents, query))
  const finder = new Finder(findStore, DEFAULT_QUERY_LIMITS)
  const rows = new RowList()
  for (const store of [PLAIN.name, INDEXED.name]) {
    const bytes = encodeStatement({ kind: "find", store, ...query })
    const plan = finder.plans.take("find", bytes, 0)
    for (const candidate of plan.candidates) {
      finder.plans.take("find", bytes, 0)
      finder.find(reader, planWith(plan, candidate), rows)
      assert.deepStrictEqual(rowsOf(rows), expected, `${message} ${store} by ${describeAccess(candidate.access)} (${candidate.ordering})`)
    }
    const counted = { store, kind: "count" as const, ...(query.filter === undefined ? {} : { filter: query.filter }) }
    const count = finder.count(reader, finder.plans.take("count", encodeStatement(counted), 0))
    assert.strictEqual(
      count,
      find(documents, query.filter === undefined ? {} : { filter: query.filter }).length,
      `${message} ${store} count`
    )
  }
}

function requireStore(database: Database): (name: string) => Store {
  return (name) => {
    const store = database.engine.store(name)
    if (store === undefined) throw new Error(`there is no store ${name}`)
    return store
  }
}

describe("find", () => {
  for (let seed = 1; seed <= 4; seed++) {
    it(`gives the model's rows in the model's order by every plan: unflushed, flushed, and amid a transaction (seed ${seed})`, () => {
      const random = new Random(seed)
      const database = openDatabase({ seed, limits: SMALL })
      database.engine.define([PLAIN, INDEXED])
      database.settle()
      const documents = Array.from({ length: DOCUMENTS }, (_, number) => randomDocument(random, number))
      insertAll(database, documents)
      const check = (reader: Reader, model: ReadonlyArray<Document>, when: string): void => {
        for (let round = 0; round < QUERIES; round++) {
          const query = randomFind(random)
          checkFind(reader, requireStore(database), model, query, `seed ${seed} ${when} ${JSON.stringify(query, plain)}`)
        }
      }
      check(database.engine.snapshot(), documents, "unflushed")
      database.engine.freeze()
      database.settle()
      check(database.engine.snapshot(), documents, "flushed")
      const transaction = database.engine.transact()
      const changed = changeSome(random, database, transaction, documents)
      check(transaction, changed, "in a transaction")
      transaction.commit()
      database.settle()
      check(database.engine.snapshot(), changed, "half flushed")
    })
  }
})

/** Removes, replaces and adds documents in both stores. */
function changeSome(random: Random, database: Database, transaction: Transaction, documents: ReadonlyArray<Document>): Array<Document> {
  const executor = new Executor({ store: (name) => database.engine.store(name) })
  const rows = new RowList()
  const changed = documents.flatMap((document, number) => {
    const fate = random.below(3)
    if (fate === 0) return [document]
    return fate === 1 ? [] : [randomDocument(random, number)]
  })
  for (let number = DOCUMENTS; number < DOCUMENTS + 20; number++) changed.push(randomDocument(random, number))
  for (const store of [PLAIN.name, INDEXED.name]) {
    executor.delete(
      transaction,
      encodeStatement({ kind: "delete", store, filter: { op: "notIn", path: "_id", values: changed.map((it) => it["_id"] ?? null) } }),
      0
    )
    for (const document of changed) executor.upsert(transaction, encodeStatement({ kind: "upsert", store, document }), 0, rows)
  }
  return changed
}

/** What JSON has no form for, for messages. */
function plain(_name: string, value: unknown): unknown {
  return typeof value === "bigint" ? `${value}n` : typeof value === "number" && !Number.isFinite(value) ? String(value) : value
}
