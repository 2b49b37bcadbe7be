/**
 * Memory of the memtables: fixed chunks from one allocator, and byte arenas that hand out 8-aligned room in them.
 *
 * Invariants
 * - A shared chunk has exactly CHUNK_BYTES; an allocation that does not fit well gets a chunk of its own size. Of those only the sizes that
 *   tables of documents have, powers of two, are pooled: the next table mostly has the same.
 * - A pointer is a u32: chunk number times CHUNK_BYTES plus offset, counted in words of 8 bytes. A chunk of its own is only ever pointed
 *   at with offset 0. Pointer 0 is never handed out: it means "none".
 * - Nothing moves and nothing is freed one by one: an arena is released whole, or rewound to a mark when a transaction is rolled back.
 */

/** Bytes of a shared chunk. 256 KiB holds 64 blocks of a memtable. */
export const CHUNK_BYTES = 262_144

const POINTER_SHIFT = 15
const POINTER_MASK = (1 << POINTER_SHIFT) - 1
/** Above this an allocation gets a chunk of its own, so that at most a quarter of a shared chunk is left unused. */
const SHARED_ALLOCATION_BYTES_MAX = CHUNK_BYTES / 4
/** Pointers are u32 counts of 8 bytes. */
const CHUNKS_MAX = 2 ** (32 - POINTER_SHIFT)
/** Tables kept for the next memtables, besides shared chunks. */
const POOLED_TABLES_MAX = 2

/** Who is told of the bytes that are taken and given back. */
export interface ChunkAccount {
  readonly take: (bytes: number) => void
  readonly give: (bytes: number) => void
}

export interface ChunkOptions {
  /** Makes every chunk a SharedArrayBuffer, for readers on other threads. */
  readonly shared: boolean
  readonly pooledChunksMax: number
  /** Chunks are kept only as long as they and those in use are at most so many bytes. It does not keep anybody from taking more. */
  readonly pooledBytesMax?: number
}

/** Hands out chunks and keeps returned ones for the next memtable. One serves a whole process, through `AccountedChunks` for each database. */
export class ChunkAllocator {
  readonly #options: ChunkOptions
  readonly #pool: Array<ArrayBufferLike> = []
  /** The one that was given back last is the last. */
  readonly #tables: Array<ArrayBufferLike> = []
  #tableBytes = 0
  #bytesInUse = 0

  constructor(options: ChunkOptions) {
    this.#options = options
  }

  /** Bytes handed out and not returned. */
  get bytesInUse(): number {
    return this.#bytesInUse
  }

  /** Bytes kept for the next memtable. */
  get pooledBytes(): number {
    return this.#pool.length * CHUNK_BYTES + this.#tableBytes
  }

