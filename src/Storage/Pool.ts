/**
 * Bytes that several owners share: how many each has, and who may take more.
 *
 * Invariants
 * - A quarter is divided evenly: what an owner has up to its sure part is never refused. The rest goes to whoever asks for it, and comes back
 *   when it is given back. So one owner alone may have everything, and together they have no more than `bytesMax`, except for what was
 *   taken without asking because it could not be refused any more.
 * - Whoever was told that there is no room hears of it when something is given back.
 */

/** Share that is divided among the owners. */
const SURE_SHARE = 1 / 4

export interface PartOptions {
  /** Gives back what its owner can do without at once, because another one needs it. Default: nothing. */
  readonly reclaim?: () => void
  /** Called when something was given back after anybody was refused. */
  readonly roomMade?: () => void
}

export class Pool {
  readonly bytesMax: number
  readonly #parts = new Set<Part>()
  /** What all have beyond their sure parts; unknown after a change. */
  #excessBytes: number | undefined = 0
  /** Whether anybody was refused since something was given back. */
  isWanted = false

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax
  }

  get count(): number {
    return this.#parts.size
  }

  get heldBytes(): number {
    let bytes = 0
    for (const part of this.#parts) bytes += part.heldBytes
    return bytes
  }

  /** Another owner, with nothing. What is sure to the others becomes less. */
  join(options: PartOptions = {}): Part {
    const part = new Part(this, options)
    this.#parts.add(part)
    this.#excessBytes = undefined
    return part
  }

  /** For `Part`. */
  leave(part: Part): void {
    if (!this.#parts.delete(part)) return
    this.changed(true)
  }

  /** For `Part`: whether it may have `bytes` more. */
  hasRoom(part: Part, bytes: number): boolean {
    if (this.#fits(part, bytes)) return true
    for (const other of this.#parts) if (other !== part) other.options.reclaim?.()
    if (this.#fits(part, bytes)) return true
    this.isWanted = true
    return false
  }

  /** For `Part`: what it has is another number of bytes now. */
  changed(isLess: boolean): void {
    this.#excessBytes = undefined
    if (!isLess || !this.isWanted) return
    this.isWanted = false
    for (const part of this.#parts) part.options.roomMade?.()
  }

  #fits(part: Part, bytes: number): boolean {
    const sureBytes = (this.bytesMax * SURE_SHARE) / Math.max(1, this.#parts.size)
    const more = part.heldBytes + bytes - sureBytes
    if (more <= 0) return true
    if (this.#excessBytes === undefined) {
      this.#excessBytes = 0
      for (const { heldBytes } of this.#parts) this.#excessBytes += Math.max(0, heldBytes - sureBytes)
    }
    const own = Math.max(0, part.heldBytes - sureBytes)
    return this.#excessBytes - own + more <= this.bytesMax * (1 - SURE_SHARE)
  }
}

export class Part {
  heldBytes = 0
  readonly options: PartOptions
  readonly #pool: Pool

  /** Use `Pool.join`. */
  constructor(pool: Pool, options: PartOptions) {
    this.#pool = pool
    this.options = options
  }

  /** Whether there are other owners. */
  get isShared(): boolean {
    return this.#pool.count > 1
  }

  /** Whether anybody waits for something to be given back. */
  get isWanted(): boolean {
    return this.#pool.isWanted
  }

  /** What would be its own if all were divided evenly. */
  get fairBytes(): number {
    return this.#pool.bytesMax / Math.max(1, this.#pool.count)
  }

  /** Whether it may take `bytes` more. When not, the others were asked to give back what they can, and `roomMade` will be called. */
  hasRoom(bytes: number): boolean {
    return this.#pool.hasRoom(this, bytes)
  }

  take(bytes: number): void {
    this.heldBytes += bytes
    this.#pool.changed(false)
  }

  give(bytes: number): void {
    this.heldBytes -= bytes
    this.#pool.changed(true)
  }

  /** Gives up everything, for ever. */
  leave(): void {
    this.#pool.leave(this)
  }
}
