/** Keys and values by number, the same for every engine, and the numbers that a skewed workload asks for. */

/** `random`: scattered over all keys. `ordered`: as ids made by time are. */
export type KeyOrder = "random" | "ordered"

/** A fast generator of 32-bit numbers (xorshift), seeded, so that every engine gets the same ones. */
export class Numbers {
  #state: number

  constructor(seed: number) {
    this.#state = seed | 0 || 1
  }

  next(): number {
    this.#state ^= this.#state << 13
    this.#state ^= this.#state >>> 17
    this.#state ^= this.#state << 5
    return this.#state >>> 0
  }

  below(limit: number): number {
    return Math.floor((this.next() / 0x1_0000_0000) * limit)
  }
}

const mix = (seed: number): number => {
  let h = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** Key number `index`, a UUID: of version 4, scattered, or of version 7, ascending. In an array of its own unless one is given. */
export function keyOf(index: number, order: KeyOrder, key: Buffer = Buffer.allocUnsafeSlow(16)): Buffer {
  if (order === "random") {
    for (let word = 0; word < 4; word++) key.writeUInt32BE(mix(index * 4 + word + 1), word * 4)
  } else {
    key.writeUIntBE(1_700_000_000_000 + Math.floor(index / 100), 0, 6)
    key.writeUInt32BE(index % 100, 6)
    key.writeUInt32BE(mix(index), 8)
    key.writeUInt32BE(mix(index + 1), 12)
  }
  key[6] = (key[6]! & 0x0f) | (order === "random" ? 0x40 : 0x70)
  key[8] = (key[8]! & 0x3f) | 0x80
  return key
}

/** Values cut from a pool of bytes that do not compress. */
export class Values {
  readonly #pool: Buffer
  readonly #bytes: number

  constructor(bytes: number) {
    const numbers = new Numbers(7)
    this.#bytes = bytes
    this.#pool = Buffer.alloc(Math.max(1 << 20, bytes * 4))
    for (let at = 0; at + 4 <= this.#pool.length; at += 4) this.#pool.writeUInt32LE(numbers.next(), at)
  }

  of(index: number): Buffer {
    const at = (mix(index) % (this.#pool.length - this.#bytes)) & ~7
    return this.#pool.subarray(at, at + this.#bytes)
  }
}

/** Numbers below `count` of which few are asked for often: Zipf's law with the exponent 0.99 (Gray et al., SIGMOD 1994). */
export class Zipf {
  readonly #count: number
  readonly #zeta: number
  readonly #eta: number
  readonly #numbers: Numbers
  static readonly THETA = 0.99

  constructor(count: number, seed: number) {
    const { THETA } = Zipf
    let zeta = 0
    for (let rank = 1; rank <= count; rank++) zeta += 1 / rank ** THETA
    this.#count = count
    this.#zeta = zeta
    this.#eta = (1 - (2 / count) ** (1 - THETA)) / (1 - (1 + 0.5 ** THETA) / zeta)
    this.#numbers = new Numbers(seed)
  }

  /** A rank, 0 being asked for most. */
  rank(): number {
    const { THETA } = Zipf
    const u = this.#numbers.next() / 0x1_0000_0000
    const uz = u * this.#zeta
    if (uz < 1) return 0
    if (uz < 1 + 0.5 ** THETA) return 1
    return Math.min(this.#count - 1, Math.floor(this.#count * (this.#eta * u - this.#eta + 1) ** (1 / (1 - THETA))))
  }

  /** The same, with the ranks scattered over all numbers. */
  next(): number {
    return mix(this.rank()) % this.#count
  }
}
