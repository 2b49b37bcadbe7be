/**
 * A few changes to one leaf, collected and then written as the new leaf in one pass that moves blocks of bytes, not entries.
 *
 * Invariants
 * - It serves only when the outcome is a single leaf under the old prefix: every new key shares it, the result fits and is not underfull.
 *   Otherwise the leaf goes through a PageBuilder, with the changes collected so far in their places (`spill`).
 * - The cells of a leaf lie in entry order without gaps, so the entries between two changes are one block.
 */
import {
  HEADER_BYTES,
  HEAD_BYTES,
  KEY_BYTES_MAX,
  OFFSET_MASK,
  PAGE_BYTES,
  PREFIX_AT,
  SLOT_BYTES,
  SUFFIX_SHIFT,
  TOMBSTONE_SHIFT,
  USED_AT,
  VALUE_BYTES_MAX,
  VALUE_SHIFT,
  copyBytes,
  readU16,
  writeU16
} from "./Layout.ts"
import type { PageMemory } from "./Layout.ts"
import type { EntrySource } from "./Entry.ts"
import { entryCount, headIndex, headOf, prefixLength, prefixOffset, suffixLength, valueLength } from "./Page.ts"
import { UNDERFULL_BYTES } from "./PageBuilder.ts"
import type { PageBuilder } from "./PageBuilder.ts"

const WORD_BYTES = 4
/** Changes of one leaf at most; with more, building the leaf anew costs about as much. */
export const PATCH_CHANGES_MAX = 32

/** Room for the key and value of a change. */
const ENTRY_ROOM = KEY_BYTES_MAX + VALUE_BYTES_MAX

/** What becomes of the entry under a change's key. */
const DROPPED = 0
const VALUE = 1
const TOMBSTONE = 2

export class LeafPatch {
  #source: PageMemory | undefined
  /** Bytes the leaf will use, header included. */
  #used = 0
  #entries = 0
  #count = 0
  /** Entries of the leaf before each change. */
  readonly #slots = new Int32Array(PATCH_CHANGES_MAX)
  /** Whether the change takes the place of the entry at its slot. */
  readonly #replaces = new Uint8Array(PATCH_CHANGES_MAX)
  readonly #kinds = new Uint8Array(PATCH_CHANGES_MAX)
  readonly #keyLengths = new Uint16Array(PATCH_CHANGES_MAX)
  readonly #valueLengths = new Uint8Array(PATCH_CHANGES_MAX)
  /** Keys and values of the changes, each in room of its own. */
  readonly #bytes = new Uint8Array(PATCH_CHANGES_MAX * ENTRY_ROOM)

  /** Begins with the leaf in `memory` (its page at 0), which must stay as it is until the patch is written or spilled. */
  begin(memory: PageMemory): void {
    this.#source = memory
    this.#count = 0
    this.#used = readU16(memory.bytes, USED_AT)
    this.#entries = entryCount(memory.bytes, 0)
  }

