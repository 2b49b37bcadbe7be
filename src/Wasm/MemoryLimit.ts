/** Bounds a module's memory: the maximum it declares is patched down to the host's limit before the module is compiled. */
import { type BinaryMemory, type BinaryModule, PAGE_BYTES } from "./Binary.ts"
import { refusal } from "./Reasons.ts"
import { SectionId, SectionWriter } from "./Sections.ts"

/** Flag bits of a memory: only "has a maximum" is taken, no shared and no 64-bit memory. */
const HAS_MAXIMUM = 1
/** A patched section is at most this much longer. */
const PATCH_BYTES_MAX = 16

/**
 * The module's bytes with its memory's maximum at no more than `limitBytes`; the same bytes when it was within that already.
 * Throws a Fault `MemoryRefused` when the module starts with more, or has no memory of its own.
 */
export function limitMemory(bytes: Uint8Array, binary: BinaryModule, limitBytes: number): Uint8Array {
  const [memory] = binary.memories
  if (memory === undefined || binary.memories.length > 1) {
    throw refusal({
      _tag: "MemoryRefused",
      limitBytes,
      message: `a module has one memory of its own, this one has ${binary.memories.length}`
    })
  }
  const refused = (message: string): Error => refusal({ _tag: "MemoryRefused", offset: memory.at, limitBytes, message })
  if ((memory.flags & ~HAS_MAXIMUM) !== 0) throw refused("shared and 64-bit memories are not run")
  const limitPages = Math.floor(limitBytes / PAGE_BYTES)
  if (memory.minimumPages > limitPages) {
    throw refused(`the module starts with ${memory.minimumPages * PAGE_BYTES} bytes of memory, ${limitBytes} are allowed`)
  }
  if (memory.maximumPages !== undefined && memory.maximumPages <= limitPages) return bytes
  return patch(bytes, binary, memory, limitPages)
}

function patch(bytes: Uint8Array, binary: BinaryModule, memory: BinaryMemory, limitPages: number): Uint8Array {
  const section = binary.sections.find((candidate) => candidate.id === SectionId.memory)
  if (section === undefined) return bytes
  const limits = new SectionWriter()
  limits.raw(Uint8Array.of(1, HAS_MAXIMUM))
  limits.unsigned(memory.minimumPages)
  limits.unsigned(limitPages)
  const patched = new SectionWriter(bytes.length + PATCH_BYTES_MAX)
  patched.raw(bytes.subarray(0, section.sizeAt))
  patched.sized(limits.bytes())
  patched.raw(bytes.subarray(section.end))
  return patched.bytes()
}
