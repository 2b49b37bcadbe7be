/**
 * One ordered walk over several sources: overlay, active memtable, frozen memtables, trees.
 *
 * Invariants
 * - Sources are ordered from newest to oldest. Where several have a key, the newest decides, also that the key is deleted.
 * - The range is half-open: `lower` is its first possible key, `upper` the first key beyond it; either may be missing.
 */
import type { Direction } from "./Reader.ts"
import { DELETE } from "./MemtableLayout.ts"
import { compareBytes, type SourceCursor } from "./SourceCursor.ts"

export class MergedCursor {
  readonly #sources: Array<SourceCursor>
  readonly #direction: Direction
  readonly #lower: Uint8Array | undefined
  readonly #upper: Uint8Array | undefined
  #current: SourceCursor | undefined
  #isStarted = false

  constructor(sources: Array<SourceCursor>, direction: Direction, lower: Uint8Array | undefined, upper: Uint8Array | undefined) {
    this.#sources = sources
    this.#direction = direction
    this.#lower = lower
    this.#upper = upper
  }

  /** The source that has the current key. Only after a `next()` that returned true. */
  get current(): SourceCursor {
    return this.#current!
  }

  /** Moves to the next key that is not deleted; false at the end of the range. */
  next(): boolean {
    if (!this.#isStarted) this.#start()
    else if (this.#current !== undefined) this.#current.advance()
    for (;;) {
      const candidate = this.#choose()
      if (candidate === undefined || this.#isOutside(candidate)) {
        this.#current = undefined
        return false
      }
      if (candidate.kind !== DELETE) {
        this.#current = candidate
        return true
      }
      candidate.advance()
    }
  }

  #start(): void {
    this.#isStarted = true
    const bound = this.#direction === 1 ? this.#lower : this.#upper
    for (const source of this.#sources) source.seek(bound)
    for (let i = this.#sources.length - 1; i >= 0; i--) if (this.#sources[i]!.kind === 0) this.#sources.splice(i, 1)
  }

  /** The source whose key comes next; sources that have the same key but are older move on. */
  #choose(): SourceCursor | undefined {
    const sources = this.#sources
    if (sources.length === 1) return sources[0]!.kind === 0 ? undefined : sources[0]
    let best: SourceCursor | undefined
    for (const source of sources) {
      if (source.kind === 0) continue
      if (best === undefined) {
        best = source
        continue
      }
      const order =
        compareBytes(source.keyBytes, source.keyAt, source.keyLength, best.keyBytes, best.keyAt, best.keyLength) * this.#direction
      if (order < 0) best = source
      else if (order === 0) source.advance()
    }
    return best
  }

  #isOutside(source: SourceCursor): boolean {
    if (this.#direction === 1) {
      const upper = this.#upper
      return upper !== undefined && compareBytes(source.keyBytes, source.keyAt, source.keyLength, upper, 0, upper.length) >= 0
    }
    const lower = this.#lower
    return lower !== undefined && compareBytes(source.keyBytes, source.keyAt, source.keyLength, lower, 0, lower.length) < 0
  }
}

/**
 * The smallest byte string above everything that starts with `prefix`; undefined when there is none.
 *
 * @example
 * ```ts
 * successor(new Uint8Array([1, 255])) // => new Uint8Array([2])
 * ```
 */
export function successor(prefix: Uint8Array): Uint8Array | undefined {
  let length = prefix.length
  while (length > 0 && prefix[length - 1] === 255) length--
  if (length === 0) return undefined
  const next = prefix.slice(0, length)
  next[length - 1]! += 1
  return next
}
