/** Every context of HTML in which a value can stand: what is written there, and that it is read back as the value that went in. */
import { assert, describe, it } from "vitest"
import { Decimal128, type Value } from "../../src/Bson/Value.ts"
import { mistakes, randomFrom, render, renderer } from "./Shop.ts"

const texts: ReadonlyArray<string> = [
  "",
  "plain",
  "</script><script>alert(1)</script>",
  "<!--<script>",
  "-->",
  "]]>",
  "'; alert(1); '",
  '"; alert(1); "',
  "`${alert(1)}`",
  "\\",
  "\\'",
  "\\u0027",
  "a\nb\rc\u2028d\u2029e\tf\0g\u007f",
  "&quot;&#39;&lt;/script&gt;&amp;",
  "*/ alert(1) /*",
  "url(javascript:alert(1))",
  "red; background: url(//evil.example)",
  "expression(alert(1))",
  "日本 é 😀",
  "${x}{x}"
]

const pieces = [
  ..."&<>\"'`\\/=${}()[];:,.*-+!@# \t\n\r",
  "\u2028",
  "é",
  "😀",
  "\0",
  "</",
  "script",
  "style",
  "-->",
  "<!--",
  "&quot;",
  "&#39;",
  "a",
  "1"
]
const random = randomFrom(5)
const randomText = () => Array.from({ length: Math.floor(random() * 16) }, () => pieces[Math.floor(random() * pieces.length)]!).join("")
const every = [...texts, ...Array.from({ length: 400 }, randomText)]

