/**
 * The memory image of a service: one WebAssembly file that is the engine, with the memory the service's top level left as its data, and one export
 * per handler. Instantiating it is all there is to starting the service.
 *
 * Invariants
 * - Deterministic: the same engine, source and attachments give the same bytes. That is how the host tells its own images from forged ones: it makes
 *   the image of an uploaded file again from the file's own source, and the two have to be equal byte for byte.
 * - The manifest follows from the source. Templates, assets and the source map are data that the host checks by itself.
 * - An image imports module `planck` only and has no start function. Its stack is empty.
 */
import type { StoreDefinition } from "../Schema/Definition.ts"
import { ABI_VERSION, Section as SectionName } from "./Abi.ts"
import { evaluateSource, type Evaluation } from "./Evaluation.ts"
import type { Engine } from "./Engine.ts"
import type { Manifest, ManifestHandler, ManifestRoute } from "./Manifest.ts"
import { refusal } from "./Reasons.ts"
import {
  customSection,
  ExternalKind,
  findCustom,
  readSections,
  sectionBody,
  SectionId,
  SectionReader,
  SectionWriter,
  writeSections
} from "./Sections.ts"
import type { Section } from "./Sections.ts"

export { evaluateSource, STACK_BYTES, type Evaluation, type EvaluationFailed } from "./Evaluation.ts"

/** What an image carries besides code: payloads of the custom sections of the same names. */
export interface Attachments {
  readonly templates?: Uint8Array
  readonly assets?: Uint8Array
  readonly answers?: Uint8Array
  readonly sourcemap?: Uint8Array
}

/** An image and what it says about itself. */
export interface Image {
  readonly file: Uint8Array
  readonly manifest: Manifest
}

/** The engine's exports that an image keeps. Handlers come on top. */
const KEPT_EXPORTS = ["memory", "planck_alloc", "planck_reset", "planck_arm"]
const PAGE_BYTES = 65536
/** Zero words between two data segments: a segment costs about as much as this. */
const GAP_WORDS = 8

/**
 * Makes the image of a bundled service. Throws a Fault `EvaluationFailed` when its top level fails.
 *
 * @example
 * ```ts
 * const { file, manifest } = makeImage(loadEngine(), bundle, { templates })
 * ```
 */
export function makeImage(engine: Engine, source: string, attachments: Attachments): Image {
  return imageOf(evaluateSource(engine, source), attachments)
}

/** Makes the image of an uploaded file again, from the source and the attachments in it. Throws a Fault when it has none or its source fails. */
export function remakeImage(engine: Engine, file: Uint8Array): Uint8Array {
  const sections = readSections(file)
  const source = findCustom(sections, SectionName.source)
  if (source === undefined)
    throw refusal({
      _tag: "ForgedImage",
      offset: 0,
      message: `the file has no section ${SectionName.source}: the host cannot make its image again`
    })
  const attachments: { -readonly [Name in keyof Attachments]: Attachments[Name] } = {}
  for (const name of ["templates", "assets", "answers", "sourcemap"] as const) {
    const body = findCustom(sections, SectionName[name])
    if (body !== undefined) attachments[name] = body
  }
  return makeImage(engine, new TextDecoder().decode(source), attachments).file
}

/** The image of an evaluated service. */
export function imageOf(evaluation: Evaluation, attachments: Attachments): Image {
  const manifest = manifestOf(evaluation)
  const engine = readSections(evaluation.engine.file)
  const functions = numberFunctions(engine)
  const replaced = new Map<number, Uint8Array>([
    [SectionId.type, withTrampolineType(engine, functions)],
    [SectionId.function, withTrampolines(engine, functions, manifest)],
    [SectionId.memory, memorySection(evaluation)],
    [SectionId.export, exportSection(engine, functions, manifest)],
    [SectionId.code, withTrampolineCode(engine, functions, manifest)],
    [SectionId.data, dataSection(evaluation)]
  ])
  const sections = engine.map((section) => ({ ...section, body: replaced.get(section.id) ?? section.body }))
  return { manifest, file: writeSections([...sections, ...customSections(evaluation, manifest, attachments)]) }
}

function customSections(evaluation: Evaluation, manifest: Manifest, attachments: Attachments): Section[] {
  const text = new TextEncoder()
  const sections = [customSection(SectionName.manifest, text.encode(JSON.stringify(manifest)))]
  if (attachments.templates !== undefined) sections.push(customSection(SectionName.templates, attachments.templates))
  if (attachments.assets !== undefined) sections.push(customSection(SectionName.assets, attachments.assets))
  if (attachments.answers !== undefined) sections.push(customSection(SectionName.answers, attachments.answers))
  sections.push(customSection(SectionName.source, text.encode(evaluation.source)))
  if (attachments.sourcemap !== undefined) sections.push(customSection(SectionName.sourcemap, attachments.sourcemap))
  return sections
}

/** A service's definition as the SDK hands it over: the manifest without what the build knows better. `assets` is for the build alone. */
type Definition = Pick<Manifest, "name" | "version" | "stores" | "config" | "limits" | "capabilities"> & {
  readonly routes: ReadonlyArray<Omit<ManifestRoute, "handler">>
}

/** The manifest of an evaluated service. The handler of a route has the number of the route; those of migrations come behind them, as the stores name them. */
export function manifestOf(evaluation: Evaluation): Manifest {
  const { name, version, stores, routes, config, limits, capabilities } = evaluation.definition as unknown as Definition // the SDK made it; the host checks it again when it reads the manifest
  const named = [
    ...routes.map((route) => ({ name: `${route.method} ${route.pattern}`, kind: "http" as const })),
    ...migrationHandlers(stores).map((name) => ({ name, kind: "migration" as const }))
  ]
  const handlers = named.map((handler, index): ManifestHandler => ({ ...handler, export: `handle_${index}` }))
  return {
    abi: ABI_VERSION,
    name,
    version,
    language: "typescript",
    stores,
    routes: routes.map((route) => ({ ...route, handler: `${route.method} ${route.pattern}` })),
    handlers,
    config,
    limits,
    capabilities
  }
}

