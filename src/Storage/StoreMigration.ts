/**
 * Brings the documents of a store to a new version of it, in slices, while the old version is read and written.
 *
 *     the documents are converted into a store beside it  →  what was written meanwhile is converted again  →  the two change their names
 *
 * Invariants
 * - The store itself is not touched before `finish`, which is one record of the log: until it is durable the old version is what there is.
 * - A slice is one transaction. Every commit to the store is heard of: what lies behind the walk and changes is converted anew. When a slice
 *   cannot be committed the walk begins again.
 * - A document that cannot be converted is told with the reason, and the migration then ends without anything having changed.
 * - It begins by comparing what an interrupted one has left: what is right already is not written again.
 */
import { equalBytes } from "../Bson/View.ts"
import { isFault } from "../Fault/Fault.ts"
import type { StoreDefinition } from "../Schema/Definition.ts"
import { keptDefinition, versionOf } from "../Schema/Migration.ts"
import { toHex } from "../Wal/Segment.ts"
import type { Commit } from "./Commit.ts"
import { Conversion, type MigrationPrograms } from "./Conversion.ts"
import { idOf } from "./Duplicates.ts"
import { DocumentView, KEY_BYTES, type Store, type Transaction } from "./Reader.ts"
import { storageFault } from "./Reasons.ts"
import { compareBytes } from "./SourceCursor.ts"

/** How much a migration does at once and remembers. */
export interface MigrationLimits {
  /** Documents and bytes of them that a slice converts at most: a few milliseconds. */
  readonly sliceDocumentsMax: number
  readonly sliceBytesMax: number
  /** Milliseconds after which a slice ends, for handlers that take their time. */
  readonly sliceMsMax: number
  /** Changed documents that are remembered; with more the walk begins again. */
  readonly changedDocumentsMax: number
  /** Documents that cannot be converted, above which the migration gives up. */
  readonly failedDocumentsMax: number
}

const MIGRATION_LIMITS: MigrationLimits = {
  sliceDocumentsMax: 100,
  sliceBytesMax: 256 * 1024,
  sliceMsMax: 5,
  changedDocumentsMax: 100_000,
  failedDocumentsMax: 10_000
}
/** Failed documents that are listed. */
export const FAILED_LISTED_MAX = 100

/** Why the engine does not take one document. */
const REFUSALS: ReadonlySet<string> = new Set(["UniqueViolation", "DocumentTooLarge", "TooManyEntries", "IdCollision"])

/** What a migration sees of the engine. */
export interface MigrationEngine {
  readonly store: (name: string) => Store | undefined
  readonly transact: () => Transaction
  readonly define: (definitions: ReadonlyArray<StoreDefinition>) => number
  readonly rename: (names: ReadonlyMap<string, string>) => number
  readonly onCommit: (listener: (commit: Commit) => void) => () => void
  readonly hold: { readonly begin: () => () => void }
  readonly lastLsn: number
}

/** A document that could not be converted: its `_id` as JSON, where in the document, and why. */
export interface FailedDocument {
  readonly id: string
  readonly pointer: string
  readonly message: string
}

/** Where the new documents of a store are made, and where the old ones are until they are removed. */
export const shadowName = (store: string): string => `$migration/${store}`
export const beforeName = (store: string): string => `$before/${store}`
const BEFORE_PREFIX = "$before/"

export class StoreMigration {
  /** Documents that were converted, those that were converted again counted again. */
  converted = 0
  readonly #engine: MigrationEngine
  readonly #definition: StoreDefinition
  readonly #conversion: Conversion
  readonly #limits: MigrationLimits
  readonly #nowMs: () => number
  #sliceEndMs = 0
  readonly #isUnique: boolean
  readonly #source: Store
  readonly #stopListening: () => void
  readonly #failed = new Map<string, FailedDocument>()
  readonly #changed = new Set<string>()
  /** Documents that could not be put because a value was taken that another document may give up yet. */
  #conflicting = new Set<string>()
  #conflictsBefore = Infinity
  #phase: "clear" | "sweep" | "walk" | "rest" = "clear"
  /** The last key that the walk has passed. */
  #position: Uint8Array | undefined
  readonly #view = new DocumentView()

  /** `nowMs`: a clock by which slices end. Faults with InvalidStore when a handler is missing that a migration names, or a way back. */
  constructor(
    engine: MigrationEngine,
    definition: StoreDefinition,
    programs: MigrationPrograms,
    nowMs: () => number,
    limits: Partial<MigrationLimits> = {}
  ) {
    const source = engine.store(definition.name)
    if (source === undefined) throw new Error(`there is no store ${definition.name} to migrate`)
    this.#engine = engine
    this.#definition = definition
    this.#conversion = new Conversion(source.definition, definition, programs)
    this.#nowMs = nowMs
    this.#limits = { ...MIGRATION_LIMITS, ...limits }
    this.#isUnique = definition.indexes.some((it) => it.unique === true)
    this.#source = source
    this.#stopListening = engine.onCommit(this.#committed)
  }