/** What a browser makes of an attribute's text. */
const attributeText = (written: string) =>
  written.replace(/&(amp|lt|gt|quot|#39);/g, (_, name: string) => ({ amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'" })[name]!)

const run = (program: string): unknown => new Function(`return (${program})`)() as unknown

describe("a program", () => {
  const show = renderer(
    `{param x: string}<script>f(\${x}, '\${x}', "a\${x}b", \`\${1 + 1}\`, x/\${x}/2)</script><p onclick="f(\${x}, '\${x}', \`\${x}\`)" x-data="{ a: \${x} }">1</p>`
  )
  const shape =
    /^<script>f\((".*"), ('[^']*'), ("[^"]*"), `\$\{1 \+ 1\}`, x\/ (".*")\/2\)<\/script><p onclick="f\(([^"<>]*), ('[^']*'), (`[^"<>`]*`)\)" x-data="\{ a: ([^"<>]*) \}">1<\/p>$/s

  it("has the value that the template has, in code, in quotes and in attributes", () => {
    for (const text of every) {
      const page = show({ x: text })
      const found = shape.exec(page)
      if (found === null) assert.fail(`broken by ${JSON.stringify(text)}: ${page}`)
      const [, value, single, double, quotient, inAttribute, quotedInAttribute, inLiteral, data] = found
      assert.strictEqual(run(value!), text)
      assert.strictEqual(run(single!), text)
      assert.strictEqual(run(double!), `a${text}b`)
      assert.strictEqual(run(quotient!), text)
      assert.strictEqual(run(attributeText(inAttribute!)), text)
      assert.strictEqual(run(attributeText(quotedInAttribute!)), text)
      assert.strictEqual(run(attributeText(inLiteral!)), text)
      assert.strictEqual(run(attributeText(data!)), text)
      assert.notMatch(page.slice(8, page.indexOf("</script>")), /[<>]/)
    }
  })

  it("gets numbers, dates, lists and documents as routes answer them", () => {
    const source = "{param x: any}<script>const x =${x}+1, y = [${x},${x | json}]</script>"
    const shown = (x: Value) => render(source, { x }).slice(8, -9)
    assert.strictEqual(shown(-1.5), "const x =-1.5 +1, y = [-1.5,-1.5]")
    assert.strictEqual(shown(null), "const x =null +1, y = [null,null]")
    assert.strictEqual(shown(Decimal128.fromString("1.50")), 'const x ="1.50" +1, y = ["1.50","1.50"]')
    assert.strictEqual(
      shown({ a: [new Date(0), "</script>"], b: { c: true } }),
      'const x ={"a":["1970-01-01T00:00:00.000Z","\\u003c/script\\u003e"],"b":{"c":true}} +1, y = [{"a":["1970-01-01T00:00:00.000Z","\\u003c/script\\u003e"],"b":{"c":true}},{"a":["1970-01-01T00:00:00.000Z","\\u003c/script\\u003e"],"b":{"c":true}}]'
    )
    assert.strictEqual(render("{param n: int}<script>a-${n}</script>", { n: -1 }), "<script>a- -1</script>")
    assert.strictEqual(render("{param n: int}<script>return${n}in b</script>", { n: 1 }), "<script>return 1 in b</script>")
  })

  it("keeps what is its own", () => {
    const program = "const f = (a) => `${a.b} of ${`${c}`}`; if (a) { b = a / 2 / c } /x'/.test(d) // it's\n/* `${ */ let r = /[/'\"]/g"
    assert.strictEqual(render(`<script>${program}</script>`), `<script>${program}</script>`)
    assert.strictEqual(render('<script type="text/x-template">{{a}} {b}</script>'), '<script type="text/x-template">{{a}} {b}</script>')
  })

  it("is told when its own ${} means what only the template knows", () => {
    assert.deepEqual(mistakes("{param x: string}\n<script>let a = `${x} b`</script>"), [
      '2:18 this ${…} belongs to the program, which does not know "x": give the value a name outside of the template literal or comment, const value = ${x}'
    ])
    assert.deepEqual(mistakes("{param x: { y: string }}\n<script>let a = {x.y}</script>"), [
      "2:17 braces are part of the program in <script>: write ${…} for an expression"
    ])
    assert.deepEqual(mistakes("{param x: string}\n<script>let a = 1 <!-- b\n</script>"), [
      '2:19 a program cannot hold "<!--": write it as "<\\!--"'
    ])
  })
})

describe("a JSON island", () => {
  it("is valid JSON that holds the value", () => {
    const show = renderer('{param x: string}<script type="application/json">{ "a": ${x}, "b": "<${x}>", "c": [${x},1] }</script>')
    for (const text of every) {
      const page = show({ x: text })
      const island = page.slice(page.indexOf(">") + 1, -"</script>".length)
      assert.deepEqual(JSON.parse(island), { a: text, b: `<${text}>`, c: [text, 1] })
      assert.notInclude(island.slice(island.indexOf("<") + 1), "<")
    }
  })

  it("is whatever an attribute of a library says is JSON", () => {
    const source = '{param x: string}<p hx-vals=\'{"a": ${x}, "b": "${x}"}\' hx-headers={x | json}>1</p>'
    for (const text of every) {
      const [, values, headers] = /^<p hx-vals='([^'<>]*)' hx-headers="([^"<>]*)">1<\/p>$/s.exec(render(source, { x: text }))!
      assert.deepEqual(JSON.parse(attributeText(values!)), { a: text, b: text })
      assert.strictEqual(JSON.parse(attributeText(headers!)), text)
    }
  }, 60_000)
})

describe("a style", () => {
  it("takes words, numbers and colours as values, nothing that could be more", () => {
    const show = renderer('{param x: string}<style>a { color: ${x} }</style><p style="width: ${x}; top: 1px">1</p>')
    const written = (x: string) => /color: (.*) \}<.*width: (.*); top/s.exec(show({ x }))!.slice(1)
    for (const value of ["red", "#ff0088", "12.5px", "-3em", "100%", "1px solid red", "bold, serif", "Größe"])
      assert.deepEqual(written(value), [value, value])
    for (const value of ["red;x:y", "url(x)", "a}b{", "'a'", "/*", "</style>", "a\\b", "@x", "a:b", '"', "a\nb"]) {
      assert.deepEqual(written(value), ["unset", "unset"])
    }
    assert.strictEqual(render('{param n?: number}<p style="width: ${n}px">1</p>', { n: 1.5 }), '<p style="width: 1.5px">1</p>')
  })

  it("takes any text in quotes", () => {
    const show = renderer(
      "{param x: string}<style>a::before { content: \"${x}\"; --b: '${x}' }</style><p style=\"font-family: '${x}'\">1</p>"
    )
    for (const text of every) {
      const found =
        /^<style>a::before \{ content: "([^"<>&'\n]*)"; --b: '([^"<>&'\n]*)' \}<\/style><p style="font-family: '([^"<>&'\n]*)'">1<\/p>$/s.exec(
          show({ x: text })
        )
      if (found === null) assert.fail(`broken by ${JSON.stringify(text)}`)
      for (const part of found.slice(1)) {
        const read = part.replace(/\\([0-9a-f]+) /g, (_, code: string) => String.fromCodePoint(Number.parseInt(code, 16)))
        assert.strictEqual(read, text.replaceAll("\0", "\ufffd"))
      }
    }
  })

  it("takes addresses in quotes, with their scheme checked", () => {
    const source = '{param x: string}<style>a { background: url("${x}") }</style><p style="background: url(\'/img/${x}.png\')">1</p>'
    const shown = (x: string) => render(source, { x })
    assert.include(shown("/a.png"), 'url("\\2f a.png")')
    assert.include(shown("javascript:alert(1)"), 'url("about\\3a invalid")')
    assert.include(shown("a') b"), "url('/img/a\\27 \\29  b.png')")
  })
})

