/**
 * A WebAssembly file as a list of sections, and back. Bodies are views of the file: nothing is copied until a section is rewritten.
 *
 * Invariants
 * - `writeSections(readSections(bytes))` describes the same module; the bytes differ only where the input wrote an integer longer than needed.
 * - Input that is cut off, or says it is longer than it is, throws a Fault `NotAModule` with the offset.
 */
import { Fault } from "../Fault/Fault.ts"
import type { WasmReason } from "./Reasons.ts"

/** One section. `name` is that of a custom section (id 0), otherwise empty; `body` is what follows it. */
export interface Section {
  readonly id: number
  readonly name: string
  readonly body: Uint8Array
}

/** The ids of the sections, by name. */
export const SectionId = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12
} as const

/** Kinds of imports and exports. */
export const ExternalKind = { function: 0, table: 1, memory: 2, global: 3 } as const

const HEADER = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0)

/** Splits a file into its sections, in order. */
export function readSections(file: Uint8Array): Section[] {
  if (file.length < HEADER.length || HEADER.some((byte, index) => file[index] !== byte)) {
    throw malformed("this is not a WebAssembly module of version 1", 0)
  }
  const reader = new SectionReader(file, HEADER.length)
  const sections: Section[] = []
  while (!reader.done) {
    const id = reader.byte()
    const body = reader.take(reader.unsigned())
    if (id !== SectionId.custom) sections.push({ id, name: "", body })
    else {
      const inside = new SectionReader(body)
      sections.push({ id, name: inside.name(), body: inside.rest() })
    }
  }
  return sections
}

/** Joins sections to a file. */
export function writeSections(sections: ReadonlyArray<Section>): Uint8Array {
  const writer = new SectionWriter()
  writer.raw(HEADER)
  for (const section of sections) {
    writer.byte(section.id)
    if (section.id !== SectionId.custom) writer.sized(section.body)
    else {
      const custom = new SectionWriter()
      custom.name(section.name)
      custom.raw(section.body)
      writer.sized(custom.bytes())
    }
  }
  return writer.bytes()
}

/** A custom section. */
export function customSection(name: string, body: Uint8Array): Section {
  return { id: SectionId.custom, name, body }
}

/** The body of the first custom section with that name. */
export function findCustom(sections: ReadonlyArray<Section>, name: string): Uint8Array | undefined {
  return sections.find((section) => section.id === SectionId.custom && section.name === name)?.body
}

/** The body of a section that a module has at most once; empty bytes when it has none. */
export function sectionBody(sections: ReadonlyArray<Section>, id: number): Uint8Array {
  return sections.find((section) => section.id === id)?.body ?? new Uint8Array(0)
}

/** Reads the encodings of the binary format from a range of bytes. */
export class SectionReader {
  at: number
  private readonly source: Uint8Array

  constructor(source: Uint8Array, at = 0) {
    this.source = source
    this.at = at
  }

  get done(): boolean {
    return this.at >= this.source.length
  }

  byte(): number {
    const value = this.source[this.at]
    if (value === undefined) throw malformed("the module ends early", this.at)
    this.at++
    return value
  }

  /** An unsigned LEB128 integer of up to 32 bits. */
  unsigned(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte()
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
    throw malformed("an integer is longer than 32 bits", this.at)
  }

  /** A signed LEB128 integer of up to 33 bits. */
  signed(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte()
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return byte & 0x40 ? value - 2 ** (shift + 7) : value
    }
    throw malformed("an integer is longer than 33 bits", this.at)
  }

  /** Passes over a LEB128 integer of any length. */
  skipInteger(): void {
    while (this.byte() >= 0x80);
  }

  take(length: number): Uint8Array {
    if (this.at + length > this.source.length) throw malformed("a length reaches beyond its section", this.at)
    this.at += length
    return this.source.subarray(this.at - length, this.at)
  }

  /** A view of what was read since `from`. */
  since(from: number): Uint8Array {
    return this.source.subarray(from, this.at)
  }

  rest(): Uint8Array {
    return this.take(this.source.length - this.at)
  }

  name(): string {
    return new TextDecoder().decode(this.take(this.unsigned()))
  }

  /** The elements of a vector; none when the section is absent (no bytes). */
  vector<A>(element: (reader: this) => A): A[] {
    if (this.done) return []
    const at = this.at
    const length = this.unsigned()
    // An element has a byte at least; a length that says more is refused before memory is taken for it.
    if (length > this.source.length - this.at) throw malformed("a vector reaches beyond its section", at)
    return Array.from({ length }, () => element(this))
  }
}

/** Writes the encodings of the binary format. Grows as needed. */
export class SectionWriter {
  private buffer: Uint8Array
  private length = 0

  constructor(capacity = 256) {
    this.buffer = new Uint8Array(capacity)
  }

  /** What was written so far: a view that the next write may detach. */
  bytes(): Uint8Array {
    return this.buffer.subarray(0, this.length)
  }

  byte(value: number): void {
    this.reserve(1)
    this.buffer[this.length++] = value
  }

  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length)
    this.buffer.set(bytes, this.length)
    this.length += bytes.length
  }

  /** An unsigned LEB128 integer below 2^32. */
  unsigned(value: number): void {
    this.reserve(5)
    let rest = value >>> 0
    while (rest >= 0x80) {
      this.buffer[this.length++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.buffer[this.length++] = rest
  }

  /** A signed LEB128 integer of 32 bits. */
  signed(value: number): void {
    this.reserve(5)
    let rest = value | 0
    for (;;) {
      const byte = rest & 0x7f
      rest >>= 7
      const last = (rest === 0 && (byte & 0x40) === 0) || (rest === -1 && (byte & 0x40) !== 0)
      this.buffer[this.length++] = last ? byte : byte | 0x80
      if (last) return
    }
  }

  name(text: string): void {
    this.sized(new TextEncoder().encode(text))
  }

  /** Bytes with their length before them. */
  sized(bytes: Uint8Array): void {
    this.unsigned(bytes.length)
    this.raw(bytes)
  }

  vector<A>(elements: ReadonlyArray<A>, write: (element: A) => void): void {
    this.unsigned(elements.length)
    for (const element of elements) write(element)
  }

  private reserve(count: number): void {
    if (this.length + count <= this.buffer.length) return
    const grown = new Uint8Array(Math.max(this.buffer.length * 2, this.length + count))
    grown.set(this.bytes())
    this.buffer = grown
  }
}

function malformed(what: string, offset: number): Fault<WasmReason> {
  return new Fault<WasmReason>({ _tag: "NotAModule", message: `${what} (at byte ${offset})`, offset })
}
