/** The session of docs/operating.md, run with the real command, real files and real signals. */
import { assert, describe, it } from "@effect/vitest"
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { cpSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { type Command, commands, curl, expectText } from "./Console.ts"
import { blocks } from "./Markdown.ts"
import { repository, withFolder, writeFiles } from "./Served.ts"

const page = "docs/operating.md"
const read = (path: string): string => readFileSync(join(repository, path), "utf8")
/** Two dozen processes are started one after another, on a machine that may be busy. */
const TIMEOUT_MS = 600_000
const MAIN = join(repository, "src/Main.ts")

/** One shell in a folder: what the session's commands do, as far as the page needs it. */
class Shell {
  readonly #folder: string
  readonly #environment = { ...process.env, PLANCK_HTTP_PORT: "0", PLANCK_LOG_LEVEL: "error", NO_COLOR: "1" }
  #server: ChildProcess | undefined
  #url = ""

  constructor(folder: string) {
    this.#folder = folder
  }

  async run({ words }: Command): Promise<string> {
    const [name, ...rest] = words
    if (name === "curl") return curl(words, this.#url)
    if (name === "planck") return rest.at(-1) === "&" ? this.#start(rest.slice(0, -1)) : this.#planck(rest)
    if (name === "kill") return this.stop()
    if (name === "cp") return this.#copy(rest)
    throw new Error(`the page's shell knows no ${name}`)
  }

  /** Asks the server to stop, and waits until it has. */
  async stop(): Promise<string> {
    const server = this.#server
    if (server === undefined) return ""
    this.#server = undefined
    server.kill("SIGTERM")
    const [code] = (await once(server, "exit")) as [number | null]
    assert.strictEqual(code, 0)
    return ""
  }

  #planck(words: ReadonlyArray<string>): string {
    const { stderr, stdout } = spawnSync(process.execPath, [MAIN, ...words], {
      cwd: this.#folder,
      encoding: "utf8",
      env: this.#environment
    })
    return `${stdout}${stderr}`.trimEnd()
  }

  /** Starts a server; its first line, with the port that the page shows. */
  async #start(words: ReadonlyArray<string>): Promise<string> {
    const server = spawn(process.execPath, [MAIN, ...words], {
      cwd: this.#folder,
      env: this.#environment,
      stdio: ["ignore", "pipe", "inherit"]
    })
    this.#server = server
    let output = ""
    for await (const chunk of server.stdout.setEncoding("utf8").iterator({ destroyOnReturn: false })) {
      output += String(chunk)
      if (output.includes("\n")) break
    }
    this.#url = /http:\S+/.exec(output)?.[0] ?? ""
    return output.trimEnd().replace(/:\d+$/, ":3000")
  }

  #copy([, from = "", to = ""]: ReadonlyArray<string>): string {
    cpSync(join(this.#folder, from), join(this.#folder, to), { recursive: true })
    return ""
  }
}

describe(page, () => {
  it(
    "shows a session as it goes",
    () =>
      withFolder(async (folder) => {
        for (const { text, words } of blocks(read("README.md"))) {
          if (words[0] !== undefined) writeFiles(folder, { [`shelf/${words[0]}`]: `${text}\n` })
        }
        const shell = new Shell(folder)
        try {
          for (const command of blocks(read(page))
            .filter(({ language }) => language === "console")
            .flatMap(commands)) {
            expectText(await shell.run(command), command.expected, `${page}:${command.line}`)
          }
        } finally {
          await shell.stop()
        }
      }),
    TIMEOUT_MS
  )
})
