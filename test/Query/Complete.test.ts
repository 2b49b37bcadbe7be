import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { type Completion, completePql } from "../../src/Query/Complete.ts"
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
    assert.deepStrictEqual(found, { from: 14, items: [{ text: "big", kind: "field", detail: "long, optional" }], others: [] })
  })

  it("offers nothing inside a string and behind a mistake, and no fields of a store that is not there", () => {
    assert.deepStrictEqual(offered('orders.filter(customer = "a|'), [])
    assert.deepStrictEqual(offered("orders.fliter(x = 1).|"), [])
    assert.deepStrictEqual(offered("nothing.filter(|"), ["not", "("])
  })

  it("offers only what the parser takes there: each step, and each field in a filter", () => {
    for (const step of offered("orders.|")) assert.doesNotThrow(() => parseUpTo(`orders.${step}(`), step)
    const fields = completePql("orders.filter(", 14, STORES).items.filter(({ kind }) => kind === "field")
    assert.isAbove(fields.length, 10)
    for (const { text } of fields) assert.doesNotThrow(() => parseOperatorPql(`orders.filter(${text} exists)`), text)
  })
})

/** Statements with every rule of the grammar; the examples of docs/pql.md come on top. */
const CORPUS = [
  "explain orders.filter(not (customer = 'a' or total >= decimal '1.5') and count between 1 and 5).orderBy(total desc, customer asc).skip(1).limit(2)",
  "orders.filter(customer in ['a', $who] and status not in [\"paid\"] and total > long 5)",
  "orders.filter(customer startsWith 'a' or customer endsWith $who or note contains 'x' or note ~ /a+/i or note exists false or note is string)",
  "orders.filter(lines any (sku = 'a' and not quantity > 1) and lines all (this is document) and lines size 2 and lines.0.sku != 'b')",
  "orders.filter(seller = key '0190a5c2d7f07d3a8c1e5b6f7a8b9c0d' and placedAt <= date '2026-01-01' and note = null)",
  "orders.select(customer, address.city, worth: total * count, isBig: count > 5 and note exists, half: (total + -count) / 2)",
  "orders.omit(lines, note).compute(next: count + 1, other: -count)",
  "orders.filter(customer = 'a').first().lookup(categories, customer, name, found)",
  "orders.orderBy(total, desc).after('x').pluck(total)",
  "orders.orderBy(placedAt).groupBy(customer, address.city).aggregate(n: count, m: count(), s: sum(total * count), f: first(total)).having(n > 5 and city = 'x' and f < decimal '2').orderBy(s desc).limit(5)",
  "orders.aggregate(names: push(customer), d: countDistinct(lines.sku))",
  "orders.distinct(customer).having(customer > 'a')",
  "orders.filter(count > 1).count()",
  "orders.get(key '0190a5c2d7f07d3a8c1e5b6f7a8b9c0d').select(total)",
  "categories.get('x').compute(twice: rank * 2)",
  "orders.insert([{ customer: 'a', status: \"paid\", lines: [{ sku: 'a', quantity: 1 }], address: { city: 'x' } }, {}])",
  "categories.insert({ _id: 'a', name: 'b', rank: 1 })",
  "categories.replace({ _id: 'a', name: 'b' })",
  "categories.upsert({ _id: 'a', rank: 2 })",
  "orders.filter(customer = 'a').set({ count: 1, \"address.city\": 'x', note: null }).inc({ big: long 1 }).unset(note, address.zip)",
  "orders.push({ lines: { sku: 'a' } }).addToSet({ lines: each [{ sku: 'b' }] }).pull({ lines: any (quantity < 1 or this is null) })",
  "orders.filter(count = 1).delete()",
  "categories.delete('a')",
  "orders.createIndex(customer, total desc, unique, sparse, where status = \"paid\", ttl 30 days, name 'x')",
  "orders.dropIndex(byDate)",
  "orders.indexes()",
  "orders.drop()"
]

