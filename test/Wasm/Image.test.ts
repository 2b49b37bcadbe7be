import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { checkGlue } from "../../guest/engine/build.ts"
import { Fault } from "../../src/Fault/Fault.ts"
import { loadEngine } from "../../src/Wasm/Engine.ts"
import { type EvaluationFailed, evaluateSource, makeImage, remakeImage } from "../../src/Wasm/Image.ts"
import { linkModules } from "../../src/Wasm/Link.ts"
import { findCustom, readSections, SectionId, writeSections } from "../../src/Wasm/Sections.ts"
import { rawService } from "../Guest/GuestInstance.ts"

const SOURCE = rawService(
  "{ hello: (request) => ({ path: request.path, list }) }",
  'const list = Array.from({ length: 1000 }, (_, i) => "item " + i);'
)
const attachments = { templates: new TextEncoder().encode("{}"), sourcemap: new TextEncoder().encode("{}") }

describe("the engine", () => {
  it("was compiled from the committed sources; with the compiler here, to the same bytes", (context) => {
    const check = checkGlue()
    assert.notStrictEqual(check.status, "different", "reason" in check ? check.reason : "")
    if (check.status === "skipped") console.log(`SKIPPED: ${check.reason}`)
    assert.isDefined(context)
  })

  it("is the same every time it is merged", () => {
    const engine = readFileSync(fileURLToPath(import.meta.resolve("quickjs-wasi/quickjs.wasm")))
    const glue = readFileSync(new URL("../../guest/engine/glue.wasm", import.meta.url))
    assert.deepStrictEqual(linkModules(engine, glue), loadEngine().file)
  })

  it("imports module planck and nothing else", () => {
    const imports = WebAssembly.Module.imports(loadEngine().compiled).map(({ module, name }) => `${module}.${name}`)
    assert.sameMembers(imports, ["planck.call", "planck.read", "planck.fail", "planck.log", "planck.now", "planck.random", "planck.tick"])
  })

  it("is refused when engine and glue do not fit together", () => {
    const engine = readFileSync(fileURLToPath(import.meta.resolve("quickjs-wasi/quickjs.wasm")))
    const glue = readFileSync(new URL("../../guest/engine/glue.wasm", import.meta.url))
    const renamed = Buffer.from(glue)
    renamed.write("JS_NewXrray", renamed.indexOf("JS_NewArray"))
    assert.throws(() => linkModules(engine, renamed), /does not export/)
    assert.throws(() => linkModules(glue, engine), Fault)
  })
})

describe("a memory image", () => {
  it("has the same bytes every time it is made, and when it is made again from itself", () => {
    const engine = loadEngine()
    const { file } = makeImage(engine, SOURCE, attachments)
    assert.deepStrictEqual(makeImage(engine, SOURCE, attachments).file, file)
    assert.deepStrictEqual(remakeImage(engine, file), file)
  })

  it("whose data was changed is not what the host makes of its source", () => {
    const engine = loadEngine()
    const { file } = makeImage(engine, SOURCE, attachments)
    const sections = readSections(file)
    const forged = writeSections(
      sections.map((section) => {
        if (section.id !== SectionId.data) return section
        const body = section.body.slice()
        body[body.length - 100] = (body[body.length - 100] ?? 0) ^ 1
        return { ...section, body }
      })
    )
    assert.notDeepEqual(remakeImage(engine, forged), forged)
    assert.deepStrictEqual(remakeImage(engine, forged), file)
  })

  it("without a source is refused", () => {
    const { file } = makeImage(loadEngine(), SOURCE, {})
    const without = writeSections(readSections(file).filter(({ name }) => name !== "planck.source"))
    assert.throws(() => remakeImage(loadEngine(), without), /planck\.source/)
  })

  it("imports module planck only, exports memory, the ABI and one function per handler, and has no start function", () => {
    const { file, manifest } = makeImage(loadEngine(), SOURCE, {})
    const module = new WebAssembly.Module(file as Uint8Array<ArrayBuffer>)
    assert.isTrue(WebAssembly.Module.imports(module).every(({ module }) => module === "planck"))
    const exports = WebAssembly.Module.exports(module).map(({ name }) => name)
    assert.deepStrictEqual(exports, ["memory", "planck_alloc", "planck_reset", "planck_arm", "handle_0"])
    assert.isFalse(readSections(file).some(({ id }) => id === SectionId.start))
    assert.deepStrictEqual(manifest.handlers, [{ name: "GET /hello", export: "handle_0", kind: "http" }])
    assert.deepStrictEqual(JSON.parse(new TextDecoder().decode(findCustom(readSections(file), "planck.manifest"))), manifest)
  })
})

