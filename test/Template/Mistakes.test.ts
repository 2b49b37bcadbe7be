/** Every mistake, with the exact message and place that the author sees. The sources of the first four tables stand in line 2. */
import { assert, describe, it } from "vitest"
import { compileTemplates, formatIssue, parse } from "../../src/Template/Template.ts"
import { isFault } from "../../src/Fault/Fault.ts"
import { mistakes, stores } from "./Shop.ts"

type Table = ReadonlyArray<readonly [source: string, expected: string | ReadonlyArray<string>]>

function each(table: Table, before: string): void {
  for (const [source, expected] of table) {
    it(JSON.stringify(source), () => assert.deepEqual(mistakes(before + source), typeof expected === "string" ? [expected] : [...expected]))
  }
}

const header = "{param order: Doc<orders>}\n"

describe("markup", () => {
  each(
    [
      ["<ul>\n  <li>x\n</ul>", "3:3 <li> is not closed before </ul> of line 4: </li> is missing"],
      ["<p>x</b></p>", "2:5 </b> does not match <p> of line 2"],
      ["</p>", "2:1 </p> closes nothing"],
      ["<div", '2:1 the tag <div> is not closed: ">" is missing'],
      ["<div\n<p>x</p>", '2:1 the tag <div> is not closed: ">" is missing'],
      ['<p title="x>y', ["2:1 <p> is not closed: </p> is missing", '2:10 this attribute value is not closed: " is missing']],
      ["<p>{order.customer</p>", '2:4 this "{" is not closed: "}" is missing'],
      ["<br></br>", "2:5 <br> has no end tag"],
      ["<p>a } b</p>", '2:6 a "}" without its "{": write {"}"} to show a brace'],
      ["<p title=>x</p>", '2:4 attribute "title" has "=" but no value: write title="…" or title={…}'],
      ["<p a=1 A=2>x</p>", '2:8 attribute "A" is written twice on <p>'],
      ['<p "x">y</p>', '2:4 unexpected "\\"" in a tag'],
      ["<p>x</p><!doctype html>", "2:9 the doctype stands before everything else"],
      ['<?xml version="1.0"?>', "2:1 a processing instruction is not HTML: only <!doctype …> and <!-- … --> begin this way"],
      ["<!-- x", '2:1 this comment is not closed: "-->" is missing'],
      ["{# x", '2:1 this comment is not closed: "#}" is missing'],
      ["<script>x", "2:1 <script> is not closed: </script> is missing"],
      ["<plaintext>", "2:1 <plaintext> cannot be used in a template"],
      ["<![CDATA[x]]>", "2:1 this declaration is not HTML: only <!doctype …> and <!-- … --> begin this way"],
      ["{if true}x", "2:1 {if} is not closed: {/if} is missing"],
      ["{for x in order.lines}y", "2:1 {for} is not closed: {/for} is missing"],
      ["{if true}<b>{/if}</b>", "2:10 <b> is not closed before {/if} of line 2: </b> is missing"],
      ["<b>{if true}</b>{/if}", "2:4 {if} is not closed before </b> of line 2: {/if} is missing"],
      ["{/if}", "2:1 {/if} closes nothing: no {if} is open here"],
      ["{/for}", "2:1 {/for} closes nothing: no {for} is open here"],
      ["{else}", "2:1 {else} stands outside of {if}, {for} and {switch}"],
      ["{/while}", "2:1 this closes no block: the ends of blocks are {/if}, {/for}, {/switch} and {/fragment}"],
      ["{if true}a{else}b{else}c{/if}", "2:18 nothing can follow the {else} of {if} but {/if}"],
      ["{for x in order.lines}{else if true}{/for}", "2:23 {else if} belongs to {if}; a {for} has only {else}"],
      ["<p {order.customer}>x</p>", "2:4 an expression cannot stand inside a tag without a name: write name={expression}"],
      [
        '<p {if true}class="x"{/if}>y</p>',
        [
          "2:4 a block cannot stand inside a tag: write name={condition} to make an attribute conditional",
          "2:22 a block cannot stand inside a tag: write name={condition} to make an attribute conditional"
        ]
      ],
      ['<p {order.customer}="x">y</p>', "2:4 an expression cannot stand inside a tag without a name: write name={expression}"],
      ['<p data-{order.customer}="x">y</p>', "2:4 an attribute's name cannot be an expression"],
      ["<p title=a{order.customer}>x</p>", '2:10 an expression in an unquoted value: write title="a${…}"'],
      ['<p title="{order.customer}">x</p>', "2:11 braces are text inside a quoted value: write ${…} for an expression"],
      ['<p class="a {if true}b{/if}">x</p>', '2:13 a block cannot stand inside an attribute value: write ${condition ? "…" : ""}'],
      ["{switch order.status}x{/switch}", "2:22 only {case …} and {else} can stand directly inside {switch}"],
      ['{switch order.status}{case "paid"}x', "2:1 {switch} is not closed: {/switch} is missing"],
      ['{case "paid"}', "2:1 {case} stands outside of {switch}"],
      ['{switch order.status}{else}x{case "paid"}y{/switch}', "2:29 nothing can follow the {else} of {switch} but {/switch}"],
      ["{switch order.status}{else if true}x{/switch}", "2:22 {else if} belongs to {if}; a {switch} has only {else}"],
      ["{switch order.status}{case}x{/switch}", '2:27 expected an expression, found "}"'],
      ["{/switch}", "2:1 {/switch} closes nothing: no {switch} is open here"],
      ["{fragment row(order)}x", "2:1 {fragment} is not closed: {/fragment} is missing"],
      ["{fragment row}x{/fragment}", '2:14 expected "(" behind {fragment row: its parameters are names of this place, found "}"'],
      ["{fragment row(order order)}x{/fragment}", '2:21 expected "," or ")" behind a parameter, found "order"'],
      ["{fragment row(order, order)}x{/fragment}", '2:22 "order" is a parameter twice'],
      ["{fragment render(order)}x{/fragment}", '2:11 a fragment cannot be called "render"'],
      ["{/fragment}", "2:1 {/fragment} closes nothing: no {fragment} is open here"],
      ["{/case}", "2:1 {case} has no end"],
      ["<slot name={order.customer}/>", '2:7 the name of a slot is written literally, in letters, digits and "-": name="actions"'],
      ['<slot id="x"/>', '2:7 <slot> has no attribute but "name"']
    ],
    header
  )
})

