/**
 * A service of the size at which tools begin to be slow: 50 stores in files of their own, 300 routes, 200 templates that share a layout. The same
 * seed gives the same files.
 */
import { mkdirSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"

export const STORES = 50
export const ROUTES_A_STORE = 6
export const TEMPLATES_A_STORE = 4
/** The route whose answer the suite waits for. */
export const MARK_PATH = "/mark"

const FIELDS = [
  "s.string({ maxLength: 80 })",
  "s.int({ min: 0 })",
  "s.decimal()",
  "s.date()",
  "s.boolean().default(false)",
  's.literals("open", "paid", "sent")',
  "s.string({ maxLength: 200 }).optional()",
  "s.array(s.struct({ sku: s.string({ maxLength: 40 }), quantity: s.int({ min: 1 }) }))"
] as const

/** Writes the service into a folder. */
export function writeLargeService(folder: string, seed: number): void {
  const random = randomOf(seed)
  const names = Array.from({ length: STORES }, (_, index) => `area${index}`)
  write(folder, "layout.zsx", layout())
  names.forEach((name, index) => {
    const next = names[(index + 1) % STORES] ?? name
    write(folder, `${name}/store.ts`, storeText(name, random))
    write(folder, `${name}/routes.ts`, routesText(name))
    write(folder, `${name}/row.zsx`, rowTemplate(name))
    for (const kind of ["list", "detail", "form"]) write(folder, `${name}/${kind}.zsx`, pageTemplate(name, kind, next))
  })
  write(folder, "service.ts", serviceText(names, "first"))
  write(folder, "public/style.css", "body { font-family: sans-serif }\n".repeat(200))
  write(folder, "tsconfig.json", JSON.stringify({ extends: "@planckdb/planck/guest/tsconfig.json" }))
}

/** The entry of the service; `mark` is what `MARK_PATH` answers. */
export function serviceText(names: ReadonlyArray<string>, mark: string): string {
  const imports = names.map((name) => `import { routes as ${name} } from "./${name}/routes.ts"`)
  const calls = names.map((name) => `  ${name}(app)`)
  return `import { service, text } from "@planckdb/planck/guest"
${imports.join("\n")}

export default service({ name: "large", version: "1.0.0", assets: { "/": "public" } }, (app) => {
  app.get("${MARK_PATH}", () => text("${mark}"))
${calls.join("\n")}
})
`
}

export const areaNames = (): ReadonlyArray<string> => Array.from({ length: STORES }, (_, index) => `area${index}`)

/** The row's template, with a text that an edit changes. */
export const rowTemplate = (name: string, label = "total"): string => `{param row: Doc<${name}>}
<li id="row-\${row._id}" class={row, open: row.state == "open"}>
  <a href="/${name}/\${row._id}">{row.title}</a> <b>${label} {row.total | money("EUR")}</b>
  {if row.state == "paid"}<i>paid</i>{else if row.state == "sent"}<i>sent {row.at | date("YYYY-MM-DD")}</i>{/if}
  <ul>{for line in row.lines}<li>{line.quantity} x {line.sku}</li>{/for}</ul>
</li>
`

const layout = (): string => `{param title: string}
<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title><link rel="stylesheet" href="/style.css"></head>
<body><main><slot/></main></body>
</html>
`

const pageTemplate = (name: string, kind: string, next: string): string => `{param title: string}
{param rows: Doc<${name}>[]}
{import Layout from "../layout.zsx"}
{import Row from "./row.zsx"}
<Layout title={title}>
  <h1>{title | upper} ${kind}</h1>
  <nav><a href="/${next}">${next}</a></nav>
  <ul>{for row in rows}<Row row={row} />{else}<li>None.</li>{/for}</ul>
  <form method="post" action="/${name}"><input name="title" required><button>Add</button></form>
</Layout>
`

const storeText = (name: string, random: () => number): string => {
  const more = Array.from({ length: 6 }, (_, index) => `  field${index}: ${FIELDS[Math.floor(random() * FIELDS.length)] ?? FIELDS[0]}`)
  return `import { s, store } from "@planckdb/planck/guest"

export const ${name} = store(
  "${name}",
  {
  title: s.string({ maxLength: 80 }),
  state: s.literals("open", "paid", "sent").default("open"),
  total: s.decimal(),
  at: s.date(),
  lines: s.array(s.struct({ sku: s.string({ maxLength: 40 }), quantity: s.int({ min: 1 }) })),
${more.map((field) => field.replace(/: (.*)$/, (_whole, type: string) => `: ${type}${type.includes("optional") || type.includes("default") ? "" : ".optional()"}`)).join(",\n")}
  },
  { indexes: [{ on: ["state", "-at"] }, { on: ["title"] }] }
)
`
}

const routesText = (name: string): string => `import { type App, Decimal, notFound, optional, redirect, s } from "@planckdb/planck/guest"
import { ${name} } from "./store.ts"
import detail from "./detail.zsx"
import form from "./form.zsx"
import list from "./list.zsx"

export const routes = (app: App) => {
  const page = { state: s.literals("open", "paid", "sent").optional(), limit: s.int({ min: 1, max: 100 }).default(20) }

  app.get("/${name}", { query: page }, ({ query }) =>
    list.render({ title: "${name}", rows: ${name}.filter({ state: optional(query.state) }).orderBy("at", "desc").limit(query.limit) })
  )

  app.get("/${name}/new", () => form.render({ title: "new", rows: ${name}.filter({ state: "open" }).limit(5) }))

  app.get("/${name}/:id", { params: { id: s.key(${name}) } }, ({ params }) => {
    const found = ${name}.get(params.id)
    return found === undefined ? notFound() : detail.render({ title: found.title, rows: [found] })
  })

  app.get("/api/${name}", { query: page }, ({ query }) => ${name}.filter({ state: optional(query.state) }).select("title", "total").limit(query.limit))

  app.post("/${name}", { form: { title: s.string({ minLength: 1, maxLength: 80 }) } }, ({ body }) => {
    const id = ${name}.insert({ title: body.title, total: Decimal.from("1.50"), at: new Date(), lines: [{ sku: "A-1", quantity: 1 }] })
    return redirect(app.url("/${name}/:id", { id }))
  })

  app.post("/${name}/:id/pay", { params: { id: s.key(${name}) } }, ({ params }) => {
    const { matched } = ${name}.filter({ _id: params.id, state: "open" }).set({ state: "paid" })
    return matched === 0 ? notFound() : redirect(app.url("/${name}"))
  })
}
`

function write(folder: string, name: string, text: string): void {
  const path = join(folder, name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

/** Mulberry32. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
