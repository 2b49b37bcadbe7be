/**
 * Applies sorted entries to one root by copy on write: every page that an entry belongs to is read once and replaced, all others stay.
 *
 * Invariants
 * - The walk goes through the old tree in key order and never back. What it opens is released and its entries go to the builder of their
 *   level; what it passes by goes, as a pointer, to the builder of the level above.
 * - Before a page is passed by, everything held below its level is closed into pages, so children arrive at every builder in key order.
 * - A small page that would arise before a neighbour under the same parent takes the neighbour in instead.
 * - It may pause between any two entries. Opened pages are copied, so what happens to the cache meanwhile does not matter.
 */
import type { Budget, EntrySource } from "./Entry.ts"
import { PAGE_COST } from "./Entry.ts"
import { indexFault } from "./Errors.ts"
import type { FreePages } from "./FreePages.ts"
import type { KeyFilter } from "./KeyFilter.ts"
import { LEAF, KEY_BYTES_MAX, VALUE_BYTES_MAX, compareBytes, readU32 } from "./Layout.ts"
import type { LeafPatch } from "./LeafPatch.ts"
import type { KeyBuffer, MergeMemory, Position } from "./MergeMemory.ts"
import {
  childChecksum,
  childPage,
  copyKey,
  entryCount,
  findChild,
  findSlot,
  headIndex,
  isTombstone,
  valueLength,
  valueOffset
} from "./Page.ts"
import type { PageBuilder } from "./PageBuilder.ts"
import type { PageCache } from "./PageCache.ts"
import type { PageRun } from "./PageRun.ts"
import type { Root } from "./Version.ts"

/** What an entry of the source costs: to be brought along, compared, and put in its place. */
const SOURCE_COST = 8
/** What an entry costs that goes from its page through a builder into another. */
const ENTRY_COST = 2

/** What a merge works with: the files of one write transaction, and memory that one merge after the other uses. */
export interface MergeSite {
  readonly cache: PageCache
  readonly run: PageRun
  readonly free: FreePages
  readonly memory: MergeMemory
  readonly transaction: number
  readonly budget: Budget
}

export interface MergeOptions {
  readonly treeId: number
  /** Whether a removal leaves a tombstone, because older roots may have the key. */
  readonly keepTombstones: boolean
  /** Told every value that goes out of the tree because its key gets another one, or goes. */
  readonly replaced?: ReplacedValue | undefined
  /** A leaf that its changes leave with fewer bytes than this is packed together with its neighbours, rather than written by itself. */
  readonly leafBytesMin?: number
  /** Gets every key of the source. */
  readonly filter?: KeyFilter | undefined
}

/** A value that no longer is under its key: `length` bytes at `bytes[at]`, valid until it returns. */
export type ReplacedValue = (bytes: Uint8Array, at: number, length: number) => void

export class TreeMerge {
  /** The new root, once `work` is through; undefined when nothing is left in the tree. */
  result: Root | undefined
  readonly #site: MergeSite
  readonly #source: EntrySource
  readonly #options: MergeOptions
  readonly #root: Root | undefined
  /** Builders, and opened pages, the top one first. The first position is a page that does not exist: its one child is the root. */
  readonly #memory: MergeMemory
  #depth = 0
  readonly #lastKey: KeyBuffer
  readonly #scratch: KeyBuffer
  readonly #child = { page: 0, checksum: 0 }
  #pending = false
  /** Whether the leaf that is open is being patched. */
  #isPatching = false
  readonly #patch: LeafPatch
  #entries: number
  #pages: number

  /** It has the site's memory from now until another merge is made with it. */
  constructor(site: MergeSite, root: Root | undefined, source: EntrySource, options: MergeOptions) {
    this.#site = site
    this.#root = root
    this.#source = source
    this.#options = options
    const { memory } = site
    memory.begin(options.treeId, site.transaction, site.budget)
    this.#memory = memory
    this.#lastKey = memory.lastKey
    this.#scratch = memory.scratch
    this.#patch = memory.patch
    this.#entries = root === undefined ? 0 : root.entries
    this.#pages = root === undefined ? 0 : root.pages
  }

