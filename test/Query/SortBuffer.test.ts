import { assert, describe, it } from "@effect/vitest"
import { encode, decode } from "../../src/Bson/Value.ts"
import { KeyList } from "../../src/Query/KeyList.ts"
import { PRUNE_ROWS, SortBuffer, sortPath } from "../../src/Query/SortBuffer.ts"
import { Random } from "../Storage/Random.ts"
import { find, keyNumber } from "./Model.ts"

describe("a sort buffer", () => {
  it("gives the first rows of the whole order, however many went through it", () => {
    for (let seed = 1; seed <= 8; seed++) {
      const random = new Random(seed)
      const count = random.below(900)
      const documents = Array.from({ length: count }, (_, number) => ({
        _id: keyNumber(number),
        a: random.below(7),
        b: random.pick(["x", "y", null])
      }))
      const limit = random.pick([1, 3, 50, 200, Number.POSITIVE_INFINITY])
      const orderBy = [
        { path: "b", direction: random.pick(["asc", "desc"] as const) },
        { path: "a", direction: random.pick(["asc", "desc"] as const) }
      ]
      const sorter = new SortBuffer()
      sorter.start(
        orderBy.map(({ direction, path }) => sortPath(path, direction === "desc", random.chance(50))),
        limit
      )
      const shuffled = documents.map((document) => ({ document, place: random.below(1_000_000) })).toSorted((a, b) => a.place - b.place)
      for (const { document } of shuffled) {
        const bytes = encode(document)
        sorter.add(bytes, 0, bytes.length, document._id.bytes, 0)
        assert.isAtMost(sorter.count, limit * 2 + PRUNE_ROWS)
      }
      sorter.sort()
      const rows = Array.from({ length: Math.min(sorter.count, limit) }, (_, rank) =>
        String(decode(sorter.bytes(rank), sorter.at(rank))["_id"])
      )
      assert.deepStrictEqual(
        rows,
        find(documents, { orderBy, ...(Number.isFinite(limit) ? { limit } : {}) }).map((row) => String(row["_id"])),
        `seed ${seed}`
      )
    }
  })

  it("is used again by statements with more and with fewer paths", () => {
    const sorter = new SortBuffer()
    for (const [levels, count] of [
      [3, 10],
      [1, 150],
      [4, 200],
      [2, 600]
    ] as const) {
      const names = ["a", "b", "c", "d"].slice(0, levels)
      sorter.start(
        names.map((name) => sortPath(name, false, false)),
        Number.POSITIVE_INFINITY
      )
      for (let number = count - 1; number >= 0; number--) {
        const bytes = encode({ _id: keyNumber(number), a: number % 2, b: number % 3, c: number % 5, d: number % 7 })
        sorter.add(bytes, 0, bytes.length, keyNumber(number).bytes, 0)
      }
      sorter.sort()
      const rows = Array.from({ length: sorter.count }, (_, rank) => decode(sorter.bytes(rank), sorter.at(rank)))
      const text = (row: (typeof rows)[number]): string => [...names, "_id"].map((name) => String(row[name])).join(" ")
      assert.strictEqual(rows.length, count)
      assert.deepStrictEqual(rows.map(text), rows.map(text).toSorted())
    }
  })

  it("sorts by the smallest element going up and the largest going down, and by nothing where there is no plain value", () => {
    const documents = [{ a: [5, 1] }, { a: 2 }, { a: [] }, { a: [[9]] }, {}, { a: [3, "x"] }].map((fields, number) => ({
      _id: keyNumber(number),
      ...fields
    }))
    const sorted = (descending: boolean): Array<number> => {
      const sorter = new SortBuffer()
      sorter.start([sortPath("a", descending, true)], Number.POSITIVE_INFINITY)
      for (const document of documents) {
        const bytes = encode(document)
        sorter.add(bytes, 0, bytes.length, document._id.bytes, 0)
      }
      sorter.sort()
      return documents.map((_, rank) => documents.findIndex((it) => String(it._id) === String(decode(sorter.bytes(rank), 0)["_id"])))
    }
    assert.deepStrictEqual(sorted(false), [2, 3, 4, 0, 1, 5])
    assert.deepStrictEqual(sorted(true), [5, 0, 1, 2, 3, 4])
  })
})

describe("a key list", () => {
  it("sorts both ways and keeps each key once", () => {
    const random = new Random(2)
    for (const direction of [1, -1] as const) {
      for (let round = 0; round < 30; round++) {
        const keys = new KeyList()
        const numbers = Array.from({ length: random.below(300) }, () => random.below(100))
        for (const number of numbers) keys.push(keyNumber(number).bytes, 0)
        keys.sortUnique(direction)
        const expected = [...new Set(numbers)].toSorted((a, b) => direction * (a - b))
        assert.deepStrictEqual(
          Array.from({ length: keys.count }, (_, index) => Buffer.from(keys.bytes.subarray(index * 16, index * 16 + 16)).toString("hex")),
          expected.map((number) => String(keyNumber(number)))
        )
        keys.reset()
        assert.strictEqual(keys.count, 0)
      }
    }
  })
})
