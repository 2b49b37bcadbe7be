/**
 * Suite `build`: a service of 50 stores, 301 routes and 201 templates under `planck dev`. From the save of a file to the first answer that has the
 * change, for an edit of the entry, of a file of routes and of a template; and the types of all of it as an editor's compiler checks them.
 * `ratio` is how many times faster than the mark: a second for an edit, five for the types.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { MARK_PATH, writeLargeService } from "./LargeService.ts"
import { median, type Report, type Row } from "./Report.ts"

interface Options {
  readonly quick: boolean
  readonly say: (line: string) => void
}

const SEED = 1
const EDIT_MARK_MS = 1000
const TYPES_MARK_MS = 5000
const MAIN = join(import.meta.dirname, "../src/Main.ts")

interface Edit {
  readonly work: string
  readonly file: string
  readonly path: string
  /** The file's text with another mark in it. */
  readonly change: (text: string, mark: string) => string
}

const EDITS: ReadonlyArray<Edit> = [
  {
    work: "edit of the entry",
    file: "service.ts",
    path: MARK_PATH,
    change: (text, mark) => text.replace(/text\("[^"]*"\)/, `text("${mark}")`)
  },
  {
    work: "edit of routes",
    file: "area7/routes.ts",
    path: "/area7/new",
    change: (text, mark) => text.replace(/form\.render\(\{ title: "[^"]*"/, `form.render({ title: "${mark}"`)
  },
  {
    work: "edit of a template",
    file: "area9/form.zsx",
    path: "/area9/new",
    change: (text, mark) => text.replace(/<h1>\{title \| upper\} [^<]*<\/h1>/, `<h1>{title | upper} ${mark}</h1>`)
  }
]

export async function runBuild({ quick, say }: Options): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), "planck-large-"))
  writeLargeService(folder, SEED)
  const dev = spawn(process.execPath, ["--conditions=planck-source", MAIN, "dev", folder, "--port", "0", "--json"], {
    stdio: ["ignore", "pipe", "inherit"]
  })
  try {
    const startedAt = performance.now()
    const url = await urlOf(dev)
    const first = performance.now() - startedAt
    say(`first build live after ${first.toFixed(0)} ms`)
    const rows: Array<Row> = []
    for (const edit of EDITS) rows.push(await timed(edit, folder, url, quick ? 5 : 15, say))
    return {
      suite: "build",
      notes: [`from the start of planck dev to the first build live: ${first.toFixed(0)} ms`],
      rows: [...rows, types(folder, quick ? 2 : 5, say)]
    }
  } finally {
    dev.kill("SIGTERM")
    await new Promise((ended) => dev.once("close", ended))
    rmSync(folder, { recursive: true, force: true })
  }
}

const urlOf = (dev: ChildProcess): Promise<string> =>
  new Promise((resolve, reject) => {
    let printed = ""
    dev.stdout?.on("data", (text) => {
      printed += String(text)
      const url = /"event":"live"[^\n]*"url":"([^"]+)"/.exec(printed)?.[1]
      if (url !== undefined) resolve(url)
    })
    dev.once("close", () => reject(new Error(`planck dev ended: ${printed}`)))
  })

/** Edits a file again and again, and asks until the answer has the change. */
async function timed(edit: Edit, folder: string, url: string, rounds: number, say: Options["say"]): Promise<Row> {
  const file = join(folder, edit.file)
  const took: Array<number> = []
  for (let round = 0; round < rounds; round++) {
    const mark = `mark-${round}`
    const text = edit.change(readFileSync(file, "utf8"), mark)
    const startedAt = performance.now()
    writeFileSync(file, text)
    while (!(await (await fetch(url + edit.path)).text()).toLowerCase().includes(mark)) await new Promise((next) => setTimeout(next, 5))
    took.push(performance.now() - startedAt)
    // The types are checked behind each build; the next edit of a person comes later than that.
    await new Promise((next) => setTimeout(next, 1500))
  }
  say(`${edit.work}: ${took.map((ms) => ms.toFixed(0)).join(", ")} ms`)
  return row(edit.work, took, EDIT_MARK_MS)
}

function types(folder: string, rounds: number, say: Options["say"]): Row {
  const compiler = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc")
  const took = Array.from({ length: rounds }, () => {
    const startedAt = performance.now()
    const { status, stdout } = spawnSync(process.execPath, [compiler, "-p", join(folder, ".planck/tsconfig.json")], { encoding: "utf8" })
    if (status !== 0) throw new Error(`the types of the generated service do not fit: ${stdout}`)
    return performance.now() - startedAt
  })
  say(`types: ${took.map((ms) => ms.toFixed(0)).join(", ")} ms`)
  return row("types of 50 stores and 301 routes", took, TYPES_MARK_MS)
}

const row = (work: string, took: ReadonlyArray<number>, markMs: number): Row => ({
  work,
  peer: "planck",
  perSecond: null,
  p50Ms: median(took),
  p99Ms: Math.max(...took),
  cpuMicros: null,
  syncsPerSecond: null,
  ratio: markMs / median(took)
})
