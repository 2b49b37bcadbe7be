/** `planck fmt`: one way to write a template, the same page before and after. */
import { assert, describe, it } from "vitest"
import { ByteSink } from "../../src/Bson/ByteSink.ts"
import { isFault } from "../../src/Fault/Fault.ts"
import { compileTemplates, formatTemplate, prepare } from "../../src/Template/Template.ts"
import { randomData, TemplateText } from "./RandomTemplate.ts"
import { bindings, randomFrom, stores } from "./Shop.ts"

const format = (source: string) => formatTemplate(source, "page.zsx")

describe("the formatter", () => {
  const table: ReadonlyArray<readonly [what: string, source: string, expected: string]> = [
    [
      "indents what stands in elements and blocks",
      "{param n:int}\n<ul>\n{if n>1}\n<li>a</li>\n      {else if n==0}\n<li>b\n   text</li>\n{else}\n{for x,i in xs}\n<p>{x}</p>\n{/for}\n{/if}\n</ul>",
      "{param n: int}\n<ul>\n  {if n > 1}\n    <li>a</li>\n  {else if n == 0}\n    <li>b\n      text</li>\n  {else}\n    {for x, i in xs}\n      <p>{x}</p>\n    {/for}\n  {/if}\n</ul>\n"
    ],
    [
      "indents the cases of a switch",
      '{switch n}\n{case 1,2}\na\n{case "b"}\n{if n}\nb\n{/if}\n{else}\nc\n{/switch}\n<p>d</p>',
      '{switch n}\n  {case 1, 2}\n    a\n  {case "b"}\n    {if n}\n      b\n    {/if}\n  {else}\n    c\n{/switch}\n<p>d</p>\n'
    ],
    ["indents once for what one line opens", "<ul><li>\na\n</li></ul>\n<p>b</p>", "<ul><li>\n  a\n</li></ul>\n<p>b</p>\n"],
    [
      "writes attributes one way",
      "<input  id = a   disabled  value={ x|upper }  class={a,is-open:x  ==1, (x)} title='${ x }' {... x}><br/><Line  a={x}/>",
      "<input id=\"a\" disabled value={x | upper} class={a, is-open: x == 1, (x)} title='${x}' {...x}><br /><Line a={x} />\n"
    ],
    [
      "gives each attribute a line when they are broken",
      "<p>\n<a href='/'\n   id=b>c</a>\n</p>",
      "<p>\n  <a\n    href='/'\n    id=\"b\"\n  >c</a>\n</p>\n"
    ],
    [
      "writes expressions one way",
      '{ -a+b*( c-1 ) } {a?b :c} {a??"x"|default( -1 )|number( 2,"," )} {not(a) and b} {a[ 0 ].b["c d"]} {raw  a}{a ? (b ? 1:2) : -3}',
      '{-a + b * (c - 1)} {a ? b : c} {a ?? "x" | default(-1) | number(2, ",")} {not (a) and b} {a[0].b["c d"]} {raw a}{a ? (b ? 1 : 2) : -3}\n'
    ],
    [
      "writes types one way",
      '{param a:Doc<orders> [ ]}\n{param b ?:{sku:string,note ?: "a"|null , c:record<int>}[]?}\n{param c:string="x"}\n{param d: Doc<orders>["lines"][number]}\n{param e: {}}\n{import  Line   from "./line.zsx"}',
      '{param a: Doc<orders>[]}\n{param b?: { sku: string, note?: "a" | null, c: record<int> }[]?}\n{param c: string = "x"}\n{param d: Doc<orders>["lines"][number]}\n{param e: {}}\n{import Line from "./line.zsx"}\n'
    ],
    ["closes tags and blocks one way", "{fragment  row( a,b )}<p >x</p >{ / fragment }", "{fragment row(a, b)}<p>x</p>{/fragment}\n"],
    ["keeps one empty line", "\n\n<p>a</p>   \n\n\n\n<p>b</p>\n\n", "<p>a</p>\n\n<p>b</p>\n"],
    ["keeps the spaces of a line", "<p>a  b <b>c</b>  {x}  </p>", "<p>a  b <b>c</b>  {x}  </p>\n"],
    [
      "leaves programs, styles, preformatted text and comments alone",
      "<div>\n<script>\n      let a   = ${ x }\n</script>\n<pre>\n   { x }\n</pre><!--  a\n b -->{#  c\n d #}\n</div>",
      "<div>\n  <script>\n      let a   = ${ x }\n</script>\n  <pre>\n   { x }\n</pre><!--  a\n b -->{#  c\n d #}\n</div>\n"
    ],
    ["reads line ends of other systems", "<p>\r\na\r\n</p>\r\n", "<p>\n  a\n</p>\n"],
    ["leaves nothing of nothing", " \n ", ""]
  ]
  for (const [what, source, expected] of table) {
    it(what, () => {
      assert.strictEqual(format(source), expected)
      assert.strictEqual(format(expected), expected)
    })
  }

  it("refuses what it cannot read, with the place", () => {
    try {
      format("<p>\n{if a}</p>")
      assert.fail("it was formatted")
    } catch (error) {
      if (!isFault(error, "InvalidTemplate")) throw error
      assert.match(String(error.reason.message), /^page\.zsx:2:1: \{if\} is not closed/)
    }
  })

  /** Messes the white space up where it means nothing: around tokens of holes, and in runs with a line break. */
  const messy = (source: string, random: () => number) =>
    source.replace(/\n */g, () => `${random() < 0.3 ? "  " : ""}\n${" ".repeat(random() * 7)}`)

  for (let seed = 1; seed <= 4; seed++) {
    it(`keeps the page of random templates, and formats once for all (seed ${seed})`, () => {
      const random = randomFrom(700 + seed)
      for (let round = 0; round < 25; round++) {
        const text = new TemplateText(random)
        const files = [
          { path: "page.zsx", source: messy(text.page().replaceAll("}<", "}\n<"), random) },
          { path: "line.zsx", source: text.component() }
        ]
        const formatted = files.map(({ path, source }) => ({ path, source: formatTemplate(source, path) }))
        for (const { path, source } of formatted) assert.strictEqual(formatTemplate(source, path), source)
        const [before, after] = [files, formatted].map((sources) => {
          const { set, issues } = compileTemplates(sources, stores)
          assert.deepEqual(issues, [])
          return prepare(set!)
        })
        for (let data = 0; data < 4; data++) {
          const bound = bindings(randomData(random))
          const pages = [before!, after!].map((renderer) => {
            const sink = new ByteSink()
            renderer.render("page.zsx", bound, sink)
            return sink.toText().replace(/\s*\n\s*/g, "\n")
          })
          assert.strictEqual(pages[1], pages[0], `${files[0]!.source}\n----\n${formatted[0]!.source}`)
        }
      }
    })
  }
})
