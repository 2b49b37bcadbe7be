import { assert, describe, it } from "@effect/vitest"
import { Fault } from "../../src/Fault/Fault.ts"
import { readBinary } from "../../src/Wasm/Binary.ts"
import { loadModule, type Module, type ModuleOptions } from "../../src/Wasm/Module.ts"
import type { WasmReason } from "../../src/Wasm/Reasons.ts"
import { assemble, assembleText, guest, IMPORTS, manifest, withSection } from "./Guests.ts"

const MIB = 1024 * 1024
const load = (bytes: Uint8Array, options: Partial<ModuleOptions> = {}): Module =>
  loadModule(bytes, { memoryBytes: 8 * MIB, judge: () => {}, ...options })

/** Why a module is refused. */
const refused = (bytes: Uint8Array, options: Partial<ModuleOptions> = {}): WasmReason => {
  try {
    load(bytes, options)
  } catch (error) {
    if (error instanceof Fault) return error.reason as WasmReason
    throw error
  }
  throw new Error("the module was accepted")
}

const service = (text: string, described: unknown = manifest()): Uint8Array =>
  withSection(assembleText(text), "planck.manifest", new TextEncoder().encode(JSON.stringify(described)))

const EXPORTS = `(func (export "planck_alloc") (param i32) (result i32) (i32.const 8)) (func (export "main") (param i32) (result i32) (i32.const 0))`

