/** Whatever a value holds, it stays a value: read back from the page as a browser reads it, it is what went in. */
import { assert, describe, it } from "vitest"
import { blockedAddress, safeAddress } from "../../src/Template/Html.ts"
import { addresses, payloads } from "./Payloads.ts"
import { mistakes, randomFrom, render, renderer } from "./Shop.ts"

const harmless: ReadonlyArray<string> = [
  "",
  "/",
  "/a/b?c=d#e",
  "a/b",
  "?x=javascript:y",
  "#javascript:y",
  "./a:b",
  "/javascript:alert(1)",
  "//example.org/x",
  "http://example.org/",
  "https://example.org/a?b=c&d='e'",
  "HTTPS://EXAMPLE.ORG",
  "mailto:ann@example.org",
  "tel:+49123",
  "sms:+49123",
  "orders",
  "orders-1.html",
  "日本",
  "a b",
  "é/ü:x",
  "about",
  "javascript",
  "&"
]

/** A browser's reading of a text or attribute value that holds no other references than the five. */
function decoded(text: string): string {
  const signs: Readonly<Record<string, string>> = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'" }
  return text.replace(/&(?:amp|lt|gt|quot|#39);/g, (reference) => signs[reference] ?? "")
}

const source =
  '{param x: { value: string }}<p title="${x.value}" lang=\'a${x.value}b\' id={x.value}>{x.value}<b data-y={x.value + ""}>{x.value + ""}</b></p>'
const shape = /^<p title="([^"<>']*)" lang='a([^"<>']*)b' id="([^"<>']*)">([^<>"']*)<b data-y="([^"<>']*)">([^<>"']*)<\/b><\/p>$/

const renderText = renderer(source)

function checkText(value: string): void {
  const page = renderText({ x: { value } })
  const found = shape.exec(page)
  if (found === null) assert.fail(`broken by ${JSON.stringify(value)}: ${page}`)
  for (const part of found.slice(1)) assert.strictEqual(decoded(part), value)
}

const linkSource =
  '{param x: { value: string }}<a href={x.value}>1</a><a href="${x.value}">2</a><form action=\'${x.value + ""}\'>3</form><img src={x.value + ""} alt=""><a xlink:href="  ${x.value}">4</a><a href="${x.value}${x.value}">5</a>'
const linkShape =
  /^<a href="([^"<>']*)">1<\/a><a href="([^"<>']*)">2<\/a><form action='([^"<>']*)'>3<\/form><img src="([^"<>']*)" alt=""><a xlink:href="([^"<>']*)">4<\/a><a href="([^"<>']*)">5<\/a>$/

const renderLinks = renderer(linkSource)

function links(value: string): ReadonlyArray<string> {
  const page = renderLinks({ x: { value } })
  const found = linkShape.exec(page)
  if (found === null) assert.fail(`broken by ${JSON.stringify(value)}: ${page}`)
  return found.slice(1).map(decoded)
}

/** The scheme that the URL standard sees in an address, over http. */
function schemeOf(address: string): string {
  return URL.canParse(address, "http://base.example/") ? new URL(address, "http://base.example/").protocol : "none"
}

const allowed = new Set(["http:", "https:", "mailto:", "tel:", "sms:", "about:", "none"])

describe("texts and attributes", () => {
  for (const payload of [...payloads, ...addresses]) it(`keep ${JSON.stringify(payload)}`, () => checkText(payload))

  it("keep any text", () => {
    const random = randomFrom(7)
    const pieces = [..."&<>\"'=`{}#;/\\ \t\n", "script", "é", "日", "😀", "&amp;", "&lt", "\0", "a", "bcd", "x".repeat(50)]
    for (let round = 0; round < 1000; round++) {
      checkText(Array.from({ length: Math.floor(random() * 24) }, () => pieces[Math.floor(random() * pieces.length)]!).join(""))
    }
  })
})

describe("addresses", () => {
  for (const address of addresses) {
    it(`neutralise ${JSON.stringify(address)}`, () => {
      for (const written of links(address)) assert.strictEqual(written, blockedAddress)
    })
  }

  for (const address of harmless) {
    it(`keep ${JSON.stringify(address)}`, () => {
      const written = links(address)
      for (const index of [0, 1, 2, 3]) assert.strictEqual(written[index], address)
      assert.strictEqual(written[4], `  ${address}`)
    })
  }

  it("never have a scheme that is not allowed, however they are put together", () => {
    const random = randomFrom(11)
    const pieces = [
      "java",
      "script",
      "javascript",
      ":",
      "&colon;",
      "&#58;",
      "&#x3a",
      "&Tab;",
      "\t",
      "\n",
      "\r",
      "\0",
      "\u0001",
      " ",
      "\u00a0",
      "data",
      "vbscript",
      "text/html,",
      "http",
      "https",
      "//",
      "/",
      "?",
      "#",
      "&",
      "&amp;",
      "x",
      "J",
      "\\",
      "%3a",
      "mailto",
      "\u00ad",
      "\u200b"
    ]
    for (let round = 0; round < 1500; round++) {
      const value = Array.from({ length: 1 + Math.floor(random() * 7) }, () => pieces[Math.floor(random() * pieces.length)]!).join("")
      for (const written of links(value)) {
        assert.isTrue(allowed.has(schemeOf(written)), `${JSON.stringify(value)} became ${JSON.stringify(written)}`)
        // A value that is decoded once more on its way stays harmless.
        const again = decoded(written)
          .replaceAll("&colon;", ":")
          .replaceAll("&Tab;", "\t")
          .replace(/&#(?:x3a|58);?/g, ":")
        assert.isTrue(allowed.has(schemeOf(again)), `${JSON.stringify(value)} became ${JSON.stringify(again)}`)
      }
    }
  })

  it("are judged as a whole when the text before the first expression settles nothing", () => {
    const source =
      '{param a: string}{param b: string}<a href="java${a}${b}">x</a><a href="&#106;${a}">y</a><a href="/${a}:${b}">z</a><a href="https:${a}">h</a>'
    assert.strictEqual(
      render(source, { a: "script", b: ":alert(1)" }),
      '<a href="about:invalid">x</a><a href="&#106;script">y</a><a href="/script::alert(1)">z</a><a href="https:script">h</a>'
    )
    assert.strictEqual(
      render(source, { a: "avascript:x", b: "" }),
      '<a href="about:invalid">x</a><a href="about:invalid">y</a><a href="/avascript:x:">z</a><a href="https:avascript:x">h</a>'
    )
  })

  it("are dropped when missing", () => {
    assert.strictEqual(render('{param x?: string}<a href={x}>1</a><a href="${x}">2</a>'), '<a>1</a><a href="">2</a>')
  })

  it("of long values are read to their end", () => {
    assert.isFalse(safeAddress(`${"\u0001".repeat(10_000)}javascript:alert(1)`))
    assert.strictEqual(
      render("{param x: string}<a href={x}>1</a>", { x: `${"\t".repeat(10_000)}javascript:alert(1)` }),
      '<a href="about:invalid">1</a>'
    )
  })
})

describe("places where a value could become a program", () => {
  const refused = (source: string) => mistakes(`{param x: string}${source}`).filter((message) => message.includes("an expression cannot"))

  it("take no whole value, on any element", () => {
    for (const element of ["a", "p", "script", "style", "iframe", "object", "svg", "input", "meta", "animate", "body", "math"]) {
      for (const name of [
        "onclick",
        "ONFOCUS",
        "on",
        "style",
        "xmlns",
        "xmlns:xlink",
        "http-equiv",
        "x-html",
        "x-bind:href",
        ":src",
        ":style",
        "_"
      ]) {
        assert.lengthOf(refused(`<${element} ${name}={x}/>`), 1, `<${element} ${name}={x}>`)
      }
    }
  })

  it("take no value where it could be more than a value", () => {
    const sources = [
      "<xmp>${x}</xmp>",
      "<iframe>${x}</iframe>",
      "<noembed>${x}</noembed>",
      '<script type="text/template">${x}</script>',
      '<script type="importmap">{ "imports": { "a": ${x} } }</script>',
      "<script type={x}>1</script>",
      "<script>// ${x}\n</script>",
      "<script>/* ${x} */</script>",
      "<script>let a = /${x}/</script>",
      "<script>let a = /[/${x}]/</script>",
      "<script>if (a) /'/.test(b); let c = '${x}'</script>",
      "<script>import a from ${x}</script>",
      '<script>import("${x}")</script>',
      "<style>${x} { color: red }</style>",
      "<style>a { ${x}: red }</style>",
      "<style>@import '${x}';</style>",
      "<style>/* ${x} */</style>",
      "<style>a { background: url(${x}) }</style>",
      '<style>a { background: url("a${x}") }</style>',
      '<p style="${x}">1</p>',
      '<p style="${x}: red">1</p>',
      '<p onclick="f(&grave;${x})">1</p>',
      "<iframe srcdoc=\"<p title='${x}'>\"></iframe>",
      '<iframe srcdoc="<script>${x}</script>"></iframe>',
      '<iframe srcdoc="<!-- ${x} -->"></iframe>',
      '<p x-html="${x}">1</p>',
      '<p :href="${x}">1</p>',
      '<p x-bind:onclick="${x}">1</p>',
      '<p v-bind:innerhtml.prop="${x}">1</p>',
      '<p data-attr-href="${x}">1</p>',
      '<p _="on click ${x}">1</p>',
      '<p ng-click="${x}">1</p>',
      "<!-- ${x}> -->",
      "<!-- ${x}-> -->"
    ]
    for (const source of sources) {
      const found = mistakes(`{param x: string}${source}`)
      assert.isAbove(
        found.filter((message) => / cannot |named reference|does not know|only, not in/.test(message)).length,
        0,
        `${source}: ${found.join()}`
      )
    }
  })

  it("load from an address only when the template says from where", () => {
    const cases: ReadonlyArray<readonly [string, boolean]> = [
      ['<script src="/assets/${x}"></script>', true],
      ['<script src="https://cdn.example.org/${x}"></script>', true],
      ['<script src="//cdn.example.org/${x}"></script>', true],
      ['<script src="./${x}"></script>', true],
      ['<script src="/${x}"></script>', false],
      ['<script src="//${x}"></script>', false],
      ['<script src="/\\${x}"></script>', false],
      ['<script src="https://${x}"></script>', false],
      ['<script src="https://cdn.example.org${x}"></script>', false],
      ['<script src="\t/\n/${x}"></script>', false],
      ["<iframe src={x}></iframe>", false],
      ['<embed src="${x}">', false],
      ['<link rel="icon" href={x}>', true],
      ['<link rel="canonical" href="${x}">', true],
      ['<link rel="stylesheet icon" href="${x}">', false],
      ['<link href="${x}">', false],
      ['<link rel="modulepreload" href="/m/${x}">', true]
    ]
    for (const [source, fine] of cases) assert.strictEqual(mistakes(`{param x: string}${source}`).length === 0, fine, source)
  })
})