describe("completion of every prefix of a statement", () => {
  const page = readFileSync(new URL("../../docs/pql.md", import.meta.url), "utf8")
  const stores = JSON.parse(/^```json\n([^]*?)^```$/m.exec(page)?.[1] ?? "[]") as ReadonlyArray<StoreDefinition>
  const examples = [...page.matchAll(/^```pql\n((?:(?!^```)[^])*?)\n(?:with (.*)\n)?=> /gm)].map((found) => ({
    text: found[1] ?? "",
    stores,
    parameters: Object.keys(JSON.parse(found[2] ?? "{}") as object)
  }))
  // Comparing text with a number makes no sense, which is what that example is about.
  const sensible = examples.filter(({ text }) => !text.includes("name > 5"))
  const corpus = [...CORPUS.map((text) => ({ text, stores: STORES, parameters: ["who"] })), ...sensible]

  it("offers what comes next", () => {
    assert.isAbove(sensible.length, 40)
    for (const { parameters, stores: known, text } of corpus)
      for (const token of tokens(text)) {
        const prefix = `${text.slice(0, token.index)} `
        const { from, items, others } = completePql(prefix, prefix.length, known, parameters)
        assert.strictEqual(from, prefix.length)
        assert.isTrue(
          isOffered(token[0], items, others),
          `${prefix}| ${token[0]} is none of ${items.map((item) => item.text).join(" ")}; ${others.join("; ")}`
        )
      }
  })

  it("offers nothing that is refused where it is put", () => {
    for (const { parameters, stores: known, text } of corpus.slice(0, CORPUS.length + 20))
      for (const { index } of tokens(text)) {
        const prefix = `${text.slice(0, index)} `
        for (const item of completePql(prefix, prefix.length, known, parameters).items) {
          if (item.text === '"' || item.text === "/" || item.kind === "parameter") continue
          const refusal = refusalOf(`${prefix}${item.text} `)
          if (refusal !== undefined && refusal.offset < prefix.length + item.text.length)
            assert.match(
              refusal.message,
              /once|which is always shown|a list of documents|at least one field|with its _id/,
              `${prefix}|${item.text}`
            )
        }
      }
  })

  it("goes on behind parameters, whatever they stand for, and offers those that are known", () => {
    const text = "orders.filter(customer in $names and count > $least and customer startsWith $start).skip($n)"
    assert.include(items(`${text}.`), "orderBy")
    assert.include(items("orders.filter(customer = "), "$who")
    assert.deepStrictEqual(items("orders.filter(customer = $w"), ["$who"])
  })

  it("finishes texts and names that are still open", () => {
    assert.deepStrictEqual(items('orders.filter(status = "pa'), ['"paid"'])
    assert.deepStrictEqual(items('orders.set({ "address.'), ['"address.city"', '"address.zip"'])
    assert.deepStrictEqual(items("orders.filter(note = 'it"), [])
    assert.deepStrictEqual(items("orders.filter(note ~ /it's/ a"), ["and"])
  })

  it("says in words what it cannot list", () => {
    assert.deepStrictEqual(completePql("orders.limit(", 13, STORES).others, ["a whole number from 0 to 2147483647"])
    assert.deepStrictEqual(completePql("orders.filter(count > ", 22, STORES).others, ["a number"])
  })

  function items(text: string): ReadonlyArray<string> {
    return completePql(text, text.length, STORES, ["who"]).items.map((item) => item.text)
  }
})

const TOKEN =
  /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\/(?! )(?:[^/\\\s]|\\.)+\/[a-z]*|\$\w+|(?<=\W)-?\d+(?:\.\d+)?|[A-Za-z_]\w*(?:\.\w+)*|!=|<=|>=|[^\s\w]/g

/** The words and signs of a text with their places; names joined by dots are one where they are a path. */
function tokens(text: string): ReadonlyArray<RegExpExecArray> {
  let depth = 0
  return [...text.matchAll(TOKEN)].flatMap((token) => {
    if ("([{".includes(token[0])) depth++
    if (")]}".includes(token[0])) depth--
    if (depth > 0 || !/^\w+\./.test(token[0])) return [token]
    return [...token[0].matchAll(/\w+|\./g)].map((part) => Object.assign(part, { index: token.index + part.index }))
  })
}

function isOffered(token: string, items: ReadonlyArray<Completion>, others: ReadonlyArray<string>): boolean {
  if (items.some(({ text }) => text === token || text.startsWith(`${token} `))) return true
  const startsWith = (sign: string): boolean => items.some(({ text }) => text === sign)
  if (/^["']/.test(token)) return startsWith('"')
  if (/^\/./.test(token)) return startsWith("/")
  if (/^-?\d/.test(token)) return others.some((other) => /number|time/.test(other))
  if (/\.\d/.test(token)) return items.some(({ text }) => text === token.replaceAll(/\.\d+/g, ""))
  return /^\w+$/.test(token) && others.some((other) => /\bname\b/.test(other))
}

function refusalOf(text: string): { readonly offset: number; readonly message: string } | undefined {
  try {
    parseOperatorPql(text, { who: "x", category: "x", most: 1 })
    return undefined
  } catch (error) {
    return (error as { readonly reason: { readonly offset: number; readonly message: string } }).reason
  }
}

/** Parses a text that ends in the middle: it is wrong only for ending. */
function parseUpTo(text: string): void {
  try {
    parseOperatorPql(text)
  } catch (error) {
    const { reason } = error as { readonly reason: { readonly offset: number } }
    if (reason.offset < text.length) throw error
  }
}
