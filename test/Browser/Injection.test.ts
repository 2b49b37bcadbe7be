/**
 * A corpus of attacks in every place where a value can stand, in a real Chromium: no program of theirs runs, nothing of theirs is loaded, and
 * the page reads back exactly the text that was put in.
 */
import { existsSync } from "node:fs"
import { type Browser, chromium, type Page } from "playwright-core"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { addresses, payloads, programs } from "../Template/Payloads.ts"
import { renderer } from "../Template/Shop.ts"

const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium"
const origin = "http://canary.example"

const source = `{param x: string}
{param attributes: record<string>}
<!doctype html>
<html lang="en">
<head>
<title>{x}</title>
<style>
#styled { color: \${x}; width: \${x} }
#styled::before { content: "\${x}" }
#styled::after { content: '\${x}'; background: url("\${x}") }
</style>
<script>
const got = { value: \${x}, single: '\${x}', double: "a\${x}b", list: [\${x}], sum: 'x'+\${x}+'y', own: \`\${1 + 1}\`, document: \${attributes} }
window.got = got
</script>
<script type="application/json" id="island">{ "value": \${x}, "text": "<\${x}>", "document": \${attributes} }</script>
<script type="module">window.module = \${x}</script>
</head>
<body>
<!-- \${x} --><!--\${x}\${x} --><p id="behind">behind</p>
<p id="text">{x}</p><p id="double" title="\${x}" data-x={x} class={a, (x)}>{x + ""}</p>
<p id='single' title='\${x}'></p>
<textarea id="area">{x}</textarea>
<pre id="pre">{x}</pre>
<select><option id="option" value={x}>{x}</option></select>
<p id="spread" {...attributes}></p>
<a class="link" href={x}>1</a><a class="link" href="\${x}">2</a><a class="link" href="  \${x}">3</a><a class="link" href="\${x}\${x}">4</a>
<form class="form" action={x}><input type="image" alt="" src={x}><button formaction={x}>5</button></form>
<img id="image" alt="" src={x} srcset="\${x} 1x, /b.png 2x"><img alt="" srcset={x}><a class="link" ping="\${x} \${x}" href="/p">6</a>
<svg><a class="svg" xlink:href={x} href={x}><text>{x}</text></a><style>a { color: \${x} }</style><script>window.svg = \${x}</script><title>{x}</title></svg>
<math><mtext>{x}</mtext></math>
<noscript><p title={x}>{x}</p></noscript>
<template><p title={x}>{x}</p></template>
<p id="styled" style="color: \${x}; font-family: '\${x}'">styled</p>
<button id="run" onclick="window.clicked = \${x}; window.quoted = '\${x}'; window.literal = \`\${x}\`" onmouseover='window.over = "\${x}"'>run</button>
<p id="data" x-data="{ a: \${x} }" @click="f('\${x}')" hx-vals='{"a": \${x}}' data-on-click="g(\${x})" hx-get={x}>data</p>
<iframe id="frame" srcdoc="<p>\${x}</p>"></iframe><iframe id="whole" srcdoc={x}></iframe>
</body>
</html>`

const render = renderer(source)

/** What the parser of HTML does to any text. */
const normalised = (text: string): string => text.replace(/\r\n?/g, "\n").replaceAll("\0", "")

/** Where a NUL becomes U+FFFD instead of nothing. */
const replacesNul = new Set(["title", "area", "attribute", "data", "single", "option", "spread", "template"])

interface Found {
  readonly executed: ReadonlyArray<string>
  readonly texts: Readonly<Record<string, string>>
  readonly values: Readonly<Record<string, unknown>>
  readonly protocols: ReadonlyArray<string>
  readonly handlers: ReadonlyArray<string>
  readonly scripts: number
}

