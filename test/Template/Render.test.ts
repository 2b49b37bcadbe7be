import { assert, describe, it } from "vitest"
import { Binary, Decimal128, Key, ObjectId, UUID, type Value } from "../../src/Bson/Value.ts"
import { render, rows } from "./Shop.ts"

const key = new Key(Uint8Array.from({ length: 16 }, (_, index) => index * 17))
const order: Record<string, Value> = {
  _id: key,
  customer: "Ann & Bob",
  status: "paid",
  total: Decimal128.fromString("1234.50"),
  weight: 1.5,
  count: 3,
  serial: 9007199254740993n,
  placedAt: new Date(Date.UTC(2024, 1, 29, 13, 4, 5, 6)),
  address: { city: "Zürich", street: null },
  lines: [
    { sku: "A-1", quantity: 2 },
    { sku: "<B>", quantity: 1, note: "fragile" }
  ],
  tags: ["new", "big"],
  labels: { en: "order", de: "Bestellung" }
}
const show = (expression: string) => render(`{param order: Doc<orders>}${expression}`, { order })

describe("printing", () => {
  const table: ReadonlyArray<readonly [string, string]> = [
    ["{order.customer}", "Ann &amp; Bob"],
    ["{order._id}", "00112233445566778899aabbccddeeff"],
    ["{order.total}", "1234.50"],
    ["{order.weight}", "1.5"],
    ["{order.count}", "3"],
    ["{order.serial}", "9007199254740993"],
    ["{order.placedAt}", "2024-02-29T13:04:05.006Z"],
    ["{order.address.city}", "Zürich"],
    ["{order.address.street}", ""],
    ["{order.express}", ""],
    ["{order.tags[0]} {order.tags[1]} {order.tags[2]}|", "new big |"],
    ["{order.lines[1].sku}", "&lt;B&gt;"],
    ["{order.lines[7].sku}", ""],
    ["{order.lines.length}", "2"],
    ['{order.labels.de} {order.labels["en"]} {order.labels[order.status]}|', "Bestellung order |"],
    ['{"a" + 1 + true}', "a1true"],
    ["{1.50} {-0.25} {1e21} {true} {null}|", "1.5 -0.25 1e+21 true |"],
    ['{"{"}{"}"} {"\\u{1F600}"}', "{} 😀"]
  ]
  for (const [source, expected] of table) it(`${source} gives ${expected}`, () => assert.strictEqual(show(source), expected))

  it("prints every type of a value whose type is not known", () => {
    const values: ReadonlyArray<readonly [Value, string]> = [
      ["x<y", "x&lt;y"],
      [-7, "-7"],
      [0.1 + 0.2, "0.30000000000000004"],
      [Number.NaN, "NaN"],
      [Number.POSITIVE_INFINITY, "Infinity"],
      [-0, "0"],
      [12345, "12345"],
      [-9223372036854775808n, "-9223372036854775808"],
      [false, "false"],
      [null, ""],
      [new Date(-1), "1969-12-31T23:59:59.999Z"],
      [new UUID("0123456789abcdef0123456789abcdef"), "01234567-89ab-cdef-0123-456789abcdef"],
      [new ObjectId("0123456789abcdef01234567"), "0123456789abcdef01234567"],
      [new Binary(new Uint8Array([1, 2, 3])), "AQID"],
      [Decimal128.fromString("1E+3"), "1E+3"],
      [Decimal128.fromString("0.0000001"), "1E-7"],
      [Decimal128.fromString("-0.000001"), "-0.000001"],
      [Decimal128.fromString("Infinity"), "Infinity"],
      [{ a: 1 }, ""],
      [[1], ""]
    ]
    for (const [value, expected] of values) {
      assert.strictEqual(render("{param x: any}{x}", { x: value }), expected)
      assert.strictEqual(render("{param x: { y: any }}{x.y}", { x: { y: value } }), expected)
    }
  })

  it("prints long texts and texts at the end of their buffer", () => {
    for (const length of [0, 1, 2, 3, 4, 5, 4095, 4096, 4097, 9000]) {
      const text = "é<x>".repeat(Math.ceil(length / 5)).slice(0, length)
      const escaped = text.replaceAll("<", "&lt;").replaceAll(">", "&gt;")
      assert.strictEqual(render("{param x: { y: string }}{x.y}", { x: { y: text } }), escaped)
      assert.strictEqual(render("{param x: string}{x}", { x: text }), escaped)
    }
  })
})

