/**
 * `planck new`: a project that runs, from the files below `scaffold`.
 *
 * Invariant: a folder in which anything lies already is left alone.
 */
import * as Effect from "effect/Effect"
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { basename, dirname, join, relative, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { formatTemplate } from "../Template/Template.ts"
import { SERVICE_NAME } from "../Wasm/ManifestReader.ts"
import { Failure } from "./Failure.ts"
import type { Output } from "./Output.ts"
import { say } from "./Output.ts"
import { VERSION } from "./Version.ts"

export const SHAPES = ["scs", "monolith", "microservice"] as const
export const CLIENTS = ["htmx", "datastar", "alpine", "none"] as const

export interface NewCommandOptions {
  readonly folder: string
  readonly shape: (typeof SHAPES)[number]
  /** The library of the pages; a microservice has no pages. */
  readonly client: (typeof CLIENTS)[number]
  readonly output: Output
}

/** What a library of the browser changes in a project. */
interface Client {
  /** Packages, with the exact version that the project was tried with. */
  readonly packages: Readonly<Record<string, string>>
  readonly assets: string
  readonly script: string
  /** Attributes of the form whose answer changes the element with this id. */
  readonly form: (id: string, address: string) => string
}

const SCAFFOLD = fileURLToPath(new URL("../../scaffold/", import.meta.url))
const PUBLIC = '"/": "public"'
const script = (source: string): string => `\n  <script src="${source}" defer></script>`

const clients: Readonly<Record<NewCommandOptions["client"], Client>> = {
  none: { packages: {}, assets: PUBLIC, script: "", form: () => "" },
  htmx: {
    packages: { "htmx.org": "4.0.1" },
    assets: `${PUBLIC}, "/htmx.js": "npm:htmx.org/dist/htmx.min.js"`,
    script: script("/htmx.js"),
    form: (id, address) => ` hx-post="${address}" hx-target="#${id}" hx-select="#${id}" hx-swap="outerHTML"`
  },
  // The newest that npm has takes event streams only, so the answer of a form, which is a page, is put in its place here.
  datastar: {
    packages: { "@starfederation/datastar": "1.0.0-beta.11" },
    assets: `${PUBLIC}, "/datastar.js": "npm:@starfederation/datastar/dist/datastar.js"`,
    script: `\n  <script type="module" src="/datastar.js"></script>`,
    form: (id) => ` data-on-submit__prevent="${replacing(id)}"`
  },
  alpine: {
    packages: { alpinejs: "3.17.5" },
    assets: `${PUBLIC}, "/alpine.js": "npm:alpinejs/dist/cdn.min.js"`,
    script: script("/alpine.js"),
    form: () => ` x-data="{ sent: false }" x-on:submit="if (sent) $event.preventDefault(); sent = true"`
  }
}

/** A program that sends the form it is in, and puts the element with this id of the page that is answered in the place of its own. */
const replacing = (id: string): string =>
  `fetch(evt.target.action, { method: 'POST', body: new URLSearchParams(new FormData(evt.target)) })` +
  `.then((answer) => answer.text())` +
  `.then((page) => document.getElementById('${id}').replaceWith(new DOMParser().parseFromString(page, 'text/html').getElementById('${id}')))`

export const create = Effect.fn("Cli.new")(function* (options: NewCommandOptions) {
  const folder = resolve(options.folder)
  const name = basename(folder)
  if (!SERVICE_NAME.test(name)) {
    return yield* new Failure({
      code: "WrongName",
      message: `"${name}" is no name of a service: small letters, digits and -, beginning with a letter, like ${suggestion(name)}`
    })
  }
  if (existsSync(folder) && readdirSync(folder).length > 0) {
    return yield* new Failure({
      code: "FolderTaken",
      message: `${options.folder} is not empty: name a folder that is, or that does not exist`
    })
  }
  const files = yield* Effect.try({
    try: () => write(folder, name, options),
    catch: (error) => new Failure({ code: "NotWritten", message: error instanceof Error ? error.message : String(error) })
  })
  const place = relative(".", folder)
  const enter = place === "" ? "" : `cd ${place} && `
  yield* say(options.output, `${name}: ${files.length} files\n\n  ${enter}npm install\n  npm run dev`, { name, folder, files })
})

/** A name that would be taken. */
const suggestion = (name: string): string =>
  name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^[^a-z]+|-+$/g, "") || "orders"

/** Writes the project; its files, relative to the folder. */
function write(folder: string, name: string, { client, shape }: NewCommandOptions): ReadonlyArray<string> {
  const chosen = clients[shape === "microservice" ? "none" : client]
  const written: Array<string> = []
  for (const source of ["common", shape].map((part) => join(SCAFFOLD, part))) {
    for (const file of readdirSync(source, { recursive: true, withFileTypes: true }).filter((item) => item.isFile())) {
      const path = relative(source, join(file.parentPath, file.name))
      const target = path === "gitignore" ? ".gitignore" : path
      const text = filledIn(readFileSync(join(source, path), "utf8"), name, chosen, shape)
      mkdirSync(dirname(join(folder, target)), { recursive: true })
      writeFileSync(join(folder, target), finished(target, text, chosen, shape))
      written.push(target)
    }
  }
  return written.toSorted()
}

function filledIn(text: string, name: string, client: Client, shape: NewCommandOptions["shape"]): string {
  const list = shape === "monolith" ? "rows" : "orders"
  return text
    .replaceAll(/(action="([^"]*)")__(?:FORM|PAY)__/g, (_match, action: string, address: string) => action + client.form(list, address))
    .replaceAll("__SCRIPT__", client.script)
    .replaceAll("__ASSETS__", client.assets)
    .replaceAll("__NAME__", name)
    .replaceAll("__PLANCK__", `^${VERSION}`)
}

/** A file as it is written: templates are laid out anew, since what was filled in has made lines longer. */
function finished(target: string, text: string, client: Client, shape: NewCommandOptions["shape"]): string {
  if (target.endsWith(".zsx")) return formatTemplate(text, target)
  return target === "package.json" ? packageFile(text, client, shape) : text
}

/** The page of a microservice is served and built by a tool of its own. */
function packageFile(text: string, client: Client, shape: NewCommandOptions["shape"]): string {
  const file = JSON.parse(text) as Record<"scripts" | "dependencies" | "devDependencies", Record<string, string>>
  Object.assign(file.dependencies, client.packages)
  if (shape === "microservice") {
    Object.assign(file.scripts, { web: "vite web", "build:web": "vite build web" })
    file.devDependencies = { vite: "8.3.8", ...file.devDependencies }
  }
  return `${JSON.stringify(file, undefined, 2)}\n`
}
