/** Lookups by key that remember, beside an executor that remembers nothing. */
import { assert, describe, it } from "@effect/vitest"
import { ByteSink } from "../../src/Bson/ByteSink.ts"
import { decode, type Value } from "../../src/Bson/Value.ts"
import { Executor } from "../../src/Query/Executor.ts"
import { parsePql } from "../../src/Query/Pql.ts"
import { RowList } from "../../src/Query/RowList.ts"
import { writeRowsJson } from "../../src/Query/Rows.ts"
import { encodeStatement } from "../../src/Query/StatementBson.ts"
import type { StoreDefinition } from "../../src/Schema/Definition.ts"
import type { DocumentView, Reader } from "../../src/Storage/Reader.ts"
import { openDatabase } from "../Storage/Database.ts"
import { Random } from "../Storage/Random.ts"

const STORES: ReadonlyArray<StoreDefinition> = [
  { name: "orders", idKind: "int", schema: { buyer: { type: "any", optional: true }, who: { type: "any", optional: true } }, indexes: [] },
  { name: "customers", idKind: "string", schema: { name: { type: "string" } }, indexes: [] },
  { name: "agents", idKind: "string", schema: { name: { type: "string" } }, indexes: [] }
]
const CUSTOMERS = 12
const ORDERS = 60

const statementOf = (text: string): Uint8Array => encodeStatement(parsePql(text))

/** A reader that counts the documents it reads. */
class Counting {
  reads = 0
  readonly reader: Reader

  constructor(reader: Reader) {
    const read = (out: DocumentView): void => {
      if (!out.isRead) this.reads++
      reader.read(out)
    }
    this.reader = {
      lsn: reader.lsn,
      get: (store, key, keyAt, out) => reader.get(store, key, keyAt, out),
      find: (store, key, keyAt, out) => reader.find(store, key, keyAt, out),
      read,
      documents: (store, range, direction) => reader.documents(store, range, direction),
      entries: (index, range, direction) => reader.entries(index, range, direction),
      size: (tree) => reader.size(tree)
    }
  }
}

function opened() {
  const database = openDatabase({ limits: { snapshotTimeoutMs: 1_000_000 } })
  database.engine.define(STORES)
  database.settle()
  const store = (name: string) => database.engine.store(name)
  const remembering = new Executor({ store })
  const plain = new Executor({ store, limits: { textCacheBytesMax: 0 } })
  const rows = new RowList()
  const sink = new ByteSink()
  const json = (executor: Executor, reader: Reader, text: string): string => {
    executor.find(reader, statementOf(text), 0, rows)
    sink.reset()
    writeRowsJson(sink, rows)
    return sink.toText()
  }
  const documents = (executor: Executor, reader: Reader, text: string): ReadonlyArray<Record<string, Value>> => {
    executor.find(reader, statementOf(text), 0, rows)
    return Array.from({ length: rows.count }, (_, row) => decode(rows.bytes(row), rows.at(row)))
  }
  const write = (...texts: ReadonlyArray<string>): void => {
    const transaction = database.engine.transact()
    for (const text of texts) {
      const statement = parsePql(text)
      const bytes = encodeStatement(statement)
      if (statement.kind === "insert") plain.insert(transaction, bytes, 0, rows)
      else if (statement.kind === "upsert") plain.upsert(transaction, bytes, 0, rows)
      else if (statement.kind === "delete") plain.delete(transaction, bytes, 0)
      else if (statement.kind === "update") plain.update(transaction, bytes, 0)
      else throw new Error(`no write: ${text}`)
    }
    transaction.commit()
    database.settle()
  }
  const toDisk = (): void => {
    database.engine.freeze()
    database.settle()
  }
  return { database, remembering, plain, json, documents, write, toDisk }
}

const LOOKUP = "orders.lookup(customers, buyer, _id, who)"

