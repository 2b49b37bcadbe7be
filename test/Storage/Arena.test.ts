import { assert, describe, it } from "@effect/vitest"
import { ByteArena, CHUNK_BYTES, ChunkAllocator } from "../../src/Storage/Arena.ts"
import { Random } from "./Random.ts"

function makeArena(): { arena: ByteArena; allocator: ChunkAllocator } {
  const allocator = new ChunkAllocator({ shared: false, pooledChunksMax: 2 })
  return { arena: new ByteArena(allocator), allocator }
}

describe("ByteArena", () => {
  it("gives back what was copied in, whatever the sizes", () => {
    const random = new Random(3)
    const { arena } = makeArena()
    const kept = Array.from({ length: 400 }, () => {
      const bytes = random.bytes(random.chance(5) ? 60_000 + random.below(300_000) : 1 + random.below(2000))
      return { bytes, pointer: arena.copyIn(bytes, 0, bytes.length) }
    })
    for (const { bytes, pointer } of kept) {
      assert.notStrictEqual(pointer, 0)
      const at = arena.offsetOf(pointer)
      assert.strictEqual(at % 8, 0)
      assert.strictEqual(Buffer.compare(arena.chunkOf(pointer).subarray(at, at + bytes.length), bytes), 0)
    }
  })

  it("takes a chunk of its own for a large document and returns it when rewound", () => {
    const { arena, allocator } = makeArena()
    const mark = arena.mark()
    arena.allocate(5 * CHUNK_BYTES)
    assert.strictEqual(allocator.bytesInUse, 6 * CHUNK_BYTES)
    arena.rewind(mark)
    assert.strictEqual(allocator.bytesInUse, 0)
  })

  it("hands out the same room again after a rewind", () => {
    const { arena } = makeArena()
    arena.allocate(100)
    const mark = arena.mark()
    const first = arena.allocate(40)
    for (let i = 0; i < 20; i++) arena.allocate(60_000)
    arena.rewind(mark)
    assert.strictEqual(arena.allocate(40), first)
  })

  it("pools shared chunks up to the limit", () => {
    const { arena, allocator } = makeArena()
    for (let i = 0; i < 10; i++) arena.allocate(60_000)
    arena.release()
    assert.strictEqual(allocator.bytesInUse, 0)
    assert.strictEqual(arena.bytesTaken, 0)
  })
})

describe("ChunkAllocator", () => {
  it("hands a table's memory to the next table of the same size, and a large document's to nobody", () => {
    const allocator = new ChunkAllocator({ shared: false, pooledChunksMax: 2 })
    const table = allocator.take(4 * CHUNK_BYTES)
    const document = allocator.take(3 * CHUNK_BYTES)
    allocator.give(table)
    allocator.give(document)
    assert.strictEqual(allocator.pooledBytes, 4 * CHUNK_BYTES)
    assert.notStrictEqual(allocator.take(2 * CHUNK_BYTES), table)
    assert.notStrictEqual(allocator.take(3 * CHUNK_BYTES), document)
    assert.strictEqual(allocator.take(4 * CHUNK_BYTES), table)
    assert.strictEqual(allocator.pooledBytes, 0)
  })

  it("keeps two tables, those given back last", () => {
    const allocator = new ChunkAllocator({ shared: false, pooledChunksMax: 2 })
    const tables = [2, 4, 8].map((chunks) => allocator.take(chunks * CHUNK_BYTES))
    for (const table of tables) allocator.give(table)
    assert.strictEqual(allocator.pooledBytes, 12 * CHUNK_BYTES)
    assert.notStrictEqual(allocator.take(2 * CHUNK_BYTES), tables[0])
    assert.strictEqual(allocator.take(4 * CHUNK_BYTES), tables[1])
  })

  it("lets go of what it keeps when that and what is in use would be more than it may", () => {
    const allocator = new ChunkAllocator({ shared: false, pooledChunksMax: 2, pooledBytesMax: 6 * CHUNK_BYTES })
    allocator.give(allocator.take(4 * CHUNK_BYTES))
    allocator.give(allocator.take(CHUNK_BYTES))
    assert.strictEqual(allocator.pooledBytes, 5 * CHUNK_BYTES)
    allocator.take(3 * CHUNK_BYTES)
    assert.strictEqual(allocator.pooledBytes, CHUNK_BYTES)
  })
})
