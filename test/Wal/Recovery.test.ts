import { assert, describe, it } from "@effect/vitest"
import type { SimulatedVolume } from "../../src/Disk/SimulatedVolume.ts"
import type { Reason } from "../../src/Fault/Fault.ts"
import { Fault } from "../../src/Fault/Fault.ts"
import { checksum } from "../../src/Wal/Checksum.ts"
import { Recovery } from "../../src/Wal/Recovery.ts"
import { FLAG_SKIPPABLE, RECORD_HEADER_BYTES, RecordHeader, readRecordHeader, writeRecordHeader } from "../../src/Wal/Record.ts"
import { decodeHeader, encodeHeader, FOOTER_BYTES, RECORDS_AT } from "../../src/Wal/Segment.ts"
import {
  append,
  bodyFor,
  DATABASE_ID,
  DIRECTORY,
  freshLog,
  Machine,
  makeVolume,
  overwrite,
  readAll,
  segmentFiles,
  TIMELINE
} from "./Harness.ts"

type Refusal = Reason & { readonly message?: string; readonly [field: string]: unknown }

/** The reason for which recovery refuses the log; the directory stays as it was. */
function refusalOf(volume: SimulatedVolume, checkpointLsn = 0): Refusal {
  const before = volume.operations
  try {
    new Machine(volume).open(checkpointLsn)
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    assert.strictEqual(volume.operations, before, "nothing was changed")
    return error.reason as Refusal
  }
  return assert.fail("the log was opened")
}

/** A log of one unsealed segment: records 1 to 4 durable one by one (so 4 proves 3), each of 160 bytes. */
function unsealed() {
  const { machine, volume, log } = freshLog()
  for (let count = 0; count < 4; count++) {
    append(log, 100)
    machine.settle()
  }
  return { volume, log, machine, path: segmentFiles(volume)[0]! }
}

/** Three sealed segments of three records each, and an unsealed one with record 10. */
function sealed() {
  const { machine, volume, log } = freshLog()
  for (let count = 0; count < 10; count++) {
    append(log, 1000)
    machine.settle()
  }
  return { volume, files: segmentFiles(volume) }
}

const RECORD = 160
const offsetOf = (lsn: number) => RECORDS_AT + (lsn - 1) * RECORD
const lsns = (records: ReadonlyArray<{ readonly lsn: number }>) => records.map(({ lsn }) => lsn)

/** Rewrites the header of the record at `offset`, with right checksums. */
function forge(bytes: Uint8Array, offset: number, change: (header: RecordHeader) => void): void {
  const view = new DataView(bytes.buffer)
  const { salt } = decodeHeader(bytes)!
  const header = new RecordHeader()
  assert.isTrue(readRecordHeader(bytes, view, offset, salt, header))
  change(header)
  writeRecordHeader(bytes, view, offset, header, salt)
}

