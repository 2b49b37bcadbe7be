/**
 * A small seeded generator (mulberry32): the same seed gives the same sequence on every machine, which is what makes a simulated
 * failure repeatable. Not for salts, keys or secrets.
 */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** The next u32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }

  /** An integer from 0 up to but not including `limit`. */
  below(limit: number): number {
    return Math.floor((this.next() / 0x1_0000_0000) * limit)
  }

  /** `true` with this probability, from 0 to 1. */
  chance(probability: number): boolean {
    return this.next() / 0x1_0000_0000 < probability
  }

  /** Fills `into` with bytes. */
  fillBytes(into: Uint8Array): void {
    for (let index = 0; index < into.length; index++) into[index] = this.next() & 0xff
  }
}
