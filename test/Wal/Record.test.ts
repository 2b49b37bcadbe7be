import { assert, describe, it } from "@effect/vitest"
import {
  alignRecord,
  isKnownKind,
  readRecordHeader,
  readUint64,
  RECORD_HEADER_BYTES,
  recordBytes,
  RecordHeader,
  writeRecordHeader,
  writeUint64
} from "../../src/Wal/Record.ts"

const SALT = 0xdeadbeef

function sample(): RecordHeader {
  const header = new RecordHeader()
  Object.assign(header, { length: 300, lsn: 2 ** 53 - 1, durableLsn: 2 ** 40 + 5, commitTimeMs: 1_700_000_000_123, epoch: 7 })
  Object.assign(header, { bodyChecksum: 0xfffffffe, previousChecksum: 0x80000001, kind: 0xfffe, flags: 0x8001 })
  return header
}

describe("the record header", () => {
  it("reads back as it was written", () => {
    const bytes = new Uint8Array(80)
    const view = new DataView(bytes.buffer)
    const written = sample()
    const sum = writeRecordHeader(bytes, view, 8, written, SALT)
    const read = new RecordHeader()
    assert.isTrue(readRecordHeader(bytes, view, 8, SALT, read))
    assert.deepStrictEqual(read, written)
    assert.strictEqual(read.checksum, sum)
  })

  it("is no header when any bit of it is changed, under another salt, or when it is cut", () => {
    const bytes = new Uint8Array(RECORD_HEADER_BYTES)
    const view = new DataView(bytes.buffer)
    writeRecordHeader(bytes, view, 0, sample(), SALT)
    const read = new RecordHeader()
    for (let bit = 0; bit < RECORD_HEADER_BYTES * 8; bit++) {
      bytes[bit >> 3]! ^= 1 << (bit & 7)
      assert.isFalse(readRecordHeader(bytes, view, 0, SALT, read), `bit ${bit}`)
      bytes[bit >> 3]! ^= 1 << (bit & 7)
    }
    assert.isFalse(readRecordHeader(bytes, view, 0, SALT + 1, read))
    assert.isFalse(readRecordHeader(bytes.subarray(0, 55), view, 0, SALT, read))
    assert.deepStrictEqual(read, new RecordHeader(), "and nothing was read")
  })

  it("lies little-endian at the offsets of docs/format.md", () => {
    const bytes = new Uint8Array(RECORD_HEADER_BYTES)
    const view = new DataView(bytes.buffer)
    writeRecordHeader(bytes, view, 0, sample(), SALT)
    assert.strictEqual(new TextDecoder().decode(bytes.subarray(0, 4)), "WPRC")
    assert.strictEqual(view.getUint32(4, true), 300)
    assert.strictEqual(view.getBigUint64(8, true), 2n ** 53n - 1n)
    assert.strictEqual(view.getBigUint64(16, true), 2n ** 40n + 5n)
    assert.strictEqual(view.getBigUint64(24, true), 1_700_000_000_123n)
    assert.strictEqual(view.getUint32(32, true), 7)
    assert.strictEqual(view.getUint32(36, true), 0xfffffffe)
    assert.strictEqual(view.getUint32(40, true), 0x80000001)
    assert.strictEqual(view.getUint16(44, true), 0xfffe)
    assert.strictEqual(view.getUint16(46, true), 0x8001)
    assert.strictEqual(view.getUint32(48, true), 0)
  })

  it("counts records in multiples of 8", () => {
    assert.deepStrictEqual([0, 1, 8, 9].map(alignRecord), [0, 8, 8, 16])
    assert.deepStrictEqual([0, 1, 8, 9].map(recordBytes), [56, 64, 64, 72])
  })

  it("knows four kinds", () => {
    assert.deepStrictEqual([0, 1, 2, 3, 4, 5].map(isKnownKind), [false, true, true, true, true, false])
  })

  it("keeps integers up to 2^53 - 1", () => {
    const view = new DataView(new ArrayBuffer(8))
    for (const value of [0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1]) {
      writeUint64(view, 0, value)
      assert.strictEqual(readUint64(view, 0), value)
      assert.strictEqual(view.getBigUint64(0, true), BigInt(value))
    }
  })
})