describe("expressions", () => {
  each(
    [
      ["{}", '2:2 expected an expression, found "}"'],
      ["{order.}", '2:8 expected a field name behind ".", found "}"'],
      ["{order..x}", '2:8 expected a field name behind ".", found "."'],
      ["{1 +}", '2:5 expected an expression, found "}"'],
      ['{"x}', '2:2 this string is not closed: " is missing'],
      ["{order.customer == }", '2:20 expected an expression, found "}"'],
      ["{order.count === 1}", '2:14 write "==" for "===": values are compared without conversion'],
      ["{order.count && 1}", '2:14 write "and" for "&&"'],
      ["{order.express || 1}", '2:16 write "or" for "||" ("|" is a pipe)'],
      ["{!order.express}", '2:2 write "not" for "!"'],
      ["{order?.customer}", '2:7 write "." for "?.": a missing value is passed on as missing'],
      ["{order.customer.toUpperCase()}", "2:2 functions cannot be called in a template: use a pipe"],
      ["{1 < 2 < 3}", '2:8 comparisons do not chain: join them with "and"'],
      ["{a = 1}", '2:4 "=" assigns nothing here: write "==" to compare'],
      ["{x => x}", "2:4 functions cannot be written in a template"],
      ['{"\\q"}', "2:3 unknown escape \\q (known: \\n \\t \\r \\\\ \\\" \\' \\u{…})"],
      ["{12x}", '2:2 a number cannot be followed by "x"'],
      ["{99999999999999999999}", "2:2 99999999999999999999 is larger than the largest exact number 9007199254740991"],
      ["{if}", ["2:1 {if} is not closed: {/if} is missing", '2:4 expected an expression, found "}"']],
      ["{order.customer | }", '2:19 expected the name of a pipe behind "|", found "}"'],
      ["{order.customer | upper(}", '2:25 expected an expression, found "}"'],
      ["{#}", '2:1 this comment is not closed: "#}" is missing'],
      ["{@x}", '2:2 unexpected character "@" in an expression'],
      ["{undefined}", '2:2 write "null" for "undefined"'],
      ["{let if = 1}", '2:6 "if" is a reserved word and cannot be a name']
    ],
    header
  )
})

