/** docs/mistakes.md as a list of mistakes, and what making one of them prints. */
import { assert } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { cpSync, mkdirSync, readFileSync } from "node:fs"
import { createServer, type AddressInfo } from "node:net"
import { join } from "node:path"
import { planck, Running } from "../Cli/Command.ts"
import { type Command, commands, curl } from "./Console.ts"
import { type Block, blocks } from "./Markdown.ts"
import { repository, writeFiles } from "./Served.ts"

export interface Mistake {
  /** `1. A field that is not there`. */
  readonly title: string
  readonly blocks: ReadonlyArray<Block>
  readonly commands: ReadonlyArray<Command>
}

const page = readFileSync(join(repository, "docs/mistakes.md"), "utf8")
const [first, ...sections] = page.split(/^### /m)
const stores = blocks(first ?? "")[0]?.text ?? ""

export const mistakes: ReadonlyArray<Mistake> = sections.map((text) => {
  const found = blocks(text)
  const title = text.slice(0, text.indexOf("\n"))
  return { title, blocks: found, commands: found.filter(({ language }) => language === "console").flatMap(commands) }
})

const OLD_VERSION =
  'for (const at of [process, process.versions]) Object.defineProperty(at, at === process ? "version" : "node", { value: at === process ? "v20.20.2" : "20.20.2" })'
const fileOf = (mistake: Mistake, name: string): string | undefined => mistake.blocks.find(({ words }) => words[0] === name)?.text

/** The service with the mistake in it, as a folder `desk`. */
function writeService(folder: string, mistake: Mistake): void {
  const template = fileOf(mistake, "page.zsx")
  const shown = mistake.blocks.find(({ language, words }) => language === "ts" && words.length === 0)?.text
  const rendered = template?.includes("orders:") === true ? "orders: orders.all()" : 'name: "ada"'
  const body =
    shown ??
    (template === undefined ? 'app.get("/", () => text(`${orders.count()} orders`))' : `app.get("/", () => page.render({ ${rendered} }))`)
  const files = Object.fromEntries(
    mistake.blocks.filter(({ words }) => words[0] !== undefined).map(({ text, words }) => [words[0] ?? "", text])
  )
  const hasPackage = Object.keys(files).some((name) => name.startsWith("node_modules/"))
  const imports = [
    'import { s, service, text } from "@planckdb/planck/guest"',
    ...(hasPackage ? ['import leftPad from "left-pad"'] : []),
    'import { orders } from "./stores.ts"',
    ...(template === undefined ? [] : ['import page from "./page.zsx"'])
  ]
  const routes = body.split("\n").map((line) => `  ${line}`)
  const service = [...imports, "", 'export default service({ name: "desk", version: "1.0.0" }, (app) => {', ...routes, "})", ""]
  writeFiles(join(folder, "desk"), {
    "stores.ts": stores,
    "service.ts": service.join("\n"),
    ...files,
    ...(hasPackage
      ? {
          "node_modules/left-pad/package.json": '{ "name": "left-pad", "version": "1.0.0", "type": "module", "main": "index.js" }',
          "node_modules/left-pad/index.d.ts": "export default function leftPad(text: string): string\n"
        }
      : {})
  })
}

/** Makes the mistake in `folder` and runs its commands; what each printed. */
export async function make(folder: string, mistake: Mistake): Promise<ReadonlyArray<string>> {
  writeService(folder, mistake)
  mkdirSync(join(folder, "empty"))
  if (mistake.title.includes("stored documents")) await serveBefore(folder)
  const shown = (text: string): string => text.replaceAll(`${folder}/`, "").replaceAll(folder, "").trimEnd()
  const printed: Array<string> = []
  let dev: { readonly running: Running; readonly url: string; readonly at: number } | undefined
  for (const { words } of mistake.commands) {
    if (words[0] === "curl") printed.push(await curl(words, dev?.url ?? assert.fail("planck dev comes first")))
    else if (words[1] === "dev") {
      const running = new Running(["dev", join(folder, "desk"), "--dir", join(folder, "data"), "--port", "0"])
      const [url] = await running.shows(/http:\/\/localhost:\d+/)
      dev = { running, url, at: printed.push("") - 1 }
    } else printed.push(shown(await run(folder, mistake, words)))
  }
  if (dev !== undefined) {
    const { err, out } = await dev.running.stop()
    printed[dev.at] = shown(`${out}${err}`)
  }
  return printed
}

async function run(folder: string, mistake: Mistake, words: ReadonlyArray<string>): Promise<string> {
  const [, verb = "", source = ""] = words
  if (verb === "--help") return tooOld(folder)
  const argv = [verb, join(folder, source)]
  if (verb !== "serve") {
    const { err, out } = await planck(...argv)
    return `${out}${err}`
  }
  const isTaken = mistake.title.includes("port")
  const holder = createServer()
  await new Promise<void>((listening) => holder.listen(0, "127.0.0.1", listening))
  const port = isTaken ? (holder.address() as AddressInfo).port : 0
  const { err } = await planck(...argv, "--dir", join(folder, "data"), "--port", String(port))
  await new Promise((closed) => holder.close(closed))
  return err.replace(String(port === 0 ? "\0" : port), "3000")
}

/** The service with the stores of the page, served once, so that there is data. */
async function serveBefore(folder: string): Promise<void> {
  const changed = readFileSync(join(folder, "desk/stores.ts"), "utf8")
  writeFiles(join(folder, "desk"), { "stores.ts": stores })
  const running = new Running(["serve", join(folder, "desk"), "--dir", join(folder, "data"), "--port", "0"])
  await running.shows(/http:\/\/localhost:\d+/)
  await running.stop()
  const { code, err } = await planck(
    "query",
    join(folder, "data"),
    'orders.insert({ customer: "ada", status: "paid", total: decimal "5" })'
  )
  assert.strictEqual(code, 0, err)
  writeFiles(join(folder, "desk"), { "stores.ts": changed })
}

/** The launcher of the package under a Node that says it is an old one, with nothing else on the PATH. */
function tooOld(folder: string): string {
  for (const name of ["planck.js", "launch.js"]) cpSync(join(repository, "bin", name), join(folder, "package/bin", name))
  writeFiles(join(folder, "package"), { "package.json": '{ "type": "module" }' })
  const argv = ["--import", `data:text/javascript,${encodeURIComponent(OLD_VERSION)}`, join(folder, "package/bin/planck.js"), "--help"]
  return spawnSync(process.execPath, argv, { encoding: "utf8", env: { PATH: "/nowhere" } }).stderr
}
