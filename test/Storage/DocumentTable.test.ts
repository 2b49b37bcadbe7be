import { assert, describe, it } from "@effect/vitest"
import { ByteArena, ChunkAllocator } from "../../src/Storage/Arena.ts"
import { DocumentTable, RECORD_BYTES, UNKNOWN } from "../../src/Storage/DocumentTable.ts"
import { DELETE, PUT } from "../../src/Storage/MemtableLayout.ts"
import { Random } from "./Random.ts"

const VERSION_HIGH = 0x1f_ffff

/** The first seven words of an entry: store, key, inverted version. */
function entry(key: ReadonlyArray<number>, version: number): Uint32Array {
  return new Uint32Array([1, ...key, VERSION_HIGH, ~version])
}

function makeTable(records = 0): { table: DocumentTable; put: (key: ReadonlyArray<number>, version: number, kind?: number) => number } {
  const allocator = new ChunkAllocator({ shared: false, pooledChunksMax: 0 })
  const arena = new ByteArena(allocator)
  const table = new DocumentTable(allocator, arena, records)
  const put = (key: ReadonlyArray<number>, version: number, kind = PUT): number => {
    const pointer = arena.allocate(RECORD_BYTES)
    table.put(pointer, entry(key, version), kind, 0)
    return pointer
  }
  return { table, put }
}

/** Keys as generators and users make them: counting up in one word or another, or at random. */
const KEYS: ReadonlyArray<readonly [string, (random: Random, i: number) => Array<number>]> = [
  ["count up in the last word", (_, i) => [0, 0, 0, i]],
  ["count up in the first word", (_, i) => [i, 0, 0, 0]],
  ["step by a power of two", (_, i) => [7, 0, Math.imul(i, 4096), 0]],
  ["are random", (random) => Array.from({ length: 4 }, () => random.below(2 ** 32))]
]

describe("DocumentTable", () => {
  for (const [name, makeKey] of KEYS) {
    it(`finds every record however often it grows, when keys ${name}`, () => {
      const random = new Random(3)
      const { table, put } = makeTable()
      const pointers = new Map<string, { key: Array<number>; pointer: number }>()
      for (let i = 0; i < 60_000; i++) {
        const key = makeKey(random, i)
        pointers.set(String(key), { key, pointer: put(key, 1) })
      }
      let unknown = 0
      for (const { key, pointer } of pointers.values()) {
        const found = table.find(entry(key, 1))
        if (found === UNKNOWN) unknown++
        else assert.strictEqual(found, pointer)
      }
      assert.strictEqual(unknown, 0)
      assert.strictEqual(table.find(entry([1, 2, 3, 4], 1)), 0)
    })
  }

  it("says unknown, never missing, of records that found no place", () => {
    const { table, put } = makeTable(100_000)
    // Whatever the hash is: among many keys those that begin in the same stretch of the table are found by asking it.
    const crowded = collidingKeys(300)
    const pointers = crowded.map((key) => put(key, 1))
    const newer = put(crowded.at(-1)!, 2, DELETE)
    for (const [i, key] of crowded.entries()) {
      const found = table.find(entry(key, 2))
      assert.include([UNKNOWN, i === crowded.length - 1 ? newer : pointers[i]], found)
    }
    assert.strictEqual(table.find(entry(crowded.at(-1)!, 2)), UNKNOWN)
    table.reserve(1_000_000)
    const after = table.find(entry(crowded.at(-1)!, 2))
    assert.include([UNKNOWN, newer], after, "growing keeps the newest version")
  })

  it("leaves older moments to the blocks", () => {
    const { table, put } = makeTable()
    put([1, 1, 1, 1], 5)
    const newest = put([1, 1, 1, 1], 9)
    assert.strictEqual(table.find(entry([1, 1, 1, 1], 8)), UNKNOWN)
    assert.strictEqual(table.find(entry([1, 1, 1, 1], 9)), newest)
  })
})

/** Keys that differ in one word and begin at the same place of a table of 2^18 places; the hash is undone step by step. */
function collidingKeys(count: number): Array<Array<number>> {
  const keys: Array<Array<number>> = []
  const inverse = invert(0x1656_67b1)
  for (let i = 0; i < count; i++) {
    // All places agree in their low 18 bits; the high ones make the keys differ.
    const final = (i << 18) >>> 0
    const multiplied = final ^ (final >>> 16)
    const mixed = Math.imul(multiplied, inverse)
    const last = mixed ^ (mixed >>> 15) ^ (mixed >>> 30)
    keys.push([(last ^ rest()) >>> 0, 0, 0, 0])
  }
  return keys
}

/** What the words behind the first one contribute when they are all zero and the store is 1. */
function rest(): number {
  let mixed = Math.imul(1, 0x9e37_79b1)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85eb_ca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35)
  return Math.imul(mixed ^ (mixed >>> 16), 0x27d4_eb2f)
}

/** The factor that undoes a multiplication by an odd number modulo 2^32. */
function invert(odd: number): number {
  let inverse = odd
  for (let i = 0; i < 5; i++) inverse = Math.imul(inverse, 2 - Math.imul(odd, inverse))
  return inverse
}
