import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { Builder } from "../../src/Build/Builder.ts"
import type { RecoveryReport } from "../../src/Storage/EngineParts.ts"
import { checksum } from "../../src/Wal/Checksum.ts"
import { Folder } from "../Build/Folder.ts"
import { json, planck, type Ran, Running, told } from "./Command.ts"
import { notesFolder, notesService, postNote, readNotes } from "./Service.ts"

const GOLDEN = join(import.meta.dirname, "../Fixtures/format-1")
const URL = /http:\/\/localhost:\d+/

/** The service, built once. */
const home = notesFolder()
const wasm = join(home.path, "notes.wasm")

beforeAll(async () => {
  const builder = await Builder.open(home.path)
  writeFileSync(wasm, (await builder.build()).file)
  await builder.close()
})
afterAll(() => home[Symbol.dispose]())

const serve = (data: string, ...rest: ReadonlyArray<string>): Running => new Running(["serve", wasm, "--dir", data, "--port", "0", ...rest])

const urlOf = async (running: Running): Promise<string> => (await running.shows(URL))[0]

/** A failure is one line on standard error, with exit code 1; the line without its prefix. */
const refusal = ({ code, err, out }: Ran): string => {
  assert.strictEqual(code, 1, err)
  assert.strictEqual(out, "")
  const lines = err.trimEnd().split("\n")
  assert.lengthOf(lines, 1, err)
  assert.match(lines[0] ?? "", /^planck: /)
  return (lines[0] ?? "").slice("planck: ".length)
}

/** A folder for data, in which a golden directory stands as the service's database. */
const goldenData = (name: string): Folder => {
  const data = new Folder({})
  cpSync(join(GOLDEN, name), join(data.path, "services/notes"), { recursive: true })
  return data
}

const flip = (file: string, ...offsets: ReadonlyArray<number>): void => {
  const bytes = readFileSync(file)
  for (const offset of offsets) bytes[offset] = (bytes[offset] ?? 0) ^ 0xff
  writeFileSync(file, bytes)
}

describe("planck serve", () => {
  it("says where it serves, answers, and ends with 0 when it is asked to stop; the data is there the next time", async () => {
    using data = new Folder({})
    const first = serve(data.path)
    const url = await urlOf(first)
    assert.match(first.out, /^notes 1\.0\.0 at http:\/\/localhost:\d+\n$/)
    assert.strictEqual(await (await fetch(url)).text(), "hello")
    assert.strictEqual(await postNote(url, "kept"), 201)
    const ended = await first.stop()
    assert.deepStrictEqual([ended.code, ended.err], [0, ""])

    const second = serve(data.path)
    assert.deepStrictEqual(await readNotes(await urlOf(second)), ["kept"])
    const again = await second.stop()
    assert.deepStrictEqual([again.code, again.err], [0, ""])
  })

  it("tells a program in JSON where it serves and what the start found", async () => {
    using data = new Folder({})
    const running = serve(data.path, "--json")
    await running.shows(URL)
    const { port, ...said } = json<{ readonly port: number }>(running.out)
    assert.deepStrictEqual(said, {
      event: "serving",
      service: "notes",
      version: "1.0.0",
      url: `http://localhost:${port}`,
      recovery: { lastLsn: 0, replayed: 0 }
    })
    assert.strictEqual((await running.stop()).code, 0)
  })

  it("builds a folder first, and refuses one with mistakes", async () => {
    using good = notesFolder()
    const running = new Running(["serve", good.path, "--dir", join(good.path, "data"), "--port", "0"])
    assert.strictEqual(await (await fetch(await urlOf(running))).text(), "hello")
    await running.stop()
    using bad = notesFolder({ "service.ts": notesService("hello").replace('text("hello")', "txt()") })
    const { code, err } = await planck("serve", bad.path, "--dir", join(bad.path, "data"), "--port", "0")
    assert.strictEqual(code, 1)
    assert.match(err, /^service\.ts:5:\d+: .*txt/m)
    assert.match(err, /^planck: not built/m)
  })

  it("takes the service, port and directory of planck.yaml, seen from its folder", async () => {
    using folder = new Folder({ "planck.yaml": `dir: here\nhttp:\n  port: 0\nservices:\n  notes:\n    source: ${wasm}\n` })
    const running = new Running(["serve", "--config", join(folder.path, "planck.yaml")])
    await urlOf(running)
    assert.deepStrictEqual(readdirSync(join(folder.path, "here/services")), ["notes"])
    await running.stop()
  })

  it("names a source of planck.yaml that is not there", async () => {
    using folder = new Folder({ "planck.yaml": "services:\n  a:\n    source: a.wasm\n" })
    const line = refusal(await planck("serve", "--config", join(folder.path, "planck.yaml")))
    assert.match(line, /planck\.yaml: services\.a\.source: there is no file or folder .*a\.wasm/)
  })

  it("logs on standard error what a start after a crash had to mend, and tells it in JSON", async () => {
    using data = goldenData("after-crash")
    const running = serve(data.path, "--json")
    await running.shows(URL)
    const { recovery } = json<{ readonly recovery: RecoveryReport }>(running.out)
    assert.isAbove(recovery.replayed, 0)
    assert.strictEqual(recovery.cut?.fromLsn, recovery.lastLsn + 1)
    assert.match(recovery.cut?.file ?? "", /\.wal$/)
    const lines = running.err
      .trimEnd()
      .split("\n")
      .map((line) => json<{ readonly level: string; readonly message: ReadonlyArray<unknown> }>(line))
    assert.deepStrictEqual(
      lines.map(({ level, message }) => [level, message[0]]),
      [
        ["WARN", "cut the torn tail of the log; nothing of it was acknowledged"],
        ["INFO", "replayed the log"]
      ]
    )
    await running.stop()
    const next = serve(data.path)
    await urlOf(next)
    assert.strictEqual(next.err, "")
    await next.stop()
  })
})