describe("Recovery", () => {
  it("of an empty directory is a fresh log, and leaves it empty", () => {
    const volume = makeVolume()
    const { log, records, report } = new Machine(volume).open()
    assert.deepStrictEqual(records, [])
    assert.deepStrictEqual(report, { lastLsn: 0, durableLsn: 0 })
    assert.deepStrictEqual(volume.list(DIRECTORY), [])
    assert.strictEqual(append(log, 1), 1)
  })

  it("hands on every record in order, in steps of any size", () => {
    for (const budget of [1, 100, 1024 * 1024]) {
      const { volume } = sealed()
      const { records } = new Machine(volume.crash(1)).open(0, budget)
      assert.deepStrictEqual(lsns(records), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
      for (const record of records) assert.deepStrictEqual(record.body, bodyFor(record.lsn, 1000))
    }
  })

  it("hands on only what follows the checkpoint, and goes on with LSN, epoch and commit time", () => {
    const { volume } = sealed()
    for (const checkpoint of [0, 1, 3, 4, 9, 10]) {
      const { records, log } = new Machine(volume.crash(1)).open(checkpoint)
      assert.deepStrictEqual(lsns(records), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].slice(checkpoint))
      assert.deepStrictEqual([log.lastLsn, log.durableLsn, log.lastCommitTimeMs, log.epoch], [10, 10, 1009, 1])
    }
  })

  it("never writes to an old segment: the unsealed one is replaced by a sealed copy with the same bytes", () => {
    const { volume, path } = unsealed()
    const image = volume.crash(1)
    const before = readAll(image, path)
    const writes: Array<string> = []
    image.onOperation(({ operation, path: written }) => {
      if (operation === "write" || operation === "truncate") writes.push(written)
    })
    new Machine(image).open()
    assert.isAbove(writes.length, 0)
    for (const written of writes) assert.strictEqual(written, `${DIRECTORY}/recovered.new`)
    const after = readAll(image, path)
    assert.strictEqual(after.length, offsetOf(5) + FOOTER_BYTES)
    assert.deepStrictEqual(after.subarray(0, offsetOf(5)), before.subarray(0, offsetOf(5)))
    assert.deepStrictEqual(image.list(DIRECTORY), [path.slice(DIRECTORY.length + 1)])
    for (let seed = 0; seed < 20; seed++) assert.deepStrictEqual(readAll(image.crash(seed), path), after, "and the copy is on disk")
  })

  it("continues the chain into the next segment", () => {
    const { volume } = unsealed()
    const machine = new Machine(volume.crash(1))
    const { log } = machine.open()
    assert.strictEqual(append(log, 10), 5)
    machine.settle()
    assert.deepStrictEqual(lsns(new Machine(machine.volume.crash(1)).open().records), [1, 2, 3, 4, 5])
  })

  it("does not mind when a crash took back the release of an older segment and not that of a newer one", () => {
    const { volume, files } = sealed()
    const image = volume.crash(1)
    image.remove(files[1]!)
    const machine = new Machine(image)
    const { records, log } = machine.open(6)
    assert.deepStrictEqual(lsns(records), [7, 8, 9, 10])
    assert.strictEqual(log.firstLsn, 7, "nobody is told that what lies before the gap can be read on from")
    log.release(6)
    assert.deepStrictEqual(segmentFiles(image), files.slice(2))
    const damaged = volume.crash(1)
    damaged.remove(files[1]!)
    assert.deepInclude(refusalOf(damaged, 5), { _tag: "LogDamaged", file: files[0]!, lsn: 4 }, "unless something is missing")
  })

  it("says from where on its records are whole, also when the gap lies far before the checkpoint", () => {
    const { volume, files } = sealed()
    const image = volume.crash(1)
    image.remove(files[1]!)
    const { log } = new Machine(image).open(9)
    assert.isAbove(files.length, 3)
    assert.strictEqual(log.firstLsn, 7)
    assert.strictEqual(new Machine(volume.crash(1)).open(9).log.firstLsn, 1)
    const unreadable = volume.crash(1)
    unreadable.remove(files[1]!)
    overwrite(unreadable, files[0]!, (bytes) => void bytes.fill(0, bytes.length - FOOTER_BYTES))
    assert.strictEqual(new Machine(unreadable).open(9).log.lastLsn, 10, "an old segment that rots keeps no database closed")
  })

  it("removes what earlier preparations left and leaves other files alone", () => {
    const { volume } = unsealed()
    for (const name of ["next.new", "recovered.new", "notes.txt"]) volume.open(`${DIRECTORY}/${name}`, "create")
    new Machine(volume).open()
    assert.deepStrictEqual(
      volume.list(DIRECTORY).filter((name) => !name.endsWith(".wal")),
      ["notes.txt"]
    )
  })

  it("survives a failed copy: the next start finds the old segment", () => {
    for (let offset = 1; offset < 12; offset++) {
      for (const code of ["EIO", "ENOSPC"]) {
        const volume = unsealed().volume.crash(offset)
        volume.failAt(volume.operations + offset, code)
        try {
          new Machine(volume).open()
        } catch (error) {
          assert.match(String(error), /DiskFailure/)
        }
        assert.deepStrictEqual(lsns(new Machine(volume.crash(offset)).open().records), [1, 2, 3, 4])
      }
    }
  })
})

