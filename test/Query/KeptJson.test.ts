import { assert, describe, it } from "@effect/vitest"
import type { Find, Get } from "../../src/Query/Ast.ts"
import { KeptJson } from "../../src/Query/KeptJson.ts"
import { parsePql } from "../../src/Query/Pql.ts"
import { Random } from "../Storage/Random.ts"
import { CATEGORIES, Shop } from "./Shop.ts"

const KIB = 1024
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

/** A way to ask that keeps results, and one that makes every answer anew. */
function askers(shop: Shop, bytesMax = 256 * KIB): { kept: (pql: string) => string; anew: (pql: string) => string } {
  const { engine } = shop.database
  const keeping = new KeptJson(engine, shop.executor, bytesMax)
  const forgetful = new KeptJson(engine, shop.executor, 0)
  return {
    kept: (pql) => text(keeping.json(parsePql(pql) as Find | Get)),
    anew: (pql) => text(forgetful.json(parsePql(pql) as Find | Get))
  }
}

describe("JSON that is kept", () => {
  it("is what an answer made anew says, whatever was written, flushed or defined in between", () => {
    const shop = new Shop({}, 60)
    const { anew, kept } = askers(shop, 32 * KIB)
    const random = new Random(4)
    const extras: Record<string, { readonly type: "int"; readonly optional: true }> = {}
    const customer = (): string => `customer-${random.below(12)}`
    const questions = [
      () => `orders.filter(customer = '${customer()}').orderBy(placedAt desc).limit(5)`,
      () => `orders.filter(status = 'paid').select(total).limit(${random.below(9)})`,
      () => `orders.filter(customer in ['${customer()}', '${customer()}'])`,
      () => "orders.limit(3)",
      () => "categories.orderBy(rank)",
      () => "categories.lookup(orders, name, customer, orders)"
    ]
    const changes = [
      () => shop.write(`orders.filter(customer = '${customer()}').set({ status: 'cancelled' })`),
      () => shop.write(`orders.filter(customer = '${customer()}' and status = 'paid').delete()`),
      () => shop.write(`categories.upsert({ _id: 'c${random.below(4)}', name: '${customer()}', rank: ${random.below(5)} })`),
      () => void shop.database.settle(),
      () => {
        extras[`extra${Object.keys(extras).length}`] = { type: "int", optional: true }
        shop.database.engine.define([{ ...CATEGORIES, schema: { ...CATEGORIES.schema, ...extras } }])
      }
    ]
    for (let step = 0; step < 1500; step++) {
      if (random.below(6) === 0) {
        changes[random.below(changes.length)]!()
        shop.database.sync()
      }
      const question = questions[random.below(questions.length)]!()
      assert.strictEqual(kept(question), anew(question), question)
    }
  })

  it("is the caller's own, to be changed at will", () => {
    const shop = new Shop({}, 10)
    const keeping = new KeptJson(shop.database.engine, shop.executor, 64 * KIB)
    const statement = parsePql("orders.limit(1)") as Find
    const first = keeping.json(statement)
    const second = keeping.json(statement)
    const expected = text(second)
    first.fill(0)
    second.fill(1)
    assert.strictEqual(text(keeping.json(statement)), expected)
  })

  it("is not looked for again while nothing has changed", () => {
    const shop = new Shop({}, 10)
    const { kept } = askers(shop)
    const question = "orders.filter(customer = 'customer-1').limit(5)"
    const answer = kept(question)
    let runs = 0
    const { find } = shop.executor
    shop.executor.find = (...values) => {
      runs++
      return find.apply(shop.executor, values)
    }
    assert.strictEqual(kept(question), answer)
    assert.strictEqual(runs, 0)
    shop.write("orders.filter(customer = 'customer-1').set({ note: 'new' })")
    shop.database.sync()
    assert.include(kept(question), '"note":"new"')
    assert.strictEqual(runs, 1)
    kept(question)
    assert.strictEqual(runs, 1)
    const { schema } = CATEGORIES
    shop.database.engine.define([{ ...CATEGORIES, schema: { ...schema, extra: { type: "int", optional: true } } }])
    kept(question)
    assert.strictEqual(runs, 2, "a change of definitions forgets what was kept")
  })
})
