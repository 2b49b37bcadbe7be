import { assert, describe, it } from "@effect/vitest"
import { Executor } from "../../src/Query/Executor.ts"
import { parsePql } from "../../src/Query/Pql.ts"
import { RowList } from "../../src/Query/RowList.ts"
import { encodeStatement } from "../../src/Query/StatementBson.ts"
import { percentile, SHAPES_MAX, SLOW_RUNS_MAX, StatementLog } from "../../src/Query/StatementLog.ts"
import { adviseStatements, saveStatements, STATEMENTS } from "../../src/Query/StatementStore.ts"
import { Shop } from "./Shop.ts"

/** A shop whose statements take as long as told. */
class Logged {
  readonly shop = new Shop({}, 300)
  nowMs = 0
  stepMs = 1
  readonly log = new StatementLog({ slowMs: 10, now: () => (this.nowMs += this.stepMs), wallMs: () => 1_700_000_000_000 + this.nowMs })
  readonly executor = new Executor({ store: (name) => this.shop.database.engine.store(name), log: this.log })

  count(text: string): void {
    const snapshot = this.shop.database.engine.snapshot()
    const statement = parsePql(text)
    if (statement.kind === "count") this.executor.count(snapshot, encodeStatement(statement), 0)
    else this.executor.rows(snapshot, encodeStatement(statement), 0, new RowList())
    snapshot.close()
  }

  save(): void {
    saveStatements(this.shop.database.engine, this.log, this.nowMs)
    this.shop.database.settle()
  }
}

describe("the log of statements", () => {
  it("adds up the runs of each shape, and keeps no value", () => {
    const logged = new Logged()
    for (const note of ["x", "y", "secret"]) logged.count(`orders.filter(note = '${note}').orderBy(placedAt desc).limit(5)`)
    logged.count("orders.count()")
    logged.save()
    const [first, second] = adviseStatements(logged.shop.database.engine)
    assert.strictEqual(first?.statement, "orders.filter(note = ?).orderBy(placedAt desc).limit(?)")
    assert.deepInclude(first, { store: "orders", count: 3, slow: 0, maxMs: 1, readPerReturned: 900, runs: [] })
    // Percentiles are known within the width of a bucket, which may end above the longest run.
    assert.strictEqual(first?.p50Ms, 1)
    assert.strictEqual(first?.p99Ms, 1)
    assert.strictEqual(second?.statement, "orders.count()")
    assert.notInclude(JSON.stringify(adviseStatements(logged.shop.database.engine)), "secret")
  })

  it("names the index that a shape misses, with what it would cost, until it is there", () => {
    const logged = new Logged()
    logged.count("orders.filter(note = 'x').orderBy(placedAt desc).limit(5)")
    logged.save()
    const { engine } = logged.shop.database
    const advised = adviseStatements(engine)[0]?.index
    assert.deepInclude(advised, { statement: "orders.createIndex(note, placedAt desc)", on: ["note", "-placedAt"] })
    // The documents of other stores that are in memory only count, too.
    assert.approximately(advised?.entries ?? 0, 300, 5)
    assert.approximately(advised?.bytes ?? 0, 300 * 26, 600)
    const store = engine.store("orders")!
    const index = {
      name: "byNote",
      on: [
        { path: "note", direction: "asc" as const },
        { path: "placedAt", direction: "desc" as const }
      ]
    }
    engine.define([{ ...store.definition, indexes: [...store.definition.indexes, index] }])
    logged.shop.database.settle()
    assert.isUndefined(adviseStatements(engine)[0]?.index)
  })

  it("keeps the latest slow runs, and all of it over restarts", () => {
    const logged = new Logged()
    logged.stepMs = 20
    for (let run = 0; run < SLOW_RUNS_MAX + 5; run++) logged.count("orders.filter(count = 3).count()")
    logged.save()
    const reopened = logged.shop.database.reopen()
    const again = new StatementLog({ slowMs: 10, now: () => (logged.nowMs += 20), wallMs: () => logged.nowMs })
    const executor = new Executor({ store: (name) => reopened.engine.store(name), log: again })
    const snapshot = reopened.engine.snapshot()
    executor.count(snapshot, encodeStatement(parsePql("orders.filter(count = 9).count()")), 0)
    snapshot.close()
    saveStatements(reopened.engine, again, logged.nowMs)
    reopened.settle()
    const [kept] = adviseStatements(reopened.engine)
    assert.strictEqual(kept?.statement, "orders.filter(count = ?).count()")
    assert.deepInclude(kept, { count: SLOW_RUNS_MAX + 6, slow: SLOW_RUNS_MAX + 6 })
    assert.strictEqual(kept?.runs.length, SLOW_RUNS_MAX)
    assert.deepInclude(kept?.runs[0], { elapsedMs: 20, read: 300, returned: 1 })
  })

  it("is bounded, in memory and in its store", () => {
    const logged = new Logged()
    for (let shape = 0; shape < SHAPES_MAX + 20; shape++) logged.count(`orders.filter(field${shape} exists).limit(1)`)
    assert.strictEqual(logged.log.used().length, SHAPES_MAX)
    logged.save()
    for (let shape = 0; shape < 30; shape++) logged.count(`orders.filter(other${shape} exists).limit(1)`)
    logged.save()
    const advised = adviseStatements(logged.shop.database.engine)
    assert.strictEqual(advised.length, SHAPES_MAX)
    assert.isTrue(advised.some((it) => it.statement.includes("other29")))
    assert.strictEqual(saveStatements(logged.shop.database.engine, logged.log, 0), undefined)
    assert.isTrue(STATEMENTS.name.startsWith("$"))
  })

  it("finds percentiles within the width of a bucket", () => {
    const buckets = new Float64Array(60)
    buckets[20] = 98 // about 1 ms
    buckets[40] = 2 // about a second
    assert.approximately(percentile(buckets, 0.5), 1.45, 0.1)
    assert.approximately(percentile(buckets, 0.99), 1480, 100)
    assert.strictEqual(percentile(new Float64Array(60), 0.5), 0)
  })
})
