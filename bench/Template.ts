/**
 * Suite `template`: the orders page of 20 documents, from their BSON bytes to the bytes of the answer, beside what one writes by hand: a
 * function over objects with one-pass escaping, and the same behind the decoding of the documents. All take turns within each round; the
 * figures are processor time, collection of garbage included, and medians over rounds.
 */
import { deserialize, Double, serialize } from "bson"
import { ByteSink } from "../src/Bson/ByteSink.ts"
import type { StoreDefinition } from "../src/Schema/Definition.ts"
import { admitTemplates, compileTemplates, formatIssue, prepare, type Renderer, type RowList } from "../src/Template/Template.ts"
import { median, type Report, type Row } from "./Report.ts"

interface Options {
  readonly quick: boolean
  readonly say: (line: string) => void
}

interface Order {
  readonly _id: number
  readonly customer: string
  readonly status: string
  readonly currency: string
  readonly total: number
  readonly items: ReadonlyArray<{ readonly sku: string; readonly quantity: number; readonly price: number }>
  readonly note: string
}

interface Page {
  readonly objects: ReadonlyArray<Order>
  readonly documents: ReadonlyArray<Uint8Array>
  readonly rows: RowList
}

const ROWS = 20
const PAGES = 1000

const stores: ReadonlyArray<StoreDefinition> = [
  {
    name: "orders",
    idKind: "int",
    indexes: [],
    schema: {
      customer: { type: "string" },
      status: { type: "literals", values: ["pending", "paid", "cancelled"] },
      currency: { type: "string" },
      total: { type: "number" },
      items: {
        type: "array",
        items: { type: "struct", fields: { sku: { type: "string" }, quantity: { type: "int" }, price: { type: "number" } } }
      },
      note: { type: "string" }
    }
  }
]

const source =
  '{param orders: Doc<orders>[]}<ul id="orders">{for order in orders}<li class="order" id="order-${order._id}"><a href="/orders/${order._id}">#{order._id}</a> <span class="status ${order.status}">{order.status}</span> <b>{order.total | number(2)} {order.currency}</b><ul>{for item in order.items}<li>{item.quantity} x {item.sku}</li>{/for}</ul><i>{order.note}</i></li>{/for}</ul>'

