/**
 * Sets and lists of page numbers without an object per page.
 *
 * Invariants
 * - A set is one bit per page of the file, a list four bytes per entry; both grow by doubling, up to the pages a file can have.
 */

/** Page numbers in the order they came. */
export class PageList {
  #numbers = new Uint32Array(64)
  length = 0

  get(index: number): number {
    return this.#numbers[index]!
  }

  push(page: number): void {
    if (this.length === this.#numbers.length) {
      const grown = new Uint32Array(this.length * 2)
      grown.set(this.#numbers)
      this.#numbers = grown
    }
    this.#numbers[this.length++] = page
  }
}

/** Page numbers as bits. */
export class PageSet {
  #bits = new Uint32Array(64)
  #size = 0

  /** How many pages are in the set. */
  get size(): number {
    return this.#size
  }

  has(page: number): boolean {
    const word = page >>> 5
    return word < this.#bits.length && ((this.#bits[word]! >>> (page & 31)) & 1) === 1
  }

  /** Whether the page was not in the set before. */
  add(page: number): boolean {
    const word = page >>> 5
    if (word >= this.#bits.length) {
      const grown = new Uint32Array(Math.max(word + 1, this.#bits.length * 2))
      grown.set(this.#bits)
      this.#bits = grown
    }
    const bit = 1 << (page & 31)
    if ((this.#bits[word]! & bit) !== 0) return false
    this.#bits[word] = this.#bits[word]! | bit
    this.#size++
    return true
  }

  /** Whether the page was in the set. */
  delete(page: number): boolean {
    if (!this.has(page)) return false
    const word = page >>> 5
    this.#bits[word] = this.#bits[word]! & ~(1 << (page & 31))
    this.#size--
    return true
  }

  /** The first page of the set at or above `from`, or 0 when there is none (page 0 never is one). */
  next(from: number): number {
    let word = from >>> 5
    if (word >= this.#bits.length) return 0
    let bits = this.#bits[word]! & (-1 << (from & 31))
    while (bits === 0) {
      if (++word === this.#bits.length) return 0
      bits = this.#bits[word]!
    }
    return word * 32 + (31 - Math.clz32(bits & -bits))
  }

  /** The first page at or above `from` that is not in the set. */
  nextAbsent(from: number): number {
    let word = from >>> 5
    if (word >= this.#bits.length) return from
    let bits = ~this.#bits[word]! & (-1 << (from & 31))
    while (bits === 0) {
      if (++word === this.#bits.length) return word * 32
      bits = ~this.#bits[word]!
    }
    return word * 32 + (31 - Math.clz32(bits & -bits))
  }
}