describe("planck serve refuses", () => {
  it("a busy port, in one line", async () => {
    using data = new Folder({})
    const other = createServer().listen(0, "127.0.0.1")
    await new Promise((listening) => other.once("listening", listening))
    const address = other.address()
    const port = String(typeof address === "object" ? address?.port : 0)
    try {
      const argv = ["serve", wasm, "--dir", data.path, "--port", port]
      assert.include(refusal(await planck(...argv)), `port ${port} on 127.0.0.1 is in use`)
      assert.deepInclude(told((await planck(...argv, "--json")).err), {
        code: "AddressInUse",
        details: { host: "127.0.0.1", port: Number(port) }
      })
    } finally {
      other.close()
    }
  })

  it("a directory that another server has open, naming it", async () => {
    using data = new Folder({})
    const running = serve(data.path)
    await urlOf(running)
    const line = refusal(await serve(data.path).end())
    assert.match(line, /services\/notes is in use by process \d+ on /)
    assert.include(line, `process ${process.pid} `)
    await running.stop()
  })

  it("a wrong key and a wrong value of planck.yaml, each with file, line and what was expected", async () => {
    using folder = new Folder({ "planck.yaml": "dir: data\nhttp:\n  prot: 3000\n  host: localhost\nquery:\n  answerBytesMax: lots\n" })
    const file = join(folder.path, "planck.yaml")
    const { code, err } = await planck("serve", wasm, "--config", file)
    assert.strictEqual(code, 1)
    assert.include(err, `${file}:3:3: unknown key "http.prot"; expected "http.port"?`)
    assert.include(err, `${file}:6:19: query.answerBytesMax is "lots"; expected `)
    assert.match(err, /^planck: the configuration is refused: 2 mistakes$/m)
    const { code: kind, mistakes } = told((await planck("serve", wasm, "--config", file, "--json")).err)
    assert.deepStrictEqual([kind, ...mistakes.map(({ place }) => place)], ["ConfigError", `${file}:3:3`, `${file}:6:19`])
  })

  it("a configuration file that is not there, or is no YAML", async () => {
    using folder = new Folder({ "broken.yaml": "http: [1,\n" })
    const gone = await planck("serve", wasm, "--config", join(folder.path, "none.yaml"))
    assert.strictEqual(gone.code, 1)
    assert.match(gone.err, /none\.yaml: cannot be read \(ENOENT\)/)
    const broken = await planck("serve", wasm, "--config", join(folder.path, "broken.yaml"))
    assert.strictEqual(broken.code, 1)
    assert.match(broken.err, /broken\.yaml: /)
  })

  it("a port that is none", async () => {
    assert.match(refusal(await planck("serve", wasm, "--port", "70000")), /--port is 70000; expected an integer from 0 to 65535/)
  })

  it("what is no module, and what is not there, naming the file", async () => {
    using data = new Folder({ "page.wasm": "<html>" })
    const page = join(data.path, "page.wasm")
    assert.include(refusal(await planck("serve", page, "--dir", data.path)), `${page}: not a WebAssembly module`)
    assert.match(refusal(await planck("serve", join(data.path, "none.wasm"))), /none\.wasm: there is no such file or folder/)
  })

  it("a forged memory image, naming file and offset; the one that was made here is accepted again afterwards", async () => {
    using data = new Folder({})
    const bytes = new Uint8Array(readFileSync(wasm))
    bytes[Buffer.from(bytes).indexOf("hello")] = "j".charCodeAt(0)
    const forged = join(data.path, "forged.wasm")
    writeFileSync(forged, bytes)
    const line = refusal(await planck("serve", forged, "--dir", data.path, "--port", "0"))
    assert.include(line, `${forged}: the memory image is not this host's own`)
    assert.match(line, /from byte \d+ on/)
    const running = serve(data.path)
    await urlOf(running)
    await running.stop()
  })

  it("a service without a value that it asks for, naming the value", async () => {
    const source = notesService("hello").replace("(app) => {", "(app) => {\n  app.config({ mailKey: s.secret() })")
    using folder = notesFolder({ "service.ts": source })
    const { code, err } = await planck("serve", folder.path, "--dir", join(folder.path, "data"), "--port", "0")
    assert.strictEqual(code, 1)
    assert.match(
      err,
      /configuration of notes is wrong: mailKey is required \(set services\.notes\.config\.mailKey of planck\.yaml, or PLANCK_NOTES_MAIL_KEY\)/
    )
  })
})