describe("operators", () => {
  const table: ReadonlyArray<readonly [string, string]> = [
    ["{1 + 2 * 3 - 4 / 8}", "6.5"],
    ["{(1 + 2) * 3 % 4}", "1"],
    ["{-order.count}", "-3"],
    ["{order.count * 2 + 1}", "7"],
    ["{order.weight * 2}", "3"],
    ["{1 / 0}", "Infinity"],
    ['{order.customer + " (" + order.count + ")"}', "Ann &amp; Bob (3)"],
    ["{order.count > 2 and order.count <= 3}", "true"],
    ["{not order.express or false}", "true"],
    ['{order.status == "paid" ? "yes" : "no"}', "yes"],
    ['{order.status != "paid" ? "yes" : "no"}', "no"],
    ['{order.customer < "Ann & Boc"}', "true"],
    ["{order.total > 1234.4} {order.total >= 1234.5} {order.total == 1234.5}", "true true true"],
    ["{order.serial > 9007199254740991}", "true"],
    ["{order.placedAt == order.placedAt} {order.placedAt < order.placedAt}", "true false"],
    ['{order._id == "00112233445566778899aabbccddeeff"}', "true"],
    ["{order.express == null} {order.address.street == null} {order.customer == null}", "true true false"],
    ['{order.express ?? "unknown"} {order.address.street ?? order.address.city}', "unknown Zürich"],
    ["{order.weight ? 1 : 2} {order.tags ? 1 : 2} {order.extra ? 1 : 2}", "1 1 2"],
    ["{order.extra.deep.deeper[3].x}|", "|"]
  ]
  for (const [source, expected] of table) it(`${source} gives ${expected}`, () => assert.strictEqual(show(source), expected))

  it("orders texts by code point, not by UTF-16 unit", () => {
    assert.strictEqual(render("{param a: string}{param b: string}{a < b}", { a: "\uff5e", b: "\u{1f600}" }), "true")
  })

  it("counts 0, NaN, empty texts and empty lists as false, documents and dates as true", () => {
    const cases: ReadonlyArray<readonly [Value, string]> = [
      [0, "no"],
      [Number.NaN, "no"],
      ["", "no"],
      [[], "no"],
      [false, "no"],
      [null, "no"],
      [0n, "no"],
      [Decimal128.fromString("0.00"), "no"],
      [1, "yes"],
      ["0", "yes"],
      [[0], "yes"],
      [{}, "yes"],
      [new Date(0), "yes"],
      [2n ** 60n, "yes"],
      [Decimal128.fromString("0.01"), "yes"]
    ]
    for (const [value, expected] of cases) {
      assert.strictEqual(render("{param x: any}{if x}yes{else}no{/if}", { x: value }), expected)
      assert.strictEqual(render('{param x: { y: any }}{x.y ? "yes" : "no"}', { x: { y: value } }), expected)
    }
  })
})

