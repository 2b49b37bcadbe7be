/**
 * The keys of ids that were hashed lately: SHA-256 of a short text costs as much as finding its document.
 *
 * Invariants
 * - A key is told only for exactly the bytes it was made of.
 * - An id has one of two places, where a later one takes the place of an earlier one. At most `PLACES` are kept, about 1 MiB.
 */

/** A power of two. */
export const PLACES = 1 << 14
/** Longer ids are hashed each time. */
export const ID_BYTES_MAX = 46
/** Kind, length, the id. */
const ID_ROOM = 2 + ID_BYTES_MAX

export class KeyMemo {
  readonly #keyBytes: number
  #ids = new Uint8Array(0)
  #keys = new Uint8Array(0)

  constructor(keyBytes: number) {
    this.#keyBytes = keyBytes
  }

  /** Writes the key of an id of this kind to `into`; false when it is not known. */
  find(kind: number, bytes: Uint8Array, at: number, length: number, into: Uint8Array): boolean {
    const ids = this.#ids
    if (length > ID_BYTES_MAX || ids.length === 0) return false
    let place = placeOf(bytes, at, length)
    if (!this.#isAt(place, kind, bytes, at, length) && !this.#isAt(++place, kind, bytes, at, length)) return false
    const keyBytes = this.#keyBytes
    const keyAt = place * keyBytes
    for (let index = 0; index < keyBytes; index++) into[index] = this.#keys[keyAt + index]!
    return true
  }

  add(kind: number, bytes: Uint8Array, at: number, length: number, key: Uint8Array): void {
    if (length > ID_BYTES_MAX) return
    if (this.#ids.length === 0) {
      this.#ids = new Uint8Array(PLACES * ID_ROOM)
      this.#keys = new Uint8Array(PLACES * this.#keyBytes)
    }
    const place = placeOf(bytes, at, length)
    const idAt = place * ID_ROOM
    // What was in the first place moves on to the second, and what was there goes.
    this.#ids.copyWithin(idAt + ID_ROOM, idAt, idAt + ID_ROOM)
    this.#keys.copyWithin((place + 1) * this.#keyBytes, place * this.#keyBytes, (place + 1) * this.#keyBytes)
    this.#ids[idAt] = kind
    this.#ids[idAt + 1] = length
    this.#ids.set(bytes.subarray(at, at + length), idAt + 2)
    this.#keys.set(key, place * this.#keyBytes)
  }

  #isAt(place: number, kind: number, bytes: Uint8Array, at: number, length: number): boolean {
    const ids = this.#ids
    const idAt = place * ID_ROOM
    if (ids[idAt] !== kind || ids[idAt + 1] !== length) return false
    for (let index = 0; index < length; index++) if (ids[idAt + 2 + index] !== bytes[at + index]) return false
    return true
  }
}

/** The first of two places, by FNV-1a (Fowler, Noll, Vo), its upper half folded in. */
function placeOf(bytes: Uint8Array, at: number, length: number): number {
  let hash = 0x811c_9dc5
  for (let index = 0; index < length; index++) hash = Math.imul(hash ^ bytes[at + index]!, 0x0100_0193)
  return (hash ^ (hash >>> 16)) & (PLACES - 2)
}
