import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { join } from "node:path"
import * as Planck from "../../src/Planck.ts"
import { Folder } from "../Build/Folder.ts"
import { json, planck, type Ran, told } from "./Command.ts"
import { fill } from "./Orders.ts"

describe("planck query", () => {
  let data: Folder
  const ask = (statement: string, ...rest: ReadonlyArray<string>): Promise<Ran> => planck("query", data.path, statement, ...rest)

  /** What a statement answers in JSON. */
  const answer = async (statement: string, ...rest: ReadonlyArray<string>): Promise<unknown> => {
    const { code, err, out } = await ask(statement, "--json", ...rest)
    assert.deepStrictEqual({ code, err }, { code: 0, err: "" })
    return json(out)
  }

  const refusal = async (statement: string, ...rest: ReadonlyArray<string>): Promise<string> => {
    const { code, err, out } = await ask(statement, ...rest)
    assert.deepStrictEqual({ code, out }, { code: 1, out: "" })
    assert.match(err, /^planck: .*\n$/)
    return err.slice("planck: ".length).trimEnd()
  }

  beforeAll(async () => {
    data = new Folder({})
    await fill(data.path, "shop")
  })
  afterAll(() => data[Symbol.dispose]())

  it("prints one row a line and how many there are", async () => {
    const { code, err, out } = await ask('orders.filter(customer = "ada").orderBy(total desc).limit(2)')
    assert.deepStrictEqual({ code, err }, { code: 0, err: "" })
    const lines = out.trimEnd().split("\n")
    assert.deepStrictEqual(lines.slice(0, 3), ['{"_id":5,"customer":"ada","total":50}', '{"_id":3,"customer":"ada","total":30}', "2 rows"])
    const more = await ask(`orders.filter(customer = "ada").orderBy(total desc).limit(2)${lines[3]?.slice("more: ".length)}`)
    assert.strictEqual(more.out, '{"_id":1,"customer":"ada","total":10}\n1 row\n')
  })

  it("answers find, count, get and select in JSON", async () => {
    assert.deepStrictEqual(await answer("orders.filter(total > 50)"), { rows: [{ _id: 6, customer: "bob", total: 60 }] })
    assert.deepStrictEqual(await answer('orders.filter(customer = "ada").count()'), { count: 3 })
    assert.deepStrictEqual(await answer("orders.get(2)"), { rows: [{ _id: 2, customer: "bob", total: 20 }] })
    assert.deepStrictEqual(await answer("orders.get(99)"), { rows: [] })
    assert.deepStrictEqual(await answer("orders.filter(total <= 10).select(total)"), { rows: [{ _id: 1, total: 10 }] })
  })

  it("explains which way a statement goes", async () => {
    const plan = (await answer('explain orders.filter(customer = "ada")')) as { readonly access: string }
    assert.strictEqual(plan.access, "index byCustomer")
    assert.include((await ask("explain orders.filter(total = 1)")).out, '"access": "all documents"')
  })

  it("takes parameters: JSON where it is JSON, text otherwise", async () => {
    const statement = "orders.filter(customer = $who and total >= $least).count()"
    assert.deepStrictEqual(await answer(statement, "--param", "who=ada", "--param", "least=30"), { count: 2 })
    assert.match(await refusal("orders.filter(customer = $who)"), /line 1, column 26: .*\$who/)
  })

  it("writes: insert, set, delete; each durable when it is answered", async () => {
    assert.deepStrictEqual(await answer('orders.insert({_id: 100, customer: "zoe", total: 1})'), {
      rows: [{ _id: 100, customer: "zoe", total: 1 }]
    })
    assert.deepStrictEqual(await answer('orders.filter(customer = "zoe").set({total: 2})'), { matched: 1, modified: 1 })
    assert.strictEqual((await ask('orders.filter(customer = "zoe").set({total: 2})')).out, "matched 1, modified 0\n")
    assert.deepStrictEqual(await answer("orders.get(100)"), { rows: [{ _id: 100, customer: "zoe", total: 2 }] })
    assert.deepStrictEqual(await answer('orders.filter(customer = "zoe").delete()'), { deleted: 1 })
    assert.deepStrictEqual(await answer("orders.count()"), { count: 6 })
  })

  it("gives rows as Extended JSON on request", async () => {
    const statement = 'orders.filter(customer = "ada").aggregate(total: sum(total), mean: avg(total))'
    assert.strictEqual((await ask(statement, "--json")).out, '{"rows":[{"total":90,"mean":30}]}\n')
    assert.strictEqual(
      (await ask(statement, "--json", "--extended")).out,
      '{"rows":[{"total":{"$numberLong":"90"},"mean":{"$numberDouble":"30.0"}}]}\n'
    )
  })

  it("makes, lists and drops indexes", async () => {
    assert.deepStrictEqual(await answer("orders.createIndex(total desc, where total > 10, name big)"), { indexes: 2 })
    const { rows } = (await answer("orders.indexes()")) as { readonly rows: ReadonlyArray<Record<string, unknown>> }
    assert.deepInclude(rows[1], {
      name: "big",
      on: [{ path: "total", direction: "desc" }],
      where: { op: "gt", path: "total", value: 10 },
      ready: true
    })
    assert.match(await refusal("orders.createIndex(total, name big)"), /orders has an index big already/)
    assert.match(await refusal("orders.createIndex(total, unique, customer)"), /expected a property/)
    assert.match(await refusal("orders.dropIndex(small)"), /orders has no index small, only byCustomer, big/)
    assert.deepStrictEqual(await answer("orders.dropIndex(big)"), { indexes: 1 })
  })

  it("says where a statement is wrong, for people and for programs", async () => {
    assert.strictEqual(await refusal("orders.filter(total >)"), "line 1, column 22: expected a value, found `)`")
    assert.match(await refusal("orders\n  .filter(\n  total ? 3)"), /^line 3, column 9: /)
    const { code, details } = told((await ask("orders.fliter(total > 1)", "--json")).err)
    assert.strictEqual(code, "InvalidPql")
    assert.deepInclude(details, { line: 1, column: 8, found: "`fliter`" })
    assert.strictEqual(details?.["suggestion"], "did you mean filter?")
  })

  it("refuses unknown stores and documents that do not fit, changing nothing", async () => {
    assert.match(await refusal("order.count()"), /no store order/)
    assert.match(await refusal('orders.insert({_id: 7, customer: "x", total: "many"})'), /orders.*\/total/)
    assert.match(await refusal('orders.insert({_id: 1, customer: "x", total: 1})'), /1/)
    const { code, details } = told((await ask('orders.insert({_id: 7, customer: "x"})', "--json")).err)
    assert.strictEqual(code, "InvalidDocument")
    assert.strictEqual(details?.["store"], "orders")
    assert.deepStrictEqual(await answer("orders.count()"), { count: 6 })
  })

  it("is refused while somebody has the directory open, who is named", async () => {
    const directory = join(data.path, "services/shop")
    const refused = Effect.promise(() => refusal("orders.count()"))
    const line = await Effect.runPromise(refused.pipe(Effect.provide(Planck.layer({ directory }))))
    assert.include(line, `${directory} is in use by process ${process.pid} on `)
  })

  it("finds the database: the directory itself, the only service below it, or the one that is named", async () => {
    const own = await planck("query", join(data.path, "services/shop"), "orders.count()")
    assert.strictEqual(own.out, "count 6\n")
    await fill(data.path, "archive")
    assert.match(await refusal("orders.count()"), /it holds archive, shop: name one with --service$/)
    assert.deepStrictEqual(await answer("orders.count()", "--service", "archive"), { count: 6 })
    assert.match(await refusal("orders.count()", "--service", "none"), /archive, shop/)
    const nowhere = await planck("query", join(data.path, "nowhere"), "orders.count()")
    assert.strictEqual(nowhere.code, 1)
    assert.match(nowhere.err, /nowhere: there is no database/)
  })

  it("drops a store, for good", async () => {
    assert.match(await refusal("nothing.drop()", "--service", "shop"), /there is no store nothing/)
    assert.match(await refusal("orders.filter(total > 5).drop()", "--service", "shop"), /filter has no effect on drop/)
    const { count } = (await answer("orders.count()", "--service", "shop")) as unknown as { readonly count: number }
    assert.isAbove(count, 0)
    assert.deepStrictEqual(await answer("orders.drop()", "--service", "shop"), { dropped: count })
    assert.match(await refusal("orders.count()", "--service", "shop"), /there is no store orders/)
  })
})