describe("Recovery: the torn tail", () => {
  it("is cut and reported as a range of LSNs with file and offset", () => {
    const { volume, log, machine, path } = unsealed()
    for (let count = 0; count < 3; count++) append(log, 100)
    machine.endTurn()
    // The machine stops before the sync: of 5, 6 and 7, all unacknowledged, 6 never reached the disk.
    overwrite(volume, path, (bytes) => void bytes.fill(0, offsetOf(6), offsetOf(7)))
    const { records, report } = new Machine(volume.crash(1)).open()
    assert.deepStrictEqual(lsns(records), [1, 2, 3, 4, 5])
    assert.deepStrictEqual(report, { lastLsn: 5, durableLsn: 5, cut: { fromLsn: 6, toLsn: 7, file: path, offset: offsetOf(6) } })
  })

  it("is cut at any length of the file beyond what is proven durable", () => {
    const { volume, path } = unsealed()
    for (let length = offsetOf(4); length <= offsetOf(5); length++) {
      const image = volume.crash(1)
      overwrite(image, path, (bytes) => bytes.slice(0, length))
      const { records, report } = new Machine(image).open()
      const whole = length === offsetOf(5)
      assert.deepStrictEqual(lsns(records), whole ? [1, 2, 3, 4] : [1, 2, 3], `length ${length}`)
      const torn = !whole && length > offsetOf(4)
      assert.deepStrictEqual(report.cut, torn ? { fromLsn: 4, toLsn: 4, file: path, offset: offsetOf(4) } : undefined, `length ${length}`)
    }
  })

  it("may be the whole of a segment, which is then removed", () => {
    const { volume, log, machine } = unsealed()
    append(log, 8000)
    machine.settle()
    const [, last] = segmentFiles(volume)
    overwrite(volume, last!, (bytes) => void bytes.fill(0, RECORDS_AT))
    const { report, records } = new Machine(volume).open()
    assert.deepStrictEqual(lsns(records), [1, 2, 3, 4])
    assert.isUndefined(report.cut, "nothing is there: nothing is cut")
    assert.strictEqual(segmentFiles(volume).length, 1)
  })

  it("is cut at every bit that is wrong in the last record, header or body", () => {
    const { volume, path } = unsealed()
    for (let bit = 0; bit < (RECORD_HEADER_BYTES + 100) * 8; bit += 3) {
      const image = volume.crash(1)
      image.rot(path, offsetOf(4) + (bit >> 3), 1 << (bit & 7))
      const { records, report } = new Machine(image).open()
      assert.deepStrictEqual(lsns(records), [1, 2, 3], `bit ${bit}`)
      assert.deepInclude(report.cut!, { fromLsn: 4, toLsn: 4, offset: offsetOf(4) })
    }
  })

  it("does not come back: what is appended after the cut is what the next recovery finds", () => {
    const { volume, path } = unsealed()
    volume.rot(path, offsetOf(4) + 60, 1)
    const machine = new Machine(volume)
    const { log } = machine.open()
    const body = new Uint8Array(50).fill(9)
    assert.strictEqual(append(log, body), 4)
    machine.settle()
    assert.deepStrictEqual(new Machine(volume.crash(1)).open().records[3]!.body, body)
  })
})

