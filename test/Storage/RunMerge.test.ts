import { assert, describe, it } from "@effect/vitest"
import { MemoryVolume } from "../../src/Disk/MemoryVolume.ts"
import { isFault } from "../../src/Fault/Fault.ts"
import { PUT } from "../../src/Storage/MemtableLayout.ts"
import { RUN_BUFFER_BYTES, RunBuffers } from "../../src/Storage/RunBuffers.ts"
import { findRuns, type Run, RunMerge } from "../../src/Storage/RunMerge.ts"
import { SEGMENT_HEADER_BYTES, type SegmentFile, VALUE_HEADER_BYTES, valueBytes, writeValueHeader } from "../../src/Storage/ValueSegment.ts"

const SALT = 9

/** A segment with entries of these keys in this order, each with a document of `length(key)` bytes; the LSN is the place in the order. */
function segmentOf(keys: ReadonlyArray<number>, length: (key: number) => number = () => 100): SegmentFile {
  const file = new MemoryVolume().open("values", "create")
  let at = SEGMENT_HEADER_BYTES
  for (const [index, number] of keys.entries()) {
    const bytes = new Uint8Array(valueBytes(length(number)))
    const key = new Uint8Array(16)
    new DataView(key.buffer).setUint32(0, number)
    bytes.fill(number & 0xff, VALUE_HEADER_BYTES, VALUE_HEADER_BYTES + length(number))
    writeValueHeader(bytes, new DataView(bytes.buffer), 0, { store: 1, kind: PUT, lsn: 1 + index, key, keyAt: 0 }, length(number), SALT)
    file.writeAt(at, bytes)
    at += bytes.length
  }
  return { segment: 1, file, salt: SALT, lengthBytes: at }
}

function runsOf(source: SegmentFile, buffers: RunBuffers): ReadonlyArray<Run> {
  const finding = findRuns(source, buffers)
  for (;;) {
    const { done, value } = finding.next()
    if (done === true) return value
  }
}

function keysOf(merge: RunMerge): Array<number> {
  const keys: Array<number> = []
  for (let entry = merge.current; entry !== undefined; entry = merge.current) {
    entry.check()
    keys.push(new DataView(entry.bytes.buffer).getUint32(entry.keyAt))
    merge.advance()
  }
  return keys
}

const shuffled = Array.from({ length: 5000 }, (_, index) => ((index * 1399) % 5003) + 1)
const sorted = shuffled.toSorted((a, b) => a - b)

describe("runs of a value segment", () => {
  it("are walked in the order of their keys, with every entry of them once", () => {
    const source = segmentOf(shuffled)
    const runs = runsOf(source, new RunBuffers()).slice(0, 64)
    const end = runs.at(-1)!.until
    const entries = (end - SEGMENT_HEADER_BYTES) / valueBytes(100)
    assert.deepStrictEqual(
      keysOf(RunMerge.of(runs)),
      shuffled.slice(0, entries).toSorted((a, b) => a - b)
    )
  })

  it("are opened one by one, and the buffer of each goes back when it is over", () => {
    const source = segmentOf([...sorted, ...sorted, ...sorted], (key) => (key === 17 ? 2 * RUN_BUFFER_BYTES : 100))
    const buffers = new RunBuffers()
    const kept = [buffers.take(), buffers.take(), buffers.take()]
    for (const buffer of kept) buffers.give(buffer)
    const runs = runsOf(source, buffers)
    assert.lengthOf(runs, 3)
    for (let round = 0; round < 3; round++) {
      const merge = new RunMerge(runs, buffers)
      let opened = 0
      while (merge.openNext()) opened++
      assert.strictEqual(opened, 3)
      assert.deepStrictEqual(
        keysOf(merge),
        [...sorted, ...sorted, ...sorted].toSorted((a, b) => a - b)
      )
    }
    const again = [buffers.take(), buffers.take(), buffers.take()]
    assert.sameMembers(again, kept)
  })

  it("show no entry of a run that is over: its buffer is another reader's", () => {
    const source = segmentOf(sorted)
    const merge = RunMerge.of([{ source, from: SEGMENT_HEADER_BYTES, until: SEGMENT_HEADER_BYTES + valueBytes(100) }])
    const reader = merge.current!
    merge.advance()
    assert.isUndefined(merge.current)
    assert.lengthOf(reader.bytes, 0)
    assert.isFalse(reader.move(false))
  })

  it("are refused when an entry is damaged", () => {
    const source = segmentOf(sorted)
    source.file.writeAt(SEGMENT_HEADER_BYTES + 77 * valueBytes(100) + VALUE_HEADER_BYTES + 5, Uint8Array.of(1, 2, 3))
    try {
      runsOf(source, new RunBuffers())
      assert.fail("nothing was thrown")
    } catch (error) {
      assert.isTrue(isFault(error, "StorageDamaged"))
    }
  })
})
