/**
 * The catalog: tree number 0, which says where all other trees begin and keeps what Storage wants to move together with them.
 *
 * Invariants
 * - A key begins with its kind. ROOT: tree (u32 big-endian), place in the list (u16 big-endian, 0 = newest); ENTRY: the caller's key.
 * - A value of an ENTRY begins with where the rest is: INLINE, the bytes follow; CHAINED, page, checksum and length of a blob follow.
 */
import type { ChainPointer } from "./Chain.ts"
import type { EntrySource } from "./Entry.ts"
import {
  KEY_BYTES_MAX,
  VALUE_BYTES_MAX,
  compareBytes,
  readU16,
  readU32,
  readU32BigEndian,
  readU64,
  writeU16,
  writeU32,
  writeU32BigEndian,
  writeU64
} from "./Layout.ts"
import type { TreeCursor } from "./TreeCursor.ts"
import type { Root } from "./Version.ts"

/** Kinds of catalog keys. */
export const ROOT = 1
export const ENTRY = 2
const INLINE = 0
const CHAINED = 1

/** Longest key of a catalog entry. */
export const ENTRY_KEY_BYTES_MAX = KEY_BYTES_MAX - 1
/** Longest value of a catalog entry. */
export const ENTRY_VALUE_BYTES_MAX = 1024 * 1024

export const ROOT_KEY_BYTES = 7
export const ROOT_VALUE_BYTES = 22

/** One change of the catalog; without a value the key goes. */
export interface CatalogChange {
  readonly key: Uint8Array
  readonly value: Uint8Array | undefined
}

export function rootKey(treeId: number, place: number): Uint8Array {
  const key = new Uint8Array(ROOT_KEY_BYTES)
  key[0] = ROOT
  writeU32BigEndian(key, 1, treeId)
  key[5] = place >>> 8
  key[6] = place
  return key
}

/** page u32, checksum u32, level u16, entries u64, pages u32. */
export function encodeRoot(root: Root): Uint8Array {
  const value = new Uint8Array(ROOT_VALUE_BYTES)
  writeU32(value, 0, root.page)
  writeU32(value, 4, root.checksum)
  writeU16(value, 8, root.level)
  writeU64(value, 10, root.entries)
  writeU32(value, 18, root.pages)
  return value
}

export function decodeRoot(bytes: Uint8Array, at: number): Root {
  return {
    page: readU32(bytes, at),
    checksum: readU32(bytes, at + 4),
    level: readU16(bytes, at + 8),
    entries: readU64(bytes, at + 10),
    pages: readU32(bytes, at + 18)
  }
}

/** Every tree of a catalog with its roots. */
export function readRoots(cursor: TreeCursor): Map<number, ReadonlyArray<Root>> {
  const trees = new Map<number, Array<Root>>()
  const low = Uint8Array.of(ROOT)
  for (let on = cursor.seekAtLeast(low, 0, 1); on && cursor.key[0] === ROOT; on = cursor.next()) {
    const { key, value } = cursor
    const treeId = readU32BigEndian(key, 1)
    const root = decodeRoot(value, 0)
    const roots = trees.get(treeId)
    if (roots === undefined) trees.set(treeId, [root])
    else roots.push(root)
  }
  return trees
}

export function entryKey(key: Uint8Array): Uint8Array {
  const stored = new Uint8Array(key.length + 1)
  stored[0] = ENTRY
  stored.set(key, 1)
  return stored
}

export function isInlineLength(length: number): boolean {
  return length < VALUE_BYTES_MAX
}

export function inlineValue(value: Uint8Array): Uint8Array {
  const stored = new Uint8Array(value.length + 1)
  stored[0] = INLINE
  stored.set(value, 1)
  return stored
}

export function chainedValue(pointer: ChainPointer, length: number): Uint8Array {
  const stored = new Uint8Array(13)
  stored[0] = CHAINED
  writeU32(stored, 1, pointer.page)
  writeU32(stored, 5, pointer.checksum)
  writeU32(stored, 9, length)
  return stored
}

/** Where the blob of a stored value is, or undefined when the value is inline. */
export function chainOf(bytes: Uint8Array, at: number): (ChainPointer & { readonly length: number }) | undefined {
  if (bytes[at] !== CHAINED) return undefined
  return { page: readU32(bytes, at + 1), checksum: readU32(bytes, at + 5), length: readU32(bytes, at + 9) }
}

/** Changes of the catalog as a source, in key order. */
export class ChangeSource implements EntrySource {
  readonly #changes: ReadonlyArray<CatalogChange>
  #index = -1
  key: Uint8Array = new Uint8Array(0)
  readonly keyAt = 0
  value: Uint8Array = new Uint8Array(0)
  readonly valueAt = 0
  remove = false

  constructor(changes: ReadonlyArray<CatalogChange>) {
    this.#changes = changes.toSorted((a, b) => compareBytes(a.key, 0, a.key.length, b.key, 0, b.key.length))
  }

  get keyLength(): number {
    return this.key.length
  }

  get valueLength(): number {
    return this.value.length
  }

  next(): boolean {
    const change = this.#changes[++this.#index]
    if (change === undefined) return false
    this.key = change.key
    this.remove = change.value === undefined
    if (change.value !== undefined) this.value = change.value
    return true
  }
}
