/**
 * What a database must hold, written down beside it: plain maps, one state for every LSN. Nothing of the engine is in it; documents are
 * read and written by the `bson` package.
 *
 * Invariants
 * - A state never changes once it is in the history; the next one shares the stores that stayed as they were.
 */
import { createHash } from "node:crypto"
import type { StoreDefinition } from "../../src/Schema/Definition.ts"

export interface StoredDocument {
  readonly key: Uint8Array
  /** BSON, as it was written and as it has to come back. */
  readonly bytes: Uint8Array
  readonly fields: Readonly<Record<string, unknown>>
}

/** A store as it should be; documents by their key in hex. */
export interface StoreState {
  readonly definition: StoreDefinition
  readonly documents: ReadonlyMap<string, StoredDocument>
}

export type State = ReadonlyMap<string, StoreState>

const EMPTY: State = new Map()

export const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex")

/** One hash over all documents of all stores: equal for equal content, whatever way led there. Stores without documents do not count. */
export function digestOf(stores: Iterable<readonly [string, ReadonlyMap<string, { readonly bytes: Uint8Array }>]>): string {
  const hash = createHash("sha1")
  for (const [name, documents] of [...stores].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (documents.size === 0) continue
    hash.update(`${name}:`)
    for (const key of [...documents.keys()].toSorted()) hash.update(key).update(documents.get(key)!.bytes)
  }
  return hash.digest("hex")
}

export function stateDigest(state: State): string {
  return digestOf([...state].map(([name, { documents }]) => [name, documents] as const))
}

/** The states of a database by LSN. */
export class History {
  /** Stores that got other names, and at which LSN. */
  #renames: Array<{ readonly lsn: number; readonly names: ReadonlyMap<string, string> }> = []
  /** Stores that were dropped, and at which LSN. */
  #drops: Array<{ readonly lsn: number; readonly store: string }> = []
  #states: Array<{ readonly lsn: number; readonly state: State }> = [{ lsn: 0, state: EMPTY }]

  /** From `lsn` on the database holds this. */
  record(lsn: number, state: State): void {
    this.forgetAfter(lsn - 1)
    this.#states.push({ lsn, state })
  }

  /** What came after `lsn` is lost. */
  forgetAfter(lsn: number): void {
    while (this.#states.length > 1 && this.#states.at(-1)!.lsn > lsn) this.#states.pop()
    this.#renames = this.#renames.filter((it) => it.lsn <= lsn)
    this.#drops = this.#drops.filter((it) => it.lsn <= lsn)
  }

  /** At `lsn`, which is recorded already, stores got other names. */
  rename(lsn: number, names: ReadonlyMap<string, string>): void {
    this.#renames.push({ lsn, names })
  }

  /** At `lsn`, which is recorded already, a store was dropped. */
  drop(lsn: number, store: string): void {
    this.#drops.push({ lsn, store })
  }

  /** Whether a store of that name was dropped. */
  wasDropped(store: string): boolean {
    return this.#drops.some((it) => it.store === store)
  }

  /** The state as of `lsn`. */
  at(lsn: number): State {
    return this.#states.findLast((it) => it.lsn <= lsn)!.state
  }

  /** The state as of `lsn`, with every store under the name that it has now, and without those that are dropped: a new one of the name is empty. */
  seenAt(lsn: number): State {
    let state = this.at(lsn)
    const dropped = new Set(this.#drops.filter((it) => it.lsn > lsn).map(({ store }) => store))
    if (dropped.size > 0) state = new Map([...state].filter(([name]) => !dropped.has(name)))
    for (const { lsn: renamedLsn, names } of this.#renames)
      if (renamedLsn > lsn) state = new Map([...state].map(([name, it]) => [names.get(name) ?? name, it]))
    return state
  }

  get latest(): State {
    return this.#states.at(-1)!.state
  }

  get newestLsn(): number {
    return this.#states.at(-1)!.lsn
  }

  /** The LSN of the newest change of names; 0 when there was none. */
  get renamedLsn(): number {
    return this.#renames.at(-1)?.lsn ?? 0
  }

  /** Says what another one says now. */
  follow(other: History): void {
    this.#states = other.#states.slice()
    this.#renames = other.#renames.slice()
    this.#drops = other.#drops.slice()
  }
}

/** A state being changed by a transaction: copies what it touches, once. */
export class Draft {
  readonly #base: State
  readonly #changed = new Map<string, Map<string, StoredDocument>>()

  constructor(base: State) {
    this.#base = base
  }

  documents(store: string): ReadonlyMap<string, StoredDocument> {
    return this.#changed.get(store) ?? this.#base.get(store)!.documents
  }

  definition(store: string): StoreDefinition {
    return this.#base.get(store)!.definition
  }

  put(store: string, document: StoredDocument): void {
    this.#writable(store).set(hexOf(document.key), document)
  }

  delete(store: string, key: Uint8Array): void {
    this.#writable(store).delete(hexOf(key))
  }

  /** The state with all changes so far; it does not follow later ones. */
  state(): State {
    const state = new Map(this.#base)
    for (const [name, documents] of this.#changed) state.set(name, { ...state.get(name)!, documents: new Map(documents) })
    return state
  }

  #writable(store: string): Map<string, StoredDocument> {
    let documents = this.#changed.get(store)
    if (documents === undefined) this.#changed.set(store, (documents = new Map(this.documents(store))))
    return documents
  }
}
