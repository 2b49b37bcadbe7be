/**
 * A small linker for two modules that import from each other: an engine, which owns memory, table and stack pointer, and the glue, which was
 * compiled to live behind the engine's data and table entries. The result imports only what neither of them gives.
 *
 * Invariants
 * - Deterministic: the same two files give the same bytes.
 * - Every import that is resolved is resolved by name and by type. A mismatch throws; nothing is coerced or left for the first call.
 * - The glue has one global, its stack pointer, which becomes the engine's: both run on one stack.
 * - The glue's start function only zeroes its data, which is fresh memory in the result, so it is left out. The engine has none.
 */
import { Fault } from "../Fault/Fault.ts"
import {
  ExternalKind,
  readSections,
  sectionBody,
  SectionId,
  SectionReader,
  SectionWriter,
  writeSections,
  type Section
} from "./Sections.ts"
import { rewriteBody, type Renumbering } from "./Instructions.ts"
import type { WasmReason } from "./Reasons.ts"

/** The name under which the glue imports functions of the engine. */
const ENGINE_MODULE = "qjs"
const FUNCREF = 0x70
const STACK_POINTER = "__stack_pointer"

interface Import {
  readonly module: string
  readonly name: string
  readonly kind: number
  readonly type: number
  readonly minimum: number
}

interface Export {
  readonly name: string
  readonly kind: number
  readonly index: number
}

interface Parts {
  readonly file: string
  readonly types: ReadonlyArray<Uint8Array>
  readonly imports: ReadonlyArray<Import>
  /** Types of the functions it defines. */
  readonly functions: ReadonlyArray<number>
  readonly exports: ReadonlyArray<Export>
  readonly bodies: ReadonlyArray<Uint8Array>
  readonly elements: ReadonlyArray<Element>
  readonly data: ReadonlyArray<Uint8Array>
  readonly sections: ReadonlyArray<Section>
}

interface Element {
  readonly offset: number
  readonly functions: ReadonlyArray<number>
}

interface Limits {
  readonly minimum: number
  readonly maximum: number | undefined
}

/** Merges the glue into the engine and gives the file of the merged module. */
export function linkModules(engineFile: Uint8Array, glueFile: Uint8Array): Uint8Array {
  const engine = readParts("the engine", engineFile)
  const glue = readParts("the glue", glueFile)
  const plan = planLink(engine, glue)
  return writeSections([
    { id: SectionId.type, name: "", body: written((writer) => writer.vector(plan.types, (type) => writer.raw(type))) },
    { id: SectionId.import, name: "", body: written((writer) => writer.vector(plan.imports, (found) => writeImport(writer, found))) },
    { id: SectionId.function, name: "", body: written((writer) => writer.vector(plan.functions, (type) => writer.unsigned(type))) },
    { id: SectionId.table, name: "", body: linkTable(engine, plan) },
    { id: SectionId.memory, name: "", body: linkMemory(engine, glue) },
    { id: SectionId.global, name: "", body: sectionBody(engine.sections, SectionId.global) },
    { id: SectionId.export, name: "", body: linkExports(engine, glue, plan) },
    {
      id: SectionId.element,
      name: "",
      body: written((writer) => writer.vector(plan.elements, (element) => writeElement(writer, element)))
    },
    { id: SectionId.code, name: "", body: linkCode(engine, glue, plan) },
    { id: SectionId.data, name: "", body: written((writer) => writer.vector([...engine.data, ...glue.data], (data) => writer.raw(data))) }
  ])
}

interface Plan {
  readonly types: ReadonlyArray<Uint8Array>
  readonly imports: ReadonlyArray<Import>
  readonly functions: ReadonlyArray<number>
  readonly elements: ReadonlyArray<Element>
  readonly engineFunction: (index: number) => number
  readonly glueFunction: (index: number) => number
  readonly glueType: (index: number) => number
  readonly stackPointer: number
}

