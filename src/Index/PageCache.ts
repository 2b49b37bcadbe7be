/**
 * The pages of one index file that are in memory: which frame has which page. The frames may be shared with other files (PageFrames.ts).
 *
 * Invariants
 * - A frame holds a page only after number, checksum, level and the checksum in the pointer that led to it agreed with what was read.
 * - Frames are never locked. A page never changes while a version that reaches it is pinned, so whoever stands on a frame asks `holds`
 *   before going on and loads the page again when it is gone.
 * - A page number that is handed out for writing is dropped first, so no frame ever shows an earlier page of that number.
 */
import { crc32 } from "node:zlib"
import type { File } from "../Disk/Volume.ts"
import { indexFault } from "./Errors.ts"
import type { PageMemory } from "./Layout.ts"
import { CHECKSUM_AT, copyBytes, LEVEL_AT, NUMBER_AT, PAGE_BYTES, PAGE_SHIFT, readU32 } from "./Layout.ts"
import type { PageFrames } from "./PageFrames.ts"

export class PageCache {
  readonly memory: PageMemory
  readonly #file: File
  readonly #salt: number
  readonly #frames: PageFrames
  /** By which `frames` knows this cache. */
  readonly #number: number
  /** Frame → page and, below, whose it is. The table leads only to frames of this cache, so whoever comes from there need not ask. */
  readonly #pages: Uint32Array
  readonly #owners: Uint8Array
  readonly #referenced: Uint8Array
  /** Open-addressed table of frame + 1, by page. */
  readonly #table: Uint32Array
  readonly #tableMask: number
  readonly #tableShift: number
  /** Pages read from disk since the file was opened. */
  reads = 0

  constructor(file: File, salt: number, frames: PageFrames) {
    const tableBits = 32 - Math.clz32(frames.pages.length * 2 - 1)
    this.#file = file
    this.#salt = salt
    this.memory = frames.memory
    this.#frames = frames
    this.#number = frames.enter(this)
    this.#pages = frames.pages
    this.#owners = frames.owners
    this.#referenced = frames.referenced
    this.#table = new Uint32Array(1 << tableBits)
    this.#tableMask = (1 << tableBits) - 1
    this.#tableShift = 32 - tableBits
  }

  /** Where `page` lies in `memory.bytes`; reads and checks it when it is not there. Valid until the next `load` or `install`. */
  load(page: number, checksum: number, level: number): number {
    let place = Math.imul(page, 0x9e37_79b1) >>> this.#tableShift
    for (;;) {
      const frame = this.#table[place]! - 1
      if (frame < 0) return this.#read(page, checksum, level)
      if (this.#pages[frame] === page) {
        this.#referenced[frame] = 1
        return frame << PAGE_SHIFT
      }
      place = (place + 1) & this.#tableMask
    }
  }

  /** Copies a page to `into` at `at`, past the frames when it is in none: a page that is about to be replaced is not worth one. */
  copy(page: number, checksum: number, level: number, into: Uint8Array, at: number): void {
    let place = Math.imul(page, 0x9e37_79b1) >>> this.#tableShift
    for (;;) {
      const frame = this.#table[place]! - 1
      if (frame < 0) break
      if (this.#pages[frame] === page) {
        const base = frame << PAGE_SHIFT
        copyBytes(this.memory.bytes, base, into, at, PAGE_BYTES)
        return
      }
      place = (place + 1) & this.#tableMask
    }
    this.#readInto(into.subarray(at, at + PAGE_BYTES), page, checksum, level)
  }

  /** Whether the page still lies at `base`. */
  holds(base: number, page: number): boolean {
    const frame = base >>> PAGE_SHIFT
    return this.#pages[frame] === page && this.#owners[frame] === this.#number
  }

  /** Takes in a page that was just written; it is the first to go when nobody asks for it. */
  install(page: number, from: Uint8Array, at: number): void {
    const frame = this.#frames.free(this.#number)
    copyBytes(from, at, this.memory.bytes, frame << PAGE_SHIFT, PAGE_BYTES)
    this.#enter(frame, page)
    this.#referenced[frame] = 0
  }

  /** Gives every frame back. */
  close(): void {
    this.#frames.leave(this.#number)
  }

  drop(page: number): void {
    let place = Math.imul(page, 0x9e37_79b1) >>> this.#tableShift
    for (;;) {
      const frame = this.#table[place]! - 1
      if (frame < 0) return
      if (this.#pages[frame] === page) {
        this.#frames.empty(frame)
        this.#vacate(place)
        return
      }
      place = (place + 1) & this.#tableMask
    }
  }

  #read(page: number, checksum: number, level: number): number {
    const frame = this.#frames.free(this.#number)
    const base = frame << PAGE_SHIFT
    this.#readInto(this.memory.bytes.subarray(base, base + PAGE_BYTES), page, checksum, level)
    this.#enter(frame, page)
    this.#referenced[frame] = 1
    return base
  }

  #readInto(into: Uint8Array, page: number, checksum: number, level: number): void {
    const length = this.#file.readAt(page * PAGE_BYTES, into)
    this.reads++
    const problem = length < PAGE_BYTES ? "the file ends within the page" : pageProblem(into, page, checksum, this.#salt)
    if (problem !== undefined) throw damage(this.#file.path, page, problem)
    if (into[LEVEL_AT] !== level) throw damage(this.#file.path, page, `level ${into[LEVEL_AT]} where ${level} was expected`)
  }

  #enter(frame: number, page: number): void {
    let place = Math.imul(page, 0x9e37_79b1) >>> this.#tableShift
    while (this.#table[place] !== 0) place = (place + 1) & this.#tableMask
    this.#table[place] = frame + 1
    this.#frames.fill(frame, this.#number, page)
  }

  /** Empties a place of the table and moves later ones of its cluster back, so that searches need no markers. */
  #vacate(place: number): void {
    let hole = place
    let next = place
    for (;;) {
      next = (next + 1) & this.#tableMask
      const entry = this.#table[next]!
      if (entry === 0) break
      const home = Math.imul(this.#pages[entry - 1]!, 0x9e37_79b1) >>> this.#tableShift
      if (((next - home) & this.#tableMask) >= ((next - hole) & this.#tableMask)) {
        this.#table[hole] = entry
        hole = next
      }
    }
    this.#table[hole] = 0
  }
}

/** The checksum a page must carry, over everything behind it. `bytes` is exactly one page. */
export function pageChecksum(bytes: Uint8Array, salt: number): number {
  return crc32(bytes.subarray(NUMBER_AT), salt)
}

/** What is wrong with the page read for a pointer (page, checksum), or nothing. */
export function pageProblem(bytes: Uint8Array, page: number, checksum: number, salt: number): string | undefined {
  const stored = readU32(bytes, CHECKSUM_AT)
  if (pageChecksum(bytes, salt) !== stored) return "the page does not match its checksum"
  const number = readU32(bytes, NUMBER_AT)
  if (number !== page) return `the page says it is page ${number}`
  if (stored !== checksum) return "an earlier version of the page is in its place: a write was lost"
  return undefined
}

/** Whether a page is as some transaction wrote it there, whichever that was. */
export function isWholePage(bytes: Uint8Array, page: number, salt: number): boolean {
  return pageChecksum(bytes, salt) === readU32(bytes, CHECKSUM_AT) && readU32(bytes, NUMBER_AT) === page
}

export function damage(file: string, page: number, message: string): Error {
  return indexFault({ _tag: "Damage", file, page, offset: page * PAGE_BYTES, message })
}