  get store(): string {
    return this.#definition.name
  }

  /**
   * Does a slice; `caughtUp` when there was nothing to do: then `finish` in the same turn. Faults with MigrationFailed, and those of
   * `Engine.transact` and `define`, after which it may be called again.
   */
  step(): "more" | "caughtUp" {
    if (this.#failed.size > this.#limits.failedDocumentsMax) throw this.#failure()
    if (this.#phase === "clear") return this.#clear()
    if (this.#phase === "rest" && this.#changed.size === 0 && !this.#retryConflicts()) {
      if (this.#failed.size > 0) throw this.#failure()
      return "caughtUp"
    }
    this.#sliceEndMs = this.#nowMs() + this.#limits.sliceMsMax
    this.#inTransaction((transaction) => {
      if (this.#phase === "sweep") this.#sweep(transaction)
      else if (this.#changed.size > 0) this.#convertChanged(transaction)
      else this.#walk(transaction)
    })
    return "more"
  }

  /** The new documents take the place of the old ones. Gives the LSN to wait for; called right after `step` has answered `caughtUp`. */
  finish(): number {
    const { name } = this.#definition
    const [before, shadow] = [beforeName(name), shadowName(name)]
    const names = new Map([
      [name, before],
      [shadow, name]
    ])
    // What was there from the migration before is empty, and becomes the place for the next.
    if (this.#engine.store(before) !== undefined) names.set(before, shadow)
    const lsn = this.#engine.rename(names)
    this.#stopListening()
    return lsn
  }

  /** Ends the migration; what it has made stays for the next attempt. Once it is over this does nothing. */
  cancel(): void {
    this.#stopListening()
  }

  readonly #committed = (commit: Commit): void => {
    const operations = commit.operations()
    while (operations.next()) {
      if (operations.store.id !== this.#source.id) continue
      // The walk does not come to what is gone, which an earlier attempt may have made something of.
      const isMissed = this.#phase === "walk" && operations.after === undefined
      if (!isMissed && !this.#isPassed(operations.key)) continue
      this.#changed.add(toHex(operations.key))
      this.#conflictsBefore = Infinity
    }
    if (this.#changed.size > this.#limits.changedDocumentsMax) this.#beginAgain()
  }

  /** What is right already is found and kept. */
  #beginAgain(): void {
    for (const documents of [this.#changed, this.#failed, this.#conflicting]) documents.clear()
    this.#conflictsBefore = Infinity
    this.#position = undefined
    this.#phase = "sweep"
  }

  #isPassed(key: Uint8Array): boolean {
    if (this.#phase === "rest") return true
    return this.#position !== undefined && compareBytes(key, 0, KEY_BYTES, this.#position, 0, KEY_BYTES) <= 0
  }

  /** Empties what stands in the way, then makes the store beside. */
  #clear(): "more" {
    const { name } = this.#definition
    const wanted: StoreDefinition = { ...keptDefinition(this.#definition), name: shadowName(name) }
    const shadow = this.#engine.store(wanted.name)
    const isKept = shadow !== undefined && JSON.stringify(shadow.definition) === JSON.stringify(wanted)
    for (const store of [this.#engine.store(beforeName(name)), isKept ? undefined : shadow]) {
      if (store !== undefined && clearSome(this.#engine, store, this.#limits.sliceDocumentsMax)) return "more"
    }
    this.#engine.define([wanted])
    this.#phase = "sweep"
    return "more"
  }

  /** Removes what an earlier attempt has made of documents that are gone. */
  #sweep(transaction: Transaction): void {
    const shadow = this.#shadow()
    const gone: Array<Uint8Array> = []
    const isAtEnd = this.#each(transaction, shadow, (key) => {
      if (!transaction.get(this.#source, key, 0, this.#view)) gone.push(key.slice())
    })
    for (const key of gone) transaction.delete(shadow, key)
    if (!isAtEnd) return
    this.#phase = "walk"
    this.#position = undefined
  }

  #walk(transaction: Transaction): void {
    const isAtEnd = this.#each(transaction, this.#source, (key, document) => this.#convert(transaction, key, document))
    if (isAtEnd) this.#phase = "rest"
  }

  /** The next documents of a store, behind the position; whether there are no more. */
  #each(transaction: Transaction, store: Store, visit: (key: Uint8Array, document: DocumentView) => void): boolean {
    const range = this.#position === undefined ? undefined : { low: this.#position, lowInclusive: false }
    const cursor = transaction.documents(store, range, 1)
    try {
      const { sliceBytesMax, sliceDocumentsMax } = this.#limits
      let bytes = 0
      for (let count = 0; count < sliceDocumentsMax && bytes < sliceBytesMax; count++) {
        if (!cursor.next()) return true
        this.#position = cursor.key.slice()
        bytes += cursor.document.length
        visit(this.#position, cursor.document)
        if (this.#isSliceOver) return false
      }
      return false
    } finally {
      cursor.close()
    }
  }

  get #isSliceOver(): boolean {
    return this.#nowMs() >= this.#sliceEndMs
  }

  #convertChanged(transaction: Transaction): void {
    let count = 0
    for (const name of this.#changed) {
      if (count++ === this.#limits.sliceDocumentsMax || (count > 1 && this.#isSliceOver)) return
      this.#changed.delete(name)
      const key = Uint8Array.from(Buffer.from(name, "hex"))
      const view = new DocumentView()
      if (transaction.get(this.#source, key, 0, view)) this.#convert(transaction, key, view)
      else {
        this.#failed.delete(name)
        this.#conflicting.delete(name)
        transaction.delete(this.#shadow(), key)
      }
    }
  }

  #convert(transaction: Transaction, key: Uint8Array, document: DocumentView): void {
    const name = toHex(key)
    this.converted++
    this.#failed.delete(name)
    this.#conflicting.delete(name)
    const made = this.#conversion.convert(document)
    if (!(made instanceof Uint8Array)) {
      this.#fail(name, document, made.pointer, made.message)
      transaction.delete(this.#shadow(), key)
      return
    }
    const there = this.#view
    const isThere = transaction.get(this.#shadow(), key, 0, there) && there.length === made.length
    if (isThere && equalBytes(there.bytes, there.at, made, 0, made.length)) return
    const savepoint = transaction.savepoint()
    try {
      transaction.put(this.#shadow(), key, made, 0)
      if (this.#isUnique) transaction.endStatement()
    } catch (error) {
      if (!isFault<{ _tag: string; message: string }>(error) || !REFUSALS.has(error.reason._tag)) throw error
      transaction.rollbackTo(savepoint)
      // What was made of it before is not right any more, and may have what another document waits for.
      transaction.delete(this.#shadow(), key)
      if (error.reason._tag === "UniqueViolation") this.#conflicting.add(name)
      this.#fail(name, document, "", error.reason.message ?? error.message)
    }
  }

  #fail(name: string, document: DocumentView, pointer: string, message: string): void {
    this.#failed.set(name, { id: idOf(document), pointer, message })
  }

  /** Values that were taken may be free now; tried again as long as that helps. Whether there is anything to try. */
  #retryConflicts(): boolean {
    const count = this.#conflicting.size
    if (count === 0 || count >= this.#conflictsBefore) return false
    this.#conflictsBefore = count
    for (const name of this.#conflicting) this.#changed.add(name)
    this.#conflicting = new Set()
    return true
  }

  #shadow(): Store {
    return this.#engine.store(shadowName(this.#definition.name))!
  }

  #inTransaction(work: (transaction: Transaction) => void): void {
    const transaction = this.#engine.transact()
    let isEnding = false
    try {
      work(transaction)
      isEnding = true
      transaction.commit()
    } catch (error) {
      if (!isEnding) transaction.rollback()
      // What was noted of this slice is not so.
      this.#beginAgain()
      throw error
    }
  }

  #failure(): Error {
    const { name } = this.#definition
    const listed = [...this.#failed.values()].slice(0, FAILED_LISTED_MAX)
    const [first] = listed
    const total = this.#failed.size
    const more = total > 1 ? `, and ${total - 1} more` : ""
    const message = `${name} stays at version ${versionOf(this.#source.definition)}: document ${first?.id} cannot be migrated: ${first?.pointer} ${first?.message}${more}`
    return storageFault({ _tag: "MigrationFailed", store: name, total, listed, message })
  }
}

/** Whether a store's documents have been replaced by a migration. */
export function isReplaced({ definition }: Store): boolean {
  return definition.name.startsWith(BEFORE_PREFIX)
}

/** Removes some of the documents that a migration has replaced, of any store; false when there are none left. */
export function clearReplaced(
  engine: MigrationEngine & { readonly stores: () => ReadonlyArray<Store> },
  documentsMax = MIGRATION_LIMITS.sliceDocumentsMax
): boolean {
  return engine.stores().some((store) => isReplaced(store) && clearSome(engine, store, documentsMax))
}

/** Removes some of a store's documents; false when there are none left. */
function clearSome(engine: MigrationEngine, store: Store, documentsMax: number): boolean {
  const transaction = engine.transact()
  const keys: Array<Uint8Array> = []
  try {
    const cursor = transaction.documents(store, undefined, 1)
    while (keys.length < documentsMax && cursor.next()) keys.push(cursor.key.slice())
    cursor.close()
    for (const key of keys) transaction.delete(store, key)
  } catch (error) {
    // A disk that cannot be read now: nobody could write any more while this one is open.
    transaction.rollback()
    throw error
  }
  if (keys.length === 0) transaction.rollback()
  else transaction.commit()
  return keys.length > 0
}
