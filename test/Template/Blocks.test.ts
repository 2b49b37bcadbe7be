/** Switches, fragments, slots and raw markup: what they show, and what is said when they are wrong. */
import { assert, describe, it } from "vitest"
import { ByteSink } from "../../src/Bson/ByteSink.ts"
import { Decimal128, Key, type Value } from "../../src/Bson/Value.ts"
import { compileTemplates, declaration, prepare } from "../../src/Template/Template.ts"
import { bindings, compiled, mistakes, render, renderer, rows, stores } from "./Shop.ts"

const order = (customer: string, more: Record<string, Value> = {}): Record<string, Value> => ({
  _id: new Key(new Uint8Array(16)),
  customer,
  status: "paid",
  total: Decimal128.fromString("1.5"),
  count: 1,
  serial: 1n,
  placedAt: new Date(0),
  lines: [],
  ...more
})

describe("{switch}", () => {
  const show = renderer(
    '{param order: Doc<orders>}{switch order.status}\n  {# why #}\n  {case "pending"}open{case "paid", "cancelled"}closed: {order.status}{/switch}'
  )

  it("shows the first case that has the value", () => {
    assert.strictEqual(show({ order: order("Ann", { status: "pending" }) }), "open")
    assert.strictEqual(show({ order: order("Ann", { status: "cancelled" }) }), "closed: cancelled")
  })

  it("shows nothing, or its {else}, when no case has it", () => {
    assert.strictEqual(show({ order: order("Ann", { status: "lost" }) }), "")
    assert.strictEqual(render("{param n: int}{switch n % 3}{case 0}no{case n - 1}one{else}more{/switch}", { n: 5 }), "more")
    assert.strictEqual(render("{param n: int}{switch n}{else}always{/switch}|{switch n}{/switch}", { n: 5 }), "always|")
  })

  it("compares like ==: numbers by value, nothing with null only", () => {
    const source = "{param n: any}{switch n}{case null}none{case 2}two{else}other{/switch}"
    assert.strictEqual(render(source, { n: 2n }), "two")
    assert.strictEqual(render(source, { n: null }), "none")
    assert.strictEqual(render(source, { n: "2" }), "other")
  })

  it("stands in loops and holds other blocks", () => {
    const source =
      '{param orders: Doc<orders>[]}{for o in orders}{switch o.customer}{case "a"}{if o.count > 0}A{/if}{case "b"}{switch o.count}{case 1}B{/switch}{/switch}{/for}'
    assert.strictEqual(render(source, { orders: rows(order("a"), order("b"), order("c")) }), "AB")
  })

  it("knows in a case that the value is there", () => {
    const files = [
      { path: "page.zsx", source: '{param a?: string}{import B from "./b.zsx"}{switch a}{case "x"}<B t={a}/>{/switch}' },
      { path: "b.zsx", source: "{param t: string}{t}" }
    ]
    assert.strictEqual(render(files, { a: "x" }), "x")
  })

  it("refuses values that the subject never has, and those of two cases", () => {
    const header = "{param order: Doc<orders>}\n"
    assert.deepEqual(mistakes(`${header}{switch order.status}{case "payed"}x{/switch}`), [
      '2:28 "payed" is none of "pending", "paid", "cancelled" (did you mean "paid"?)'
    ])
    assert.deepEqual(mistakes(`${header}{switch order.status}{case "paid"}x{case "paid"}y{/switch}`), ['2:42 "paid" is a case twice'])
    assert.deepEqual(mistakes(`${header}{switch order.count}{case "1"}x{/switch}`), ['2:27 int and "1" are never equal'])
  })
})

const page = `{param orders: Doc<orders>[]}
{param title: string = "Orders"}
<h1>{title}</h1>
<ul>
{for order, i in orders}
{fragment row(order)}
<li>{order.customer}{for line in order.lines} {fragment line(line)}<i>{line.sku}</i>{/fragment}{/for}</li>
{/fragment}
{/for}
</ul>`

describe("{fragment}", () => {
  const ann = order("Ann", { lines: [{ sku: "<A>", quantity: 1 }] })

  it("is shown where it stands", () => {
    assert.strictEqual(
      render(page, { orders: rows(ann, order("Bob")) }),
      "<h1>Orders</h1>\n<ul>\n<li>Ann <i>&lt;A&gt;</i></li>\n<li>Bob</li>\n</ul>"
    )
  })

  it("is rendered alone, by generated code and closures", () => {
    for (const codeGeneration of [true, false]) {
      const alone = prepare(compiled(page), { codeGeneration })
      const show = (name: string, data: Record<string, Value>) => {
        const sink = new ByteSink()
        alone.render(name, bindings(data), sink)
        return sink.toText()
      }
      assert.strictEqual(show("page.zsx#row", { order: ann }), "<li>Ann <i>&lt;A&gt;</i></li>\n")
      assert.strictEqual(show("page.zsx#line", { line: { sku: "B", quantity: 2 } }), "<i>B</i>")
      assert.deepEqual(
        alone.parameters("page.zsx#row")?.map(({ name, type, required }) => [name, type, required]),
        [["order", "Doc<orders>", true]]
      )
    }
  })

  it("is a component of whoever imports its page", () => {
    const files = [
      { path: "main.zsx", source: '{param order: Doc<orders>}{import List from "./page.zsx"}<ol><List.row order={order}/></ol>' },
      { path: "page.zsx", source: page }
    ]
    assert.strictEqual(render(files, { order: order("Zoë") }), "<ol><li>Zoë</li>\n</ol>")
    files[0]!.source = files[0]!.source.replace("List.row", "List.rows")
    assert.deepEqual(mistakes(files), ['main.zsx:1:63 page.zsx has no fragment "rows" (did you mean "row"?)'])
  })

  it("is typed in the declaration", () => {
    const { signatures } = compileTemplates(
      [{ path: "p.zsx", source: "{param carts: Doc<carts>[]}{for c in carts}{fragment row(c)}{c._id}{/fragment}{/for}" }],
      stores
    )
    assert.include(
      declaration(signatures.get("p.zsx")!),
      `}> & {
  readonly row: Template<{
    readonly c: {
      readonly _id: string
      readonly owner: Key<"orders">
    }
  }>
}
export default template`
    )
  })

  it("takes all it needs as parameters", () => {
    const header = "{param orders: Doc<orders>[]}{param title: string}\n"
    assert.deepEqual(mistakes(`${header}{for o in orders}{fragment row(o)}{o.customer}{title}{/fragment}{/for}`), [
      '2:48 "title" is no parameter of the fragment, so it would be missing when the fragment is rendered alone: add it to the parameters'
    ])
    assert.deepEqual(mistakes(`${header}{fragment row(ordres)}x{/fragment}`), ['2:15 unknown name "ordres" (did you mean "orders"?)'])
    assert.deepEqual(mistakes(`${header}{fragment a(title)}x{/fragment}{fragment a(title)}y{/fragment}`), [
      '2:42 there is a fragment "a" already'
    ])
    assert.deepEqual(mistakes(`${header}{fragment a(title)}{let title = 1}{/fragment}`), [
      '2:25 the name "title" is taken here: choose another'
    ])
  })
})

