/**
 * The transaction as Query and Wasm see it: reads and writes through the overlay, ids, savepoints, and the end.
 *
 * Invariants
 * - Between its begin and its end nothing else writes. Whatever ends it (commit, a failing commit, rollback), every later use is a
 *   TransactionOver fault.
 */
import { formatKey, keyOf } from "../Bson/Key.ts"
import * as Type from "../Bson/Type.ts"
import { documentEnd, fieldName, findElement, firstElement, nextElement, valueOffset } from "../Bson/View.ts"
import type { Catalog, CatalogStore } from "./Catalog.ts"
import { IndexCursor, StoreCursor } from "./Cursors.ts"
import { requireReady } from "./EngineSnapshot.ts"
import { VERSION_MAX } from "./MemtableLayout.ts"
import type { Overlay } from "./Overlay.ts"
import {
  type Direction,
  type DocumentCursor,
  type DocumentView,
  type EntryCursor,
  type Range,
  type Reader,
  type Store,
  type StoreIndex,
  type Transaction,
  type TreeSize
} from "./Reader.ts"
import { storageFault } from "./Reasons.ts"

/** What a transaction needs from the engine. */
export interface TransactionHost {
  /** Writes a fresh 16-byte key. */
  readonly generateKey: (into: Uint8Array) => void
  readonly commit: () => number
  readonly rollback: () => void
}

const ID = fieldName("_id")

export class EngineTransaction implements Transaction {
  readonly lsn: number
  readonly #host: TransactionHost
  readonly #overlay: Overlay
  readonly #catalog: Catalog
  #isOver = false
  readonly #check = (): void => {
    if (this.#isOver) throw storageFault({ _tag: "TransactionOver" })
  }

  /** `lsn`: the newest commit it sees; `catalog`: the stores as of then. */
  constructor(host: TransactionHost, overlay: Overlay, catalog: Catalog, lsn: number) {
    this.#host = host
    this.#overlay = overlay
    this.#catalog = catalog
    this.lsn = lsn
  }

  get writes(): number {
    return this.#overlay.writes
  }