/** Numbers everything anew: what is left to import first, then the engine's functions, then the glue's. */
function planLink(engine: Parts, glue: Parts): Plan {
  const types = [...engine.types]
  const glueTypes = glue.types.map((type) => numberOfType(types, type))
  const glueType = (index: number) => at(glueTypes, index)
  const outside = glue.imports.filter((found) => found.kind === ExternalKind.function && found.module !== ENGINE_MODULE)
  const engineImports = engine.imports.filter((found) => found.kind === ExternalKind.function)
  const glueImports = glue.imports.filter((found) => found.kind === ExternalKind.function)
  const engineStart = outside.length
  const glueStart = engineStart + engine.functions.length
  const engineExports = new Map(engine.exports.map((found) => [found.name, found]))
  const glueExports = new Map(glue.exports.map((found) => [found.name, found]))
  const engineFunction = (index: number): number => {
    const imported = engineImports[index]
    if (imported === undefined) return engineStart + index - engineImports.length
    return glueFunction(resolve(imported, engine, glueExports, glue, glueType(typeOfExport(glue, glueExports, imported))))
  }
  const glueFunction = (index: number): number => {
    const imported = glueImports[index]
    if (imported === undefined) return glueStart + index - glueImports.length
    if (imported.module !== ENGINE_MODULE) return outside.indexOf(imported)
    const type = typeOfExport(engine, engineExports, imported)
    return engineFunction(resolve({ ...imported, type: glueType(imported.type) }, glue, engineExports, engine, type))
  }
  const renumbered = (element: Element, number: (index: number) => number) => ({ ...element, functions: element.functions.map(number) })
  return {
    types,
    imports: outside.map((found) => ({ ...found, type: glueType(found.type) })),
    functions: [...engine.functions, ...glue.functions.map(glueType)],
    elements: [
      ...engine.elements.map((each) => renumbered(each, engineFunction)),
      ...glue.elements.map((each) => renumbered(each, glueFunction))
    ],
    engineFunction: remembered(engineFunction),
    glueFunction: remembered(glueFunction),
    glueType,
    stackPointer: stackPointerOf(engine, glue)
  }
}

/** Function index of the export that answers an import, when its type is the right one. */
function resolve(wanted: Import, importer: Parts, exports: ReadonlyMap<string, Export>, exporter: Parts, type: number): number {
  const found = exports.get(wanted.name)
  if (found === undefined) throw mismatch(`${importer.file} imports ${wanted.name}, which ${exporter.file} does not export`)
  if (type !== wanted.type) throw mismatch(`${importer.file} and ${exporter.file} do not agree on the type of ${wanted.name}`)
  return found.index
}

function typeOfExport(parts: Parts, exports: ReadonlyMap<string, Export>, wanted: Import): number {
  const index = exports.get(wanted.name)?.index
  if (index === undefined) return -1
  const imported = parts.imports.filter((found) => found.kind === ExternalKind.function)
  return imported[index]?.type ?? at(parts.functions, index - imported.length)
}

/** The number of a function type, added when it is new. */
function numberOfType(types: Uint8Array[], type: Uint8Array): number {
  const known = types.findIndex((other) => Buffer.compare(other, type) === 0)
  return known >= 0 ? known : types.push(type) - 1
}

function stackPointerOf(engine: Parts, glue: Parts): number {
  const found = engine.exports.find((each) => each.name === STACK_POINTER && each.kind === ExternalKind.global)
  const own = new SectionReader(sectionBody(glue.sections, SectionId.global)).vector(readGlobal)
  if (found === undefined) throw mismatch(`the engine does not export ${STACK_POINTER}`)
  if (own.length > 1) throw mismatch("the glue has globals besides its stack pointer")
  return found.index
}

/** The engine's exports, and those of the glue that answer none of its imports. */
function linkExports(engine: Parts, glue: Parts, plan: Plan): Uint8Array {
  const answered = new Set(engine.imports.map((found) => found.name))
  const kept = [
    ...engine.exports.map((each) => (each.kind === ExternalKind.function ? { ...each, index: plan.engineFunction(each.index) } : each)),
    ...glue.exports
      .filter((each) => each.kind === ExternalKind.function && !answered.has(each.name))
      .map((each) => ({ ...each, index: plan.glueFunction(each.index) }))
  ]
  return written((writer) =>
    writer.vector(kept, (each) => {
      writer.name(each.name)
      writer.byte(each.kind)
      writer.unsigned(each.index)
    })
  )
}

function linkCode(engine: Parts, glue: Parts, plan: Plan): Uint8Array {
  const forEngine: Renumbering = { functionIndex: plan.engineFunction, typeIndex: (index) => index, globalIndex: (index) => index }
  const forGlue: Renumbering = { functionIndex: plan.glueFunction, typeIndex: plan.glueType, globalIndex: () => plan.stackPointer }
  const writer = new SectionWriter(1 << 20)
  writer.unsigned(engine.bodies.length + glue.bodies.length)
  for (const body of engine.bodies) writer.sized(rewriteBody(body, forEngine))
  for (const body of glue.bodies) writer.sized(rewriteBody(body, forGlue))
  return writer.bytes()
}

/** One table that holds the engine's entries and, behind them, the glue's. */
function linkTable(engine: Parts, plan: Plan): Uint8Array {
  const table = new SectionReader(sectionBody(engine.sections, SectionId.table)).vector((reader) => {
    if (reader.byte() !== FUNCREF) throw mismatch("the engine's table does not hold functions")
    return readLimits(reader)
  })
  const [limits] = table
  if (limits === undefined || table.length !== 1) throw mismatch("the engine does not have one table")
  const taken = plan.elements
    .map((element) => ({ from: element.offset, to: element.offset + element.functions.length }))
    .toSorted((a, b) => a.from - b.from)
  if (taken.some((range, index) => index > 0 && range.from < at(taken, index - 1).to))
    throw mismatch("table entries of engine and glue overlap")
  return written((writer) => {
    writer.unsigned(1)
    writer.byte(FUNCREF)
    writeLimits(writer, { minimum: Math.max(limits.minimum, ...taken.map((range) => range.to)), maximum: undefined })
  })
}