describe("Recovery: damage", () => {
  it("is a record that is whole and cannot be applied, with its place", () => {
    const { machine } = unsealed()
    const apply = (): void => {
      throw new TypeError("it makes no sense")
    }
    const recovery = new Recovery(machine.options, { lsn: 0 }, apply, "read")
    try {
      while (recovery.step(1 << 20) !== "done");
      assert.fail("the log was read")
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      assert.deepInclude(error.reason, { _tag: "LogDamaged", offset: RECORDS_AT, lsn: 1 })
      assert.match(error.message, /cannot be applied: it makes no sense/)
    }
  })

  it("is every wrong bit of a record that a later one proves durable: refused with file, offset and LSN", () => {
    const { volume, path } = unsealed()
    for (let lsn = 1; lsn <= 3; lsn++) {
      for (let bit = 0; bit < (RECORD_HEADER_BYTES + 100) * 8; bit += 7) {
        const image = volume.crash(1)
        image.rot(path, offsetOf(lsn) + (bit >> 3), 1 << (bit & 7))
        assert.deepInclude(refusalOf(image), { _tag: "LogDamaged", file: path, offset: offsetOf(lsn), lsn }, `LSN ${lsn}, bit ${bit}`)
      }
    }
  })

  it("says what was found and what to do", () => {
    const { volume, path } = unsealed()
    volume.rot(path, offsetOf(2), 1)
    assert.strictEqual(
      refusalOf(volume).message,
      `${path} is damaged at offset ${offsetOf(2)}: LSN 2 was expected, but what follows proves that LSN 3 was durable. ` +
        "It was durable, so nothing is cut: restore the database from a backup, or repair it, which says what is lost"
    )
  })

  it("is a durable record that reads as zeros, or is cut off, or is gone with its neighbours", () => {
    const { volume, path } = unsealed()
    const zeroed = volume.crash(1)
    overwrite(zeroed, path, (bytes) => void bytes.fill(0, offsetOf(2), offsetOf(3)))
    assert.deepInclude(refusalOf(zeroed), { _tag: "LogDamaged", offset: offsetOf(2), lsn: 2 })
    const closed = volume.crash(1)
    const machine = new Machine(closed)
    machine.open()
    const [copy] = segmentFiles(closed)
    overwrite(closed, copy!, (bytes) => void bytes.fill(0, offsetOf(4), offsetOf(5)))
    assert.deepInclude(refusalOf(closed), { _tag: "LogDamaged", offset: offsetOf(4), lsn: 4 }, "the footer proves it")
  })

  it("is any wrong bit of any record in a sealed segment", () => {
    const { volume, files } = sealed()
    for (const [index, path] of files.slice(0, 3).entries()) {
      for (let at = RECORDS_AT; at < RECORDS_AT + 3 * 1056; at += 97) {
        const image = volume.crash(1)
        image.rot(path, at, 0x10)
        const found = refusalOf(image)
        const record = Math.floor((at - RECORDS_AT) / 1056)
        assert.deepInclude(found, { _tag: "LogDamaged", file: path, offset: RECORDS_AT + record * 1056, lsn: index * 3 + record + 1 })
      }
    }
  })

  it("is a header that is wrong", () => {
    const { volume, files } = sealed()
    for (const path of files) {
      for (let at = 0; at < 64; at++) {
        const image = volume.crash(1)
        image.rot(path, at, 0x04)
        assert.deepInclude(refusalOf(image), { _tag: "LogDamaged", file: path, offset: 0 })
      }
      for (const at of [64, 1000, 4095]) {
        const image = volume.crash(1)
        image.rot(path, at, 0x04)
        assert.deepInclude(refusalOf(image), { _tag: "LogDamaged", file: path, offset: at }, "it is zero up to the first record")
      }
    }
  })

  it("is a segment that has become empty, also after another one was read", () => {
    const { volume, files } = sealed()
    for (const path of files) {
      for (const sizeBytes of [0, 1, 63]) {
        const image = volume.crash(1)
        image.open(path, "update").truncate(sizeBytes)
        assert.deepInclude(refusalOf(image), { _tag: "LogDamaged", file: path, offset: 0 })
      }
    }
  })

  it("is a missing segment: in the middle, at the start, at the end, or all of them", () => {
    const { volume, files } = sealed()
    const without = (...gone: Array<string>) => {
      const image = volume.crash(1)
      for (const path of gone) image.remove(path)
      return image
    }
    assert.deepInclude(refusalOf(without(files[1]!)), { _tag: "LogDamaged", file: files[0]!, lsn: 4 })
    assert.deepInclude(refusalOf(without(files[0]!)), { _tag: "LogDamaged", file: files[1]!, lsn: 1 })
    assert.deepInclude(refusalOf(without(files[3]!), 10), { _tag: "LogDamaged", file: files[2]!, lsn: 10 })
    assert.deepInclude(refusalOf(without(...files), 10), { _tag: "LogDamaged", file: DIRECTORY, lsn: 11 })
    assert.deepStrictEqual(lsns(new Machine(without(files[0]!)).open(5).records), [6, 7, 8, 9, 10], "what the checkpoint holds may be gone")
  })

  it("is a log that ends before the checkpoint", () => {
    const { volume, path } = unsealed()
    assert.deepInclude(refusalOf(volume, 5), { _tag: "LogDamaged", file: path, offset: offsetOf(5), lsn: 5 })
  })

  it("is a bad record that the checkpoint proves durable", () => {
    const { volume, path } = unsealed()
    volume.rot(path, offsetOf(4) + 60, 1)
    assert.deepInclude(refusalOf(volume, 4), { _tag: "LogDamaged", offset: offsetOf(4), lsn: 4 })
  })

  it("is a record with the right checksums in the wrong place: LSN, chain or epoch", () => {
    const wrongs: Array<(header: RecordHeader) => void> = [
      (header) => void header.lsn++,
      (header) => void header.lsn--,
      (header) => void (header.previousChecksum ^= 1),
      (header) => void header.epoch++
    ]
    for (const wrong of wrongs) {
      const { volume, path } = unsealed()
      overwrite(volume, path, (bytes) => forge(bytes, offsetOf(4), wrong))
      assert.deepInclude(refusalOf(volume), { _tag: "LogDamaged", file: path, offset: offsetOf(4), lsn: 4 })
    }
  })

  it("is a footer that ends other records than its segment has", () => {
    const { volume, files } = sealed()
    const [first, second] = files
    const bytes = readAll(volume, second!)
    // The second segment under the first one's header, so that salts agree.
    overwrite(volume, first!, () => bytes)
    assert.deepInclude(refusalOf(volume), { _tag: "LogDamaged", file: first!, offset: RECORDS_AT, lsn: 1 })
  })
})