describe("pipes", () => {
  const table: ReadonlyArray<readonly [string, string]> = [
    ["{order.customer | upper}", "ANN &amp; BOB"],
    ["{order.customer | lower | upper}", "ANN &amp; BOB"],
    ['{"  x  " | trim}|', "x|"],
    ['{order.total | money("EUR")}', "1234.50 EUR"],
    ["{order.total | money}", "1234.50"],
    ['{order.total | money("JPY")}', "1235 JPY"],
    ['{order.weight | money("KWD")}', "1.500 KWD"],
    ["{order.weight | number(2)}", "1.50"],
    ["{order.weight | number(0)}", "2"],
    ['{order.total | number(2, ".", ",")}', "1.234,50"],
    ['{1234567 | number(0, "’")}', "1’234’567"],
    ["{order.serial | number(1)}", "9007199254740993.0"],
    ["{order.placedAt | date}", "2024-02-29"],
    ['{order.placedAt | date("D.M.YYYY HH:mm")}', "29.2.2024 13:04"],
    ['{order.placedAt | date("DDDD, D MMMM YY [at] H:mm:ss.SSS")}', "Thursday, 29 February 24 at 13:04:05.006"],
    ['{"a/b?c=d&e" | url}', "a%2Fb%3Fc%3Dd%26e"],
    ["{order.tags | join}", "new, big"],
    ['{order.tags | join(" < ")}', "new &lt; big"],
    ["{order.tags | count} {order.extra | count}", "2 0"],
    ['{order.express | default("-")} {"" | default("empty")} {0 | default(1)}', "- empty 0"],
    ["{order.labels | json}", "{&quot;en&quot;:&quot;order&quot;,&quot;de&quot;:&quot;Bestellung&quot;}"],
    ["{order.express | json} {order.express | upper}|", "null |"]
  ]
  for (const [source, expected] of table) it(`${source} gives ${expected}`, () => assert.strictEqual(show(source), expected))

  it("writes the rows of a query as JSON", () => {
    assert.strictEqual(
      render("{param x: { n: int }[]}{x | json}", { x: rows({ n: 1 }, undefined, { n: 2 }) }),
      "[{&quot;n&quot;:1},null,{&quot;n&quot;:2}]"
    )
    assert.strictEqual(render("{param x: { n: int }[]}{x | json}", { x: rows() }), "[]")
  })
})

describe("blocks", () => {
  it("renders the first branch whose test holds", () => {
    const source = "{param n: int}{if n == 1}one{else if n == 2}two{else}many{/if}"
    assert.deepEqual(
      [1, 2, 3].map((n) => render(source, { n })),
      ["one", "two", "many"]
    )
  })

  it("loops over arrays and rows with an index, or renders the else part", () => {
    const source = "{param x: { n: int }[]}{for item, i in x}{i}:{item.n};{else}none{/for}"
    assert.strictEqual(render(source, { x: [{ n: 5 }, { n: 6 }] }), "0:5;1:6;")
    assert.strictEqual(render(source, { x: rows({ n: 5 }, undefined, { m: 6, n: 7 }) }), "0:5;1:;2:7;")
    assert.strictEqual(render(source, { x: rows() }), "none")
    assert.strictEqual(render(source, { x: [] }), "none")
  })

  it("knows the length, the items and the count of rows", () => {
    const source = "{param x: { n: int }[]}{x.length} {x[1].n} {x[5].n}{x | count}"
    assert.strictEqual(render(source, { x: rows({ n: 5 }, { n: 6 }) }), "2 6 2")
    assert.strictEqual(render(source, { x: [{ n: 5 }, { n: 6 }] }), "2 6 2")
  })

  it("names a value with let for the rest of the block", () => {
    const source =
      "{param order: Doc<orders>}{let city = order.address.city}{let big = order.count > 2}{for line in order.lines}{let sku = line.sku}{sku}@{city}{if big}!{/if} {/for}"
    assert.strictEqual(render(source, { order }), "A-1@Zürich! &lt;B&gt;@Zürich! ")
  })

  it("loops over lists of lists", () => {
    assert.strictEqual(render("{param x: int[][]}{for row in x}{for n in row}{n},{/for};{/for}", { x: [[1, 2], [], [3]] }), "1,2,;;3,;")
  })

  it("renders what it is given when the data does not have the type it should have", () => {
    const source =
      "{param order: Doc<orders>}{for line in order.lines}{line.sku}{else}none{/for} {order.address.city} {order.count + 1} {order.total | money}|"
    assert.strictEqual(render(source, { order: { lines: "no list", address: 5, count: "3", total: "x" } }), "none  31 |")
  })
})