  /** Yields whenever the budget is used up. */
  *work(): Generator<"more", void, void> {
    this.#advance()
    if (!this.#pending) {
      this.result = this.#root
      return
    }
    const top = this.#position(0)
    top.level = this.#root === undefined ? 1 : this.#root.level + 1
    top.count = this.#root === undefined ? 0 : 1
    this.#depth = 1
    while (this.#depth > 0) {
      const position = this.#position(this.#depth - 1)
      if (position.level > 0) this.#walkBranch(position)
      else if (this.#isPatching) this.#patchLeaf(position)
      else this.#streamLeaf(position)
      if (this.#site.budget.left <= 0) yield "more"
    }
    yield* this.#appendRest()
    this.#finish()
  }

  /** Moves to the next entry of the source and checks it. */
  #advance(): void {
    const source = this.#source
    this.#pending = source.next()
    if (!this.#pending) return
    const last = this.#lastKey
    const { key, keyAt, keyLength } = source
    if (keyLength < 1 || keyLength > KEY_BYTES_MAX) throw invalidEntry(`a key has 1 to ${KEY_BYTES_MAX} bytes, not ${keyLength}`)
    if (!source.remove && source.valueLength > VALUE_BYTES_MAX) {
      throw invalidEntry(`a value has at most ${VALUE_BYTES_MAX} bytes, not ${source.valueLength}`)
    }
    if (last.length > 0 && compareBytes(last.bytes, 0, last.length, key, keyAt, keyLength) >= 0) {
      throw invalidEntry("the entries to apply are not in ascending key order")
    }
    last.set(key, keyAt, keyLength)
    this.#options.filter?.add(key, keyAt, keyLength)
    this.#site.budget.left -= SOURCE_COST
  }

  /** One pass over a branch: passes by what no entry belongs to, then opens a child or ends. */
  #walkBranch(position: Position): void {
    const target = this.#pending && this.#isWithin(position) ? this.#childOf(position) : position.count
    if (position.slot < target && !this.#passBy(position, target)) return
    if (position.slot === position.count) this.#depth--
    else this.#open(position)
  }

  /** The slot of the child the pending entry belongs to. */
  #childOf(position: Position): number {
    if (position === this.#position(0)) return 0
    const source = this.#source
    return findChild(position.memory, 0, source.key, source.keyAt, source.keyLength)
  }

  #isWithin(position: Position): boolean {
    if (!position.bounded) return true
    const { key, keyAt, keyLength } = this.#source
    return compareBytes(key, keyAt, keyLength, position.upper.bytes, 0, position.upper.length) < 0
  }

  /** Hands the children up to slot `target` on as they are; false when the first was opened instead, because a small page before it needs it. */
  #passBy(position: Position, target: number): boolean {
    const below = position.level - 1
    for (let level = 0; level < below; level++) this.#builder(level).close(false)
    const last = this.#builder(below)
    if (last.isUnderfull) {
      this.#open(position)
      return false
    }
    last.close(false)
    const builder = this.#builder(position.level)
    this.#site.budget.left -= ENTRY_COST * (target - position.slot)
    if (position.slot === 0) {
      this.#loadChild(position)
      builder.addChild(this.#scratch.bytes, this.#scratch.length, this.#child.page, this.#child.checksum)
      position.slot = 1
    }
    builder.addSlots(position.memory, 0, position.slot, target)
    position.slot = target
    return true
  }

  /** Puts pointer and separator of the child at the position's slot into `#child` and `#scratch`. */
  #loadChild(position: Position): void {
    const { memory, slot } = position
    if (position === this.#position(0)) {
      this.#child.page = this.#root!.page
      this.#child.checksum = this.#root!.checksum
      this.#scratch.length = 0
      return
    }
    this.#child.page = childPage(memory, 0, position.count, slot)
    this.#child.checksum = childChecksum(memory, 0, position.count, slot)
    if (slot === 0) this.#scratch.set(position.separator.bytes, 0, position.separator.length)
    else this.#scratch.length = copyKey(memory, 0, slot, this.#scratch.bytes, 0)
  }

  /** Opens the child at the position's slot: its entries go to their builder one by one, and the page is released. */
  #open(position: Position): void {
    this.#loadChild(position)
    const child = this.#position(this.#depth)
    const { page, checksum } = this.#child
    child.level = position.level - 1
    this.#site.cache.copy(page, checksum, child.level, child.memory.bytes, 0)
    child.count = entryCount(child.memory.bytes, 0)
    child.slot = 0
    child.separator.set(this.#scratch.bytes, 0, this.#scratch.length)
    this.#boundChild(position, child)
    position.slot++
    this.#depth++
    this.#site.free.release(page)
    this.#pages--
    if (child.level === 0) {
      this.#isPatching = true
      this.#patch.begin(child.memory)
      const builder = this.#builder(0)
      if (builder.isEmpty) builder.startRun(child.separator.bytes, child.separator.length)
    }
    this.#site.budget.left -= PAGE_COST
  }

