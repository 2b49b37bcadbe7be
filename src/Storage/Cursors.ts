/** The cursors that readers hand out, over a merged walk. */
import type { MergedCursor } from "./MergedCursor.ts"
import { type DocumentCursor, DocumentView, type EntryCursor, type EntryView, KEY_BYTES } from "./Reader.ts"

/** Throws when the reader a cursor came from may no longer be read. */
export type AliveCheck = () => void

export class StoreCursor implements DocumentCursor {
  readonly #walk: MergedCursor
  readonly #check: AliveCheck
  readonly #view = new DocumentView()
  readonly #key = new Uint8Array(KEY_BYTES)
  #hasKey = false
  #isShown = false
  #isClosed = false

  constructor(walk: MergedCursor, check: AliveCheck) {
    this.#walk = walk
    this.#check = check
  }

  /** The key, copied when first asked for. */
  get key(): Uint8Array {
    if (!this.#hasKey) {
      const { keyAt, keyBytes } = this.#walk.current
      for (let index = 0; index < KEY_BYTES; index++) this.#key[index] = keyBytes[keyAt + index]!
      this.#hasKey = true
    }
    return this.#key
  }

  /** The document, read when first asked for. */
  get document(): DocumentView {
    if (!this.#isShown) {
      this.#check()
      this.#walk.current.read(this.#view)
      this.#isShown = true
    }
    return this.#view
  }

  get place(): DocumentView {
    if (!this.#isShown) {
      this.#check()
      this.#walk.current.find(this.#view)
      this.#isShown = this.#view.isRead
    }
    return this.#view
  }

  next(): boolean {
    if (this.#isClosed) return false
    this.#check()
    this.#isShown = false
    this.#hasKey = false
    if (!this.#walk.next()) {
      this.#isClosed = true
      return false
    }
    return true
  }

  close(): void {
    this.#isClosed = true
  }
}

export class IndexCursor implements EntryCursor {
  readonly #walk: MergedCursor
  readonly #check: AliveCheck
  readonly #entry: { bytes: Uint8Array; at: number; length: number } = { bytes: new Uint8Array(0), at: 0, length: 0 }
  #isClosed = false

  constructor(walk: MergedCursor, check: AliveCheck) {
    this.#walk = walk
    this.#check = check
  }

  get entry(): EntryView {
    return this.#entry
  }

  next(): boolean {
    if (this.#isClosed) return false
    this.#check()
    if (!this.#walk.next()) {
      this.#isClosed = true
      return false
    }
    const current = this.#walk.current
    this.#entry.bytes = current.keyBytes
    this.#entry.at = current.keyAt
    this.#entry.length = current.keyLength
    return true
  }

  close(): void {
    this.#isClosed = true
  }
}