const signs: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" }
const escape = (text: string): string => (/[&<>"']/.test(text) ? text.replace(/[&<>"']/g, (sign) => signs[sign] ?? sign) : text)

/** The page as one writes it by hand. */
function byHand(orders: ReadonlyArray<Order>): string {
  let html = '<ul id="orders">'
  for (const order of orders) {
    const status = escape(order.status)
    html += `<li class="order" id="order-${order._id}"><a href="/orders/${order._id}">#${order._id}</a> <span class="status ${status}">${status}</span> <b>${order.total.toFixed(2)} ${escape(order.currency)}</b><ul>`
    for (const item of order.items) html += `<li>${item.quantity} x ${escape(item.sku)}</li>`
    html += `</ul><i>${escape(order.note)}</i></li>`
  }
  return `${html}</ul>`
}

/** Runs the suite. Rejects when the three do not write the same bytes. */
export async function runTemplate(options: Options): Promise<Report> {
  const renderer = prepared()
  const pages = Array.from({ length: PAGES }, (_, index) => pageOf(index))
  const sink = new ByteSink(65_536)
  const fromBytes = (page: Page): number => {
    sink.reset()
    renderer.render("page.zsx", { orders: page.rows }, sink)
    return sink.length
  }
  const objects = (page: Page): number => Buffer.from(byHand(page.objects)).length
  const deserialised = (page: Page): number =>
    Buffer.from(byHand(page.documents.map((document) => deserialize(document) as unknown as Order))).length
  for (const page of pages) {
    fromBytes(page)
    if (sink.toText() !== byHand(page.objects)) throw new Error(`not the same page:\n${sink.toText()}\n${byHand(page.objects)}`)
  }
  const variants = { planck: fromBytes, objects, deserialise: deserialised }
  const measured = measure(variants, pages, options)
  const rows = (["deserialise", "objects"] as const).flatMap((peer) => {
    const ratio = median(measured.map((round) => round[peer].cpuMicros / round.planck.cpuMicros))
    const work = `page-vs-${peer}`
    return [
      rowOf(
        work,
        "planck",
        measured.map((round) => round.planck),
        ratio
      ),
      rowOf(
        work,
        peer,
        measured.map((round) => round[peer]),
        1
      )
    ]
  })
  const bytes = median(pages.map((page) => byHand(page.objects).length))
  const notes = [
    `a page of ${ROWS} orders, ${bytes} bytes, documents rotating over ${ROWS * PAGES}; bytes equal for all of them`,
    "objects: a hand-written function with one-pass escaping over ready objects, then Buffer.from; deserialise: bson.deserialize of the rows before it",
    "ratio: processor time of the peer over that of planck, median over rounds"
  ]
  return { suite: "template", notes, rows }
}

function prepared(): Renderer {
  const { set, issues } = compileTemplates([{ path: "page.zsx", source }], stores)
  if (set === undefined) throw new Error(issues.map(formatIssue).join("\n\n"))
  return prepare(admitTemplates(JSON.parse(JSON.stringify(set))))
}

/** Orders as shops have them: most plain ASCII, some with signs to escape and other letters. */
function pageOf(index: number): Page {
  const objects = Array.from({ length: ROWS }, (_, row): Order => {
    const number = index * ROWS + row
    return {
      _id: 100_000 + ((number * 7919) % 900_000),
      customer: `c${String(number % 1000).padStart(4, "0")}`,
      status: ["pending", "paid", "cancelled"][number % 3]!,
      currency: "EUR",
      total: ((number * 104_729) % 1_000_000) / 100,
      items: Array.from({ length: 2 }, (_, item) => ({
        sku: `SKU-${String((number * 31 + item * 17) % 100_000).padStart(5, "0")}`,
        quantity: 1 + ((number + item) % 9),
        price: 5 + item / 2
      })),
      note: number % 10 === 0 ? "Grüße & <thanks>" : "leave at the door"
    }
  })
  const documents = objects.map((order) => serialize({ ...order, total: new Double(order.total) }))
  const arena = new Uint8Array(Buffer.concat([...documents, new Uint8Array(8)]))
  const offsets: Array<number> = []
  for (let at = 0, row = 0; row < ROWS; at += documents[row]!.length, row++) offsets.push(at)
  const rows: RowList = { count: ROWS, bytes: () => arena, at: (row) => offsets[row]! }
  return { objects, documents: offsets.map((at, row) => arena.subarray(at, at + documents[row]!.length)), rows }
}

interface Measured {
  readonly wallMicros: number
  readonly cpuMicros: number
}

type Round<Name extends string> = Readonly<Record<Name, Measured>>

function measure<Name extends string>(
  variants: Readonly<Record<Name, (page: Page) => number>>,
  pages: ReadonlyArray<Page>,
  { quick, say }: Options
): ReadonlyArray<Round<Name>> {
  const roundMs = quick ? 60 : 250
  const names = Object.keys(variants) as Array<Name>
  say("warming up")
  for (const name of names) turn(variants[name], pages, quick ? 300 : 1500)
  const rounds: Array<Round<Name>> = []
  for (let round = 0; round < (quick ? 9 : 21); round++) {
    const measured = {} as Record<Name, Measured>
    for (const name of names) measured[name] = turn(variants[name], pages, roundMs)
    rounds.push(measured)
  }
  return rounds
}

/** Renders for a while; the time of a page. */
function turn(render: (page: Page) => number, pages: ReadonlyArray<Page>, durationMs: number): Measured {
  const cpu = process.cpuUsage()
  const start = process.hrtime.bigint()
  const end = start + BigInt(durationMs) * 1_000_000n
  let count = 0
  let bytes = 0
  while (process.hrtime.bigint() < end) for (let step = 0; step < 50; step++) bytes += render(pages[count++ % pages.length]!)
  const wall = Number(process.hrtime.bigint() - start) / 1000
  const { user, system } = process.cpuUsage(cpu)
  if (bytes === 0) throw new Error("nothing was rendered")
  return { wallMicros: wall / count, cpuMicros: (user + system) / count }
}

function rowOf(work: string, peer: string, rounds: ReadonlyArray<Measured>, ratio: number): Row {
  const sorted = rounds.map((round) => round.wallMicros).toSorted((a, b) => a - b)
  const cpuMicros = median(rounds.map((round) => round.cpuMicros))
  return {
    work,
    peer,
    perSecond: 1e6 / cpuMicros,
    p50Ms: median(sorted) / 1000,
    p99Ms: sorted.at(-1)! / 1000,
    cpuMicros,
    syncsPerSecond: null,
    ratio
  }
}
