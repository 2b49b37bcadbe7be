/**
 * The parts of a WebAssembly file that decide whether the host may run it, read with their byte offsets: function types, imports,
 * exports, memory, start. `WebAssembly.Module` has accepted the bytes before, so this reader meets valid files only; on anything it does not know it
 * stops with `NotAModule` rather than guess.
 *
 * Invariant: every offset is a byte offset in the whole file.
 */
import type { Fault } from "../Fault/Fault.ts"
import { refusal, type WasmReason } from "./Reasons.ts"
import { SectionId, SectionReader } from "./Sections.ts"

/** A function type as text, `(i32, i32) -> i32`. */
export type Signature = string

/** An import: what it is called, what it is, and for a function its type. */
export interface BinaryImport {
  readonly module: string
  readonly name: string
  readonly kind: ExternalKind
  readonly signature: Signature
  readonly offset: number
}

/** An export. `signature` is empty unless it is a function. */
export interface BinaryExport {
  readonly name: string
  readonly kind: ExternalKind
  readonly signature: Signature
  readonly offset: number
}

/** What can be imported and exported. */
export type ExternalKind = "function" | "table" | "memory" | "global" | "tag"

/** The one memory of a module: its limits in pages, and where they stand. */
export interface BinaryMemory {
  readonly minimumPages: number
  readonly maximumPages: number | undefined
  readonly flags: number
  readonly at: number
}

/** Where the payload of a section lies. `sizeAt` is the offset of its length. */
export interface BinarySection {
  readonly id: number
  readonly sizeAt: number
  readonly at: number
  readonly end: number
}

/** What the host reads of a module. */
export interface BinaryModule {
  readonly sections: ReadonlyArray<BinarySection>
  readonly imports: ReadonlyArray<BinaryImport>
  readonly exports: ReadonlyArray<BinaryExport>
  readonly memories: ReadonlyArray<BinaryMemory>
  readonly startAt: number | undefined
}

/** Bytes of a WebAssembly page. */
export const PAGE_BYTES = 65536

const HEADER_BYTES = 8
const FUNCTION_TYPE = 0x60
const NOTHING = new Uint8Array(0)
const KINDS: ReadonlyArray<ExternalKind> = ["function", "table", "memory", "global", "tag"]
const VALUE_TYPES = new Map([
  [0x7f, "i32"],
  [0x7e, "i64"],
  [0x7d, "f32"],
  [0x7c, "f64"],
  [0x7b, "v128"],
  [0x70, "funcref"],
  [0x6f, "externref"]
])

/** Reads a module's structure. Throws a Fault `NotAModule` with the offset where it could not go on. */
export function readBinary(bytes: Uint8Array): BinaryModule {
  const sections = readExtents(bytes)
  const within = (id: number): SectionReader => {
    const found = sections.find((section) => section.id === id)
    return found === undefined ? new SectionReader(NOTHING) : new SectionReader(bytes.subarray(0, found.end), found.at)
  }
  const types = within(SectionId.type).vector(readType)
  const imports = within(SectionId.import).vector((reader) => readImport(reader, types))
  const signatures = imports.filter((found) => found.kind === "function").map((found) => found.signature)
  for (const type of within(SectionId.function).vector((reader) => reader.unsigned())) signatures.push(types[type] ?? "")
  return {
    sections,
    imports,
    exports: within(SectionId.export).vector((reader) => readExport(reader, signatures)),
    memories: within(SectionId.memory).vector(readLimits),
    startAt: sections.find((section) => section.id === SectionId.start)?.at
  }
}

function readExtents(bytes: Uint8Array): BinarySection[] {
  const sections: BinarySection[] = []
  const reader = new SectionReader(bytes, HEADER_BYTES)
  while (!reader.done) {
    const id = reader.byte()
    const sizeAt = reader.at
    const size = reader.unsigned()
    const at = reader.at
    reader.take(size)
    sections.push({ id, sizeAt, at, end: reader.at })
  }
  return sections
}

function readType(reader: SectionReader): Signature {
  const at = reader.at
  if (reader.byte() !== FUNCTION_TYPE) throw unreadable("a type that is no plain function type", at)
  const parameters = readValueTypes(reader)
  const results = readValueTypes(reader)
  return `(${parameters.join(", ")}) -> ${results.length === 1 ? results.join() : `(${results.join(", ")})`}`
}

function readValueTypes(reader: SectionReader): ReadonlyArray<string> {
  return reader.vector(() => {
    const at = reader.at
    const name = VALUE_TYPES.get(reader.byte())
    if (name === undefined) throw unreadable("a value type this host does not know", at)
    return name
  })
}

function readImport(reader: SectionReader, types: ReadonlyArray<Signature>): BinaryImport {
  const offset = reader.at
  const module = reader.name()
  const name = reader.name()
  const kind = KINDS[reader.byte()]
  switch (kind) {
    case "function":
      return { module, name, kind, signature: types[reader.unsigned()] ?? "", offset }
    case "table":
      reader.byte()
      readLimits(reader)
      break
    case "memory":
      readLimits(reader)
      break
    case "global":
      reader.take(2)
      break
    case "tag":
      reader.byte()
      reader.unsigned()
      break
    case undefined:
      throw unreadable("an import of an unknown kind", offset)
  }
  return { module, name, kind, signature: "", offset }
}

function readExport(reader: SectionReader, signatures: ReadonlyArray<Signature>): BinaryExport {
  const offset = reader.at
  const name = reader.name()
  const kind = KINDS[reader.byte()]
  const index = reader.unsigned()
  if (kind === undefined) throw unreadable("an export of an unknown kind", offset)
  return { name, kind, signature: kind === "function" ? (signatures[index] ?? "") : "", offset }
}

function readLimits(reader: SectionReader): BinaryMemory {
  const at = reader.at
  const flags = reader.byte()
  const minimumPages = reader.unsigned()
  const maximumPages = (flags & 1) === 1 ? reader.unsigned() : undefined
  return { minimumPages, maximumPages, flags, at }
}

function unreadable(what: string, offset: number): Fault<WasmReason> {
  return refusal({ _tag: "NotAModule", message: `not a module this host can read: ${what} at byte ${offset}`, offset })
}
