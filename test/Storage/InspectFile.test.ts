/** Looking into files that are not as they should be. */
import { assert, describe, it } from "@effect/vitest"
import { MemoryVolume } from "../../src/Disk/MemoryVolume.ts"
import { inspectFile } from "../../src/Storage/InspectFile.ts"
import { checksum } from "../../src/Wal/Checksum.ts"
import { KIND_TRANSACTION, RECORD_HEADER_BYTES, RecordHeader, writeRecordHeader } from "../../src/Wal/Record.ts"
import { encodeHeader, RECORDS_AT } from "../../src/Wal/Segment.ts"

const SALT = 7

/** What inspecting shows of a segment of the log with one record, whose checksums are right: the record's problem. */
function problemOf(body: Uint8Array, length = RECORD_HEADER_BYTES + body.length): string | undefined {
  const bytes = new Uint8Array(RECORDS_AT + 256)
  bytes.set(encodeHeader({ databaseId: new Uint8Array(16), timeline: new Uint8Array(16) }, SALT, 0))
  bytes.set(body, RECORDS_AT + RECORD_HEADER_BYTES)
  const header = Object.assign(new RecordHeader(), { length, lsn: 1, kind: KIND_TRANSACTION, epoch: 1 })
  header.bodyChecksum = checksum(bytes, RECORDS_AT + RECORD_HEADER_BYTES, body.length, SALT)
  writeRecordHeader(bytes, new DataView(bytes.buffer), RECORDS_AT, header, SALT)
  const volume = new MemoryVolume()
  volume.open("log", "create").writeAt(0, bytes)
  return inspectFile(volume, "log")?.parts.find(({ offset }) => offset === RECORDS_AT)?.problem
}

describe("inspecting a record whose checksums are right", () => {
  it("shows a length that no record can have, and ends there", () => {
    for (const length of [0, 55, 0xffff_ffff]) assert.match(problemOf(new Uint8Array(0), length) ?? "", /which no record can have/)
  })

  it("shows a transaction that does not fit together", () => {
    const body = new Uint8Array(40)
    new DataView(body.buffer).setUint32(0, 5, true)
    body[8] = 2
    assert.match(problemOf(body) ?? "", /ends within an operation/)
    assert.isUndefined(problemOf(new Uint8Array(8)))
  })
})
