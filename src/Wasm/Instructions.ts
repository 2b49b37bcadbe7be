/**
 * Walks the instructions of a function body and writes it again with other indices: what a linker needs, and nothing else.
 *
 * Invariants
 * - Every instruction of WebAssembly 2.0 (without vectors) is understood with its operands; anything else throws, so an index can never be missed.
 * - What carries no index is copied byte by byte.
 */
import { Fault } from "../Fault/Fault.ts"
import { SectionReader, SectionWriter } from "./Sections.ts"
import type { WasmReason } from "./Reasons.ts"

/** New numbers for the indices that instructions carry. */
export interface Renumbering {
  readonly functionIndex: (index: number) => number
  readonly typeIndex: (index: number) => number
  readonly globalIndex: (index: number) => number
}

/** Writes one function body (locals and instructions, without its length) with new indices. */
export function rewriteBody(body: Uint8Array, renumber: Renumbering): Uint8Array {
  const reader = new SectionReader(body)
  const writer = new SectionWriter(body.length + 16)
  const groups = reader.unsigned()
  for (let group = 0; group < groups; group++) {
    reader.skipInteger()
    reader.byte()
  }
  writer.raw(reader.since(0))
  while (!reader.done) rewriteInstruction(reader, writer, renumber)
  return writer.bytes()
}

/** Copies an instruction, or writes its opcode and its new index. */
function rewriteInstruction(reader: SectionReader, writer: SectionWriter, renumber: Renumbering): void {
  const start = reader.at
  const opcode = reader.byte()
  const numbered = indexOf(opcode, renumber)
  if (numbered !== undefined) {
    const index = reader.unsigned()
    writer.byte(opcode)
    writer.unsigned(numbered(index))
    if (opcode === 0x11) writer.unsigned(reader.unsigned())
    return
  }
  if (opcode >= 0x02 && opcode <= 0x04) return rewriteBlock(opcode, reader, writer, renumber)
  skipOperands(opcode, reader)
  writer.raw(reader.since(start))
}

/** What renumbers the first operand: call, call_indirect, global.get, global.set, ref.func. */
function indexOf(opcode: number, renumber: Renumbering): ((index: number) => number) | undefined {
  switch (opcode) {
    case 0x10:
    case 0xd2:
      return renumber.functionIndex
    case 0x11:
      return renumber.typeIndex
    case 0x23:
    case 0x24:
      return renumber.globalIndex
    default:
      return undefined
  }
}

/** block, loop, if: the type is a value type, nothing, or the index of a function type. */
function rewriteBlock(opcode: number, reader: SectionReader, writer: SectionWriter, renumber: Renumbering): void {
  const type = reader.signed()
  writer.byte(opcode)
  writer.signed(type < 0 ? type : renumber.typeIndex(type))
}

function skipOperands(opcode: number, reader: SectionReader): void {
  if (opcode <= 0x01 || opcode === 0x05 || opcode === 0x0b || opcode === 0x0f || opcode === 0x1a || opcode === 0x1b) return
  if (opcode >= 0x45 && opcode <= 0xc4) return
  if (opcode === 0x0c || opcode === 0x0d || (opcode >= 0x20 && opcode <= 0x22) || opcode === 0x25 || opcode === 0x26)
    return reader.skipInteger()
  if (opcode === 0x0e) return skipTargets(reader)
  if (opcode === 0x1c) return void reader.take(reader.unsigned())
  if (opcode >= 0x28 && opcode <= 0x3e) return skipIntegers(reader, 2)
  if (opcode === 0x3f || opcode === 0x40 || opcode === 0x41 || opcode === 0x42 || opcode === 0xd0) return reader.skipInteger()
  if (opcode === 0x43) return void reader.take(4)
  if (opcode === 0x44) return void reader.take(8)
  if (opcode === 0xd1) return
  if (opcode === 0xfc) return skipMiscellaneous(reader)
  throw unknown(opcode, reader.at)
}

function skipTargets(reader: SectionReader): void {
  const count = reader.unsigned()
  skipIntegers(reader, count + 1)
}

function skipIntegers(reader: SectionReader, count: number): void {
  for (let index = 0; index < count; index++) reader.skipInteger()
}

/** Saturating conversions, then memory and table instructions. Data and element indices belong to passive segments, which the linker refuses. */
function skipMiscellaneous(reader: SectionReader): void {
  const operation = reader.unsigned()
  if (operation <= 7) return
  if (operation === 8 || operation === 10 || operation === 12 || operation === 14) return skipIntegers(reader, 2)
  if (operation <= 17) return reader.skipInteger()
  throw unknown(0xfc00 + operation, reader.at)
}

function unknown(opcode: number, offset: number): Fault<WasmReason> {
  return new Fault<WasmReason>({
    _tag: "NotAModule",
    message: `the linker does not know the instruction 0x${opcode.toString(16)} (at byte ${offset} of a function)`,
    offset
  })
}