  get(store: Store, key: Uint8Array, keyAt: number, out: DocumentView): boolean {
    if (this.#isOver) this.#check()
    return this.#overlay.get(store.id, key, keyAt, VERSION_MAX, out)
  }

  find(store: Store, key: Uint8Array, keyAt: number, out: DocumentView): boolean {
    if (this.#isOver) this.#check()
    return this.#overlay.find(store.id, key, keyAt, VERSION_MAX, out)
  }

  read(out: DocumentView): void {
    if (this.#isOver) this.#check()
    this.#overlay.read(out)
  }

  documents(store: Store, range: Range | undefined, direction: Direction): DocumentCursor {
    return this.#documents(store, this.#overlay.sequence, range, direction)
  }

  entries(index: StoreIndex, range: Range | undefined, direction: Direction): EntryCursor {
    return this.#entries(index, this.#overlay.sequence, range, direction)
  }

  size(tree: Store | StoreIndex): TreeSize {
    this.#check()
    return this.#overlay.size(tree.id)
  }

  statement(): Reader {
    this.#check()
    const sequence = this.#overlay.sequence
    return {
      lsn: this.lsn,
      get: (store, key, keyAt, out) => {
        this.#check()
        return this.#overlay.get(store.id, key, keyAt, sequence, out)
      },
      find: (store, key, keyAt, out) => {
        this.#check()
        return this.#overlay.find(store.id, key, keyAt, sequence, out)
      },
      read: (out) => this.read(out),
      documents: (store, range, direction) => this.#documents(store, sequence, range, direction),
      entries: (index, range, direction) => this.#entries(index, sequence, range, direction),
      size: (tree) => this.size(tree)
    }
  }

  put(store: Store, key: Uint8Array, bytes: Uint8Array, at: number): "inserted" | "replaced" {
    this.#check()
    return this.#overlay.put(this.#known(store), key, 0, bytes, at) ? "replaced" : "inserted"
  }

  overwrite(store: Store, key: Uint8Array, bytes: Uint8Array, at: number): void {
    this.#check()
    this.#overlay.overwrite(this.#known(store), key, 0, bytes, at)
  }

  delete(store: Store, key: Uint8Array): boolean {
    this.#check()
    return this.#overlay.delete(this.#known(store), key, 0)
  }

  insert(store: Store, bytes: Uint8Array, at: number, key: Uint8Array): void {
    this.#check()
    const known = this.#known(store)
    const idAt = findElement(bytes, at, ID)
    if (idAt === -1) this.#makeKey(known, key)
    else key.set(keyOf(known.definition.idKind, bytes[idAt]!, bytes, valueOffset(bytes, idAt)))
    const isAdded =
      idAt === firstElement(at)
        ? this.#overlay.add(known, key, 0, bytes, at)
        : this.#overlay.add(known, key, 0, this.#withId(known, key, bytes, at, idAt), 0)
    if (!isAdded) throw storageFault({ _tag: "DuplicateKey", store: known.definition.name, key: formatKey(key, 0) })
  }

  savepoint(): number {
    this.#check()
    return this.#overlay.sequence
  }

  rollbackTo(savepoint: number): void {
    this.#check()
    this.#overlay.rollbackTo(savepoint)
  }

  endStatement(): void {
    this.#check()
    this.#overlay.checkUnique()
  }

  commit(): number {
    this.#check()
    this.#isOver = true
    return this.#host.commit()
  }

  rollback(): void {
    this.#check()
    this.#isOver = true
    this.#host.rollback()
  }

  #documents(store: Store, sequence: number, range: Range | undefined, direction: Direction): DocumentCursor {
    this.#check()
    return new StoreCursor(this.#overlay.cursor(store.id, sequence, range, direction), this.#check)
  }

  #entries(index: StoreIndex, sequence: number, range: Range | undefined, direction: Direction): EntryCursor {
    this.#check()
    requireReady(this.#catalog, index, this.lsn)
    return new IndexCursor(this.#overlay.cursor(index.id, sequence, range, direction), this.#check)
  }

  /** The store as it is now: the caller's object may be from before a change of its indexes. */
  #known(store: Store): CatalogStore {
    const known = this.#catalog.storeById(store.id)
    if (known === undefined) throw storageFault({ _tag: "UnknownStore", store: store.definition.name })
    return known
  }

  #makeKey(store: CatalogStore, key: Uint8Array): void {
    const { idKind, name } = store.definition
    if (idKind !== "key" && idKind !== "uuid") {
      throw storageFault({
        _tag: "IdMissing",
        store: name,
        message: `documents of ${name} need an _id: ids of kind ${idKind} are not made`
      })
    }
    this.#host.generateKey(key)
  }

  /** The document with its id, the given or the made one, in front: at the start of an array that the next one overwrites. */
  #withId(store: CatalogStore, key: Uint8Array, bytes: Uint8Array, at: number, idAt: number): Uint8Array {
    const writer = this.#overlay.draft
    writer.reset()
    const start = writer.beginDocument()
    if (idAt !== -1) {
      writer.copyElement(bytes, idAt)
    } else {
      writer.name(Type.BINARY, ID)
      if (store.definition.idKind === "key") writer.key(key, 0)
      else writer.binary(key.subarray(0, 16), Type.UUID_SUBTYPE)
    }
    const first = firstElement(at)
    const end = documentEnd(bytes, at)
    const cut = idAt === -1 ? end : idAt
    writer.raw(bytes, first, cut - first)
    if (idAt !== -1) {
      const behind = nextElement(bytes, idAt)
      writer.raw(bytes, behind, end - behind)
    }
    writer.endDocument(start)
    return writer.bytes
  }
}