describe("names and types", () => {
  each(
    [
      ["{ordr.customer}", '2:2 unknown name "ordr" (did you mean "order"?)'],
      ["{order.custmer}", '2:8 unknown field "custmer" of Doc<orders> (did you mean "customer"?)'],
      ["{order.lines.sku}", '2:14 a list has no field "sku": take an item with [0] or {for item in …}, its size with .length'],
      ['{order.lines["sku"]}', '2:14 a list is indexed by a number, not by "sku"'],
      ["{order.customer.first}", '2:17 string has no fields, so no "first"'],
      ["{order.address.zip}", '2:16 unknown field "zip" of { city: string, street?: string }'],
      ["{order}", '2:2 Doc<orders> cannot be printed: print one of its fields, or show all of it with "| json"'],
      [
        "{order.lines}",
        '2:2 { sku: string, quantity: int, note?: string }[] cannot be printed: loop over it with {for}, join it, or show all of it with "| json"'
      ],
      [
        "<p title={order.address}>x</p>",
        '2:11 { city: string, street?: string } | null cannot be printed: print one of its fields, or all of it with "| json"'
      ],
      [
        '<p title="${order.lines}">x</p>',
        '2:13 { sku: string, quantity: int, note?: string }[] cannot be printed: print one of its fields, or all of it with "| json"'
      ],
      [
        "{order.total * 2}",
        '2:2 "*" does not compute with decimals, they would lose their exactness: compute in the handler and pass the result'
      ],
      ["{order.customer * 2}", '2:2 "*" needs a number, not string'],
      ["{order.extra + 1}", '2:2 "+" needs a number, and the type of this value is not known'],
      ["{order.express + 1}", '2:2 "+" needs a number or a text, not boolean | null'],
      ['{order.status == "payed"}', '2:18 "payed" is none of "pending", "paid", "cancelled" (did you mean "paid"?)'],
      ['{order.count == "3"}', '2:2 int and "3" are never equal'],
      ["{order.lines == 1}", "2:2 { sku: string, quantity: int, note?: string }[] cannot be compared: compare one of its fields"],
      ["{order.customer < 3}", '2:2 "<" cannot compare string with 3'],
      ["{order.express < true}", '2:2 "<" compares numbers, texts or dates, not boolean | null'],
      ['{order._id < "x"}', '2:2 "<" compares numbers, texts or dates, not key<orders>'],
      ["{for x in order.customer}y{/for}", "2:11 {for} needs a list, not string"],
      ["{for x, x in order.lines}y{/for}", '2:9 "x" names both the item and its index'],
      ["{for order in order.lines}y{/for}", '2:6 the name "order" is taken here: choose another'],
      ["{let order = 1}", '2:6 the name "order" is taken here: choose another'],
      [
        "{order.customer | uper}",
        '2:19 unknown pipe "uper" (did you mean "upper"?); there are upper, lower, trim, money, date, number, json, url, link, default, count, join'
      ],
      ["{order.customer | money}", '2:2 the pipe "money" takes a number, not string'],
      ["{order.customer | date}", '2:2 the pipe "date" takes a date, not string'],
      [
        "{order.lines | join}",
        '2:2 the pipe "join" takes a list of texts, numbers, dates, booleans or ids, not { sku: string, quantity: int, note?: string }[]'
      ],
      ["{order.count | count}", '2:2 the pipe "count" takes a list, not int'],
      ["{order.total | number(1, 2)}", '2:26 "separator" of the pipe "number" is a text, not 2'],
      ["{order.total | number(order.count)}", '2:23 "decimals" of the pipe "number" has to be written literally'],
      ["{order.total | number(99)}", '2:23 "decimals" of the pipe "number" is a whole number from 0 to 20'],
      [
        '{order.placedAt | date("yyyy-MM-dd")}',
        '2:24 "y" means nothing in a date pattern (YYYY YY MMMM MMM MM M DDDD DDD DD D HH H mm ss SSS, [text])'
      ],
      ["{order.customer | upper(1)}", '2:19 the pipe "upper" takes no arguments, not 1'],
      ["{order.customer | default}", '2:19 the pipe "default" takes 1 argument (value), not 0'],
      ['{order.tags["x"]}', '2:13 a list is indexed by a number, not by "x"'],
      ["{order[order.customer]}", "2:2 Doc<orders> cannot be indexed by a computed name: only records can"]
    ],
    header
  )
})

