import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { PassThrough, Readable } from "node:stream"
import { stripVTControlCharacters } from "node:util"
import { highlight } from "../../src/Cli/Highlight.ts"
import { PAGE_ROWS, Shell } from "../../src/Cli/Shell.ts"
import { completed, shell } from "../../src/Cli/ShellCommand.ts"
import type { Session } from "../../src/Cli/Session.ts"
import { table } from "../../src/Cli/Table.ts"
import { Folder } from "../Build/Folder.ts"
import { fill, orders } from "./Orders.ts"

describe("planck shell", () => {
  let data: Folder
  beforeAll(async () => {
    data = new Folder({})
    await fill(data.path, "shop")
  })
  afterAll(() => data[Symbol.dispose]())

  /** What lines from standard input give on standard output. */
  const session = async (...lines: ReadonlyArray<string>): Promise<string> => {
    const output = new PassThrough()
    const input = Readable.from([`${lines.join("\n")}\n`])
    await Effect.runPromise(shell({ directory: data.path, service: undefined, extended: false, input, output }))
    return String(output.read() ?? "")
  }

  it("runs statements that go over several lines, and shows rows as a table", async () => {
    const out = await session(
      ".timing",
      "orders.",
      "  filter(",
      '    customer = "bob").orderBy(_id)',
      "orders.count()",
      ".exit",
      "never.reached()"
    )
    assert.deepStrictEqual(out.trimEnd().split("\n"), [
      "timing is not shown",
      "_id  customer  total",
      "───  ────────  ─────",
      "2    bob       20",
      "6    bob       60",
      "(2 rows)",
      "count 6"
    ])
  })

  it("writes, makes indexes, takes parameters, and explains", async () => {
    const out = await session(
      ".timing",
      ".json",
      ".set who zoe",
      "orders.insert({ _id: 50, customer: $who, total: 5 })",
      "orders.createIndex(total desc, customer, unique)",
      "orders.indexes()",
      "orders.dropIndex(by_total_desc_customer)",
      "explain orders.filter(customer = $who)",
      "orders.filter(customer = $who).delete()"
    )
    assert.include(out, '$who is "zoe"')
    assert.include(out, '{"_id":50,"customer":"zoe","total":5}')
    assert.include(out, '"name":"by_total_desc_customer"')
    assert.include(out, '"access": "index byCustomer"')
    assert.match(out, /"elapsedMs": \d/)
    assert.include(out, "deleted 1")
  })

  it("says where a statement is wrong, and goes on", async () => {
    const out = await session("orders.filter(total > > 3)", "orders.fliter(a = 1)", "no.count()", ".nothing", "orders.count()")
    assert.include(out, "orders.filter(total > > 3)\n                      ^\n✗ line 1, column 23: expected a value")
    assert.include(out, "did you mean filter?")
    assert.include(out, "✗ there is no store no")
    assert.include(out, "✗ there is no .nothing")
    assert.match(out, /count 6\n\(\d+(\.\d+)? ms\)/)
  })

  it("shows stores with their fields and indexes", async () => {
    const out = await session(".stores")
    assert.include(out, "orders (_id: int)\n  customer: string\n  total: int\n  index byCustomer on customer asc\n")
  })

  it("gives rows in pages that an empty line continues", async () => {
    const asked: Array<string> = []
    const pages = [["1", "2"], ["3"]]
    const fake: Session = {
      isShared: true,
      stores: Effect.succeed([]),
      run: (statement) => {
        asked.push(statement)
        const [rows = [], ...rest] = pages.splice(0)
        pages.push(...rest)
        return Effect.succeed({
          kind: "find" as const,
          rows: rows.map((id) => `{"_id":${id}}`),
          ...(rest.length > 0 ? { next: "place" } : {})
        })
      }
    }
    const core = new Shell({ session: fake, isTerminal: false, width: () => 80 })
    assert.strictEqual(core.prompt, "planck (reads only)> ")
    const first = await Effect.runPromise(core.line("orders.orderBy(total desc).skip(1)"))
    assert.deepStrictEqual(first.lines, ["_id", "───", "1", "2", "(2 rows, more with an empty line)"])
    const second = await Effect.runPromise(core.line(""))
    assert.deepStrictEqual(second.lines, ["_id", "───", "3", "(1 row)"])
    assert.deepStrictEqual((await Effect.runPromise(core.line(""))).lines, [])
    assert.deepStrictEqual(asked, [
      `orders.orderBy(total desc).skip(1).limit(${PAGE_ROWS})`,
      `orders.orderBy(total desc).limit(${PAGE_ROWS}).after("place")`
    ])
  })

  it("shows a plan as text", async () => {
    const out = await session("explain orders.filter(customer = 'ada' and total > 5).orderBy(total desc)")
    assert.match(
      out,
      /^access {5}index byCustomer\nby index {3}customer = \?\ntested {5}total > \?\norder {6}rows are sorted\nestimated .* \(of \d+ documents\)\nactual {5}3 rows, 3 index keys and 3 documents read \(\d+ bytes\), .* ms\nnot taken {2}all documents: /
    )
  })

  it("shows many rows in pages at a terminal, whatever gives them, and all of them elsewhere", async () => {
    const rows = Array.from({ length: PAGE_ROWS + 1 }, (_, number) => `{"n":${number}}`)
    const fake: Session = { isShared: false, stores: Effect.succeed([]), run: () => Effect.succeed({ kind: "aggregate" as const, rows }) }
    const terminal = new Shell({ session: fake, isTerminal: true, width: () => 80 })
    const first = await Effect.runPromise(terminal.line("orders.groupBy(n)"))
    assert.strictEqual(first.lines.length, PAGE_ROWS + 3)
    assert.strictEqual(first.lines.at(-1), "(50 rows, more with an empty line)")
    assert.deepStrictEqual((await Effect.runPromise(terminal.line(".more"))).lines, ["n", "──", "50", "(1 row)"])
    assert.deepStrictEqual((await Effect.runPromise(terminal.line(""))).lines, [])
    const piped = new Shell({ session: fake, isTerminal: false, width: () => 80 })
    assert.strictEqual((await Effect.runPromise(piped.line("orders.groupBy(n)"))).lines.length, PAGE_ROWS + 4)
  })

  it("completes words of a statement, also behind earlier lines", () => {
    assert.deepStrictEqual(completed("orders.filter(cu", "", [orders], []), [["customer"], "cu"])
    assert.deepStrictEqual(completed("  .order", "orders", [orders], []), [["orderBy"], "order"])
    assert.deepStrictEqual(completed("  customer = $", "orders.filter(", [orders], ["who"]), [["$who"], "$"])
    assert.deepStrictEqual(completed(".s", "", [orders], []), [[".stores", ".set"], ".s"])
  })

  it("colours words and leaves the text as it is", () => {
    const text = 'orders.filter(total > 3 and name = "x\\"y" and a = $b).limit(1) // end'
    const coloured = highlight(text)
    assert.strictEqual(
      coloured
        .split("\u001B")
        .map((part) => part.replace(/^\[\d+m/, ""))
        .join(""),
      text
    )
    for (const part of ["\u001B[34mfilter", "\u001B[36m3", "\u001B[35mand", '\u001B[32m"x\\"y"', "\u001B[33m$b"])
      assert.include(coloured, part)
  })

  it("fits tables into a line, and takes the meaning from control characters", () => {
    const rows = [JSON.stringify({ a: "x".repeat(60), b: "a\nb\u001B[2J", c: { d: 1 } }), JSON.stringify({ e: null })]
    const lines = table(rows, 60)
    assert.strictEqual(lines[0], `a${" ".repeat(41)}b        c`)
    assert.strictEqual(lines[2], `${"x".repeat(39)}…  a b [2J  {"d":1}`)
    assert.strictEqual(lines.at(-1), "(not shown for want of room: e; .json shows everything)")
  })

  it("shows a single row that is wider than the line field by field", () => {
    const row = JSON.stringify({ _id: 1, text: "abcdefghij".repeat(3), tags: ["x"] })
    assert.deepStrictEqual(table([row], 26), ["_id   1", "text  abcdefghijabcdefghij", "      abcdefghij", 'tags  ["x"]'])
    assert.strictEqual(table([row], 60)[0], `_id  text${" ".repeat(28)}tags`)
  })

  it("gives signs of two cells their room", () => {
    const lines = table(
      [JSON.stringify({ a: "東京", b: 1 }), JSON.stringify({ a: "Zoë", b: 2 }), JSON.stringify({ a: "東".repeat(30), b: 3 })],
      80
    )
    assert.deepStrictEqual(lines.slice(2), [`東京${" ".repeat(36)}  1`, `Zoë${" ".repeat(37)}  2`, `${"東".repeat(19)}…${" "}  3`])
  })
})

describe("planck shell at a terminal", () => {
  it("completes, takes lines back, and remembers statements from one shell to the next", async () => {
    using data = new Folder({})
    await fill(data.path, "shop")
    const historyFile = join(data.path, "home", "history")
    const first = new Terminal(data.path, historyFile)
    await first.until("planck> ")
    await first.press("ord", "\t", ".fil", "\t", "(cu", "\t")
    await first.until("orders.filter(customer")
    await first.press("\u0003", "orders.", "\r", "  limit(", "\r", " 2)", "\r")
    await first.until("(2 rows")
    await first.press("orders.filter(", "\r", "\u0003")
    await first.press(".timing", "\r")
    await first.until("timing is not shown")
    await first.press("\u0003")
    await first.ended
    assert.deepStrictEqual(readFileSync(historyFile, "utf8").split("\n").slice(0, 3), [".timing", "orders.filter(", "orders. limit( 2)"])

    const second = new Terminal(data.path, historyFile)
    await second.until("planck> ")
    await second.press("\u001B[A", "\u001B[A", "\u001B[A", "\r")
    await second.until("(2 rows")
    await second.press("\u0004")
    await second.ended
  })
})

/** Ten seconds, and more on a busy machine. */
const WAITS_MAX = 1000

/** A shell with somebody at the keys. */
class Terminal {
  readonly ended: Promise<void>
  readonly #input = new PassThrough()
  #seen = ""

  constructor(directory: string, historyFile: string) {
    const output = Object.assign(new PassThrough(), { isTTY: true, columns: 80 })
    output.on("data", (bytes) => (this.#seen += stripVTControlCharacters(String(bytes))))
    this.ended = Effect.runPromise(shell({ directory, service: undefined, extended: false, input: this.#input, output, historyFile }))
  }

  /** Presses keys one after another, as a person does: each is answered before the next one comes. */
  async press(...keys: ReadonlyArray<string>): Promise<void> {
    for (const key of keys) {
      this.#input.write(key)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  /** Waits for a text, and forgets what came up to it. */
  async until(text: string): Promise<void> {
    for (let waits = 0; !this.#seen.includes(text); waits++) {
      assert.isBelow(waits, WAITS_MAX, `${text} does not come behind ${JSON.stringify(this.#seen)}`)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    this.#seen = this.#seen.slice(this.#seen.indexOf(text) + text.length)
  }
}