describe("elements and attributes", () => {
  const table: ReadonlyArray<readonly [string, string]> = [
    ["<br><br/><img src='/a.png' alt>", "<br><br><img src='/a.png' alt>"],
    ['<div/><svg><path d="M0 0"/></svg>', '<div></div><svg><path d="M0 0"></path></svg>'],
    ["<p title=x>a < b && c</p>", '<p title="x">a < b && c</p>'],
    ['<p title="${order.customer} ${order.count}">x</p>', '<p title="Ann &amp; Bob 3">x</p>'],
    ["<p title='${order.customer}'>x</p>", "<p title='Ann &amp; Bob'>x</p>"],
    ["<input value={order.customer} disabled={order.express} checked={order.count == 3}>", '<input value="Ann &amp; Bob" checked>'],
    ["<input value={order.address.street} size={order.count}>", '<input size="3">'],
    ["<p class={row, is-open: order.count > 5, big: order.count > 2}>x</p>", '<p class="row big">x</p>'],
    ["<p class={open: order.express, (order.status)}>x</p>", '<p class="paid">x</p>'],
    ["<p class={open: order.express}>x</p>", "<p>x</p>"],
    ["<p class={order.status}>x</p>", '<p class="paid">x</p>'],
    [
      "<p data-order={order.labels | json}>x</p>",
      '<p data-order="{&quot;en&quot;:&quot;order&quot;,&quot;de&quot;:&quot;Bestellung&quot;}">x</p>'
    ],
    ["<script>if (a < b) { run({x: 1}) }</script>", "<script>if (a < b) { run({x: 1}) }</script>"],
    ["<style>p > a { color: red }</style>", "<style>p > a { color: red }</style>"],
    ["<title>{order.customer}</title>", "<title>Ann &amp; Bob</title>"],
    ["<!-- a {b} c --><p>x</p>", "<!-- a {b} c --><p>x</p>"],
    ["<><b>1</b><i>2</i></>", "<b>1</b><i>2</i>"],
    [
      '<a hx-get="/orders/${order._id}" hx-vals={order.labels | json} x-data="{ open: false }">x</a>',
      '<a hx-get="/orders/00112233445566778899aabbccddeeff" hx-vals="{&quot;en&quot;:&quot;order&quot;,&quot;de&quot;:&quot;Bestellung&quot;}" x-data="{ open: false }">x</a>'
    ]
  ]
  for (const [source, expected] of table) it(`${source} gives ${expected}`, () => assert.strictEqual(show(source), expected))

  it("keeps the doctype", () => {
    assert.strictEqual(
      render("{param t: string}\n<!doctype html>\n<html>\n<head>\n  <title>{t}</title>\n</head>\n<body>\n</body>\n</html>\n", { t: "x" }),
      "<!doctype html><html><head><title>x</title></head><body>\n</body></html>"
    )
  })
})

describe("white space", () => {
  const table: ReadonlyArray<readonly [string, string]> = [
    [
      '<textarea>{"\\n" + order.count}</textarea><pre>{order.count}</pre><pre>x</pre><pre></pre>',
      "<textarea>\n\n3</textarea><pre>\n3</pre><pre>x</pre><pre></pre>"
    ],
    ["<p>a {order.count} b</p>", "<p>a 3 b</p>"],
    ["<b>{order.count}</b> <i>x</i>", "<b>3</b> <i>x</i>"],
    ["<p>\n  two\n  lines\n</p>", "<p>\n  two\n  lines\n</p>"],
    ["<div>\n    <p>x</p>\n\n    <p>y</p>\n</div>", "<div>\n<p>x</p>\n<p>y</p>\n</div>"],
    ["<pre>\n    <b>x</b>\n\n  y</pre>", "<pre>\n    <b>x</b>\n\n  y</pre>"],
    ["<table>\n  <tr>\n    <td>x</td>\n  </tr>\n</table>", "<table><tr><td>x</td></tr></table>"],
    ["<ul>\n  {for t in order.tags}\n    <li>{t}</li>\n  {/for}\n</ul>", "<ul>\n<li>new</li>\n<li>big</li>\n</ul>"],
    ["a\n{if order.express}\nb\n{else}\nc\n{/if}\nd", "a\nc\nd"],
    ["<b>a</b>{if order.express}\nb\n{/if}\n<i>c</i>", "<b>a</b>\n<i>c</i>"],
    ["<b>a</b>\n{# a comment #}\n<i>c</i> {# another #} <u>d</u>", "<b>a</b>\n<i>c</i>  <u>d</u>"],
    ["\n\n  <p>x</p>  \n\n", "<p>x</p>"]
  ]
  for (const [source, expected] of table)
    it(`${JSON.stringify(source)} gives ${JSON.stringify(expected)}`, () => assert.strictEqual(show(source), expected))
})

