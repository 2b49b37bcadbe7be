import { assert, describe, it } from "@effect/vitest"
import {
  decodeFooter,
  decodeHeader,
  encodeFooter,
  encodeHeader,
  FOOTER_BYTES,
  parseSegmentName,
  RECORDS_AT,
  SEGMENT_HEADER_BYTES,
  segmentName
} from "../../src/Wal/Segment.ts"
import { DATABASE_ID, TIMELINE } from "./Harness.ts"

const IDENTITY = { databaseId: DATABASE_ID, timeline: TIMELINE }
const FOOTER = {
  firstLsn: 11,
  lastLsn: 2 ** 40,
  firstCommitTimeMs: 1,
  lastCommitTimeMs: 1_700_000_000_000,
  offset: 4200,
  lastChecksum: 0xfedcba98,
  epoch: 3
}

describe("the segment's name", () => {
  it("is timeline and first LSN, and sorts by LSN", () => {
    const name = segmentName(TIMELINE, 42)
    assert.strictEqual(name, `${"71".repeat(16)}-0000000000000042.wal`)
    assert.deepStrictEqual(parseSegmentName(name), { timeline: "71".repeat(16), firstLsn: 42 })
    assert.isBelow(segmentName(TIMELINE, 9).localeCompare(segmentName(TIMELINE, 10)), 0)
  })

  it("is not taken from what only looks like one", () => {
    const name = segmentName(TIMELINE, 42)
    const others = [
      "next.new",
      `${name}.new`,
      name.slice(1),
      segmentName(TIMELINE, 0),
      name.toUpperCase(),
      `${"71".repeat(16)}-9999999999999999.wal`
    ]
    for (const other of others) assert.isUndefined(parseSegmentName(other), other)
  })
})

describe("the segment's header", () => {
  const bytes = encodeHeader(IDENTITY, 77, 1234)

  it("fills the block before the records and reads back", () => {
    assert.strictEqual(bytes.length, RECORDS_AT)
    assert.deepStrictEqual(decodeHeader(bytes), { ...IDENTITY, format: 1, salt: 77, createdMs: 1234 })
  })

  it("is none when any bit is changed or when it is cut", () => {
    for (let bit = 0; bit < SEGMENT_HEADER_BYTES * 8; bit++) {
      const changed = bytes.slice()
      changed[bit >> 3]! ^= 1 << (bit & 7)
      assert.isUndefined(decodeHeader(changed), `bit ${bit}`)
    }
    assert.isUndefined(decodeHeader(bytes.subarray(0, 63)))
  })
})

describe("the segment's footer", () => {
  const bytes = encodeFooter(FOOTER, 77)
  const decode = (from: Uint8Array, offset = FOOTER.offset, salt = 77) => decodeFooter(from, new DataView(from.buffer), 0, offset, salt)

  it("reads back where it was written for", () => {
    assert.strictEqual(bytes.length, FOOTER_BYTES)
    assert.deepStrictEqual(decode(bytes), FOOTER)
    assert.isUndefined(decode(bytes, FOOTER.offset + 8))
    assert.isUndefined(decode(bytes, FOOTER.offset, 78))
  })

  it("is none when any bit is changed", () => {
    for (let bit = 0; bit < FOOTER_BYTES * 8; bit++) {
      const changed = bytes.slice()
      changed[bit >> 3]! ^= 1 << (bit & 7)
      assert.isUndefined(decode(changed), `bit ${bit}`)
    }
  })
})
