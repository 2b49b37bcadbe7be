/** Keys and new places of the documents of one batch, in the order of (store, key), and as changes to the trees. */
import type { EntrySource } from "../Index/Entry.ts"
import { KEY_BYTES } from "./Reader.ts"
import { type Location, LOCATION_BYTES } from "./TreeSource.ts"

export class MovedEntries {
  readonly #stores: Uint32Array
  readonly #keys: Uint8Array
  readonly #places: Uint8Array
  #count = 0

  constructor(entriesMax: number) {
    this.#stores = new Uint32Array(entriesMax)
    this.#keys = new Uint8Array(entriesMax * KEY_BYTES)
    this.#places = new Uint8Array(entriesMax * LOCATION_BYTES)
  }

  get count(): number {
    return this.#count
  }

  clear(): void {
    this.#count = 0
  }

  add(store: number, key: Uint8Array, keyAt: number, place: Location): void {
    const index = this.#count++
    this.#stores[index] = store
    for (let i = 0; i < KEY_BYTES; i++) this.#keys[index * KEY_BYTES + i] = key[keyAt + i]!
    place.write(this.#places, index * LOCATION_BYTES)
  }

  /** The stores that have entries, in order. */
  *stores(): Generator<number, void, void> {
    for (let index = 0; index < this.#count; index++) {
      if (index === 0 || this.#stores[index] !== this.#stores[index - 1]) yield this.#stores[index]!
    }
  }

  /** The lowest key of a store. */
  firstKey(store: number): Uint8Array {
    const at = this.#stores.subarray(0, this.#count).indexOf(store) * KEY_BYTES
    return this.#keys.subarray(at, at + KEY_BYTES)
  }

  /** The entries of a store. */
  source(store: number): EntrySource {
    const first = this.#stores.subarray(0, this.#count).indexOf(store)
    let end = first
    while (end < this.#count && this.#stores[end] === store) end++
    return new MovedSource(this.#keys, this.#places, first, end)
  }
}

class MovedSource implements EntrySource {
  readonly key: Uint8Array
  readonly value: Uint8Array
  readonly keyLength = KEY_BYTES
  readonly valueLength = LOCATION_BYTES
  readonly remove = false
  #index: number
  readonly #end: number

  constructor(keys: Uint8Array, places: Uint8Array, first: number, end: number) {
    this.key = keys
    this.value = places
    this.#index = first - 1
    this.#end = end
  }

  get keyAt(): number {
    return this.#index * KEY_BYTES
  }

  get valueAt(): number {
    return this.#index * LOCATION_BYTES
  }

  next(): boolean {
    return ++this.#index < this.#end
  }
}