describe("Recovery: what it does not know", () => {
  it("refuses a segment of another database or timeline", () => {
    const { volume, path } = unsealed()
    const other = new Uint8Array(16).fill(1)
    const otherDatabase = volume.crash(1)
    overwrite(otherDatabase, path, (bytes) => void bytes.set(encodeHeader({ databaseId: other, timeline: TIMELINE }, 1, 1)))
    assert.deepInclude(refusalOf(otherDatabase), { _tag: "ForeignSegment", file: path })
    const otherTimeline = volume.crash(1)
    overwrite(otherTimeline, path, (bytes) => void bytes.set(encodeHeader({ databaseId: DATABASE_ID, timeline: other }, 1, 1)))
    assert.deepInclude(refusalOf(otherTimeline), { _tag: "ForeignSegment", file: path })
    const renamed = path.replace("71", "72")
    volume.rename(path, renamed)
    assert.deepInclude(refusalOf(volume), { _tag: "ForeignSegment", file: renamed })
  })

  it("refuses a newer format by its number", () => {
    const { volume, path } = unsealed()
    overwrite(volume, path, (bytes) => {
      const view = new DataView(bytes.buffer)
      view.setUint32(8, 2, true)
      view.setUint32(60, checksum(bytes, 0, 60, 0), true)
    })
    assert.deepInclude(refusalOf(volume), { _tag: "UnsupportedFormat", file: path, format: 2 })
  })

  it("refuses a record of an unknown kind, unless it may be passed over", () => {
    const { volume, path } = unsealed()
    overwrite(volume, path, (bytes) => forge(bytes, offsetOf(4), (header) => void (header.kind = 900)))
    assert.deepInclude(refusalOf(volume), { _tag: "UnknownRecord", file: path, offset: offsetOf(4), lsn: 4, kind: 900 })
    overwrite(volume, path, (bytes) => forge(bytes, offsetOf(4), (header) => void (header.flags = FLAG_SKIPPABLE)))
    const { records, log } = new Machine(volume).open()
    assert.deepStrictEqual(lsns(records), [1, 2, 3])
    assert.strictEqual(log.lastLsn, 4)
  })

  it("passes on what the reader of the records throws", () => {
    const { volume } = unsealed()
    const recovery = new Recovery(new Machine(volume).options, { lsn: 0 }, () => {
      throw new Error("cannot apply")
    })
    recovery.step(1)
    assert.throws(() => recovery.step(1024), /cannot apply/)
  })

  it("reports a disk that cannot be read", () => {
    const { volume } = unsealed()
    volume.failWhen(({ operation }) => (operation === "read" ? "EIO" : undefined))
    assert.deepInclude(refusalOf(volume), { _tag: "DiskFailure", operation: "read", code: "EIO" })
  })
})

describe("the checkpoint's record", () => {
  it("has to be the one in the log, by its checksum", () => {
    const { machine, volume, log } = freshLog()
    append(log, 100)
    append(log, 100)
    const checksumAtTwo = log.lastChecksum
    append(log, 100)
    machine.settle()
    assert.deepStrictEqual(
      new Machine(volume.crash(1)).open(2, 1024, checksumAtTwo).records.map((record) => record.lsn),
      [3]
    )
    const refused = (() => {
      try {
        return new Machine(volume.crash(1)).open(2, 1024, checksumAtTwo ^ 1)
      } catch (error) {
        return error instanceof Fault ? error.reason : error
      }
    })()
    assert.deepInclude(refused, { _tag: "LogDamaged", lsn: 2 })
  })
})