describe("a top level that does what exists only inside handlers", () => {
  const failure = (code: string): EvaluationFailed => {
    try {
      evaluateSource(loadEngine(), code)
    } catch (error) {
      if (error instanceof Fault && error.reason._tag === "EvaluationFailed") return error.reason as EvaluationFailed
      throw error
    }
    throw new Error("it was evaluated")
  }
  const build = (what: string) => new RegExp(`^${what} cannot be used at the top level of a service`)

  it.each([
    { what: "the clock", code: "\n\n  const at = Date.now()", message: build("the clock"), place: /service\.js:3:\d+/ },
    { what: "a new Date", code: "const at = new Date()", message: build("the clock"), place: /service\.js:1:\d+/ },
    { what: "a clock inside try", code: "try { new Date() } catch {}", message: build("the clock"), place: /service\.js:1:/ },
    { what: "randomness", code: "\nMath.random()", message: build("Math\\.random\\(\\)"), place: /service\.js:2:/ },
    { what: "a host operation", code: "__planck.call(1, {})", message: build("the store"), place: /service\.js:1:/ },
    {
      what: "an error",
      code: 'function deep() { throw new RangeError("broken") }\ndeep()',
      message: /^broken$/,
      place: /deep \(service\.js:1:\d+\)/
    },
    { what: "a rejection", code: '(async () => { throw new Error("later") })()', message: /^later$/, place: /service\.js:1:/ },
    { what: "a syntax error", code: "const = 1", message: /expect|unexpected|invalid/i, place: /service\.js:1:\d+/ }
  ])("$what is refused with its line", ({ code, message, place }) => {
    const found = failure(`${code}`)
    assert.match(found.message, message)
    assert.match(found.stack, place)
  })

  it("a date that is given is fine", () => {
    assert.isDefined(evaluateSource(loadEngine(), rawService("{}", 'const day = new Date("2026-01-01");')).definition)
  })

  it("one that never ends, eats memory or recurses for ever is stopped", () => {
    assert.strictEqual(failure("for (;;);").message, "the top level of the service does not end")
    assert.strictEqual(failure("const kept = []; for (;;) kept.push(new Array(100000).fill(1))").code, "out_of_memory")
    assert.strictEqual(failure("const deeper = () => deeper() + 1; deeper()").code, "stack_overflow")
  })

  it("one that declares no service is refused", () => {
    assert.strictEqual(failure("const x = 1").code, "service_missing")
  })
})

describe("sections", () => {
  it("are the same after reading and writing", () => {
    const { file } = makeImage(loadEngine(), SOURCE, attachments)
    assert.deepStrictEqual(writeSections(readSections(file)), file)
  })

  it("of a file that is cut off, or is none, are refused with the offset", () => {
    const { file } = makeImage(loadEngine(), SOURCE, {})
    assert.throws(() => readSections(new TextEncoder().encode("<!doctype html>")), /not a WebAssembly module/)
    assert.throws(() => readSections(file.subarray(0, file.length - 10)), /at byte \d+/)
    assert.throws(() => readSections(new Uint8Array(0)), /at byte 0/)
  })
})