/** One memory that is large enough for both. It has no maximum: the host sets one. */
function linkMemory(engine: Parts, glue: Parts): Uint8Array {
  const memories = new SectionReader(sectionBody(engine.sections, SectionId.memory)).vector(readLimits)
  const [own] = memories
  const wanted = glue.imports.find((found) => found.kind === ExternalKind.memory)
  if (own === undefined || wanted === undefined) throw mismatch("engine and glue do not share a memory")
  return written((writer) =>
    writer.vector([{ minimum: Math.max(own.minimum, wanted.minimum), maximum: undefined }], (limits) => writeLimits(writer, limits))
  )
}

function readParts(file: string, bytes: Uint8Array): Parts {
  const sections = readSections(bytes)
  const of = (id: number) => new SectionReader(sectionBody(sections, id))
  return {
    file,
    types: of(SectionId.type).vector(readType),
    imports: of(SectionId.import).vector(readImport),
    functions: of(SectionId.function).vector((reader) => reader.unsigned()),
    exports: of(SectionId.export).vector((reader) => ({ name: reader.name(), kind: reader.byte(), index: reader.unsigned() })),
    bodies: of(SectionId.code).vector((reader) => reader.take(reader.unsigned())),
    elements: of(SectionId.element).vector((reader) => readElement(reader, file)),
    data: of(SectionId.data).vector((reader) => readData(reader, file)),
    sections
  }
}

function readType(reader: SectionReader): Uint8Array {
  const from = reader.at
  reader.byte()
  reader.take(reader.unsigned())
  reader.take(reader.unsigned())
  return reader.since(from)
}

function readImport(reader: SectionReader): Import {
  const module = reader.name()
  const name = reader.name()
  const kind = reader.byte()
  if (kind === ExternalKind.function) return { module, name, kind, type: reader.unsigned(), minimum: 0 }
  if (kind === ExternalKind.table) reader.byte()
  if (kind === ExternalKind.global) throw mismatch(`${module}.${name} is a global, which the linker does not share`)
  return { module, name, kind, type: 0, minimum: readLimits(reader).minimum }
}

function readGlobal(reader: SectionReader): void {
  reader.take(2)
  readOffset(reader)
}

/** The constant of an offset expression: `i32.const n; end`. */
function readOffset(reader: SectionReader): number {
  if (reader.byte() !== 0x41) throw mismatch("an offset is not a constant")
  const offset = reader.signed()
  if (reader.byte() !== 0x0b) throw mismatch("an offset is not a constant")
  return offset
}

function readElement(reader: SectionReader, file: string): Element {
  if (reader.unsigned() !== 0) throw mismatch(`${file} has table entries of an unknown form`)
  const offset = readOffset(reader)
  return { offset, functions: reader.vector((each) => each.unsigned()) }
}

function writeElement(writer: SectionWriter, element: Element): void {
  writer.unsigned(0)
  writer.byte(0x41)
  writer.signed(element.offset)
  writer.byte(0x0b)
  writer.vector(element.functions, (index) => writer.unsigned(index))
}

function readData(reader: SectionReader, file: string): Uint8Array {
  const from = reader.at
  if (reader.unsigned() !== 0) throw mismatch(`${file} has passive data`)
  readOffset(reader)
  reader.take(reader.unsigned())
  return reader.since(from)
}

function readLimits(reader: SectionReader): Limits {
  const flags = reader.byte()
  return { minimum: reader.unsigned(), maximum: flags & 1 ? reader.unsigned() : undefined }
}

function writeLimits(writer: SectionWriter, limits: Limits): void {
  writer.byte(limits.maximum === undefined ? 0 : 1)
  writer.unsigned(limits.minimum)
  if (limits.maximum !== undefined) writer.unsigned(limits.maximum)
}

function writeImport(writer: SectionWriter, found: Import): void {
  writer.name(found.module)
  writer.name(found.name)
  writer.byte(ExternalKind.function)
  writer.unsigned(found.type)
}

function written(write: (writer: SectionWriter) => void): Uint8Array {
  const writer = new SectionWriter()
  write(writer)
  return writer.bytes()
}

/** Each index is asked for many times, and resolving one takes a look at both modules. */
function remembered(number: (index: number) => number): (index: number) => number {
  const known: number[] = []
  return (index) => (known[index] ??= number(index))
}

function at<A>(list: ReadonlyArray<A>, index: number): A {
  const found = list[index]
  if (found === undefined) throw mismatch(`an index (${index}) points nowhere`)
  return found
}

function mismatch(message: string): Fault<WasmReason> {
  return new Fault<WasmReason>({ _tag: "NotAModule", message: `engine and glue do not fit together: ${message}`, offset: 0 })
}
