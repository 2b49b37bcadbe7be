import { assert, describe, it } from "@effect/vitest"
import { decode } from "../../src/Bson/Value.ts"
import type { Find } from "../../src/Query/Ast.ts"
import { Executor } from "../../src/Query/Executor.ts"
import { Finder } from "../../src/Query/Finder.ts"
import type { Candidate } from "../../src/Query/Plan.ts"
import { planWith, serves } from "../../src/Query/PlanCompiler.ts"
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
const QUERIES = 20
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

/** How often a way of each kind was taken. */
type Coverage = Map<string, number>

function note(coverage: Coverage, { access, ordering }: Candidate, isTaken: boolean): void {
  if (!isTaken || access.kind !== "index") return
  const kinds = [
    access.index.definition.name.replace(/\d+$/, ""),
    ...(access.isMultikey ? ["multikey"] : []),
    ...(access.repeats ? ["repeats"] : [])
  ]
  for (const kind of kinds) for (const name of [kind, `${kind} ${ordering}`]) coverage.set(name, (coverage.get(name) ?? 0) + 1)
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
  message: string,
  coverage: Coverage
): void {
  const expected = numbersOf(find(documents, query))
  const finder = new Finder(findStore, DEFAULT_QUERY_LIMITS)
  const rows = new RowList()
  for (const store of [PLAIN.name, INDEXED.name]) {
    const bytes = encodeStatement({ kind: "find", store, ...query })
    const plan = finder.plans.take("find", bytes, 0)
    for (const candidate of plan.candidates) {
      finder.plans.take("find", bytes, 0)
      note(coverage, candidate, serves(candidate, reader.lsn, finder.plans.operands))
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
  const coverage: Coverage = new Map()

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
          checkFind(reader, requireStore(database), model, query, `seed ${seed} ${when} ${JSON.stringify(query, plain)}`, coverage)
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
      database.engine.define([{ ...INDEXED, indexes: [] }])
      database.engine.define([INDEXED])
      database.settle()
      check(database.engine.snapshot(), changed, "with indexes built anew")
      const crashed = database.crash(seed)
      crashed.settle()
      const { engine } = crashed
      const reader = engine.snapshot()
      for (let round = 0; round < QUERIES; round++) {
        const query = randomFind(random)
        checkFind(reader, requireStore(crashed), changed, query, `seed ${seed} after a crash ${JSON.stringify(query, plain)}`, coverage)
      }
    })
  }

  it("has taken ways through indexes of every kind, in every order", () => {
    for (const kind of ["index", "sparse", "partial", "multikey"]) {
      assert.isAbove(coverage.get(kind) ?? 0, 100, kind)
      for (const ordering of ["walk", "keys", "sort"]) assert.isAbove(coverage.get(`${kind} ${ordering}`) ?? 0, 0, `${kind} ${ordering}`)
    }
    for (const ordering of ["keys", "sort"]) assert.isAbove(coverage.get(`repeats ${ordering}`) ?? 0, 0, `repeats ${ordering}`)
  })
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