/** Runs in the page: touches everything, then tells what the page holds. */
const inspect = `(async () => {
  const byId = (id) => document.getElementById(id)
  for (const type of ["mouseover", "mouseenter", "focus", "error", "load", "animationstart", "toggle", "pointerdown"])
    for (const element of document.querySelectorAll("body *")) element.dispatchEvent(new Event(type))
  byId("run").click()
  await new Promise((done) => setTimeout(done, 30))
  const island = JSON.parse(byId("island").textContent)
  const data = byId("data")
  const evaluate = (text) => Function("return (" + text + ")")()
  return {
    executed: window.executed,
    texts: {
      title: document.querySelector("title").textContent, text: byId("text").textContent, double: byId("double").textContent, attribute: byId("double").title,
      data: byId("double").dataset.x, single: byId("single").title, area: byId("area").value, pre: byId("pre").textContent,
      option: byId("option").value, spread: byId("spread").title, behind: byId("behind").textContent,
      frame: byId("frame").contentDocument.body.textContent, whole: byId("whole").contentDocument.body.textContent,
      template: document.querySelector("template").content.firstElementChild.title
    },
    values: {
      value: window.got.value, single: window.got.single, double: window.got.double.slice(1, -1), list: window.got.list[0],
      sum: window.got.sum.slice(1, -1), document: window.got.document.title, island: island.value, text: island.text.slice(1, -1),
      islandDocument: island.document.title, module: window.module, svg: window.svg, clicked: window.clicked, quoted: window.quoted,
      literal: window.literal, over: window.over, alpine: evaluate(data.getAttribute("x-data")).a, htmx: JSON.parse(data.getAttribute("hx-vals")).a,
      datastar: Function("g", "return " + data.getAttribute("data-on-click"))((value) => value),
      vue: Function("f", "return " + data.getAttribute("@click"))((value) => value)
    },
    protocols: [
      ...[...document.querySelectorAll("a.link")].map((link) => link.protocol),
      ...[...document.querySelectorAll("form, button, input, img, a.svg, [hx-get]")].flatMap((element) =>
        ["action", "formaction", "src", "href", "xlink:href", "hx-get"].map((name) => element.getAttribute(name)).filter((value) => value !== null)
          .map((value) => { try { return new URL(value, document.baseURI).protocol } catch { return "none" } }))
    ],
    handlers: [...document.querySelectorAll("*")].flatMap((element) => [...element.attributes].map((attribute) => attribute.name))
      .filter((name) => name.startsWith("on")),
    scripts: document.querySelectorAll("script").length
  }
})()`

describe("attacks in a real browser", () => {
  let browser: Browser
  let page: Page
  let html = ""
  const loaded: Array<string> = []
  const dialogs: Array<string> = []

  beforeAll(async () => {
    assert.isTrue(existsSync(executablePath), `no Chromium at ${executablePath}: install it, or set CHROMIUM`)
    browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"] })
    page = await browser.newPage()
    page.on("dialog", (dialog) => {
      dialogs.push(dialog.message())
      void dialog.dismiss()
    })
    await page.addInitScript(`window.executed = []; window.f = window.g = () => 0
      for (const name of ["alert", "confirm", "prompt", "print"]) window[name] = (...values) => { (window.top.executed ?? window.executed).push(name + values.join()) }`)
    await page.route("**/*", (route) => {
      const url = route.request().url()
      if (url === `${origin}/page`) return route.fulfill({ contentType: "text/html; charset=utf-8", body: html })
      if (!url.startsWith(origin)) loaded.push(`${route.request().resourceType()} ${url}`)
      return route.abort()
    })
  })

  afterAll(() => browser?.close())

  const look = async (text: string): Promise<Found> => {
    html = render({
      x: text,
      attributes: {
        title: text,
        onclick: text,
        style: text,
        href: text,
        ["on" + text.slice(0, 8).replaceAll("\0", "")]: text,
        [text.replaceAll("\0", "")]: text
      }
    })
    await page.goto(`${origin}/page`, { waitUntil: "load" })
    return page.evaluate<Found>(inspect)
  }

  it("has a canary that sings", async () => {
    html = "<img src=x onerror=alert(1)><script>alert(2)</script><iframe srcdoc='<script>alert(3)</script>'></iframe>"
    await page.goto(`${origin}/page`, { waitUntil: "load" })
    await page.waitForFunction("window.executed.length === 3")
  })

  for (const text of [...payloads, ...addresses, ...programs]) {
    it(`does nothing for ${JSON.stringify(text)}, and shows it`, async () => {
      const found = await look(text)
      assert.deepEqual(found.executed, [])
      assert.deepEqual(dialogs, [])
      assert.strictEqual(found.scripts, 4)
      assert.deepEqual(found.handlers, ["onclick", "onmouseover"])
      for (const protocol of found.protocols)
        assert.include(["http:", "https:", "mailto:", "tel:", "sms:", "about:", "none", ":"], protocol)
      // An address may be followed or shown as an image; nothing else is loaded from it.
      assert.deepEqual(
        loaded.filter((what) => !/^(?:image|ping|other) /.test(what)),
        []
      )
      for (const [name, value] of Object.entries(found.values)) assert.strictEqual(value, text, name)
      for (const [name, shown] of Object.entries(found.texts)) {
        if (name === "behind") assert.strictEqual(shown, "behind")
        else if (replacesNul.has(name)) assert.strictEqual(shown, text.replace(/\r\n?/g, "\n").replaceAll("\0", "\ufffd"), name)
        else if (name === "whole")
          assert.strictEqual(
            shown.replaceAll("\ufffd", ""),
            normalised(text)
              .replaceAll("\ufffd", "")
              .replace(/^[\ufeff\t\n\f ]+/, ""),
            name
          )
        else assert.strictEqual(shown.replaceAll("\ufffd", ""), normalised(text).replaceAll("\ufffd", ""), name)
      }
    })
  }
})
