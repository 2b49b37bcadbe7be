import { assert, describe, it } from "@effect/vitest"
import { ByteArena, ChunkAllocator } from "../../src/Storage/Arena.ts"
import { RECORD_BYTES } from "../../src/Storage/DocumentTable.ts"
import { DELETE, PUT, VERSION_MAX, VOID } from "../../src/Storage/MemtableLayout.ts"
import { Memtable } from "../../src/Storage/Memtable.ts"
import { MemtableCursor } from "../../src/Storage/MemtableCursor.ts"
import { compareBytes } from "../../src/Storage/SourceCursor.ts"
import { Random } from "./Random.ts"

interface Entry {
  readonly tree: number
  readonly key: Uint8Array
  readonly version: number
  kind: number
  value: number
}

/** The plainest thing that behaves like a memtable: an array. */
class Model {
  readonly entries: Array<Entry> = []

  put(entry: Entry): void {
    const same = this.entries.find((it) => it.tree === entry.tree && it.version === entry.version && equal(it.key, entry.key))
    if (same === undefined) this.entries.push(entry)
    else Object.assign(same, entry)
  }

  /** Newest visible entry per key of a tree, deletions included, ascending. */
  visible(tree: number, version: number): Array<Entry> {
    const candidates = this.entries.filter((it) => it.tree === tree && it.version <= version && it.kind !== VOID)
    candidates.sort((a, b) => order(a.key, b.key) || b.version - a.version)
    return candidates.filter((it, i) => i === 0 || !equal(it.key, candidates[i - 1]!.key))
  }
}

const order = (a: Uint8Array, b: Uint8Array): number => compareBytes(a, 0, a.length, b, 0, b.length)
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")
const equal = (a: Uint8Array, b: Uint8Array): boolean => order(a, b) === 0

function makeMemtable(shared = false): Memtable {
  const allocator = new ChunkAllocator({ shared, pooledChunksMax: 4 })
  return new Memtable(allocator, new ByteArena(allocator))
}

/** Few distinct keys, of 16 bytes in odd trees and longer with common beginnings in even ones. */
function makeKey(random: Random, tree: number, keys: number): Uint8Array {
  const key = new Uint8Array(tree % 2 === 1 ? 16 : 17 + random.below(4))
  key[random.below(3)] = random.below(3)
  key[15] = random.below(keys)
  for (let i = 16; i < key.length; i++) key[i] = random.below(3)
  return key
}

function write(memtable: Memtable, model: Model, entry: Entry): void {
  const bytes = new Uint8Array(RECORD_BYTES + 8)
  new DataView(bytes.buffer).setUint32(RECORD_BYTES, entry.value)
  const pointer = entry.key.length === 16 ? memtable.arena.copyIn(bytes, 0, bytes.length) : 0
  memtable.put(entry.tree, entry.key, 0, entry.key.length, entry.version, entry.kind, pointer, pointer === 0 ? 0 : 8)
  model.put(entry)
}

function show(memtable: Memtable, pointer: number): number {
  const chunk = memtable.arena.chunkOf(pointer)
  const at = memtable.arena.offsetOf(pointer)
  return new DataView(chunk.buffer, at + RECORD_BYTES, 4).getUint32(0)
}

function keyOf(cursor: MemtableCursor): Uint8Array {
  return cursor.keyBytes.slice(cursor.keyAt, cursor.keyAt + cursor.keyLength)
}

function collect(cursor: MemtableCursor, bound?: Uint8Array): Array<string> {
  const seen: Array<string> = []
  for (cursor.seek(bound); cursor.kind !== 0; cursor.advance()) seen.push(`${hex(keyOf(cursor))}@${cursor.version}:${cursor.kind}`)
  return seen
}

const describeEntry = (it: Entry): string => `${hex(it.key)}@${it.version}:${it.kind}`

function fill(random: Random, count: number, keys: number): { memtable: Memtable; model: Model } {
  const memtable = makeMemtable()
  const model = new Model()
  for (let i = 1; i <= count; i++) {
    const tree = 1 + random.below(4)
    const kind = random.chance(20) ? DELETE : random.chance(10) ? VOID : PUT
    write(memtable, model, { tree, key: makeKey(random, tree, keys), version: 1 + random.below(i), kind, value: i })
  }
  return { memtable, model }
}

