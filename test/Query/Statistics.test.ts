import { assert, describe, it } from "@effect/vitest"
import { Executor } from "../../src/Query/Executor.ts"
import type { Explanation } from "../../src/Query/Explanation.ts"
import { PageCursors } from "../../src/Query/PageCursor.ts"
import { PlanCache } from "../../src/Query/PlanCache.ts"
import { parsePql } from "../../src/Query/Pql.ts"
import { RowList } from "../../src/Query/RowList.ts"
import { Statistics } from "../../src/Query/Statistics.ts"
import { encodeStatement } from "../../src/Query/StatementBson.ts"
import type { StoreDefinition } from "../../src/Schema/Definition.ts"
import { type Database, openDatabase } from "../Storage/Database.ts"
import { keyNumber } from "./Model.ts"

const asc = (path: string) => ({ path, direction: "asc" as const })
const PEOPLE: StoreDefinition = {
  name: "people",
  idKind: "key",
  schema: {
    country: { type: "string" },
    mail: { type: "string" },
    tags: { type: "array", items: { type: "string" } },
    late: { type: "boolean", optional: true }
  },
  indexes: [
    { name: "byCountry", on: [asc("country")] },
    { name: "byMail", on: [asc("mail")] },
    { name: "late", on: [asc("country")], where: { op: "eq", path: "late", value: true } }
  ]
}

class People {
  readonly database: Database = openDatabase({ limits: { snapshotTimeoutMs: 1_000_000 } })
  readonly executor = new Executor({ store: (name) => this.database.engine.store(name) })
  #next = 0

  constructor() {
    this.database.engine.define([PEOPLE])
    this.database.settle()
  }

  add(count: number, countryOf = (number: number): string => (number % 2 === 0 ? "it" : "fr")): void {
    const documents = Array.from({ length: count }, () => {
      const number = this.#next++
      const late = number % 20 === 0 ? { late: true } : {}
      return {
        _id: keyNumber(number * 7),
        country: countryOf(number),
        mail: `${number}@x`,
        tags: ["a", `t${number % 4}`],
        ...late
      }
    })
    const transaction = this.database.engine.transact()
    this.executor.insert(transaction, encodeStatement({ kind: "insert", store: "people", documents }), 0, new RowList())
    transaction.commit()
    this.database.settle()
  }

  explain(text: string): Explanation {
    const statement = parsePql(text)
    const snapshot = this.database.engine.snapshot()
    if (statement.kind !== "explain") throw new Error(text)
    try {
      return this.executor.explain(statement.of.kind, encodeStatement(statement.of), 0, snapshot)
    } finally {
      snapshot.close()
    }
  }
}

