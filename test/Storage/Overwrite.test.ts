import { assert, describe, it } from "@effect/vitest"
import { Binary, encode, Key } from "../../src/Bson/Value.ts"
import type { StoreDefinition } from "../../src/Schema/Definition.ts"
import { DocumentView, type Reader, type Store } from "../../src/Storage/Reader.ts"
import { verify } from "../../src/Storage/Verify.ts"
import { openDatabase } from "./Database.ts"
import { Random } from "./Random.ts"
import { orderKey } from "./Shop.ts"

const KEYS = 120
const PLAIN: StoreDefinition = { name: "plain", idKind: "key", schema: { n: { type: "int" } }, indexes: [] }
const INDEXED: StoreDefinition = {
  name: "indexed",
  idKind: "key",
  schema: { n: { type: "int" } },
  indexes: [{ name: "byN", on: [{ path: "n", direction: "asc" }] }]
}
const SMALL = {
  memtableBytesMax: 600 * 1024,
  valueSegmentBytesMax: 32 * 1024,
  valueCacheBytesMax: 64 * 1024,
  logSegmentBytesMax: 64 * 1024,
  directTreeBytesMax: 16 * 1024
}

const documentOf = (key: Uint8Array, n: number) => encode({ _id: new Key(key), n, filler: new Binary(new Uint8Array(n % 400)) })

function contents(reader: Reader, store: Store): ReadonlyArray<string> {
  const found: Array<string> = []
  const cursor = reader.documents(store, undefined, 1)
  while (cursor.next())
    found.push(Buffer.from(cursor.document.bytes.subarray(cursor.document.at, cursor.document.at + cursor.document.length)).toString("hex"))
  cursor.close()
  return found
}

describe("overwriting", () => {
  for (let seed = 1; seed <= 6; seed++) {
    it(`agrees with a map, and with what is counted as alive, through flushes, compactions, rollbacks and crashes (seed ${seed})`, async () => {
      const random = new Random(seed)
      let database = openDatabase({ seed, limits: SMALL })
      database.engine.define([PLAIN, INDEXED])
      database.settle()
      let model = new Map<string, Uint8Array>()
      for (let round = 0; round < 80; round++) {
        const transaction = database.engine.transact()
        const next = new Map(model)
        for (let i = random.below(40); i >= 0; i--) {
          const name = random.chance(70) ? "plain" : "indexed"
          const store = database.engine.store(name)!
          const key = orderKey(random.below(KEYS))
          const bytes = documentOf(key, random.below(1000))
          const place = `${name} ${Buffer.from(key).toString("hex")}`
          if (random.chance(15)) assert.strictEqual(transaction.delete(store, key), next.delete(place))
          else if (random.chance(18)) {
            assert.strictEqual(transaction.put(store, key, bytes, 0), next.has(place) ? "replaced" : "inserted")
            next.set(place, bytes)
          } else {
            transaction.overwrite(store, key, bytes, 0)
            next.set(place, bytes)
          }
        }
        if (random.chance(15)) transaction.rollback()
        else {
          transaction.commit()
          model = next
        }
        if (random.chance(20)) database.engine.freeze()
        if (random.chance(30) || database.engine.admission() === "wait") database.settle()
        database.sync()
        if (random.chance(8)) {
          database.engine.compact(() => {})
          database.settle()
        }
        if (random.chance(5)) database = random.chance(50) ? database.reopen() : database.crash(seed * 1000 + round)
        const snapshot = database.engine.snapshot()
        for (const name of ["plain", "indexed"]) {
          const expected = [...model].filter(([place]) => place.startsWith(`${name} `)).toSorted(([a], [b]) => (a < b ? -1 : 1))
          assert.deepStrictEqual(
            contents(snapshot, database.engine.store(name)!),
            expected.map(([, bytes]) => Buffer.from(bytes).toString("hex")),
            `seed ${seed} round ${round}`
          )
        }
        snapshot.close()
      }
      database.engine.freeze()
      database.settle()
      database.close()
      const problems = await new Promise((resolve) =>
        verify(database.volume, "data/shop", (fault, report) => resolve(fault ?? report?.problems))
      )
      assert.deepStrictEqual(problems, [])
    })
  }

  it("is seen by the transaction that does it", () => {
    const database = openDatabase({ seed: 1 })
    database.engine.define([PLAIN])
    database.settle()
    const store = database.engine.store("plain")!
    const transaction = database.engine.transact()
    const view = new DocumentView()
    for (const n of [1, 2, 3]) {
      transaction.overwrite(store, orderKey(7), documentOf(orderKey(7), n), 0)
      assert.isTrue(transaction.get(store, orderKey(7), 0, view))
      assert.deepStrictEqual(view.bytes.slice(view.at, view.at + view.length), documentOf(orderKey(7), n))
    }
    transaction.rollback()
    assert.isFalse(database.engine.transact().get(store, orderKey(7), 0, view))
  })
})
