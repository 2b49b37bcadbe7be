/**
 * Frames for pages in one arena, for the caches of one index file or of all that a process has open; replaced by CLOCK, whosever page it is.
 *
 * Invariants
 * - A frame has at most one page, of one cache; `owners` says whose. Page numbers alone do not tell caches apart.
 * - A frame that was emptied is filled before one that never was: memory that is touched for the first time is dear. `free` names a frame and
 *   `fill` takes it, so a page that could not be read costs none.
 * - Of a cache that has no more than its sure part no other takes a frame: however much one reads, the rest keep something. The sure parts
 *   are a quarter of all frames together, so the hand always finds one.
 */
import { PAGE_BYTES, type PageMemory, pageMemory } from "./Layout.ts"

/** Fewest frames: more than a cursor, a merge and a tree's height need at once. */
export const FRAMES_MIN = 64
/** Most frames: the arena stays below 2 GiB, so that offsets in it are small integers. */
export const FRAMES_MAX = 262_143
/** Most caches at once: owners are told apart by a byte, in which 0 is nobody. */
export const CACHES_MAX = 255
/** Share of the frames that is divided among the caches; the rest goes to whoever reads. */
const SURE_SHARE = 1 / 4

/** What has pages in frames. */
export interface FrameOwner {
  /** Forgets a page, for its frame is needed. */
  drop(page: number): void
}

interface Cache {
  readonly owner: FrameOwner
  frames: number
}

export class PageFrames {
  readonly memory: PageMemory
  /** Frame → page, 0 when empty. */
  readonly pages: Uint32Array
  /** Frame → number of its cache, 0 when empty. */
  readonly owners: Uint8Array
  readonly referenced: Uint8Array
  readonly #caches = new Array<Cache | undefined>(CACHES_MAX + 1)
  /** Frames of each cache that no other takes. */
  #sureFrames = 0
  #count = 0
  #hand = 0
  /** Frames that had a page and are empty, the one emptied last on top. From `#untouched` on no frame ever had one. */
  readonly #emptied: Uint32Array
  #emptiedCount = 0
  #untouched = 0

  constructor(cacheBytes: number) {
    const frames = Math.min(FRAMES_MAX, Math.max(FRAMES_MIN, Math.floor(cacheBytes / PAGE_BYTES)))
    this.memory = pageMemory(frames)
    this.pages = new Uint32Array(frames)
    this.owners = new Uint8Array(frames)
    this.referenced = new Uint8Array(frames)
    this.#emptied = new Uint32Array(frames)
  }

  /** A number for a cache. Throws RangeError when there are `CACHES_MAX`. */
  enter(owner: FrameOwner): number {
    let number = 1
    while (this.#caches[number] !== undefined) number++
    if (number > CACHES_MAX) throw new RangeError(`page frames serve at most ${CACHES_MAX} index files at once`)
    this.#caches[number] = { owner, frames: 0 }
    this.#divide(1)
    return number
  }

  /** Empties every frame of a cache. */
  leave(number: number): void {
    if (this.#caches[number] === undefined) return
    for (let frame = 0; frame < this.pages.length; frame++) if (this.owners[frame] === number) this.empty(frame)
    this.#caches[number] = undefined
    this.#divide(-1)
  }

  /** The page lies in the frame that `free` named last. */
  fill(frame: number, number: number, page: number): void {
    if (this.#emptiedCount > 0) this.#emptiedCount--
    else this.#untouched++
    this.pages[frame] = page
    this.owners[frame] = number
    this.#caches[number]!.frames++
  }

  empty(frame: number): void {
    this.#caches[this.owners[frame]!]!.frames--
    this.pages[frame] = 0
    this.owners[frame] = 0
    this.referenced[frame] = 0
    this.#emptied[this.#emptiedCount++] = frame
  }

  /**
   * An empty frame for a cache. When none is empty, the next page round the clock gives way that was not used since the hand last passed, and
   * is not another's sure part.
   */
  free(number: number): number {
    const { owners, pages, referenced } = this
    if (this.#emptiedCount > 0) return this.#emptied[this.#emptiedCount - 1]!
    if (this.#untouched < pages.length) return this.#untouched
    for (;;) {
      const frame = this.#hand
      this.#hand = frame + 1 === pages.length ? 0 : frame + 1
      if (referenced[frame] === 1) {
        referenced[frame] = 0
        continue
      }
      const owner = owners[frame]!
      const cache = this.#caches[owner]!
      if (owner !== number && cache.frames <= this.#sureFrames) continue
      cache.owner.drop(pages[frame]!)
      return frame
    }
  }

  /** Bytes of the frames that have a page. */
  get usedBytes(): number {
    let frames = 0
    for (const cache of this.#caches) frames += cache?.frames ?? 0
    return frames * PAGE_BYTES
  }

  #divide(more: number): void {
    this.#count += more
    this.#sureFrames = Math.floor((this.pages.length * SURE_SHARE) / Math.max(1, this.#count))
  }
}