  /** Takes in the entry `source` stands on, for the place before `slot` or, when `replaces`, of it; false when it cannot. */
  add(source: EntrySource, slot: number, replaces: boolean, keepTombstones: boolean): boolean {
    const { bytes } = this.#source!
    const prefix = prefixLength(bytes, 0)
    const { key, keyAt, keyLength } = source
    const index = this.#count
    if (index === PATCH_CHANGES_MAX || keyLength < prefix) return false
    const prefixAt = prefixOffset(0, entryCount(bytes, 0))
    for (let at = 0; at < prefix; at++) if (key[keyAt + at] !== bytes[prefixAt + at]) return false
    const kind = source.remove ? (keepTombstones ? TOMBSTONE : DROPPED) : VALUE
    const values = kind === VALUE ? source.valueLength : 0
    this.#slots[index] = slot
    this.#replaces[index] = replaces ? 1 : 0
    this.#kinds[index] = kind
    this.#keyLengths[index] = keyLength
    this.#valueLengths[index] = values
    copyBytes(key, keyAt, this.#bytes, index * ENTRY_ROOM, keyLength)
    if (kind === VALUE) copyBytes(source.value, source.valueAt, this.#bytes, index * ENTRY_ROOM + keyLength, values)
    this.#count++
    if (kind !== DROPPED) {
      this.#entries++
      this.#used += SLOT_BYTES + cellBytes(keyLength - prefix) + values
    }
    if (replaces) {
      const descriptor = this.#descriptor(slot)
      this.#entries--
      this.#used -= SLOT_BYTES + cellBytes(suffixLength(descriptor)) + valueLength(descriptor)
    }
    return true
  }

  /** Whether the outcome is one good leaf. Sizes in between do not matter: a page is only written at the end. */
  get fits(): boolean {
    return this.#used <= PAGE_BYTES && this.#used - HEADER_BYTES >= UNDERFULL_BYTES
  }

  /** Bytes the outcome uses behind its header. */
  get sizeBytes(): number {
    return this.#used - HEADER_BYTES
  }

  get entries(): number {
    return this.#entries
  }

  /** Hands the leaf up to the last change, with the changes, to a builder; returns the slot from which the leaf is untouched. */
  spill(builder: PageBuilder): number {
    const memory = this.#source!
    let from = 0
    for (let index = 0; index < this.#count; index++) {
      const slot = this.#slots[index]!
      builder.addSlots(memory, 0, from, slot)
      const at = index * ENTRY_ROOM
      const length = this.#keyLengths[index]!
      const kind = this.#kinds[index]!
      if (kind !== DROPPED) {
        builder.add(this.#bytes, at, length, this.#bytes, at + length, this.#valueLengths[index]!, kind === TOMBSTONE)
      }
      from = slot + this.#replaces[index]!
    }
    return from
  }

  /** Writes the new leaf (all but what `seal` adds) to `to` at `base` and returns the bytes used. */
  write(to: PageMemory, base: number): number {
    const from = this.#source!
    const prefix = prefixLength(from.bytes, 0)
    const count = entryCount(from.bytes, 0)
    const prefixAt = prefixOffset(base, this.#entries)
    copyBytes(from.bytes, prefixOffset(0, count), to.bytes, prefixAt, prefix)
    writeU16(to.bytes, base + PREFIX_AT, prefix)
    let at = prefixAt + prefix
    let slot = 0
    let target = 0
    for (let index = 0; index < this.#count; index++) {
      const next = this.#slots[index]!
      at = this.#copyBlock(to, base, slot, next, target, at)
      target += next - slot
      slot = next + this.#replaces[index]!
      if (this.#kinds[index] !== DROPPED) at = this.#writeChange(to, base, index, target++, at, prefix)
    }
    at = this.#copyBlock(to, base, slot, count, target, at)
    writeU16(to.bytes, base + USED_AT, at - base)
    return at - base
  }

  #writeChange(to: PageMemory, base: number, index: number, target: number, at: number, prefix: number): number {
    const start = index * ENTRY_ROOM
    const key = this.#keyLengths[index]!
    const value = this.#valueLengths[index]!
    const suffix = key - prefix
    const cell = cellBytes(suffix)
    const tombstone = this.#kinds[index] === TOMBSTONE ? 1 : 0
    to.words[headIndex(base) + target] = headOf(this.#bytes, start + prefix, suffix)
    to.words[headIndex(base) + this.#entries + target] =
      ((at - base) & OFFSET_MASK) | (suffix << SUFFIX_SHIFT) | (value << VALUE_SHIFT) | (tombstone << TOMBSTONE_SHIFT)
    copyBytes(this.#bytes, start + key - cell, to.bytes, at, cell + value)
    return at + cell + value
  }

  /** Moves the entries `from` to `until` of the old leaf to slot `target` on, their cells to `at`; returns the end of the cells. */
  #copyBlock(to: PageMemory, base: number, from: number, until: number, target: number, at: number): number {
    if (from === until) return at
    const { bytes, words } = this.#source!
    const count = entryCount(bytes, 0)
    const heads = headIndex(0)
    const start = this.#cellStart(from)
    const end = this.#cellStart(until)
    copyBytes(bytes, (heads + from) * WORD_BYTES, to.bytes, (headIndex(base) + target) * WORD_BYTES, (until - from) * WORD_BYTES)
    copyBytes(bytes, start, to.bytes, at, end - start)
    const shift = at - base - start
    const targets = headIndex(base) + this.#entries + target
    for (let slot = from; slot < until; slot++) {
      const descriptor = words[heads + count + slot]!
      to.words[targets + slot - from] = (descriptor & ~OFFSET_MASK) | (((descriptor & OFFSET_MASK) + shift) & OFFSET_MASK)
    }
    return at + end - start
  }

  /** Where the cell of a slot begins; behind the last slot, where the cells end. */
  #cellStart(slot: number): number {
    const { bytes } = this.#source!
    if (slot === entryCount(bytes, 0)) return readU16(bytes, USED_AT)
    const descriptor = this.#descriptor(slot)
    // An empty cell at the end of a full page has an offset that did not fit; it begins where the cells end.
    if (cellBytes(suffixLength(descriptor)) + valueLength(descriptor) === 0 && (descriptor & OFFSET_MASK) === 0) return PAGE_BYTES
    return descriptor & OFFSET_MASK
  }

  #descriptor(slot: number): number {
    const { bytes, words } = this.#source!
    return words[headIndex(0) + entryCount(bytes, 0) + slot]!
  }
}

/** What a cell holds of a suffix. */
function cellBytes(suffix: number): number {
  return suffix > HEAD_BYTES ? suffix - HEAD_BYTES : 0
}