describe("Memtable", () => {
  it("finds the newest version up to the one asked for, as a sorted array would", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = new Random(seed)
      const { memtable, model } = fill(random, 1500, seed % 2 === 0 ? 4 : 200)
      for (let i = 0; i < 500; i++) {
        const tree = 1 + random.below(5)
        const key = makeKey(random, tree, 200)
        const version = random.below(1600)
        const expected = model.visible(tree, version).find((it) => equal(it.key, key))
        const kind = memtable.find(tree, key, 0, key.length, version)
        assert.strictEqual(kind, expected?.kind ?? 0, `seed ${seed}`)
        if (kind === PUT && key.length === 16) assert.strictEqual(show(memtable, memtable.foundPointer), expected!.value, `seed ${seed}`)
      }
    }
  })

  it("walks both ways from any bound, whatever the number of versions", () => {
    for (let seed = 1; seed <= 30; seed++) {
      const random = new Random(seed)
      const { memtable, model } = fill(random, 1200, random.pick([1, 3, 30, 250]))
      for (let tree = 1; tree <= 5; tree++) {
        const version = random.pick([0, 1 + random.below(1200), VERSION_MAX])
        const bound = random.chance(50) ? makeKey(random, tree, 250).subarray(0, 1 + random.below(20)) : undefined
        const visible = model.visible(tree, version)
        const ahead = visible.filter((it) => bound === undefined || order(it.key, bound) >= 0).map(describeEntry)
        const behind = visible.filter((it) => bound === undefined || order(it.key, bound) < 0).map(describeEntry)
        assert.deepStrictEqual(collect(new MemtableCursor(memtable, tree, version, 1), bound), ahead, `seed ${seed}`)
        assert.deepStrictEqual(collect(new MemtableCursor(memtable, tree, version, -1), bound), behind.toReversed(), `seed ${seed}`)
      }
    }
  })

  it("keeps a cursor's place and view while newer entries arrive under it", () => {
    for (let seed = 1; seed <= 30; seed++) {
      const random = new Random(seed)
      const { memtable, model } = fill(random, 900, random.pick([3, 100, 250]))
      for (const direction of [1, -1] as const) {
        for (let tree = 1; tree <= 4; tree++) {
          const visible = model.visible(tree, 900).map(describeEntry)
          const cursor = new MemtableCursor(memtable, tree, 900, direction)
          const seen: Array<string> = []
          for (cursor.seek(undefined); cursor.kind !== 0; cursor.advance()) {
            seen.push(`${hex(keyOf(cursor))}@${cursor.version}:${cursor.kind}`)
            for (let i = random.below(6); i > 0; i--) {
              const other = 1 + random.below(4)
              write(memtable, model, {
                tree: other,
                key: makeKey(random, other, 250),
                version: 901 + random.below(500),
                kind: PUT,
                value: 0
              })
            }
          }
          assert.deepStrictEqual(seen, direction === 1 ? visible : visible.toReversed(), `seed ${seed}`)
        }
      }
    }
  })

  it("turns what was written after a version into nothing", () => {
    const random = new Random(5)
    const { memtable, model } = fill(random, 2000, 50)
    memtable.voidAbove(700)
    for (const entry of model.entries) if (entry.version > 700) entry.kind = VOID
    for (let tree = 1; tree <= 4; tree++) {
      assert.deepStrictEqual(
        collect(new MemtableCursor(memtable, tree, VERSION_MAX, 1)),
        model.visible(tree, VERSION_MAX).map(describeEntry)
      )
    }
  })

  it("absorbs the newest state of every key of an overlay under one version", () => {
    for (let seed = 1; seed <= 10; seed++) {
      const random = new Random(seed)
      const allocator = new ChunkAllocator({ shared: false, pooledChunksMax: 4 })
      const arena = new ByteArena(allocator)
      const memtable = new Memtable(allocator, arena, 0)
      const model = new Model()
      for (let lsn = 1; lsn <= 20; lsn++) {
        const overlay = new Memtable(allocator, arena)
        const writes = new Model()
        for (let i = 1; i <= 150; i++) {
          const tree = 1 + random.below(4)
          const kind = random.pick([PUT, PUT, DELETE, VOID])
          write(overlay, writes, { tree, key: makeKey(random, tree, 60), version: 1 + random.below(i), kind, value: i })
        }
        memtable.reserve(overlay.entries)
        memtable.absorb(overlay, lsn)
        for (let tree = 1; tree <= 4; tree++) for (const it of writes.visible(tree, VERSION_MAX)) model.put({ ...it, version: lsn })
      }
      for (let tree = 1; tree <= 4; tree++) {
        for (const lsn of [1, 7, 20]) {
          const expected = model.visible(tree, lsn).map(describeEntry)
          assert.deepStrictEqual(collect(new MemtableCursor(memtable, tree, lsn, 1)), expected, `seed ${seed}`)
        }
      }
      for (let i = 0; i < 2000; i++) {
        const tree = 1 + random.below(4)
        const key = makeKey(random, tree, 70)
        const lsn = 1 + random.below(21)
        const expected = model.visible(tree, lsn).find((it) => equal(it.key, key))
        assert.strictEqual(memtable.find(tree, key, 0, key.length, lsn), expected?.kind ?? 0, `seed ${seed}`)
        if (expected?.kind === PUT && key.length === 16) assert.strictEqual(show(memtable, memtable.foundPointer), expected.value)
      }
    }
  })

  it("enumerates the trees it holds", () => {
    const { memtable } = fill(new Random(1), 300, 10)
    const trees: Array<number> = []
    for (let tree = memtable.nextTree(0); tree !== 0; tree = memtable.nextTree(tree)) trees.push(tree)
    assert.deepStrictEqual(trees, [1, 2, 3, 4])
    assert.strictEqual(makeMemtable().nextTree(0), 0)
  })

  it("fills blocks well when keys of several stores ascend", () => {
    const memtable = makeMemtable()
    const key = new Uint8Array(16)
    for (let i = 0; i < 60_000; i++) {
      new DataView(key.buffer).setUint32(0, i)
      memtable.put(1 + (i % 3), key, 0, 16, i + 1, PUT, 1, 0)
    }
    assert.isBelow(memtable.blockBytes / 60_000, 52)
  })

  it("works on shared memory", () => {
    const memtable = makeMemtable(true)
    memtable.put(1, new Uint8Array(16), 0, 16, 1, PUT, memtable.arena.copyIn(new Uint8Array(8), 0, 8), 8)
    assert.strictEqual(memtable.find(1, new Uint8Array(16), 0, 16, 1), PUT)
    assert.instanceOf(memtable.arena.chunkOf(memtable.foundPointer).buffer, SharedArrayBuffer)
  })
})
