/**
 * Every record that a database ever had in its log, collected from its files, and what replaying them gives.
 *
 * Invariants
 * - LSNs go up by one and each record names the checksum of the one before it; a number is never given to two different records, unless a
 *   crash took the first one back.
 * - Replaying gives the state that the model has for the same LSN.
 */
import { BSON } from "bson"
import type { Files, LogRecord, LogSegment } from "./LogFiles.ts"
import { readSegments } from "./LogFiles.ts"
import { digestOf, hexOf } from "./Model.ts"
import { violated } from "./Violation.ts"

const KIND_TRANSACTION = 1
const KIND_DEFINITION = 2
const OPERATION_PUT = 1

export class Archive {
  readonly #records = new Map<number, LogRecord>()
  /** Documents as of `#replayedLsn`, by store id and key. */
  #stores = new Map<number, Map<string, { readonly bytes: Uint8Array }>>()
  #names = new Map<number, string>()
  #replayedLsn = 0

  /** Takes in what the segments below `directory` hold now. */
  collect(files: Files, directory: string): void {
    for (const segment of readSegments(files, directory)) this.take(segment)
  }

  take({ path, records }: LogSegment): void {
    for (const record of records) {
      const known = this.#records.get(record.lsn)
      if (known === undefined) {
        this.#checkChain(record, path)
        this.#records.set(record.lsn, { ...record, body: record.body.slice() })
      } else if (known.crc !== record.crc) {
        violated("the chain of the log", `LSN ${record.lsn} of ${path} was given to another record before`)
      }
    }
  }

  /** What was after `lsn` was taken back by a crash. */
  forgetAfter(lsn: number): void {
    for (const known of this.#records.keys()) if (known > lsn) this.#records.delete(known)
    if (lsn >= this.#replayedLsn) return
    this.#stores = new Map()
    this.#names = new Map()
    this.#replayedLsn = 0
  }

  /** The digest of what replaying everything up to `lsn` gives. */
  digestAt(lsn: number): string {
    if (lsn < this.#replayedLsn) throw new Error("an archive is only replayed forwards")
    while (this.#replayedLsn < lsn) {
      const record = this.#records.get(++this.#replayedLsn)
      if (record === undefined) return violated("the chain of the log", `LSN ${this.#replayedLsn} was never in any file of the log`)
      this.#replay(record)
    }
    return digestOf([...this.#stores].map(([id, documents]) => [this.#names.get(id)!, documents] as const))
  }

  #checkChain(record: LogRecord, path: string): void {
    const before = this.#records.get(record.lsn - 1)
    if (record.lsn === 1 && record.previousCrc !== 0) violated("the chain of the log", `the first record of ${path} continues another one`)
    if (record.durableLsn >= record.lsn) violated("the chain of the log", `LSN ${record.lsn} calls LSN ${record.durableLsn} durable`)
    if (before === undefined) return
    if (record.previousCrc !== before.crc)
      violated("the chain of the log", `LSN ${record.lsn} of ${path} does not continue the record before`)
    if (record.commitTimeMs < before.commitTimeMs) violated("the chain of the log", `the commit time falls at LSN ${record.lsn}`)
  }

  #replay(record: LogRecord): void {
    if (record.kind === KIND_DEFINITION) {
      const { dropped = [], stores } = BSON.deserialize(record.body) as {
        stores: ReadonlyArray<{ id: number; definition: { name: string } }>
        dropped?: ReadonlyArray<number>
      }
      for (const id of dropped) this.#stores.delete(id)
      for (const { id, definition } of stores) this.#names.set(id, definition.name)
      return
    }
    if (record.kind !== KIND_TRANSACTION) return
    const { body } = record
    const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
    let at = 8
    for (let left = view.getUint32(0, true); left > 0; left--) {
      const store = view.getUint32(at + 4, true)
      const key = hexOf(body.subarray(at + 8, at + 24))
      let documents = this.#stores.get(store)
      if (documents === undefined) this.#stores.set(store, (documents = new Map()))
      const isPut = body[at] === OPERATION_PUT
      at += 24
      if (!isPut) {
        documents.delete(key)
        continue
      }
      const length = view.getUint32(at, true)
      documents.set(key, { bytes: body.subarray(at, at + length) })
      at += length
    }
  }
}