describe("planck serve refuses a directory", () => {
  it("whose log is damaged where it was durable, with file and offset, and leaves it as it was", async () => {
    using data = goldenData("after-crash")
    const wal = join(data.path, "services/notes/wal")
    const newest = join(
      wal,
      readdirSync(wal)
        .filter((name) => name.endsWith(".wal"))
        .toSorted()
        .at(-1) ?? ""
    )
    flip(newest, 4096 + 70)
    const before = readFileSync(newest)
    const line = refusal(await serve(data.path).end())
    assert.match(line, /\.wal is damaged at offset 4096: LSN \d+ was expected/)
    const { code, details } = told((await serve(data.path, "--json").end()).err)
    assert.strictEqual(code, "StorageDamaged")
    assert.deepInclude(details, { file: newest, offset: 4096 })
    assert.isTrue(before.equals(readFileSync(newest)))
  })

  it("whose index file is damaged in both metas", async () => {
    using data = goldenData("after-clean-stop")
    flip(join(data.path, "services/notes/index.planck"), 20, 4096 + 20)
    assert.match(refusal(await serve(data.path).end()), /index\.planck is damaged at offset \d+: /)
  })

  it("that has lost its index file", async () => {
    using data = new Folder({})
    mkdirSync(join(data.path, "services/notes"), { recursive: true })
    for (const part of ["wal", "values"])
      cpSync(join(GOLDEN, "after-clean-stop", part), join(data.path, "services/notes", part), { recursive: true })
    assert.match(refusal(await serve(data.path).end()), /index\.planck is missing although .* exists/)
  })

  it("of a newer format, naming both versions", async () => {
    using data = goldenData("after-crash")
    const wal = join(data.path, "services/notes/wal")
    for (const name of readdirSync(wal).filter((name) => name.endsWith(".wal"))) {
      const bytes = readFileSync(join(wal, name))
      bytes.writeUInt32LE(2, 8)
      bytes.writeUInt32LE(checksum(bytes, 0, 60, 0), 60)
      writeFileSync(join(wal, name), bytes)
    }
    const line = refusal(await serve(data.path).end())
    assert.match(line, /\.wal/)
    assert.match(line, /2.*1/)
    assert.strictEqual(told((await serve(data.path, "--json").end()).err).code, "NewerFormat")
  })

  it("that cannot be read: a file in its place, a folder in the place of a file", async () => {
    using file = new Folder({ "services/notes": "a file" })
    assert.match(refusal(await serve(file.path).end()), /services\/notes.*(ENOTDIR|EEXIST)/)
    using other = new Folder({ "services/notes/index.planck/x": "" })
    assert.match(refusal(await serve(other.path).end()), /index\.planck.*EISDIR/)
  })
})
