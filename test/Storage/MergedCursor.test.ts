import { assert, describe, it } from "@effect/vitest"
import { DELETE, PUT } from "../../src/Storage/MemtableLayout.ts"
import { MergedCursor, successor } from "../../src/Storage/MergedCursor.ts"
import { compareBytes, type SourceCursor } from "../../src/Storage/SourceCursor.ts"
import { Random } from "./Random.ts"

interface Entry {
  readonly key: Uint8Array
  readonly kind: number
  readonly label: string
}

const order = (a: Uint8Array, b: Uint8Array): number => compareBytes(a, 0, a.length, b, 0, b.length)

/** A sorted array as a source. */
class ArraySource implements SourceCursor {
  readonly #entries: ReadonlyArray<Entry>
  readonly #direction: 1 | -1
  #place = 0

  constructor(entries: ReadonlyArray<Entry>, direction: 1 | -1) {
    this.#entries = entries
    this.#direction = direction
  }

  get current(): Entry | undefined {
    return this.#entries[this.#place]
  }

  get kind(): number {
    return this.current?.kind ?? 0
  }

  get keyBytes(): Uint8Array {
    return this.current!.key
  }

  readonly keyAt = 0

  get keyLength(): number {
    return this.current!.key.length
  }

  seek(bound: Uint8Array | undefined): void {
    const first = bound === undefined ? 0 : this.#entries.findIndex((it) => order(it.key, bound) >= 0)
    const after = first === -1 ? this.#entries.length : first
    if (this.#direction === 1) this.#place = after
    else this.#place = bound === undefined ? this.#entries.length - 1 : after - 1
  }

  advance(): void {
    this.#place += this.#direction
  }

  find(): void {
    this.read()
  }

  read(): void {
    throw new Error("there are no documents here")
  }
}

function makeEntries(random: Random, source: number): Array<Entry> {
  const byKey = new Map<string, Entry>()
  for (let i = random.below(30); i > 0; i--) {
    const key = random.bytes(1 + random.below(2)).map((byte) => byte % 6)
    byKey.set(String(key), { key, kind: random.chance(30) ? DELETE : PUT, label: `${String(key)}@${source}` })
  }
  return [...byKey.values()].toSorted((a, b) => order(a.key, b.key))
}

describe("MergedCursor", () => {
  it("shows what the newest source says about every key, in order, within the range", () => {
    for (let seed = 1; seed <= 500; seed++) {
      const random = new Random(seed)
      const sources = Array.from({ length: random.below(5) }, (_, source) => makeEntries(random, source))
      const lower = random.chance(50) ? random.bytes(1).map((byte) => byte % 6) : undefined
      const upper = random.chance(50) ? random.bytes(1).map((byte) => byte % 7) : undefined
      const newest = new Map<string, Entry>()
      for (const entries of sources) for (const entry of entries) if (!newest.has(String(entry.key))) newest.set(String(entry.key), entry)
      const expected = [...newest.values()]
        .filter((it) => it.kind === PUT)
        .filter((it) => (lower === undefined || order(it.key, lower) >= 0) && (upper === undefined || order(it.key, upper) < 0))
        .toSorted((a, b) => order(a.key, b.key))
        .map((it) => it.label)
      for (const direction of [1, -1] as const) {
        const cursors = sources.map((entries) => new ArraySource(entries, direction))
        const merged = new MergedCursor([...cursors], direction, lower, upper)
        const seen: Array<string> = []
        while (merged.next()) seen.push(cursors.find((it) => it === merged.current)!.current!.label)
        assert.deepStrictEqual(seen, direction === 1 ? expected : expected.toReversed(), `seed ${seed}`)
        assert.isFalse(merged.next(), "stays at its end")
      }
    }
  })

  it("knows the first key beyond a prefix", () => {
    assert.deepStrictEqual(successor(new Uint8Array([1, 2])), new Uint8Array([1, 3]))
    assert.deepStrictEqual(successor(new Uint8Array([1, 255, 255])), new Uint8Array([2]))
    assert.isUndefined(successor(new Uint8Array([255])))
    assert.isUndefined(successor(new Uint8Array(0)))
  })
})
