/**
 * The parts of a WebAssembly file that decide whether the host may run it, read with their byte offsets: function types, imports,
 * exports, memory, start. `WebAssembly.Module` has accepted the bytes before, so this reader meets valid files only; on anything it does not know it
 * stops with `NotAModule` rather than guess.
 *
 * Invariant: every offset is a byte offset in the whole file.
 */
import type { Fault } from "../Fault/Fault.ts"
import { refusal, type WasmReason } from "./Reasons.ts"

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

/** The one memory of a module: its limits in pages and where they stand (`at` the flags byte, up to `end`). */
export interface BinaryMemory {
  readonly minimumPages: number
  readonly maximumPages: number | undefined
  readonly flags: number
  readonly at: number
  readonly end: number
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
  const sections = readSections(bytes)
  const types = new Cursor(bytes, section(sections, 1)).list(readType)
  const imports = new Cursor(bytes, section(sections, 2)).list((cursor) => readImport(cursor, types))
  const signatures = imports.filter((found) => found.kind === "function").map((found) => found.signature)
  for (const type of new Cursor(bytes, section(sections, 3)).list((cursor) => cursor.integer())) signatures.push(types[type] ?? "")
  const start = section(sections, 8)
  return {
    sections,
    imports,
    exports: new Cursor(bytes, section(sections, 7)).list((cursor) => readExport(cursor, signatures)),
    memories: new Cursor(bytes, section(sections, 5)).list(readLimits),
    startAt: start === undefined ? undefined : start.at
  }
}

function readSections(bytes: Uint8Array): BinarySection[] {
  const sections: BinarySection[] = []
  const cursor = new Cursor(bytes, { id: 0, sizeAt: 0, at: HEADER_BYTES, end: bytes.length })
  while (cursor.at < bytes.length) {
    const id = cursor.byte()
    const sizeAt = cursor.at
    const size = cursor.integer()
    sections.push({ id, sizeAt, at: cursor.at, end: cursor.at + size })
    cursor.skip(size)
  }
  return sections
}

function section(sections: ReadonlyArray<BinarySection>, id: number): BinarySection | undefined {
  return sections.find((candidate) => candidate.id === id)
}

function readType(cursor: Cursor): Signature {
  const at = cursor.at
  if (cursor.byte() !== 0x60) throw unreadable("a type that is no plain function type", at)
  const parameters = cursor.values()
  const results = cursor.values()
  return `(${parameters.join(", ")}) -> ${results.length === 1 ? results.join() : `(${results.join(", ")})`}`
}

function readImport(cursor: Cursor, types: ReadonlyArray<Signature>): BinaryImport {
  const offset = cursor.at
  const module = cursor.name()
  const name = cursor.name()
  const kind = KINDS[cursor.byte()]
  switch (kind) {
    case "function":
      return { module, name, kind, signature: types[cursor.integer()] ?? "", offset }
    case "table":
      cursor.byte()
      readLimits(cursor)
      break
    case "memory":
      readLimits(cursor)
      break
    case "global":
      cursor.skip(2)
      break
    case "tag":
      cursor.byte()
      cursor.integer()
      break
    case undefined:
      throw unreadable("an import of an unknown kind", offset)
  }
  return { module, name, kind, signature: "", offset }
}

function readExport(cursor: Cursor, signatures: ReadonlyArray<Signature>): BinaryExport {
  const offset = cursor.at
  const name = cursor.name()
  const kind = KINDS[cursor.byte()]
  const index = cursor.integer()
  if (kind === undefined) throw unreadable("an export of an unknown kind", offset)
  return { name, kind, signature: kind === "function" ? (signatures[index] ?? "") : "", offset }
}

function readLimits(cursor: Cursor): BinaryMemory {
  const at = cursor.at
  const flags = cursor.byte()
  const minimumPages = cursor.integer()
  const maximumPages = (flags & 1) === 1 ? cursor.integer() : undefined
  return { minimumPages, maximumPages, flags, at, end: cursor.at }
}

function unreadable(what: string, offset: number): Fault<WasmReason> {
  return refusal({ _tag: "NotAModule", message: `not a module this host can read: ${what} at byte ${offset}`, offset })
}

class Cursor {
  at: number
  private readonly end: number
  private readonly empty: boolean
  private readonly bytes: Uint8Array

  constructor(bytes: Uint8Array, within: BinarySection | undefined) {
    this.bytes = bytes
    this.empty = within === undefined
    this.at = within?.at ?? 0
    this.end = Math.min(within?.end ?? 0, bytes.length)
  }

  byte(): number {
    const value = this.at < this.end ? this.bytes[this.at] : undefined
    if (value === undefined) throw unreadable("the section ends early", this.at)
    this.at++
    return value
  }

  /** Unsigned LEB128 of up to 32 bits. */
  integer(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte()
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
    throw unreadable("an integer of more than 32 bits", this.at)
  }

  skip(count: number): void {
    if (this.at + count > this.end) throw unreadable("a section reaches beyond the file", this.at)
    this.at += count
  }

  name(): string {
    const length = this.integer()
    const at = this.at
    this.skip(length)
    return new TextDecoder().decode(this.bytes.subarray(at, at + length))
  }

  values(): string[] {
    return this.vector(() => {
      const at = this.at
      const name = VALUE_TYPES.get(this.byte())
      if (name === undefined) throw unreadable("a value type this host does not know", at)
      return name
    })
  }

  /** The elements of a section's vector; none when the module has no such section. */
  list<A>(element: (cursor: Cursor) => A): A[] {
    return this.empty ? [] : this.vector(element)
  }

  private vector<A>(element: (cursor: Cursor) => A): A[] {
    const count = this.integer()
    const found: A[] = []
    for (let index = 0; index < count; index++) found.push(element(this))
    return found
  }
}
