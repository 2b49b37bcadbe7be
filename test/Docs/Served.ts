/** A service of the documents, built with types checked and served whole: gateway, module, templates and a database in memory. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { build } from "../../src/Build/Build.ts"
import { readConfiguration } from "../../src/Config/Configuration.ts"
import type { Settings } from "../../src/Config/Settings.ts"
import { Disk } from "../../src/Disk/Disk.ts"
import { Server } from "../../src/Server.ts"
import { commands, curl, expectText } from "./Console.ts"
import type { Block } from "./Markdown.ts"

export const repository = resolve(import.meta.dirname, "../..")

/** A folder that lives as long as `use` runs. */
export async function withFolder<A>(use: (folder: string) => Promise<A>): Promise<A> {
  const folder = mkdtempSync(join(tmpdir(), "planck-docs-"))
  try {
    return await use(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Writes files below a folder. */
export function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
}

/** The settings of a process whose `planck.yaml` is this text; any port, and time enough for a busy machine. */
function settingsOf(yaml: string): { readonly settings: Settings; readonly config: Readonly<Record<string, unknown>> } {
  const environment = { PLANCK_HTTP_PORT: "0", PLANCK_GUEST_DEADLINE_MS: "2000" }
  const read = readConfiguration({ file: { name: "planck.yaml", text: yaml }, environment })
  if (!("settings" in read)) return assert.fail(read.map((reason) => reason.message).join("\n"))
  return { settings: read.settings, config: read.services[0]?.config ?? {} }
}

/** Builds the folder, serves it and lets `use` talk to it. */
export const serving = (folder: string, use: (url: string) => Promise<void>, yaml = ""): Promise<void> =>
  Effect.runPromise(
    Effect.gen(function* () {
      const { file, manifest } = yield* build(folder)
      const { settings, config } = settingsOf(yaml)
      const server = Server.layer({ directory: "data", service: manifest.name, settings, config, development: true, accessLog: "off" })
      yield* Effect.gen(function* () {
        const { deploy, url } = yield* Server
        yield* deploy(file)
        yield* Effect.promise(() => use(url))
      }).pipe(Effect.provide(server.pipe(Layer.provide(Disk.layerMemory()))))
    }).pipe(Effect.provide(Logger.layer([])))
  )

/** Runs the `curl` lines of console blocks and compares what they print. */
export async function request(page: string, consoles: ReadonlyArray<Block>, url: string): Promise<number> {
  let count = 0
  for (const { words, expected, line } of consoles.flatMap(commands)) {
    if (words[0] !== "curl") continue
    expectText(await curl(words, url), expected, `${page}:${line}`)
    count++
  }
  return count
}
