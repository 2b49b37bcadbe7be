/** What a record of the log means to a database that is being opened. */
import type { RecordView } from "../Wal/Record.ts"
import { type Catalog, decodeDefinition, type StoreRecord } from "./Catalog.ts"
import type { Overlay } from "./Overlay.ts"
import { OPERATION_DELETE, OPERATION_PUT, OperationReader } from "./TransactionRecord.ts"

/** Writes the operations of a transaction's record to an overlay that was begun for it. */
export function replayOperations(record: RecordView, catalog: Catalog, overlay: Overlay): void {
  const operations = new OperationReader(record.bytes, record.at, record.length)
  const key = new Uint8Array(16)
  while (operations.next()) {
    const store = catalog.storeById(operations.store)
    if (store === undefined) throw new Error(`log record ${record.lsn} writes to store ${operations.store}, which does not exist`)
    key.set(operations.bytes.subarray(operations.keyAt, operations.keyAt + 16))
    if (operations.kind === OPERATION_PUT) overlay.put(store, key, 0, operations.bytes, operations.documentAt)
    else if (operations.kind === OPERATION_DELETE) overlay.delete(store, key, 0)
    else throw new Error(`log record ${record.lsn} has an operation of unknown kind ${operations.kind}`)
  }
}

/**
 * The catalog after a definition's record. An index that became ready by being built is built on from where the checkpoint has it: its
 * entries were never in the log. One that was born with its store is ready, for all documents come after it.
 */
export function replayDefinition(record: RecordView, catalog: Catalog): Catalog {
  const { dropped, stores, nextId } = decodeDefinition(record.bytes, record.at)
  const records = stores.map((store): StoreRecord => {
    const before = catalog.storeById(store.id)
    const indexes = store.indexes.map((it) => {
      const known = before?.record.indexes.find((other) => other.id === it.id)
      return known === undefined ? it : { ...it, readyLsn: known.readyLsn }
    })
    return { ...store, indexes }
  })
  return catalog.with(records, nextId, record.lsn, dropped)
}
