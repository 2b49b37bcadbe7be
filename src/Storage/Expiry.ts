/**
 * Removes documents whose time is over, which an index with `expireAfterMs` says, in ordinary transactions of their own.
 *
 * Invariants
 * - A document is looked at again before it goes: in the state the transaction reads, a date at the path has to be over, and the document
 *   has to be in the index. A wrong entry removes nothing.
 * - One step is one transaction with at most `REMOVED_MAX` documents, so writers never wait long.
 * - An index whose documents cannot be read is reported once and left alone until a restart.
 */
import { compilePath, resolve } from "../Bson/Path.ts"
import * as Type from "../Bson/Type.ts"
import { readInt64Number } from "../Bson/View.ts"
import { encodeValue as valueOf } from "../Bson/Value.ts"
import { Fault, isFault } from "../Fault/Fault.ts"
import { CLASS_DATE } from "../Bson/Compare.ts"
import { EntryList } from "../Index/EntryList.ts"
import { encodeClass, encodeValue, KeyWriter } from "../Index/KeyEncoding.ts"
import type { Catalog, CatalogIndex, CatalogStore } from "./Catalog.ts"
import type { Progress } from "./Maintenance.ts"
import { DocumentView, KEY_BYTES, type Range, type Transaction } from "./Reader.ts"

/** How many documents one transaction removes. */
const REMOVED_MAX = 256
/** How many indexes one step looks into when nothing is to be removed. */
const INDEXES_MAX = 64
/** Why a transaction may not begin or commit now and may later, or never again. */
const CANNOT_WRITE: ReadonlySet<string> = new Set(["TransactionOpen", "Backpressure", "ReadOnly", "Poisoned", "Closed"])
/** The dates that JavaScript and BSON agree on begin here. */
const DATE_MS_MIN = -8.64e15

/** What expiring does to the engine. */
export interface ExpiryHost {
  /** Begins the one transaction; throws when none can begin now. */
  readonly transact: () => Transaction
}

export interface ExpiryOptions {
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly report: (error: unknown) => void
}

interface Timed {
  readonly store: CatalogStore
  readonly index: CatalogIndex
  readonly expireAfterMs: number
}

export class Expiry {
  readonly #host: ExpiryHost
  readonly #catalog: () => Catalog
  readonly #options: ExpiryOptions
  /** The index to go on with. */
  #next = 0
  readonly #failed = new Set<number>()
  readonly #view = new DocumentView()
  readonly #entries = new EntryList()

  constructor(host: ExpiryHost, catalog: () => Catalog, options: ExpiryOptions) {
    this.#host = host
    this.#catalog = catalog
    this.#options = options
  }

  /** `more`: there may be more to remove now; `waiting`: nothing can be written now; `idle`: what is over is gone. */
  step(): Progress {
    const timed = this.#timed()
    for (let looked = 0; this.#next < timed.length; this.#next++) {
      if (looked++ === INDEXES_MAX) return "more"
      const transaction = this.#begin()
      if (transaction === undefined) return "waiting"
      const outcome = this.#expire(transaction, timed[this.#next]!)
      if (outcome !== "idle") return outcome
    }
    this.#next = 0
    return "idle"
  }

  /** A transaction; undefined when none can begin now. */
  #begin(): Transaction | undefined {
    try {
      return this.#host.transact()
    } catch (error) {
      if (!(error instanceof Fault) || !CANNOT_WRITE.has(error.reason._tag)) throw error
      return undefined
    }
  }

  #timed(): ReadonlyArray<Timed> {
    return this.#catalog().stores.flatMap((store) =>
      store.kept.flatMap((index) => {
        const { expireAfterMs } = index.definition
        return expireAfterMs === undefined || !index.ready || this.#failed.has(index.id) ? [] : [{ store, index, expireAfterMs }]
      })
    )
  }

  #expire(transaction: Transaction, timed: Timed): Progress {
    const lastMs = Math.floor(this.#options.now()) - timed.expireAfterMs
    try {
      const keys = lastMs < DATE_MS_MIN ? [] : overdue(transaction, timed.index, lastMs)
      if (keys.length === 0) {
        transaction.rollback()
        return "idle"
      }
      for (const key of keys) if (this.#isOver(transaction, timed, key, lastMs)) transaction.delete(timed.store, key)
      transaction.commit()
      return keys.length < REMOVED_MAX ? "idle" : "more"
    } catch (error) {
      end(transaction)
      if (error instanceof Fault && CANNOT_WRITE.has(error.reason._tag)) return "waiting"
      this.#failed.add(timed.index.id)
      this.#options.report(error)
      return "more"
    }
  }

  #isOver(transaction: Transaction, { index, store }: Timed, key: Uint8Array, lastMs: number): boolean {
    const view = this.#view
    if (!transaction.get(store, key, 0, view)) return false
    index.extract(view.bytes, view.at, key, 0, this.#entries)
    if (this.#entries.count === 0) return false
    return resolve(compilePath(index.definition.on[0]!.path), view.bytes, view.at, {
      visit: (bytes, type, at) => type === Type.DATE && readInt64Number(bytes, at) <= lastMs
    })
  }
}

/** Keys of documents with a date up to `lastMs`, oldest first. */
function overdue(transaction: Transaction, index: CatalogIndex, lastMs: number): ReadonlyArray<Uint8Array> {
  const isDescending = index.definition.on[0]!.direction === "desc"
  const cursor = transaction.entries(index, datesUpTo(lastMs, isDescending), isDescending ? -1 : 1)
  const keys: Array<Uint8Array> = []
  while (keys.length < REMOVED_MAX && cursor.next()) {
    const { at, bytes, length } = cursor.entry
    keys.push(bytes.slice(at + length - KEY_BYTES, at + length))
  }
  cursor.close()
  return keys
}

/** The entries of dates up to a time; bounds of a range are prefixes. */
function datesUpTo(lastMs: number, isDescending: boolean): Range {
  const writer = new KeyWriter()
  encodeClass(writer, CLASS_DATE, isDescending)
  const anyDate = writer.bytes.slice(0, writer.length)
  writer.reset()
  const last = valueOf(new Date(lastMs))
  encodeValue(writer, last.bytes, last.type, last.at, isDescending)
  const lastDate = writer.bytes.slice(0, writer.length)
  return isDescending ? { low: lastDate, high: anyDate } : { low: anyDate, high: lastDate }
}

/** Ends a transaction that a failure may have ended already. */
function end(transaction: Transaction): void {
  try {
    transaction.rollback()
  } catch (error) {
    if (!isFault(error, "TransactionOver")) throw error
  }
}
