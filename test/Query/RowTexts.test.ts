import { assert, describe, it } from "@effect/vitest"
import { ByteSink } from "../../src/Bson/ByteSink.ts"
import { type Link, RowTexts, TEXT_BYTES_MAX, UNLINKED } from "../../src/Query/RowTexts.ts"
import { Random } from "../Storage/Random.ts"

const KIB = 1024

function add(texts: RowTexts, text: string, segment: number, offset: number): void {
  const sink = new ByteSink(64)
  sink.utf8("in front")
  const start = sink.length
  sink.utf8(text)
  texts.add(sink, start, segment, offset)
}

function written(texts: RowTexts, segment: number, offset: number): string | undefined {
  const sink = new ByteSink(8)
  sink.utf8("[")
  return texts.write(sink, segment, offset) ? sink.toText().slice(1) : undefined
}

describe("RowTexts", () => {
  it("writes a text again as it was, of any length and in any script", () => {
    const texts = new RowTexts(256 * KIB)
    const all = ["", "x", "1234567", "12345678", "123456789", "äöü €𐍈 \u007f\u{10ffff}", "z".repeat(TEXT_BYTES_MAX)]
    all.forEach((text, index) => add(texts, text, 1, 2 ** 33 + index * 20_000))
    assert.deepStrictEqual(
      all.map((_, index) => written(texts, 1, 2 ** 33 + index * 20_000)),
      [undefined, ...all.slice(1)]
    )
    assert.strictEqual(written(texts, 2, 2 ** 33), undefined)
    assert.strictEqual(written(texts, 1, 20_000), undefined)
  })

  it("keeps nothing of documents that have no place, of long texts, or without room", () => {
    const texts = new RowTexts(256 * KIB)
    add(texts, "in memory", 0, 5)
    add(texts, "z".repeat(TEXT_BYTES_MAX + 1), 1, 5)
    assert.deepStrictEqual([written(texts, 0, 5), written(texts, 1, 5)], [undefined, undefined])
    const none = new RowTexts(0)
    add(none, "text", 1, 1)
    assert.strictEqual(written(none, 1, 1), undefined)
  })

  it("never writes anything but the text of the place, however often the ring has gone round", () => {
    const random = new Random(5)
    const texts = new RowTexts(128 * KIB)
    const textOf = (segment: number, offset: number): string =>
      `${segment}:${offset}:${"abcdefghij".repeat(1 + ((segment * 7 + offset) % 90))}`
    let found = 0
    for (let step = 0; step < 100_000; step++) {
      const segment = 1 + random.below(2)
      // Some are asked for much more often than others.
      const offset = 200 * (random.below(4) > 0 ? random.below(60) : random.below(2000))
      const text = written(texts, segment, offset)
      if (text === undefined) add(texts, textOf(segment, offset), segment, offset)
      else {
        assert.strictEqual(text, textOf(segment, offset))
        found++
      }
    }
    assert.isAbove(found, 30_000)
  })

  it("does not give way to texts that are asked for once, when it is full", () => {
    const texts = new RowTexts(64 * KIB)
    for (let number = 0; number < 300; number++) add(texts, "a".repeat(500), 1, number * 500)
    for (let number = 0; number < 50; number++) for (let time = 0; time < 2; time++) add(texts, "b".repeat(500), 2, number * 500)
    for (let number = 0; number < 100; number++) add(texts, "c".repeat(500), 3, number * 500)
    const kept = Array.from({ length: 50 }, (_, number) => written(texts, 2, number * 500)).filter((text) => text === "b".repeat(500))
    assert.isAbove(kept.length, 0)
  })

  it("gives a link only to the lookup and the document it was made for, however often the ring has gone round", () => {
    const random = new Random(8)
    const texts = new RowTexts(128 * KIB)
    const keyOf = (lookup: number, offset: number): Uint8Array =>
      Uint8Array.from({ length: 16 }, (_, index) => (lookup * 37 + offset + index) & 255)
    const targetOf = (lookup: number, offset: number) => ({ segment: lookup, offset: 2 ** 33 + offset, lsn: 1, length: 9 })
    const sink = new ByteSink(64)
    let found = 0
    for (let step = 0; step < 60_000; step++) {
      const offset = 200 * (random.below(4) > 0 ? random.below(60) : random.below(2000))
      // What is left of a link begins with the last bytes of a text, so these are numbers of lookups.
      const lookup = 1 + random.below(4)
      const link = texts.findLink(lookup, 1, offset)
      if (link >= 0) {
        const at = texts.keyAt(link)
        assert.deepStrictEqual([...texts.keysOf(link).subarray(at, at + 16)], [...keyOf(lookup, offset)])
        assert.isTrue(texts.ledTo(link, targetOf(lookup, offset)))
        assert.isFalse(texts.ledTo(link, { segment: lookup, offset: offset, lsn: 1, length: 9 }))
        found++
      } else if (link === UNLINKED || random.below(3) === 0) {
        sink.reset()
        for (let byte = 20 + random.below(300); byte > 0; byte--) sink.byte(1 + random.below(4))
        for (let byte = random.below(4); byte > 0; byte--) sink.byte(0)
        texts.add(sink, 0, 1, offset, { lookup, key: keyOf(lookup, offset), target: targetOf(lookup, offset) })
      }
    }
    assert.isAbove(found, 3000)
  })

  it("takes what is left of a link, when a newer text has overwritten its beginning, for none", () => {
    const texts = new RowTexts(64 * KIB)
    const sink = new ByteSink(64)
    const addBytes = (offset: number, bytes: ReadonlyArray<number>, link?: Link): void => {
      sink.reset()
      for (const byte of bytes) sink.byte(byte)
      texts.add(sink, 0, 1, offset, link)
    }
    const zeros = (count: number): ReadonlyArray<number> => Array.from({ length: count }, () => 0)
    const target = { segment: 5, offset: 77, lsn: 1, length: 9 }
    addBytes(0, zeros(1000), { lookup: 1, key: new Uint8Array(16).fill(9), target })
    assert.isAtLeast(texts.findLink(1, 1, 0), 0)
    // 32 bytes for the link, 1000 for its text, and the rest of the ring.
    for (const [number, length] of [16_384, 16_384, 16_384, 15_352].entries()) addBytes(10_000 * (number + 1), zeros(length))
    assert.isAtLeast(texts.findLink(1, 1, 0), 0)
    // Asked for twice, these four bytes are the first of the next round, and read as the number of another lookup.
    addBytes(90_000, [2, 0, 0, 0])
    addBytes(90_000, [2, 0, 0, 0])
    assert.isBelow(texts.findLink(2, 1, 0), 0)
    assert.isBelow(texts.findLink(1, 1, 0), 0)
  })

  it("has an even part of its memory, begun anew when others share it or no longer do, and tells nothing of before", () => {
    let sharers = 1
    const texts = new RowTexts(512 * KIB, () => sharers)
    const textOf = (segment: number, number: number): string => `${segment}:${number}:`.padEnd(1000, ".")
    /** Adds texts of a segment until it is full; how many there are. */
    const fill = (segment: number): number => {
      let count = 0
      do add(texts, textOf(segment, count), segment, 200 * count++)
      while (!texts.isFull)
      return count
    }
    const whole = (segment: number): number => {
      const found = Array.from({ length: 512 }, (_, number) => [written(texts, segment, 200 * number), textOf(segment, number)] as const)
      assert.isTrue(found.every(([text, expected]) => text === undefined || text === expected))
      return found.filter(([text]) => text !== undefined).length
    }
    const alone = fill(1)
    assert.isAbove(alone, 300)
    assert.isAtMost(alone, 512)
    assert.isAbove(whole(1), 300)
    sharers = 4
    const shared = fill(2)
    assert.isAbove(shared, 50)
    assert.isAtMost(shared, 128)
    assert.deepStrictEqual([whole(1), whole(2) > 50], [0, true])
    sharers = 1
    assert.strictEqual(fill(3), alone)
    assert.deepStrictEqual([whole(2), whole(3) > 300], [0, true])
    sharers = 16
    add(texts, textOf(4, 0), 4, 0)
    assert.isTrue(texts.isFull)
    assert.deepStrictEqual([whole(3), whole(4)], [0, 0])
  })
})
