/**
 * Walks one tree of a memtable as of a version.
 *
 * Invariants
 * - The memtable may grow between two moves. The cursor keeps block, slot, the block's change counter and the entry it stands on; entries
 *   only move right, so when the counter changed it finds its entry in that block or in one right of it.
 * - A chain of versions it may not see, or has passed, costs at most CHAIN_STEPS_MAX steps before the cursor jumps over it by a search.
 */
import { CHANGES, ENTRY_WORDS, HEADER_WORDS, INVERTED_HIGH_MASK, NEXT, PREVIOUS, VERSION_MAX, VOID } from "./MemtableLayout.ts"
import type { Memtable } from "./Memtable.ts"
import type { Direction, DocumentView } from "./Reader.ts"
import type { SourceCursor } from "./SourceCursor.ts"

const CHAIN_STEPS_MAX = 8
const NO_KEY = new Uint8Array(0)

export class MemtableCursor implements SourceCursor {
  readonly #memtable: Memtable
  readonly #tree: number
  readonly #version: number
  readonly #versionHigh: number
  readonly #versionLow: number
  readonly #direction: Direction
  readonly #shortKey = new Uint8Array(16)
  /** The words of the entry the cursor stands on. */
  readonly #entry = new Uint32Array(ENTRY_WORDS)
  #block = 0
  #slot = 0
  #changes = 0

  kind = 0
  keyBytes: Uint8Array = NO_KEY
  keyAt = 0
  keyLength = 0

  /** A cursor over `tree` that sees versions up to `version`. It stands nowhere until `seek`. */
  constructor(memtable: Memtable, tree: number, version: number, direction: Direction) {
    this.#memtable = memtable
    this.#tree = tree
    this.#version = version
    this.#versionHigh = INVERTED_HIGH_MASK - Math.floor(version / 0x1_0000_0000)
    this.#versionLow = ~version >>> 0
    this.#direction = direction
  }

  /** Whether it is of this tree of this memtable. */
  isOver(memtable: Memtable, tree: number): boolean {
    return this.#memtable === memtable && this.#tree === tree
  }