describe("places where no expression may stand", () => {
  each(
    [
      [
        "<p onclick={order.customer}>x</p>",
        '2:13 an expression cannot be the whole of onclick: its value is a program; write onclick="… ${value} …"'
      ],
      [
        '<p onclick="go(/${order.customer}/)">x</p>',
        "2:17 an expression cannot stand in a regular expression in onclick: make it from a string, new RegExp(${…})"
      ],
      [
        '<p onclick="go() /${order.customer}/ 2">x</p>',
        '2:19 an expression cannot stand in onclick here: whether the "/" before it divides or begins a regular expression is not certain; give the value a name further up, const value = ${…}'
      ],
      [
        '<p onclick="go(&ldquo;${order.customer}&rdquo;)">x</p>',
        "2:13 in onclick, beside an expression, write a character itself instead of a named reference"
      ],
      [
        "<p style={order.customer}>x</p>",
        '2:11 an expression cannot be the whole of style: its value is a style; write style="width: ${value}", or use class={…}'
      ],
      [
        '<p style="${order.customer}: red">x</p>',
        "2:11 an expression cannot stand in style here: only the value of a property (width: ${…}) and the text in quotes can come from one"
      ],
      [
        "<p style=\"background: url('x${order.customer}')\">x</p>",
        '2:29 an expression cannot stand in style in the middle of an address: begin the address with the expression, or write its beginning up to a "/"'
      ],
      [
        "<iframe srcdoc=\"<a href='${order.customer}'>\"></iframe>",
        "2:26 an expression can stand in the text of srcdoc only, not in its tags and programs"
      ],
      [
        "<script>/* ${order.customer} */</script>",
        '2:12 this ${…} belongs to the program, which does not know "order": give the value a name outside of the template literal or comment, const value = ${order}'
      ],
      ["<script>import a from ${order.customer}</script>", "2:23 an expression cannot stand in <script> where it names what is loaded"],
      ['<script type="text/html">${order.customer}</script>', "2:26 an expression cannot stand in <script> of this type"],
      ["<script>{if order.count}x{/if}</script>", "2:9 a block cannot stand in <script>"],
      ["<script>var x = {order.customer}</script>", "2:17 braces are part of the program in <script>: write ${…} for an expression"],
      ["<xmp>${order.customer}</xmp>", "2:6 an expression cannot stand in <xmp>"],
      [
        "<style>p.${order.customer} { color: red }</style>",
        "2:10 an expression cannot stand in <style> here: only the value of a property (width: ${…}) and the text in quotes can come from one"
      ],
      ["<!-- {order.customer} -->", "2:6 braces are text in a comment of the page: write ${…}, or comment out with {# … #}"],
      ["<!-- ${order.customer}> -->", '2:6 an expression cannot stand right before ">" in a comment: put a space between them'],
      [
        "<script src={order.customer}></script>",
        '2:14 <script> loads from src, so the template has to say from where: begin it with a path ("/assets/${…}") or a host ("https://example.org/${…}")'
      ],
      [
        '<script src="/${order.customer}"></script>',
        '2:15 <script> loads from src, so the template has to say from where: begin it with a path ("/assets/${…}") or a host ("https://example.org/${…}")'
      ],
      [
        '<link rel="stylesheet" href={order.customer}>',
        '2:30 <link> loads from href, so the template has to say from where: begin it with a path ("/assets/${…}") or a host ("https://example.org/${…}")'
      ],
      ['<link rel={order.customer} href="/x">', "2:12 an expression cannot stand in rel: its value is what is loaded"],
      [
        "<a href=\"javascript:go('${order.customer}')\">x</a>",
        '2:25 an expression cannot stand in an address that begins with "javascript:go(\'"'
      ],
      [
        '<a href="&#106;avascript:${order.customer}">x</a>',
        '2:26 an expression cannot stand in an address that begins with "&#106;avascript:"'
      ],
      [
        "<base href={order.customer}>",
        '2:13 <base> loads from href, so the template has to say from where: begin it with a path ("/assets/${…}") or a host ("https://example.org/${…}")'
      ],
      [
        "<object data={order.customer}></object>",
        '2:15 <object> loads from data, so the template has to say from where: begin it with a path ("/assets/${…}") or a host ("https://example.org/${…}")'
      ],
      [
        '<meta http-equiv="refresh" content="0; url=${order.customer}">',
        "2:44 an expression cannot stand in content: its value is an instruction to the browser"
      ],
      [
        "<p @click={order.customer}>x</p>",
        '2:12 an expression cannot be the whole of @click: its value is read as a program; write @click={value | json}, or @click="… ${value} …"'
      ],
      ['<p x-html="${order.customer}">x</p>', "2:12 an expression cannot stand in x-html: its value is made into markup or attributes"],
      ['<p :href="${order.customer}">x</p>', "2:11 an expression cannot stand in :href: its value is made into the attribute href"],
      ["<p {...order.customer}>x</p>", "2:8 only a document of texts can be spread as attributes, not string"]
    ],
    header
  )
})