describe("components", () => {
  const page = (source: string, ...others: ReadonlyArray<readonly [string, string]>) =>
    render([{ path: "templates/page.zsx", source }, ...others.map(([path, source]) => ({ path, source }))], { order })

  it("calls a component with typed properties", () => {
    const source =
      '{param order: Doc<orders>}{import Line from "./parts/line.zsx"}{for line in order.lines}<Line line={line} title="No. ${line.quantity}" bold/>{/for}'
    const line =
      '{param line: { sku: string }}{param title: string}{param bold: boolean = false}{param lead: string = "-"}{lead}{if bold}<b>{line.sku}</b>{/if} {title};'
    assert.strictEqual(page(source, ["templates/parts/line.zsx", line]), "-<b>A-1</b> No. 2;-<b>&lt;B&gt;</b> No. 1;")
  })

  it("shows children where the slot is, with the caller's variables", () => {
    const source =
      '{param order: Doc<orders>}{import Card from "../card.zsx"}{for line in order.lines}<Card><i>{line.sku}</i> of {order.count}</Card>{/for}<Card/>'
    assert.strictEqual(
      page(source, ["card.zsx", "<div><slot>empty</slot></div>"]),
      "<div><i>A-1</i> of 3</div><div><i>&lt;B&gt;</i> of 3</div><div>empty</div>"
    )
  })

  it("hands a slot on through a layout in a layout", () => {
    const source = '{param order: Doc<orders>}{import Outer from "./outer.zsx"}<Outer>{order.count}</Outer>'
    assert.strictEqual(
      page(
        source,
        ["templates/outer.zsx", '{import Inner from "./inner.zsx"}<a1><Inner><slot/>!</Inner></a1>'],
        ["templates/inner.zsx", "<b1><slot/></b1>"]
      ),
      "<a1><b1>3!</b1></a1>"
    )
  })

  it("passes rows, lists and computed values on", () => {
    const source = '{param orders: Doc<orders>[]}{import List from "./list.zsx"}<List orders={orders} n={orders.length + 1}/>'
    const list = "{param orders: Doc<orders>[]}{param n: int}{for order in orders}{order.customer}{/for}{n}"
    const files = [
      { path: "page.zsx", source },
      { path: "list.zsx", source: list }
    ]
    assert.strictEqual(render(files, { orders: rows({ customer: "A" }, { customer: "B" }) }), "AB3")
    assert.strictEqual(render(files, { orders: [{ customer: "A" }] }), "A2")
  })

  it("takes a type from another template's parameter", () => {
    const source = '{import Line from "./line.zsx"}{param lines: Line.line[]}{for line in lines}<Line line={line}/>{/for}'
    const files = [
      { path: "page.zsx", source },
      { path: "line.zsx", source: '{param line: Doc<orders>["lines"][number]}{line.sku}' }
    ]
    assert.strictEqual(render(files, { lines: [{ sku: "x", quantity: 1 }] }), "x")
  })

  it("takes optional parameters as missing", () => {
    const source = '{param a?: string}{param b: date?}{param c: string = "c"}{a ?? "none"} {b | date | default("never")} {c}'
    assert.strictEqual(render(source), "none never c")
    assert.strictEqual(render(source, { a: null, b: new Date(0), c: "d" }), "none 1970-01-01 d")
  })
})

describe("values that may be missing", () => {
  it("are there inside of a test for them", () => {
    const line = { path: "line.zsx", source: "{param line: { sku: string }}{param n: int = 0}{line.sku}{n}" }
    const page = (body: string) =>
      render([{ path: "page.zsx", source: `{param order: Doc<orders>}{import Line from "./line.zsx"}${body}` }, line], { order })
    assert.strictEqual(page("{if order.lines[0]}<Line line={order.lines[0]}/>{/if}"), "A-10")
    assert.strictEqual(page("{if order.lines[0] != null and order.lines[0].quantity > 1}<Line line={order.lines[0]}/>{/if}"), "A-10")
    assert.strictEqual(page("{if not order.lines[1]}none{else}<Line line={order.lines[1]}/>{/if}"), "&lt;B&gt;0")
    assert.strictEqual(page("{if order.lines[5] == null}none{else if true}<Line line={order.lines[5]}/>{/if}"), "none")
  })
})
