import { assert, describe, it } from "@effect/vitest"
import { MemoryVolume } from "../../src/Disk/MemoryVolume.ts"
import { Fault } from "../../src/Fault/Fault.ts"
import { readBinary } from "../../src/Wasm/Binary.ts"
import { type Engine, loadEngine } from "../../src/Wasm/Engine.ts"
import { type AcceptedFiles, acceptedInDirectory, acceptedInMemory, judgeWith } from "../../src/Wasm/Judge.ts"
import { loadModule } from "../../src/Wasm/Module.ts"
import type { WasmReason } from "../../src/Wasm/Reasons.ts"
import { readSections, writeSections } from "../../src/Wasm/Sections.ts"
import { bundle, image } from "./Authors.ts"
import { guest, manifest, withSection } from "./Guests.ts"

const source = `
import { service, text } from "@planckdb/planck/guest"
export default service({ name: "small", version: "1.0.0" }, (app) => {
  app.get("/", () => text("hello"))
})`

const honest = image(source)

const judge = (
  file: Uint8Array,
  accepted: AcceptedFiles = acceptedInMemory(),
  engine: () => Engine = loadEngine
): WasmReason | undefined => {
  try {
    loadModule(file, { memoryBytes: 64 * 1024 * 1024, judge: judgeWith(engine, accepted) })
    return undefined
  } catch (error) {
    if (error instanceof Fault) return error.reason as WasmReason
    throw error
  }
}

/** The file with one section's body changed. */
const changed = (id: number, name: string, change: (body: Uint8Array) => Uint8Array): Uint8Array =>
  writeSections(
    readSections(honest).map((section) =>
      section.id === id && section.name === name ? { ...section, body: change(section.body.slice()) } : section
    )
  )

describe("a memory image", () => {
  it("that the host would make itself is accepted", () => {
    assert.isUndefined(judge(honest))
  })

  it("is refused when a byte of its memory was changed, with the offset", () => {
    const forged = honest.slice()
    const data = readBinary(honest).sections.find((section) => section.id === 11)
    const at = Buffer.from(honest).indexOf("hello", data?.at ?? 0)
    assert.isBelow(at, data?.end ?? 0)
    forged[at] = (forged[at] ?? 0) ^ 1
    assert.deepInclude(judge(forged), { _tag: "ForgedImage", offset: at })
  })

  it("is refused when its code was changed", () => {
    const code = changed(10, "", (body) => {
      const at = body.lastIndexOf(0x41)
      body[at + 1] = (body[at + 1] ?? 0) ^ 1
      return body
    })
    assert.include(["ForgedImage", "NotAModule"], judge(code)?._tag)
  })

  it("is refused when its source is another's", () => {
    const other = new TextEncoder().encode(bundle(source.replace("hello", "howdy")).source)
    assert.strictEqual(judge(changed(0, "planck.source", () => other))?._tag, "ForgedImage")
  })

  it("is refused when its manifest claims more", () => {
    const text = new TextDecoder().decode(readSections(honest).find((section) => section.name === "planck.manifest")?.body)
    const claimed = new TextEncoder().encode(text.replace('"writes":false', '"writes":true'))
    assert.strictEqual(judge(changed(0, "planck.manifest", () => claimed))?._tag, "ForgedImage")
  })

  it("is refused when something was appended", () => {
    assert.deepInclude(judge(withSection(honest, "extra", new Uint8Array(3))), { _tag: "ForgedImage", offset: honest.length })
  })

  it("is refused without its source, and with a source that fails", () => {
    const without = writeSections(readSections(honest).filter((section) => section.name !== "planck.source"))
    assert.strictEqual(judge(without)?._tag, "ForgedImage")
    assert.strictEqual(judge(guest())?._tag, "ForgedImage")
    const throwing = changed(0, "planck.source", () => new TextEncoder().encode("throw new Error('no')"))
    assert.strictEqual(judge(throwing)?._tag, "ForgedImage")
  })

  it("is refused when its source never ends", () => {
    const endless = changed(0, "planck.source", () => new TextEncoder().encode("for (;;) ;"))
    assert.strictEqual(judge(endless)?._tag, "ForgedImage")
  })

  it("in another language is refused with the reason", () => {
    const reason = judge(guest({}, manifest({ language: "c" })))
    assert.deepInclude(reason, { _tag: "UnsupportedLanguage", language: "c" })
    assert.include(reason?.message, "fuel")
  })
})

describe("what was accepted", () => {
  it("is remembered in a directory, by file and engine", () => {
    const volume = new MemoryVolume()
    volume.makeDirectory("/accepted")
    let asked = 0
    const counting = (): Engine => {
      asked++
      return loadEngine()
    }
    assert.isUndefined(judge(honest, acceptedInDirectory(volume, "/accepted"), counting))
    const names = volume.list("/accepted")
    assert.strictEqual(names.length, 1)
    const askedFirst = asked
    // A remade image would need the engine's file; an engine without one shows that nothing is remade.
    const hollow = (): Engine => ({ ...loadEngine(), file: new Uint8Array(0) })
    assert.isUndefined(judge(honest, acceptedInDirectory(volume, "/accepted"), hollow))
    assert.isAbove(askedFirst, 0)
    const newer = (): Engine => ({ ...loadEngine(), hash: "another engine" })
    assert.isUndefined(judge(honest, acceptedInDirectory(volume, "/accepted"), newer))
    assert.strictEqual(volume.list("/accepted").length, 2)
  })

  it("does not hold a refused file", () => {
    const volume = new MemoryVolume()
    volume.makeDirectory("/accepted")
    assert.isDefined(judge(withSection(honest, "extra", new Uint8Array(3)), acceptedInDirectory(volume, "/accepted")))
    assert.deepStrictEqual([...volume.list("/accepted")], [])
  })

  it("is judged again when the memory cannot be written or read", () => {
    assert.isUndefined(judge(honest, acceptedInDirectory(new MemoryVolume(), "/missing")))
  })
})