describe("parameters, types and imports", () => {
  each(
    [
      ["{param x: strin}", '1:11 unknown type "strin" (did you mean "string"?)'],
      ["{param x: Doc<ordrs>}", '1:15 unknown store "ordrs" (did you mean "orders"?)'],
      ["{param x: Doc}", "1:11 Doc names its store: Doc<orders>"],
      ["{param x: Line.y}", '1:11 unknown component "Line"'],
      ["{param x}", '1:9 expected ":" behind the parameter "x", found "}"'],
      ["{param x: {a: int, a: int}}", '1:20 field "a" is declared twice'],
      ["{param x: int}{param x: int}", '1:22 parameter "x" is declared twice'],
      ['{param x: Doc<orders>["lins"]}', '1:11 Doc<orders> has no field "lins" (did you mean "lines"?)'],
      ["{param x: int[number]}", "1:11 int is no list, so it has no items"],
      ['{param x: int = "a"}', '1:17 "a" is not of type int'],
      ["{param if: int}", '1:8 "if" is a reserved word and cannot be a name'],
      ["<p>{param x: int}</p>", "1:4 {param} stands at the top of a file, not inside of markup"],
      ["{param x: bool}", '1:11 unknown type "bool" (did you mean "boolean"?)'],
      ["{param x: key<ordrs>}", '1:15 unknown store "ordrs" (did you mean "orders"?)'],
      ["{param x: {a int}}", '1:14 expected ":" behind the field "a", found "int"'],
      ["{param x: int = y}", "1:17 the value of a parameter that is not given has to be written literally"],
      ['{import line from "./line.zsx"}', "1:9 a component's name begins with a capital letter: write Line"],
      ['{import Line "./line.zsx"}', '1:14 expected "from" behind {import Line, found the string "./line.zsx"'],
      ['{import Line from "line.zsx"}', '1:19 an import begins with "./" or "../": write "./line.zsx"'],
      ['{import Line from "./lin.zsx"}', "1:19 there is no template lin.zsx"],
      ['{import Line from "../../line.zsx"}', '1:19 "../../line.zsx" lies outside of the service\'s folder'],
      ["<Line/>", '1:2 unknown component <Line>: import it with {import Line from "./….zsx"}'],
      ["<Card>x</Card>", '1:2 unknown component <Card>: import it with {import Card from "./….zsx"}']
    ],
    ""
  )
})