describe("loading a module", () => {
  it("gives its manifest, its hash and its compiled code", () => {
    const module = load(guest())
    assert.strictEqual(module.manifest.name, "fixture")
    assert.match(module.hash, /^[0-9a-f]{64}$/)
    assert.strictEqual(module.assets.size, 0)
    assert.isUndefined(module.templates)
  })

  it("refuses what is no module, with the byte", () => {
    const reason = refused(new TextEncoder().encode("#!/bin/sh\necho hello\n"))
    assert.deepInclude(reason, { _tag: "NotAModule", offset: 0 })
    assert.deepInclude(refused(new Uint8Array(0)), { _tag: "NotAModule" })
  })

  it("refuses a module that was cut", () => {
    const bytes = guest()
    const code = readBinary(bytes).sections.find((section) => section.id === 10)
    const reason = refused(bytes.subarray(0, (code?.at ?? 0) + 3))
    assert.strictEqual(reason._tag, "NotAModule")
    assert.property(reason, "offset")
  })

  it("refuses a module without a manifest, and one with two", () => {
    assert.strictEqual(refused(assemble())._tag, "ManifestMissing")
    const twice = withSection(guest(), "planck.manifest", new TextEncoder().encode("{}"))
    assert.deepInclude(refused(twice), { _tag: "InvalidSection", section: "planck.manifest" })
  })

  it("refuses an ABI it does not speak", () => {
    assert.deepInclude(refused(guest({}, { ...manifest(), abi: 2 })), { _tag: "UnknownAbi", abi: 2 })
  })

  it("refuses a missing export by name", () => {
    assert.deepInclude(refused(guest({}, manifest({ handlers: [{ name: "main", export: "other", kind: "http" }] }))), {
      _tag: "MissingExport",
      name: "other"
    })
    assert.deepInclude(refused(service(`(module (memory 1 1) ${EXPORTS})`)), { _tag: "MissingExport", name: "memory" })
    const noAlloc = `(module (memory (export "memory") 1 1) (func (export "main") (param i32) (result i32) (i32.const 0)))`
    assert.deepInclude(refused(service(noAlloc)), { _tag: "MissingExport", name: "planck_alloc" })
  })

  it("refuses an export of another type, with the type it should have", () => {
    const text = `(module (memory (export "memory") 1 1) (func (export "planck_alloc") (param i32) (result i32) (i32.const 8))
      (func (export "main") (param i64) (result i32) (i32.const 0)))`
    assert.deepInclude(refused(service(text)), {
      _tag: "WrongSignature",
      name: "main",
      found: "(i64) -> i32",
      expected: "(i32) -> i32"
    })
    assert.deepInclude(
      refused(
        service(`(module (memory (export "memory") 1 1) (global (export "planck_alloc") i32 (i32.const 1))
      (func (export "main") (param i32) (result i32) (i32.const 0)))`)
      ),
      { _tag: "WrongSignature", name: "planck_alloc", found: "global" }
    )
  })

  it.each([
    [`(import "env" "getenv" (func (param i32) (result i32)))`, "env", "getenv"],
    [`(import "planck" "exec" (func (param i32)))`, "planck", "exec"],
    [`(import "planck" "constructor" (func (param i32)))`, "planck", "constructor"],
    [
      `(import "wasi_snapshot_preview1" "path_unlink_file" (func (param i32 i32 i32) (result i32)))`,
      "wasi_snapshot_preview1",
      "path_unlink_file"
    ],
    [`(import "planck" "tick" (global i32))`, "planck", "tick"],
    [`(import "env" "table" (table 1 funcref))`, "env", "table"]
  ])("refuses the import %s", (text, module, name) => {
    const reason = refused(service(`(module ${text} (memory (export "memory") 1 1) ${EXPORTS})`))
    assert.deepInclude(reason, { _tag: "ForbiddenImport", module, name })
    assert.isAbove((reason as { offset: number }).offset, 8)
  })

  it("refuses an import of another type", () => {
    const text = `(module (import "planck" "tick" (func (param i32) (result i32))) (memory (export "memory") 1 1) ${EXPORTS})`
    assert.deepInclude(refused(service(text)), { _tag: "WrongSignature", name: "planck.tick", expected: "() -> i32" })
  })

  it("takes every import of the table", () => {
    const wasi = `
      (import "wasi_snapshot_preview1" "clock_time_get" (func (param i32 i64 i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
      (import "env" "abort" (func (param i32 i32 i32 i32)))`
    assert.strictEqual(load(service(`(module ${IMPORTS} ${wasi} (memory (export "memory") 1 1) ${EXPORTS})`)).manifest.name, "fixture")
  })

  it("refuses a start section", () => {
    const text = `(module (memory (export "memory") 1 1) ${EXPORTS} (func $first) (start $first))`
    assert.strictEqual(refused(service(text))._tag, "StartSection")
  })

  it("patches a memory without bound down to the limit", () => {
    const grow = (pages: number): number => {
      const module = load(guest({ memory: "1", more: `(func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))` }), {
        memoryBytes: 4 * 65536
      })
      const imports = Object.fromEntries(["call", "read", "fail", "log", "now", "random", "tick"].map((name) => [name, () => 0]))
      const { exports } = new WebAssembly.Instance(module.compiled, { planck: imports })
      return (exports["grow"] as (pages: number) => number)(pages)
    }
    assert.strictEqual(grow(3), 1)
    assert.strictEqual(grow(4), -1)
  })

  it("patches a maximum above the limit, and leaves one within it", () => {
    const pages = (memory: string): number | undefined => {
      let judged: Uint8Array | undefined
      const module = load(guest({ memory }), { memoryBytes: 100 * 65536, judge: (file) => void (judged = file.bytes) })
      assert.isDefined(judged)
      const imports = Object.fromEntries(["call", "read", "fail", "log", "now", "random", "tick"].map((name) => [name, () => 0]))
      const instance = new WebAssembly.Instance(module.compiled, { planck: imports })
      const object = instance.exports["memory"] as WebAssembly.Memory
      let grown = object.buffer.byteLength / 65536
      for (;;) {
        try {
          object.grow(1)
          grown++
        } catch {
          return grown
        }
      }
    }
    assert.strictEqual(pages("1 20000"), 100)
    assert.strictEqual(pages("1 2"), 2)
  })

  it("takes the smaller of the host's and the manifest's memory", () => {
    assert.strictEqual(load(guest({ memory: "2" }, manifest({ limits: { memoryBytes: 2 * 65536 } }))).manifest.limits.memoryBytes, 131072)
    assert.deepInclude(refused(guest({ memory: "3" }, manifest({ limits: { memoryBytes: 2 * 65536 } }))), {
      _tag: "MemoryRefused",
      limitBytes: 131072
    })
  })

  it("refuses a memory that starts above the limit, is shared, or is not there", () => {
    assert.strictEqual(refused(guest({ memory: "129" }))._tag, "MemoryRefused")
    assert.strictEqual(refused(guest({ memory: "1 2 shared" }))._tag, "MemoryRefused")
    const imported = `(module (import "planck" "memory" (memory 1 1)) (export "memory" (memory 0)) ${EXPORTS})`
    assert.strictEqual(refused(service(imported))._tag, "ForbiddenImport")
  })

  it("asks the judge last, and takes its word", () => {
    const reason = refused(guest(), {
      judge: () => {
        throw new Fault<WasmReason>({ _tag: "ForgedImage", offset: 7, message: "no" })
      }
    })
    assert.deepInclude(reason, { _tag: "ForgedImage", offset: 7 })
    assert.strictEqual(
      refused(assemble(), {
        judge: () => {
          throw new Error("must not be asked")
        }
      })._tag,
      "ManifestMissing"
    )
  })
})