  #boundChild(position: Position, child: Position): void {
    if (position.slot + 1 < position.count) {
      child.upper.length = copyKey(position.memory, 0, position.slot + 1, child.upper.bytes, 0)
      child.bounded = true
      return
    }
    child.bounded = position.bounded
    if (position.bounded) child.upper.set(position.upper.bytes, 0, position.upper.length)
  }

  /** Collects what belongs to an opened leaf as a patch, and writes it once all is there. Where that does not serve, the leaf is streamed. */
  #patchLeaf(position: Position): void {
    while (this.#site.budget.left > 0) {
      if (!this.#pending || !this.#isWithin(position)) {
        if (this.#isGoodLeaf()) this.#writePatch(position)
        else this.#spillPatch(position)
        return
      }
      const found = this.#slotOf(position)
      const slot = found < 0 ? ~found : found
      if (!this.#patch.add(this.#source, slot, found >= 0, this.#options.keepTombstones)) return this.#spillPatch(position)
      if (found >= 0) this.#tellReplaced(position, slot)
      position.slot = found < 0 ? slot : slot + 1
      this.#advance()
    }
  }

  /** Whether the patched leaf, and what is held before it, are to be pages by themselves. */
  #isGoodLeaf(): boolean {
    const { leafBytesMin = 0 } = this.#options
    return this.#patch.fits && this.#patch.sizeBytes >= leafBytesMin && this.#builder(0).makesPages(leafBytesMin)
  }

  #writePatch(position: Position): void {
    const { budget, run, transaction } = this.#site
    const patch = this.#patch
    this.#builder(0).close(false)
    const page = run.begin()
    const used = patch.write(run.memory, run.base())
    const checksum = run.seal(LEAF, 0, this.#options.treeId, transaction, patch.entries, used)
    this.#builder(1).addChild(position.separator.bytes, position.separator.length, page, checksum)
    this.#entries += patch.entries - position.count
    this.#pages++
    this.#depth--
    budget.left -= PAGE_COST
  }

  #spillPatch(position: Position): void {
    position.slot = this.#patch.spill(this.#builder(0))
    this.#entries += this.#patch.entries - position.count
    this.#isPatching = false
    this.#site.budget.left -= ENTRY_COST * position.slot
  }

  /** Merges the entries of an opened leaf, from its slot on, with those of the source that belong to it, one by one. */
  #streamLeaf(position: Position): void {
    const { budget } = this.#site
    const builder = this.#builder(0)
    while (budget.left > 0) {
      const within = this.#pending && this.#isWithin(position)
      const found = within ? this.#slotOf(position) : ~position.count
      const until = found < 0 ? ~found : found
      builder.addSlots(position.memory, 0, position.slot, until)
      budget.left -= ENTRY_COST * (until - position.slot)
      position.slot = until
      if (!within) {
        this.#depth--
        return
      }
      if (found >= 0) {
        this.#tellReplaced(position, until)
        position.slot++
        this.#entries--
      }
      this.#applyPending(builder)
    }
  }

  /** Says what the pending entry takes the place of, unless it is a tombstone or the very same value. */
  #tellReplaced(position: Position, slot: number): void {
    const { replaced } = this.#options
    if (replaced === undefined) return
    const { bytes, words } = position.memory
    const descriptor = words[headIndex(0) + position.count + slot]!
    if (isTombstone(descriptor)) return
    const at = valueOffset(0, descriptor)
    const length = valueLength(descriptor)
    const { remove, value, valueAt, valueLength: newLength } = this.#source
    if (!remove && compareBytes(bytes, at, length, value, valueAt, newLength) === 0) return
    replaced(bytes, at, length)
  }

  #slotOf(position: Position): number {
    const { key, keyAt, keyLength } = this.#source
    return findSlot(position.memory, 0, position.slot, key, keyAt, keyLength)
  }

  /** Adds what the pending entry leaves under its key, and moves on. */
  #applyPending(builder: PageBuilder): void {
    const source = this.#source
    if (!source.remove) {
      builder.add(source.key, source.keyAt, source.keyLength, source.value, source.valueAt, source.valueLength, false)
      this.#entries++
    } else if (this.#options.keepTombstones) {
      builder.add(source.key, source.keyAt, source.keyLength, source.value, 0, 0, true)
      this.#entries++
    }
    this.#advance()
  }

  /** Entries of a tree that was empty. */
  *#appendRest(): Generator<"more", void, void> {
    if (this.#root !== undefined) return
    const builder = this.#builder(0)
    builder.startRun(this.#scratch.bytes, 0)
    while (this.#pending) {
      this.#applyPending(builder)
      if (this.#site.budget.left <= 0) yield "more"
    }
  }

  /** Closes the levels from the leaves up until one of them holds a single child: the root. */
  #finish(): void {
    for (let level = 0; level < this.#memory.levels; level++) {
      const builder = this.#builder(level)
      const only = level === 0 ? undefined : builder.onlyChild()
      if (only !== undefined && this.#isTopFrom(level + 1)) {
        const page = readU32(only.bytes, only.at)
        this.result = { page, checksum: readU32(only.bytes, only.at + 4), level: level - 1, entries: this.#entries, pages: 0 }
        break
      }
      builder.close(true)
    }
    if (this.result === undefined) {
      if (this.#entries !== 0) throw new Error("a merge lost entries")
      return
    }
    let pages = this.#pages
    for (let level = 0; level < this.#memory.levels; level++) pages += this.#builder(level).pages
    this.result = { ...this.result, pages }
  }

  /** Whether nothing was handed to the levels from `level` up. */
  #isTopFrom(level: number): boolean {
    for (let above = level; above < this.#memory.levels; above++) {
      const builder = this.#builder(above)
      if (!builder.isEmpty || builder.pages > 0) return false
    }
    return true
  }

  #position(index: number): Position {
    return this.#memory.position(index)
  }

  #builder(level: number): PageBuilder {
    return this.#memory.builder(level)
  }
}

function invalidEntry(message: string): Error {
  return indexFault({ _tag: "InvalidEntry", message })
}