describe("a list of addresses", () => {
  const show = renderer(
    '{param a: string}{param b: string}<img srcset="${a} 1x, /img/${b}.png 2x" alt=""><img srcset={a} alt=""><a ping="${a} /p/${b}" href="/">1</a>'
  )

  it("keeps each address in its place", () => {
    assert.strictEqual(
      show({ a: "https://example.org/a,b", b: "x y" }),
      '<img srcset="https://example.org/a,b 1x, /img/x%20y.png 2x" alt=""><img srcset="https://example.org/a,b" alt=""><a ping="https://example.org/a,b /p/x%20y" href="/">1</a>'
    )
    assert.include(show({ a: "a.png 1x, ,b.png 2x", b: "" }), '<img srcset="a.png%201x,%20,b.png%202x 1x,')
    assert.include(show({ a: ",a,", b: "" }), '<img srcset="%2Ca%2C 1x,')
  })

  it("checks the scheme of each", () => {
    assert.strictEqual(
      show({ a: "javascript:alert(1)", b: "javascript:x" }),
      '<img srcset="about:invalid 1x, /img/javascript:x.png 2x" alt=""><img srcset="about:invalid" alt=""><a ping="about:invalid /p/javascript:x" href="/">1</a>'
    )
    assert.include(show({ a: "/a.png 1x, data:text/html,x 2x", b: "" }), 'srcset="/a.png 1x, about:invalid 2x"')
  })

  it("is dropped when it is missing as a whole", () => {
    assert.strictEqual(render('{param a?: string}<img srcset={a} alt="">'), '<img alt="">')
  })
})

describe("a page in an attribute", () => {
  it("shows the value as text", () => {
    const show = renderer('{param x: string}<iframe srcdoc="<p>${x}</p>"></iframe><iframe srcdoc={x}></iframe>')
    for (const text of every) {
      const found = /^<iframe srcdoc="<p>([^"]*)<\/p>"><\/iframe><iframe srcdoc="([^"]*)"><\/iframe>$/s.exec(show({ x: text }))!
      for (const part of found.slice(1)) {
        const inner = attributeText(part)
        assert.notMatch(inner, /[<>"']/)
        assert.strictEqual(attributeText(inner), text)
      }
    }
  })
})

describe("a comment of the page", () => {
  it("holds the value and ends where it is written to end", () => {
    const show = renderer("{param x: string}<!-- ${x}${x} --><p>1</p>")
    for (const text of [...every, "--", "-", "--!", ">", "->", "-->"]) {
      const page = show({ x: text })
      assert.strictEqual(page.indexOf(">"), page.indexOf(" --><p>1</p>") + 3)
    }
  })
})

describe("spread attributes", () => {
  const source = '{param x: record<string>}<a id="own" {...x} href={x.link}>1</a>'

  it("are written with their values escaped and their addresses checked", () => {
    assert.strictEqual(
      render("{param x: record<string>}<a {...x}>1</a>", { x: { title: "<\"'>", href: "javascript:alert(1)", "data-a": "", lang: "en" } }),
      '<a title="&lt;&quot;&#39;&gt;" href="about:invalid" data-a="" lang="en">1</a>'
    )
    assert.strictEqual(
      render("{param x: any}<input {...x}>", { x: { disabled: true, hidden: false, max: 3, min: null, list: ["a"], name: "n" } }),
      '<input disabled max="3" name="n">'
    )
  })

  it("never replace what the element says itself, and are written once", () => {
    assert.strictEqual(render(source, { x: { ID: "x", HREF: "/x", title: "a", TITLE: "b" } }), '<a id="own" title="a">1</a>')
  })

  it("are left out where they could be more than text and addresses", () => {
    const bad = [
      "onclick",
      "OnLoad",
      "style",
      "srcdoc",
      "srcset",
      "x-html",
      "x-data",
      "@click",
      ":href",
      "hx-on",
      "data-on-load",
      "_",
      "a b",
      "a=b",
      "a>b",
      "a/b",
      "xmlns",
      "xlink:href",
      "http-equiv",
      "",
      "x".repeat(80),
      "é"
    ]
    for (const name of bad) assert.strictEqual(render("{param x: any}<p {...x}>1</p>", { x: { [name]: "y" } }), "<p>1</p>", name)
  })

  it("are refused where they would decide what is loaded, and for what is no document of texts", () => {
    assert.deepEqual(mistakes("{param x: record<string>}\n<script {...x}></script>"), [
      "2:9 attributes cannot be spread over <script>, where they decide what is loaded: write each"
    ])
    assert.deepEqual(mistakes("{param x: string}\n<p {...x}>1</p>"), [
      "2:8 only a document of texts can be spread as attributes, not string"
    ])
    assert.deepEqual(mistakes("{param x: { a: int[] }}\n<p {...x}>1</p>"), [
      "2:8 only a document of texts can be spread as attributes, not { a: int[] }"
    ])
  })
})