describe("lookups by key", () => {
  it("read neither the rows nor what they lead to when both were seen before", () => {
    const { database, json, remembering, toDisk, write } = opened()
    write('customers.insert([{ _id: "a", name: "Ada" }, { _id: "b", name: "Bo" }])')
    write('orders.insert([{ _id: 1, buyer: "a" }, { _id: 2, buyer: "b" }, { _id: 3, buyer: "a" }])')
    toDisk()
    const first = new Counting(database.engine.snapshot())
    const second = new Counting(database.engine.snapshot())
    const text = json(remembering, first.reader, LOOKUP)
    assert.isAbove(first.reads, 0)
    assert.strictEqual(json(remembering, second.reader, LOOKUP), text)
    assert.strictEqual(second.reads, 0)
    const rows = JSON.parse(text) as ReadonlyArray<{ readonly _id: number; readonly [field: string]: unknown }>
    assert.deepStrictEqual(
      rows.toSorted((a, b) => a._id - b._id),
      [
        { _id: 1, buyer: "a", who: [{ _id: "a", name: "Ada" }] },
        { _id: 2, buyer: "b", who: [{ _id: "b", name: "Bo" }] },
        { _id: 3, buyer: "a", who: [{ _id: "a", name: "Ada" }] }
      ]
    )
  })

  it("do not read what a value leads to again, whatever row it stands in", () => {
    const { database, json, remembering, toDisk, write } = opened()
    write('customers.insert({ _id: "a", name: "Ada" })')
    write('orders.insert([{ _id: 1, buyer: "a" }, { _id: 2, buyer: "a" }, { _id: 3, buyer: "a" }])')
    toDisk()
    const reader = new Counting(database.engine.snapshot())
    assert.strictEqual(json(remembering, reader.reader, LOOKUP).split("Ada").length, 1 + 3)
    assert.strictEqual(reader.reads, 3 + 1)
  })

  it("see a customer that was renamed, removed, or came back", () => {
    const { database, json, remembering, toDisk, write } = opened()
    const names = (): string => json(remembering, database.engine.snapshot(), LOOKUP)
    write('customers.insert({ _id: "a", name: "Ada" })', 'orders.insert({ _id: 1, buyer: "a" })')
    toDisk()
    assert.include(names(), "Ada")
    write('customers.filter(_id = "a").set({ name: "Eve" })')
    assert.include(names(), "Eve")
    toDisk()
    assert.include(names(), "Eve")
    write('customers.filter(_id = "a").delete()')
    assert.include(names(), '"who":[]')
    toDisk()
    assert.include(names(), '"who":[]')
    write('customers.insert({ _id: "a", name: "Ida" })')
    toDisk()
    assert.include(names(), "Ida")
  })

  it("give what an executor gives that remembers nothing, whatever is written, flushed and compacted between", () => {
    const random = new Random(11)
    const { database, documents, json, plain, remembering, toDisk, write } = opened()
    const buyers = ['"c1"', '"c2"', '"c3"', '"c4"', '"c5"', '"c6"', '"none"', "null", '["c1", "c2"]', "7", "7.5", '["c3"]']
    const texts = [
      LOOKUP,
      `${LOOKUP}.limit(7)`,
      `${LOOKUP}.skip(5).limit(9).select(buyer)`,
      "orders.lookup(agents, buyer, _id, who).orderBy(_id desc).limit(20)",
      `${LOOKUP}.lookup(agents, buyer, _id, agent)`,
      "orders.lookup(customers, buyer, _id, buyer)"
    ]
    for (let round = 0; round < 120; round++) {
      for (let change = random.below(6); change > 0; change--) {
        const id = `c${1 + random.below(CUSTOMERS)}`
        const store = random.below(3) === 0 ? "agents" : "customers"
        const order = random.below(ORDERS)
        const kind = random.below(5)
        if (kind === 0) write(`${store}.filter(_id = "${id}").delete()`)
        else if (kind < 3) write(`${store}.upsert({ _id: "${id}", name: "${"n".repeat(random.below(40))}${round}" })`)
        else if (kind === 3) write(`orders.upsert({ _id: ${order}, buyer: ${buyers[random.below(buyers.length)]!} })`)
        else write(`orders.upsert({ _id: ${order}, buyer: "${id}", who: ${round} })`)
      }
      if (random.below(4) === 0) toDisk()
      const text = texts[random.below(texts.length)]!
      const snapshot = database.engine.snapshot()
      const expected = json(plain, snapshot, text)
      assert.strictEqual(json(remembering, snapshot, text), expected, text)
      assert.strictEqual(json(remembering, snapshot, text), expected, text)
      assert.deepStrictEqual(documents(remembering, snapshot, text), documents(plain, snapshot, text), text)
      snapshot.close()
      const transaction = database.engine.transact()
      assert.strictEqual(json(remembering, transaction, text), json(plain, transaction, text), text)
      transaction.rollback()
    }
  })
})