const card = {
  path: "card.zsx",
  source:
    '{param title: string}<article><h2><slot name="icon"/>{title}</h2><slot/><footer><slot name="actions">none</slot></footer></article>'
}
const withCard = (source: string) => [{ path: "page.zsx", source: `{param n: int}{import Card from "./card.zsx"}${source}` }, card]

describe("named slots", () => {
  it("show the children that name them, the unnamed slot all others", () => {
    const source =
      '{let m = n + 1}<Card title="T">\n  <b slot="actions">{m}</b>\n  body {n}\n  <i slot="icon" class="x">!</i>\n  <u slot="actions">2</u>\n</Card>'
    assert.strictEqual(
      render(withCard(source), { n: 7 }),
      '<article><h2><i class="x">!</i>T</h2>\n\n  body 7\n\n\n<footer><b>8</b><u>2</u></footer></article>'
    )
  })

  it("show what stands in them when nothing is given", () => {
    assert.strictEqual(render(withCard('<Card title="T"/>'), { n: 1 }), "<article><h2>T</h2><footer>none</footer></article>")
  })

  it("take several nodes from a <template>, and components", () => {
    const files = [
      ...withCard(
        '{import Dot from "./dot.zsx"}<Card title="T"><template slot="actions">a{if n > 0}<b>b</b>{/if}</template><Dot slot="icon" s="·"/></Card>'
      ),
      { path: "dot.zsx", source: "{param s: string}<q>{s}</q>" }
    ]
    assert.strictEqual(render(files, { n: 1 }), "<article><h2><q>·</q>T</h2><footer>a<b>b</b></footer></article>")
  })

  it("are passed on through components", () => {
    const files = [
      { path: "page.zsx", source: '{import Wide from "./wide.zsx"}<Wide><b slot="more">m</b>x</Wide>' },
      {
        path: "wide.zsx",
        source: '{import Card from "./card.zsx"}<Card title="W"><slot/><p slot="actions"><slot name="more"/></p></Card>'
      },
      card
    ]
    assert.strictEqual(render(files), "<article><h2>W</h2>x<footer><p><b>m</b></p></footer></article>")
  })

  it("that do not exist are refused", () => {
    assert.deepEqual(mistakes(withCard('<Card title="T"><b slot="action">x</b></Card>')), [
      'page.zsx:1:65 <Card> has no slot "action" (did you mean "actions"?)'
    ])
    assert.deepEqual(mistakes(withCard('<Card title="T"><b slot={n}>x</b></Card>')), [
      'page.zsx:1:65 the name of a slot is written literally, in letters, digits and "-": slot="actions"'
    ])
  })
})

describe("{raw}", () => {
  const note = (source: string) => {
    const { notes, issues } = compileTemplates([{ path: "page.zsx", source: `{param x: string}\n${source}` }], [])
    assert.deepEqual(issues, [])
    return notes.map(({ line, column, code }) => `${line}:${column} ${code}`)
  }

  it("writes markup as it is", () => {
    assert.strictEqual(
      render("{param x: string}<p>{raw x}{x}</p>", { x: "<b>&amp;é</b>" }),
      "<p><b>&amp;é</b>&lt;b&gt;&amp;amp;é&lt;/b&gt;</p>"
    )
  })

  it("is noted, unless a comment before it says why it is safe", () => {
    assert.deepEqual(note("<p>{raw x}</p>"), ["2:4 raw-markup"])
    assert.deepEqual(note("<p>{# raw: made by our Markdown renderer #} {raw x}{raw x}</p>"), ["2:52 raw-markup"])
    assert.deepEqual(note("<p>{# raw: #}{raw x}</p>"), ["2:14 raw-markup"])
  })

  it("stands where markup can stand only", () => {
    assert.deepEqual(mistakes("{param x: string}\n<title>{raw x}</title>"), [
      "2:8 <title> holds text only: no elements and components can stand in it"
    ])
    assert.deepEqual(mistakes("{param x: string[]}\n{raw x}"), [
      '2:6 string[] cannot be printed: loop over it with {for}, join it, or show all of it with "| json"'
    ])
    assert.deepEqual(mistakes('{param x: string}\n<p title="${raw x}">y</p>'), ['2:13 "raw" is a reserved word: expected an expression'])
  })
})