  /** A chunk of `bytes`. What a pooled one contains is undefined. */
  take(bytes: number): ArrayBufferLike {
    const pooled = bytes === CHUNK_BYTES ? this.#pool.pop() : this.#takeTable(bytes)
    const chunk = pooled ?? (this.#options.shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes))
    this.#bytesInUse += bytes
    while (this.#tables.length > 0 && !this.#hasRoom(0)) this.#dropTable()
    while (this.#pool.length > 0 && !this.#hasRoom(0)) this.#pool.pop()
    return chunk
  }

  give(chunk: ArrayBufferLike): void {
    this.#bytesInUse -= chunk.byteLength
    const { byteLength } = chunk
    if (this.#options.pooledChunksMax === 0 || !this.#hasRoom(byteLength)) return
    if (byteLength === CHUNK_BYTES) {
      if (this.#pool.length < this.#options.pooledChunksMax) this.#pool.push(chunk)
    } else if (isTableBytes(byteLength)) {
      if (this.#tables.length === POOLED_TABLES_MAX) this.#dropTable()
      this.#tables.push(chunk)
      this.#tableBytes += byteLength
    }
  }

  /** What somebody has who will not give it back: it is gone with them. */
  forget(bytes: number): void {
    this.#bytesInUse -= bytes
  }

  #takeTable(bytes: number): ArrayBufferLike | undefined {
    const index = this.#tables.findLastIndex((it) => it.byteLength === bytes)
    if (index === -1) return undefined
    this.#tableBytes -= bytes
    return this.#tables.splice(index, 1)[0]
  }

  #dropTable(): void {
    this.#tableBytes -= this.#tables.shift()!.byteLength
  }

  #hasRoom(bytes: number): boolean {
    return this.#bytesInUse + this.pooledBytes + bytes <= (this.#options.pooledBytesMax ?? Infinity)
  }
}

/** Whether a chunk of this size is more likely a table's than a large document's. */
function isTableBytes(bytes: number): boolean {
  return bytes > CHUNK_BYTES && 2 ** Math.round(Math.log2(bytes)) === bytes
}

/** The chunks of another allocator, with an account of those that go through here. */
export class AccountedChunks extends ChunkAllocator {
  readonly #source: ChunkAllocator
  readonly #account: ChunkAccount
  #heldBytes = 0
  #isOver = false

  constructor(source: ChunkAllocator, account: ChunkAccount) {
    super({ shared: false, pooledChunksMax: 0 })
    this.#source = source
    this.#account = account
  }

  override take(bytes: number): ArrayBufferLike {
    const chunk = this.#source.take(bytes)
    this.#heldBytes += bytes
    this.#account.take(bytes)
    return chunk
  }

  override give(chunk: ArrayBufferLike): void {
    if (this.#isOver) return
    this.#heldBytes -= chunk.byteLength
    this.#source.give(chunk)
    this.#account.give(chunk.byteLength)
  }

  /** Nobody gives anything back here any more: what is still held goes with who has it. */
  end(): void {
    this.#isOver = true
    this.#source.forget(this.#heldBytes)
  }
}

/** A place in an arena to return to. */
export interface ArenaMark {
  readonly chunks: number
  readonly current: number
  readonly used: number
}

/** Append-only room for document bytes and long keys. */
export class ByteArena {
  readonly #allocator: ChunkAllocator
  readonly #chunks: Array<Uint8Array> = []
  /** The same chunks as words of 32 bits. */
  readonly #words: Array<Uint32Array> = []
  /** Number of the chunk that small allocations go to, -1 before the first. */
  #current = -1
  #used = CHUNK_BYTES
  #bytesTaken = 0

  constructor(allocator: ChunkAllocator) {
    this.#allocator = allocator
  }

  /** Bytes of all chunks taken from the allocator. */
  get bytesTaken(): number {
    return this.#bytesTaken
  }

  /** The chunk `pointer` lies in; the place within it is `offsetOf(pointer)`. */
  chunkOf(pointer: number): Uint8Array {
    return this.#chunks[pointer >>> POINTER_SHIFT]!
  }

  offsetOf(pointer: number): number {
    return (pointer & POINTER_MASK) << 3
  }

  /** The chunk as words of 32 bits; the place within it is `wordOffsetOf(pointer)`. */
  wordsOf(pointer: number): Uint32Array {
    return this.#words[pointer >>> POINTER_SHIFT]!
  }

  wordOffsetOf(pointer: number): number {
    return (pointer & POINTER_MASK) << 1
  }

  /** Room for `length` bytes; returns its pointer. Throws RangeError when the process has no memory, with nothing changed. */
  allocate(length: number): number {
    const size = (length + 7) & ~7
    if (this.#current === -1 || (size <= SHARED_ALLOCATION_BYTES_MAX && this.#used + size > CHUNK_BYTES)) {
      this.#current = this.#addChunk(CHUNK_BYTES)
      // The first word of the first chunk stays unused: pointer 0 means "none".
      this.#used = this.#current === 0 ? 8 : 0
    }
    if (size > SHARED_ALLOCATION_BYTES_MAX) return (this.#addChunk(size) << POINTER_SHIFT) >>> 0
    const pointer = ((this.#current << POINTER_SHIFT) | (this.#used >>> 3)) >>> 0
    this.#used += size
    return pointer
  }

  /** Copies `length` bytes in and returns their pointer. */
  copyIn(bytes: Uint8Array, at: number, length: number): number {
    const pointer = this.allocate(length)
    copyBytes(bytes, at, this.chunkOf(pointer), this.offsetOf(pointer), length)
    return pointer
  }

  mark(): ArenaMark {
    return { chunks: this.#chunks.length, current: this.#current, used: this.#used }
  }

  /** Takes back everything allocated since `mark`. */
  rewind(mark: ArenaMark): void {
    while (this.#chunks.length > mark.chunks) this.#give(this.#chunks.pop()!)
    this.#words.length = this.#chunks.length
    this.#current = mark.current
    this.#used = mark.used
  }

  /** Returns every chunk. The arena is empty afterwards and may be used again. */
  release(): void {
    this.rewind({ chunks: 0, current: -1, used: CHUNK_BYTES })
  }

  #addChunk(bytes: number): number {
    if (this.#chunks.length >= CHUNKS_MAX) throw new RangeError("an arena has no more chunk numbers")
    const chunk = this.#allocator.take(bytes)
    this.#chunks.push(new Uint8Array(chunk))
    this.#words.push(new Uint32Array(chunk))
    this.#bytesTaken += bytes
    return this.#chunks.length - 1
  }

  #give(chunk: Uint8Array): void {
    this.#bytesTaken -= chunk.length
    this.#allocator.give(chunk.buffer)
  }
}

/** Up to this many bytes a loop beats the call into the engine's memmove. */
const LOOPED_COPY_BYTES_MAX = 24

/** As fast as `set` of a `subarray`, without that one, which would be garbage for every document. */
const { copy } = Buffer.prototype

/** Copies bytes between buffers; cheap for the short keys that make up most calls. */
export function copyBytes(from: Uint8Array, at: number, to: Uint8Array, toAt: number, length: number): void {
  if (length <= LOOPED_COPY_BYTES_MAX) {
    for (let i = 0; i < length; i++) to[toAt + i] = from[at + i]!
  } else if (at === 0 && length === from.length) {
    to.set(from, toAt)
  } else {
    copy.call(from, to, toAt, at, at + length)
  }
}