  /** The version of the current entry. */
  get version(): number {
    const high = INVERTED_HIGH_MASK - (this.#entry[5]! & INVERTED_HIGH_MASK)
    return high * 0x1_0000_0000 + (~this.#entry[6]! >>> 0)
  }

  seek(bound: Uint8Array | undefined): void {
    const key = bound ?? NO_KEY
    // Without a bound the last key of a tree is the one before the first of the next tree.
    const tree = bound === undefined && this.#direction === -1 ? this.#tree + 1 : this.#tree
    const place = this.#memtable.locate(tree, key, 0, key.length, VERSION_MAX)
    if (this.#direction === 1) this.#settleForward(place >>> 7, place & 127)
    else this.#settleBackward(place >>> 7, place & 127)
  }

  advance(): void {
    if (this.kind === 0) return
    if (this.#direction === 1) this.#advanceForward()
    else this.#advanceBackward()
  }

  read(out: DocumentView): void {
    this.#memtable.show(this.#entry[7]!, this.#entry[8]!, out)
  }

  find(out: DocumentView): void {
    this.read(out)
  }

  #advanceForward(): void {
    const memtable = this.#memtable
    let block = this.#block
    let slot = this.#slot
    if (memtable.blocks.wordsOf(block)[memtable.blocks.baseOf(block) + CHANGES] !== this.#changes) {
      const place = memtable.relocate(block, this.#tree, this.keyBytes, this.keyAt, this.keyLength, this.version)
      block = place >>> 7
      slot = place & 127
    }
    for (let steps = 0; ; steps++) {
      if (steps === CHAIN_STEPS_MAX) {
        const place = memtable.locate(this.#tree, this.keyBytes, this.keyAt, this.keyLength, 0)
        this.#settleForward(place >>> 7, place & 127)
        return
      }
      slot++
      const words = memtable.blocks.wordsOf(block)
      const base = memtable.blocks.baseOf(block)
      if (slot >= words[base]!) {
        block = words[base + NEXT]!
        slot = -1
        if (block === 0) return this.#end()
      } else if (!memtable.sameKey(words, base + HEADER_WORDS + slot * ENTRY_WORDS, this.#entry, 0)) {
        return this.#settleForward(block, slot)
      }
    }
  }

  /** Stands on the first visible entry at or after a place that is no place within the versions of an already shown key. */
  #settleForward(fromBlock: number, fromSlot: number): void {
    const memtable = this.#memtable
    let block = fromBlock
    let slot = fromSlot
    let steps = 0
    for (;;) {
      const words = memtable.blocks.wordsOf(block)
      const base = memtable.blocks.baseOf(block)
      if (slot >= words[base]!) {
        block = words[base + NEXT]!
        slot = 0
        if (block === 0) return this.#end()
        continue
      }
      const at = base + HEADER_WORDS + slot * ENTRY_WORDS
      if (words[at] !== this.#tree) return this.#end()
      const isTooNew = this.#isTooNew(words, at)
      if (!isTooNew && words[at + 5]! >>> 24 !== VOID) return this.#stand(block, slot, words, at)
      if (isTooNew && ++steps === CHAIN_STEPS_MAX) {
        steps = 0
        this.#showKey(words, at)
        const place = memtable.locate(this.#tree, this.keyBytes, this.keyAt, this.keyLength, this.#version)
        block = place >>> 7
        slot = place & 127
      } else {
        slot++
      }
    }
  }

  #advanceBackward(): void {
    const memtable = this.#memtable
    const words = memtable.blocks.wordsOf(this.#block)
    const base = memtable.blocks.baseOf(this.#block)
    const isUnmoved = words[base + CHANGES] === this.#changes
    const before = base + HEADER_WORDS + (this.#slot - 1) * ENTRY_WORDS
    if (isUnmoved && this.#slot > 0 && !memtable.sameKey(words, before, this.#entry, 0)) {
      this.#settleBackward(this.#block, this.#slot)
      return
    }
    const place = memtable.locate(this.#tree, this.keyBytes, this.keyAt, this.keyLength, VERSION_MAX)
    this.#settleBackward(place >>> 7, place & 127)
  }

  /** Stands on the newest visible entry of the last key before a place that is the first version of a key (or an end). */
  #settleBackward(fromBlock: number, fromSlot: number): void {
    const memtable = this.#memtable
    let block = fromBlock
    let slot = fromSlot
    for (;;) {
      while (slot === 0) {
        block = memtable.blocks.wordsOf(block)[memtable.blocks.baseOf(block) + PREVIOUS]!
        if (block === 0) return this.#end()
        slot = memtable.blocks.wordsOf(block)[memtable.blocks.baseOf(block)]!
      }
      slot--
      const words = memtable.blocks.wordsOf(block)
      const base = memtable.blocks.baseOf(block)
      const at = base + HEADER_WORDS + slot * ENTRY_WORDS
      if (words[at] !== this.#tree) return this.#end()
      const isOnlyVersion = slot > 0 && !memtable.sameKey(words, at - ENTRY_WORDS, words, at)
      const isVisible = !this.#isTooNew(words, at) && words[at + 5]! >>> 24 !== VOID
      if (isOnlyVersion && isVisible) return this.#stand(block, slot, words, at)
      if (isOnlyVersion) continue
      this.#showKey(words, at)
      if (this.#standOnNewest()) return
      const place = memtable.locate(this.#tree, this.keyBytes, this.keyAt, this.keyLength, VERSION_MAX)
      block = place >>> 7
      slot = place & 127
    }
  }

  /** Stands on the newest visible version of the key in `keyBytes`; false when none is. */
  #standOnNewest(): boolean {
    const memtable = this.#memtable
    const place = memtable.locate(this.#tree, this.keyBytes, this.keyAt, this.keyLength, this.#version)
    let block = place >>> 7
    let slot = place & 127
    for (;;) {
      const words = memtable.blocks.wordsOf(block)
      const base = memtable.blocks.baseOf(block)
      if (slot >= words[base]!) {
        block = words[base + NEXT]!
        slot = 0
        if (block === 0) return false
        continue
      }
      const at = base + HEADER_WORDS + slot * ENTRY_WORDS
      if (!memtable.sameKey(words, at, this.#entry, 0)) return false
      if (words[at + 5]! >>> 24 !== VOID) {
        this.#stand(block, slot, words, at)
        return true
      }
      slot++
    }
  }

  #isTooNew(words: Uint32Array, at: number): boolean {
    const high = words[at + 5]! & INVERTED_HIGH_MASK
    return high < this.#versionHigh || (high === this.#versionHigh && words[at + 6]! < this.#versionLow)
  }

  #stand(block: number, slot: number, words: Uint32Array, at: number): void {
    this.#block = block
    this.#slot = slot
    this.#changes = words[this.#memtable.blocks.baseOf(block) + CHANGES]!
    this.#showKey(words, at)
    this.kind = words[at + 5]! >>> 24
  }

  #showKey(words: Uint32Array, at: number): void {
    const entry = this.#entry
    for (let i = 0; i < ENTRY_WORDS; i++) entry[i] = words[at + i]!
    this.keyLength = entry[9]!
    if (this.keyLength > 16) {
      this.keyBytes = this.#memtable.arena.chunkOf(entry[7]!)
      this.keyAt = this.#memtable.arena.offsetOf(entry[7]!)
      return
    }
    const key = this.#shortKey
    for (let i = 0; i < 4; i++) {
      const word = entry[1 + i]!
      key[i * 4] = word >>> 24
      key[i * 4 + 1] = word >>> 16
      key[i * 4 + 2] = word >>> 8
      key[i * 4 + 3] = word
    }
    this.keyBytes = key
    this.keyAt = 0
  }

  #end(): void {
    this.kind = 0
  }
}
