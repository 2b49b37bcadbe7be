import { assert, describe, it } from "@effect/vitest"
import { completePql } from "../../src/Query/Complete.ts"
import { parseOperatorPql } from "../../src/Query/Pql.ts"
import type { StoreDefinition } from "../../src/Schema/Definition.ts"
import { CATEGORIES, ORDERS } from "./Shop.ts"

const STORES: ReadonlyArray<StoreDefinition> = [ORDERS, CATEGORIES]

/** What is offered where `|` stands. */
function offered(text: string): ReadonlyArray<string> {
  const offset = text.indexOf("|")
  return completePql(text.replace("|", ""), offset, STORES).items.map((item) => item.text)
}

describe("completion", () => {
  it("offers stores, steps, fields, operators and values where each may come", () => {
    assert.deepStrictEqual(offered("|"), ["orders", "categories", "explain"])
    assert.deepStrictEqual(offered("explain ca|"), ["categories"])
    assert.deepStrictEqual(offered("orders.fil|"), ["filter"])
    assert.deepStrictEqual(offered("orders.filter(cu|"), ["customer"])
    assert.deepStrictEqual(offered("orders.filter(lines.s|"), ["lines.sku"])
    assert.deepStrictEqual(offered("orders.filter(customer st|"), ["startsWith"])
    assert.deepStrictEqual(offered("orders.filter(status = |"), ['"pending"', '"paid"', '"cancelled"'])
    assert.deepStrictEqual(
      offered("orders.filter(note is nu|"),
      ["null", "number"].toSorted().filter((it) => it.startsWith("nu"))
    )
    assert.deepStrictEqual(offered('orders.filter(status = "paid" a|'), ["and"])
    assert.deepStrictEqual(offered("orders.orderBy(placedAt d|"), ["desc"])
    assert.deepStrictEqual(offered("orders.aggregate(total: su|"), ["sum"])
    assert.deepStrictEqual(offered("orders.lookup(ca|"), ["categories"])
    assert.deepStrictEqual(offered("orders.lookup(categories, customer, na|"), ["name"])
    assert.deepStrictEqual(offered("orders.createIndex(address.c|"), ["address.city"])
  })

  it("offers no text operators for numbers, and none of arrays for what is none", () => {
    assert.notInclude(offered("orders.filter(count |"), "startsWith")
    assert.notInclude(offered("orders.filter(count |"), "any")
    assert.include(offered("orders.filter(lines |"), "any")
  })

  it("knows the type of fields, and where the word begins", () => {
    const found = completePql("orders.filter(big", 17, STORES)
    assert.deepStrictEqual(found, { from: 14, items: [{ text: "big", kind: "field", detail: "long, optional" }] })
  })

  it("offers nothing inside a string, behind a mistake, or of a store that is not there", () => {
    assert.deepStrictEqual(offered('orders.filter(customer = "a|'), [])
    assert.deepStrictEqual(offered("orders.fliter(x = 1).|"), [])
    assert.deepStrictEqual(offered("nothing.filter(|"), [])
  })

  it("offers only what the parser takes there: each step, and each field in a filter", () => {
    for (const step of offered("orders.|")) assert.doesNotThrow(() => parseUpTo(`orders.${step}(`), step)
    for (const field of offered("orders.filter(|")) assert.doesNotThrow(() => parseOperatorPql(`orders.filter(${field} exists)`), field)
  })
})

/** Parses a text that ends in the middle: it is wrong only for ending. */
function parseUpTo(text: string): void {
  try {
    parseOperatorPql(text)
  } catch (error) {
    const { reason } = error as { readonly reason: { readonly offset: number } }
    if (reason.offset < text.length) throw error
  }
}
