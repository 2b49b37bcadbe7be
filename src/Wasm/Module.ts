/**
 * From the bytes of a file to a module that may run here.
 *
 * Invariants
 * - Nothing of the file runs before every check has passed; a refused module has changed nothing.
 * - Only a memory image that the host itself makes from `planck.source` with its own engine is run: whoever controls the data segments of an image
 *   could disarm its interrupt. Accepted files are remembered by hash (`accepted`), so that the image is made once per file and engine.
 * - What is compiled has its memory bounded by `memoryBytes`.
 */
import { createHash } from "node:crypto"
import { ABI_VERSION, EXPORTS, HANDLER_SIGNATURE, IMPORTS, Section } from "./Abi.ts"
import { type Asset, readAssets } from "./Assets.ts"
import { type BinaryModule, readBinary } from "./Binary.ts"
import { MODULE_BYTES_MAX } from "./Limits.ts"
import type { Manifest } from "./Manifest.ts"
import { readManifest } from "./ManifestReader.ts"
import { limitMemory } from "./MemoryLimit.ts"
import { refusal } from "./Reasons.ts"

/** A module that has passed every check. */
export interface Module {
  readonly manifest: Manifest
  /** SHA-256 of the file, 64 hex digits. */
  readonly hash: string
  readonly compiled: WebAssembly.Module
  readonly assets: ReadonlyMap<string, Asset>
  /** Payloads of sections, undefined where the module has none. */
  readonly templates: Uint8Array | undefined
  readonly sourcemap: Uint8Array | undefined
  /** What its routes answer, where its build could tell. */
  readonly answers: Uint8Array | undefined
}

/** How a module is judged. */
export interface ModuleOptions {
  /** The most memory a guest may have, in bytes. */
  readonly memoryBytes: number
  /**
   * Says whether the file is the one the host would make itself from its source; throws a Fault `ForgedImage` or `UnsupportedLanguage` when not.
   * Tests of the core, whose guests are written by hand, pass one that accepts.
   */
  readonly judge: (file: ModuleFile) => void
}

/** What a judge looks at. */
export interface ModuleFile {
  readonly bytes: Uint8Array
  readonly hash: string
  readonly manifest: Manifest
  readonly source: Uint8Array | undefined
}

/** Reads, checks and compiles a module. Throws a Fault with a `WasmReason`. */
export function loadModule(bytes: Uint8Array, options: ModuleOptions): Module {
  if (bytes.length > MODULE_BYTES_MAX) {
    const message = `the file has ${bytes.length} bytes, a module has at most ${MODULE_BYTES_MAX}`
    throw refusal({ _tag: "ModuleTooLarge", lengthBytes: bytes.length, limitBytes: MODULE_BYTES_MAX, message })
  }
  const original = compile(bytes)
  const section = (name: string): Uint8Array | undefined => oneSection(original, name)
  const manifestSection = section(Section.manifest)
  if (manifestSection === undefined) {
    throw refusal({
      _tag: "ManifestMissing",
      message: `the module has no section ${Section.manifest}: it is no service (ABI ${ABI_VERSION})`
    })
  }
  const manifest = readManifest(manifestSection)
  const binary = readBinary(bytes)
  checkImports(binary)
  checkExports(binary, manifest)
  if (binary.startAt !== undefined) {
    throw refusal({
      _tag: "StartSection",
      offset: binary.startAt,
      message: "the module has a start section: it would run before it can be stopped"
    })
  }
  const limitBytes = Math.min(options.memoryBytes, manifest.limits.memoryBytes ?? options.memoryBytes)
  const bounded = limitMemory(bytes, binary, limitBytes)
  const assets = section(Section.assets)
  const hash = createHash("sha256").update(bytes).digest("hex")
  options.judge({ bytes, hash, manifest, source: section(Section.source) })
  return {
    manifest,
    hash,
    compiled: bounded === bytes ? original : compile(bounded),
    assets: assets === undefined ? new Map<string, Asset>() : readAssets(assets),
    templates: section(Section.templates),
    sourcemap: section(Section.sourcemap),
    answers: section(Section.answers)
  }
}

function compile(bytes: Uint8Array): WebAssembly.Module {
  try {
    return new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const offset = /@\+(\d+)/.exec(message)?.[1]
    throw refusal({
      _tag: "NotAModule",
      message: `not a WebAssembly module: ${message.replace(/^WebAssembly\.Module\(\): /, "")}`,
      ...(offset === undefined ? {} : { offset: Number(offset) })
    })
  }
}

function oneSection(module: WebAssembly.Module, name: string): Uint8Array | undefined {
  const sections = WebAssembly.Module.customSections(module, name)
  const [first] = sections
  if (sections.length > 1)
    throw refusal({ _tag: "InvalidSection", section: name, message: `the module has ${sections.length} sections ${name}` })
  return first === undefined ? undefined : new Uint8Array(first)
}

function checkImports(binary: BinaryModule): void {
  for (const { module, name, kind, signature, offset } of binary.imports) {
    const functions = Object.hasOwn(IMPORTS, module) ? IMPORTS[module] : undefined
    const expected = functions !== undefined && Object.hasOwn(functions, name) ? functions[name] : undefined
    if (expected === undefined || kind !== "function") {
      const message = `the module imports ${kind} ${module}.${name}, which no service can have`
      throw refusal({ _tag: "ForbiddenImport", module, name, offset, message })
    }
    if (signature !== expected) throw wrongSignature(`${module}.${name}`, signature, expected, offset)
  }
}

function checkExports(binary: BinaryModule, manifest: Manifest): void {
  const exports = new Map(binary.exports.map((found) => [found.name, found]))
  if (exports.get("memory")?.kind !== "memory") {
    throw refusal({ _tag: "MissingExport", name: "memory", message: "the module does not export its memory as memory" })
  }
  const check = (name: string, expected: string, optional: boolean, why: string): void => {
    const found = exports.get(name)
    if (found === undefined && optional) return
    if (found === undefined) throw refusal({ _tag: "MissingExport", name, message: `the module does not export ${name}${why}` })
    if (found.signature !== expected) throw wrongSignature(name, found.signature || found.kind, expected, found.offset)
  }
  for (const [name, { signature, optional }] of Object.entries(EXPORTS)) check(name, signature, optional ?? false, "")
  for (const handler of manifest.handlers) check(handler.export, HANDLER_SIGNATURE, false, `, the handler ${handler.name} of its manifest`)
}

function wrongSignature(name: string, found: string, expected: string, offset: number): Error {
  return refusal({ _tag: "WrongSignature", name, found, expected, offset, message: `${name} is ${found}, not ${expected}` })
}