describe("several files", () => {
  const files = (sources: Readonly<Record<string, string>>) => Object.entries(sources).map(([path, source]) => ({ path, source }))

  it("a property is missing, unknown or of another type", () => {
    const page =
      '{param order: Doc<orders>}\n{import Line from "./line.zsx"}\n<Line/>\n<Line line={order.address}/>\n<Line line={order.lines[0]} titel="x"/>\n<Line line={order.lines[0] ?? null}/>'
    const line = '{param line: { sku: string }}{param title: string = ""}{line.sku}{title}'
    assert.deepEqual(mistakes(files({ "page.zsx": page, "line.zsx": line })), [
      "page.zsx:3:1 <Line> needs line={…} ({ sku: string })",
      "page.zsx:4:7 line of <Line> is { sku: string }, not { city: string, street?: string } | null",
      "page.zsx:5:7 line of <Line> may be missing here: test it with {if …} around the call, or give another value with ??",
      'page.zsx:5:29 <Line> has no property "titel" (did you mean "title"?)',
      "page.zsx:6:7 line of <Line> may be missing here: test it with {if …} around the call, or give another value with ??"
    ])
  })

  it("a component without a slot is given children", () => {
    const page = '{import Card from "./card.zsx"}<Card>\n</Card><Card>x</Card>'
    assert.deepEqual(mistakes(files({ "page.zsx": page, "card.zsx": "<p></p>" })), [
      "page.zsx:2:8 <Card> shows no children: card.zsx has no <slot/>"
    ])
  })

  it("templates import each other in a circle", () => {
    const found = mistakes(
      files({
        "a.zsx": '{import B from "./b.zsx"}<B/>',
        "b.zsx": '{import C from "./c.zsx"}<C/>',
        "c.zsx": '{import A from "./a.zsx"}<A/>'
      })
    )
    assert.deepEqual(found, ["c.zsx:1:16 templates cannot import each other in a circle: a.zsx → b.zsx → c.zsx → a.zsx"])
    assert.deepEqual(mistakes('{import Page from "./page.zsx"}<Page/>'), [
      "1:19 templates cannot import each other in a circle: page.zsx → page.zsx"
    ])
  })

  it("a chain of imports is too long", () => {
    const sources: Record<string, string> = {}
    for (let index = 0; index < 70; index++) sources[`t${100 + index}.zsx`] = `{import N from "./t${101 + index}.zsx"}<N/>`
    sources["t170.zsx"] = "x"
    assert.deepEqual(mistakes(files(sources)), ["t163.zsx:1:16 more than 64 templates import one another in a chain"])
  })

  it("mistakes of all files come together, in the order of their places, and a broken file causes none elsewhere", () => {
    const page = '{import Line from "./line.zsx"}\n<Line line={1} color="red"/>{nothing}'
    assert.deepEqual(mistakes(files({ "page.zsx": page, "line.zsx": "<b>", "other.zsx": "{x}{y}" })), [
      "line.zsx:1:1 <b> is not closed: </b> is missing",
      'other.zsx:1:2 unknown name "x"',
      'other.zsx:1:5 unknown name "y"',
      'page.zsx:2:30 unknown name "nothing"'
    ])
  })

  it("no set comes of templates with a mistake, and fifty mistakes are enough", () => {
    const result = compileTemplates([{ path: "page.zsx", source: "{x}\n".repeat(200) }], stores)
    assert.strictEqual(result.set, undefined)
    assert.lengthOf(result.issues, 50)
  })
})