describe("statistics", () => {
  it("tell how much a range or a beginning of text lets through, for the values of the run", () => {
    const people = new People()
    people.add(4000)
    // Mails are 0@x to 3999@x, as text; half of the ids are below 2000 * 7.
    const cases: ReadonlyArray<readonly [string, number]> = [
      ['mail startsWith "1"', 1111],
      ['mail startsWith "123"', 11],
      ['mail >= "39"', 780],
      ['mail < "2"', 1112],
      ['mail between "10" and "15"', 560],
      ['mail > "10" and mail < "15"', 560],
      ['mail >= "0"', 4000],
      ['country > "g"', 2000],
      ["mail > 5", 0],
      ['tags startsWith "t3"', 1000]
    ]
    for (const [condition, rows] of cases) {
      const { actual, documents, estimatedRows } = people.explain(`explain people.filter(${condition})`)
      assert.approximately(documents ?? 0, 4000, 200)
      assert.approximately(actual?.rows ?? -1, rows, 12, condition)
      // A class of shares is a factor of four, its middle a factor of two away; a sample of 256 cannot see less than about 16 of 4000.
      assert.isAtMost(estimatedRows, Math.max(40, rows * 3), condition)
      assert.isAtLeast(estimatedRows, rows < 40 ? 0 : rows / 3, condition)
    }
  })

  it("tell how much any other condition lets through, tested on the sample with the values of the run", () => {
    const people = new People()
    people.add(4000)
    const cases: ReadonlyArray<readonly [string, number]> = [
      ['mail endsWith "7@x"', 400],
      ['mail endsWith "@x"', 4000],
      ['mail endsWith "@y"', 0],
      ['mail contains "1"', 1813],
      ['mail ~ "^[0-9]*5@"', 400],
      ["late exists", 200],
      ["not (late exists)", 3800],
      ['tags any (this = "t1" or this = "t2")', 2000],
      ['mail endsWith "7@x" or mail < "2"', 1400],
      ['not (mail endsWith "7@x" or mail < "2")', 2600],
      ['country = "it" or country = "fr"', 4000],
      ['mail endsWith "7@x" and not (country = "it")', 400]
    ]
    for (const [condition, rows] of cases) {
      const { actual, estimatedRows } = people.explain(`explain people.filter(${condition})`)
      assert.approximately(actual?.rows ?? -1, rows, 0.15 * rows, condition)
      assert.isAtMost(estimatedRows, Math.max(40, rows * 3), condition)
      assert.isAtLeast(estimatedRows, rows / 3, condition)
    }
  })

  it("choose by what is tested on the sample, the same whatever came first", () => {
    // The first twenty of all in an order that an index has, or the few there are, sorted.
    const common = 'people.filter(mail contains "@").orderBy(mail).limit(20)'
    const rare = 'people.filter(mail contains "no").orderBy(mail).limit(20)'
    const answers = [
      [common, rare],
      [rare, common]
    ].map((order) => {
      const people = new People()
      people.add(4000)
      return new Map(order.map((text) => [text, people.explain(`explain ${text}`)]))
    })
    assert.notStrictEqual(answers[0]?.get(common)?.ordering, answers[0]?.get(rare)?.ordering)
    for (const text of [common, rare]) assert.strictEqual(answers[0]?.get(text)?.ordering, answers[1]?.get(text)?.ordering)
  })

  it("are not tested for statements that would be run the same way, whatever came of it", () => {
    const people = new People()
    people.add(1000)
    const plans = new PlanCache((name) => people.database.engine.store(name)!, new PageCursors(new Uint8Array(0)))
    const snapshot = people.database.engine.snapshot()
    const planOf = (text: string) => plans.take("find", encodeStatement(parsePql(text)), 0, snapshot)
    assert.strictEqual(planOf('people.filter(mail contains "@")'), planOf('people.filter(mail contains "no")'))
    const ordered = ["@", "no"].map((part) => planOf(`people.filter(mail contains "${part}").orderBy(mail).limit(20)`))
    assert.notStrictEqual(ordered[0], ordered[1])
    snapshot.close()
  })

  it("of a store too small for a sample are for people only: all documents say what is expected, and the plan is the same", () => {
    const people = new People()
    const text = 'explain people.filter(country = "it" and not (mail endsWith "4@x"))'
    const empty = people.explain(text)
    assert.isUndefined(empty.documents)
    people.add(50)
    const { access, actual, documents, estimatedReads, estimatedRows } = people.explain(text)
    assert.strictEqual(access, empty.access)
    assert.deepStrictEqual([documents, estimatedRows, actual?.rows], [50, 20, 20])
    assert.approximately(estimatedReads, 25, 5)
    assert.strictEqual(people.explain("explain people.filter(country = 'it').limit(7)").estimatedRows, 7)
    assert.strictEqual(people.explain("explain people.filter(country = 'mt')").estimatedRows, 0)
  })

  it("choose between indexes by the ranges that are asked for, the same whatever came first", () => {
    const narrow = 'mail startsWith "12" and country = "it"'
    const wide = 'mail >= "0" and country = "it"'
    const answers = [
      [narrow, wide],
      [wide, narrow]
    ].map((order) => {
      const people = new People()
      people.add(4000)
      return new Map(order.map((condition) => [condition, people.explain(`explain people.filter(${condition})`).access]))
    })
    assert.strictEqual(answers[0]?.get(narrow), "index byMail")
    assert.notStrictEqual(answers[0]?.get(wide), "index byMail")
    for (const condition of [narrow, wide]) assert.strictEqual(answers[0]?.get(condition), answers[1]?.get(condition))
  })

  it("tell the planner which of two conditions is the narrower one", () => {
    const people = new People()
    people.add(1000)
    const plan = people.explain("explain people.filter(country = 'it' and mail = '10@x')")
    assert.strictEqual(plan.access, "index byMail")
    assert.deepInclude(plan.actual, { rows: 1, indexKeysRead: 1, documentsRead: 1 })
    // Half of all documents are read faster where they lie.
    const half = people.explain("explain people.filter(country = 'it')")
    assert.strictEqual(half.access, "all documents")
    assert.approximately(half.estimatedRows, 500, 100)
    assert.strictEqual(half.actual?.rows, 500)
  })

  it("do not lure the planner into a walk over everything, when nearly all documents have another value than the one asked for", () => {
    const people = new People()
    people.add(4000, (number) => (number % 100 === 0 ? "mt" : "it"))
    for (const [country, rows] of [
      ["mt", 20],
      ["it", 20],
      ["va", 0]
    ] as const) {
      const plan = people.explain(`explain people.filter(country = '${country}').orderBy(_id, desc).limit(20)`)
      assert.strictEqual(plan.access, "index byCountry")
      assert.strictEqual(plan.actual?.rows, rows)
      assert.isAtMost(plan.actual?.documentsRead ?? Infinity, rows)
    }
  })

  it("do not choose plans of small stores, and are taken again when a store has doubled", () => {
    const people = new People()
    people.add(50)
    const text = "explain people.filter(country = 'it')"
    assert.strictEqual(people.explain(text).access, "index byCountry")
    people.add(950)
    assert.strictEqual(people.explain(text).access, "all documents")
    const before = people.explain(text).documents
    people.add(100)
    assert.strictEqual(people.explain(text).documents, before)
    people.add(2000)
    assert.isAbove(people.explain(text).documents ?? 0, 3000)
  })

  it("know the share of each value, also in arrays, and how much of the store an index has", () => {
    const people = new People()
    people.add(1000)
    people.database.engine.freeze()
    people.database.settle()
    const store = people.database.engine.store("people")!
    const snapshot = people.database.engine.snapshot()
    const statistics = new Statistics()
    const known = statistics.of(snapshot, store)!
    assert.strictEqual(statistics.of(snapshot, store), known)
    assert.strictEqual(known.documents, 1000)
    assert.approximately(known.equalShare("country"), 0.5, 0.05)
    assert.isAtMost(known.equalShare("mail"), 0.001)
    assert.approximately(known.equalShare("tags"), 0.625, 0.08)
    assert.strictEqual(known.equalShare("nothing"), 0.001)
    assert.approximately(known.entriesShare(store.indexes.find((it) => it.definition.name === "late")!) ?? 0, 0.05, 0.001)
    snapshot.close()
  })
})