/** The names of the handlers of migrations, in their order. */
export function migrationHandlers(stores: ReadonlyArray<StoreDefinition>): ReadonlyArray<string> {
  return stores
    .flatMap((store) => store.migrations ?? [])
    .flatMap(({ down, handler }) => [handler, down?.handler])
    .filter((name) => name !== undefined)
}

interface FunctionNumbers {
  readonly types: number
  readonly imported: number
  readonly defined: number
  readonly exports: ReadonlyMap<string, { readonly kind: number; readonly index: number }>
}

function numberFunctions(engine: ReadonlyArray<Section>): FunctionNumbers {
  const count = (id: number) => new SectionReader(sectionBody(engine, id)).unsigned()
  const exports = new SectionReader(sectionBody(engine, SectionId.export)).vector((reader) => {
    const name = reader.name()
    return [name, { kind: reader.byte(), index: reader.unsigned() }] as const
  })
  return { types: count(SectionId.type), imported: count(SectionId.import), defined: count(SectionId.function), exports: new Map(exports) }
}

/** A vector section with elements added at its end. */
function appended(engine: ReadonlyArray<Section>, id: number, added: number, write: (writer: SectionWriter) => void): Uint8Array {
  const reader = new SectionReader(sectionBody(engine, id))
  const count = reader.unsigned()
  const elements = reader.rest()
  const writer = new SectionWriter(elements.length + 64)
  writer.unsigned(count + added)
  writer.raw(elements)
  write(writer)
  return writer.bytes()
}

/** The type of a handler, `(i32) -> i32`, behind the engine's types. */
function withTrampolineType(engine: ReadonlyArray<Section>, _functions: FunctionNumbers): Uint8Array {
  return appended(engine, SectionId.type, 1, (writer) => writer.raw(Uint8Array.of(0x60, 1, 0x7f, 1, 0x7f)))
}

function withTrampolines(engine: ReadonlyArray<Section>, functions: FunctionNumbers, manifest: Manifest): Uint8Array {
  return appended(engine, SectionId.function, manifest.handlers.length, (writer) =>
    manifest.handlers.forEach(() => writer.unsigned(functions.types))
  )
}

/** One function per handler: `planck_invoke(number, request)`. */
function withTrampolineCode(engine: ReadonlyArray<Section>, functions: FunctionNumbers, manifest: Manifest): Uint8Array {
  const invoke = exportOf(functions, "planck_invoke").index
  return appended(engine, SectionId.code, manifest.handlers.length, (writer) =>
    manifest.handlers.forEach((_handler, number) => {
      const body = new SectionWriter(16)
      body.byte(0) // no locals
      body.byte(0x41) // i32.const number
      body.signed(number)
      body.raw(Uint8Array.of(0x20, 0, 0x10)) // local.get 0, call
      body.unsigned(invoke)
      body.byte(0x0b)
      writer.sized(body.bytes())
    })
  )
}

function exportSection(_engine: ReadonlyArray<Section>, functions: FunctionNumbers, manifest: Manifest): Uint8Array {
  const first = functions.imported + functions.defined
  const kept = KEPT_EXPORTS.map((name) => ({ name, ...exportOf(functions, name) }))
  const handlers = manifest.handlers.map((handler, number) => ({
    name: handler.export,
    kind: ExternalKind.function as number,
    index: first + number
  }))
  const writer = new SectionWriter()
  writer.vector([...kept, ...handlers], (each) => {
    writer.name(each.name)
    writer.byte(each.kind)
    writer.unsigned(each.index)
  })
  return writer.bytes()
}

function exportOf(functions: FunctionNumbers, name: string): { readonly kind: number; readonly index: number } {
  const found = functions.exports.get(name)
  if (found === undefined) throw refusal({ _tag: "NotAModule", message: `the engine does not export ${name}` })
  return found
}

function memorySection(evaluation: Evaluation): Uint8Array {
  const writer = new SectionWriter(8)
  writer.unsigned(1)
  writer.byte(0)
  writer.unsigned(evaluation.memory.length / PAGE_BYTES)
  return writer.bytes()
}

/** What is not zero in the memory, as data segments. The stack is empty between calls, so what lies in it is left out. */
function dataSection(evaluation: Evaluation): Uint8Array {
  const { memory, stackPointer } = evaluation
  const segments = nonZeroRanges(new Uint32Array(memory.buffer), stackPointer >>> 2)
  const writer = new SectionWriter(1 << 20)
  writer.vector(segments, ({ from, to }) => {
    writer.byte(0)
    writer.byte(0x41)
    writer.signed(from * 4)
    writer.byte(0x0b)
    writer.sized(memory.subarray(from * 4, to * 4))
  })
  return writer.bytes()
}

/** Ranges of words that are not all zero, at least `GAP_WORDS` zeros apart. */
function nonZeroRanges(words: Uint32Array, start: number): { from: number; to: number }[] {
  const ranges: { from: number; to: number }[] = []
  let last: { from: number; to: number } | undefined
  for (let at = start; at < words.length; at++) {
    if (words[at] === 0) continue
    if (last !== undefined && at - last.to < GAP_WORDS) last.to = at + 1
    else ranges.push((last = { from: at, to: at + 1 }))
  }
  return ranges
}