describe("code frames", () => {
  const frame = (source: string) =>
    compileTemplates([{ path: "templates/page.zsx", source }], stores)
      .issues.map(formatIssue)
      .join("\n\n")

  it("show the line, its neighbours and the place", () => {
    assert.strictEqual(
      frame("{param order: Doc<orders>}\n<ul>\n\t<li>{order.custmer}</li>\n</ul>\n"),
      [
        'templates/page.zsx:3:13: unknown field "custmer" of Doc<orders> (did you mean "customer"?)',
        "",
        "  2 | <ul>",
        "> 3 | \t<li>{order.custmer}</li>",
        "    | \t           ^^^^^^^",
        "  4 | </ul>"
      ].join("\n")
    )
  })

  it("cut long lines around the place", () => {
    const text = frame(`<p>${"x".repeat(500)}{name}${"y".repeat(500)}</p>`)
    const lines = text.split("\n")
    assert.strictEqual(lines[0], 'templates/page.zsx:1:505: unknown name "name"')
    assert.match(lines[2]!, /^> 1 \| …x+\{name\}y+…$/)
    assert.strictEqual(lines[2]!.indexOf("name"), lines[3]!.indexOf("^"))
    assert.strictEqual(lines[3]!.trim().replace(/ +/g, " "), "| ^^^^")
  })

  it("work at the end of a file and with Windows line ends", () => {
    assert.strictEqual(
      frame("<p>\r\n  {x}\r\n</p>"),
      'templates/page.zsx:2:4: unknown name "x"\n\n  1 | <p>\n> 2 |   {x}\n    |    ^\n  3 | </p>'
    )
    assert.strictEqual(frame("<p>"), "templates/page.zsx:1:1: <p> is not closed: </p> is missing\n\n> 1 | <p>\n    | ^^")
  })
})

describe("parse", () => {
  it("throws one Fault with all issues of a file", () => {
    try {
      parse("<b>{", "page.zsx")
      assert.fail("parsed")
    } catch (error) {
      if (!isFault(error, "InvalidTemplate")) throw error
      assert.strictEqual((error.reason.issues as ReadonlyArray<unknown>).length, 2)
    }
  })

  it("refuses too deep nesting, too long expressions and too long files without overflowing the stack", () => {
    assert.lengthOf(mistakes("<b>".repeat(5000)), 50)
    assert.include(mistakes(`${"<b>".repeat(101)}${"</b>".repeat(101)}`).join(), "markup is nested deeper than 100")
    assert.deepEqual(mistakes(`{${"(".repeat(200)}1${")".repeat(200)}}`), ["1:53 this expression is nested deeper than 50"])
    assert.deepEqual(mistakes(`{${"1+".repeat(400)}1}`), ["1:502 an expression has at most 500 words and signs"])
    assert.deepEqual(mistakes(`{${"not ".repeat(400)}1}`), ["1:206 this expression is nested deeper than 50"])
    assert.deepEqual(mistakes(`{param x: ${"{a:".repeat(200)}int${"}".repeat(200)}}`), ["1:164 this type is nested deeper than 50"])
    assert.deepEqual(mistakes("x".repeat(1_048_577)), ["1:1048577 a template has at most 1048576 characters"])
  })
})
