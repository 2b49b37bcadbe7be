import { assert, describe, it } from "@effect/vitest"
import { Random } from "../../src/Disk/Random.ts"
import { isValueAt, moveToSalt, VALUE_HEADER_BYTES, valueBytes, writeValueHeader } from "../../src/Storage/ValueSegment.ts"

const LSN = 77

/** An entry with a document of `length` bytes at 8 of its bytes, under a salt. */
function entryOf(random: Random, length: number, salt: number): Uint8Array {
  const bytes = new Uint8Array(8 + valueBytes(length))
  random.fillBytes(bytes)
  const key = new Uint8Array(16)
  random.fillBytes(key)
  writeValueHeader(bytes, new DataView(bytes.buffer), 8, { store: 3, kind: 1, lsn: LSN, key, keyAt: 0 }, length, salt)
  return bytes
}

describe("an entry that is moved to another segment", () => {
  const random = new Random(5)
  const lengths = [0, 1, 7, 8, 200, 511, 512, 5000, 65_536]

  it("is whole there, and in the old one no longer", () => {
    for (const length of lengths) {
      const [from, to] = [random.next(), random.next()]
      const entry = entryOf(random, length, from)
      assert.isTrue(isValueAt(entry, 8, length, LSN, from))
      moveToSalt(entry, 8, length, from, to)
      assert.isTrue(isValueAt(entry, 8, length, LSN, to))
      assert.isFalse(isValueAt(entry, 8, length, LSN, from))
    }
  })

  it("stays damaged where it was", () => {
    for (const length of lengths) {
      const [from, to] = [random.next(), random.next()]
      const entry = entryOf(random, length, from)
      const checked = 8 + 4 + random.below(VALUE_HEADER_BYTES + length - 4)
      entry[checked]! ^= 1 << random.below(8)
      moveToSalt(entry, 8, length, from, to)
      assert.isFalse(isValueAt(entry, 8, length, LSN, to), `byte ${checked} of ${length}`)
    }
  })
})
