/**
 * Writes: documents brought into their stored form and put under their keys.
 *
 * Invariants
 * - What is put has passed the validator of its store's current version, and begins with its `_id`.
 * - A changed document keeps its key. One that comes out the same is not written.
 * - Nothing is undone here: whoever runs a statement takes a savepoint (see `undoing`).
 */
import { keyOf } from "../Bson/Key.ts"
import { documentLength, equalBytes, fieldName, findElement } from "../Bson/View.ts"
import { Writer } from "../Bson/Writer.ts"
import { Fault } from "../Fault/Fault.ts"
import type { Issue } from "../Schema/Issue.ts"
import { DocumentView, KEY_BYTES, type Store, type Transaction } from "../Storage/Reader.ts"
import type { QueryReason } from "./Reasons.ts"
import type { UpdateRun } from "./UpdateProgram.ts"
import { Validators } from "./Validators.ts"

const ID = fieldName("_id")
const ID_TYPE_OFFSET = 4
const ID_VALUE_OFFSET = 9

/** Runs `write` as one statement and, when it throws or unique indexes do not allow what it has done, takes back everything it did. */
export function undoing<A>(transaction: Transaction, write: () => A): A {
  const savepoint = transaction.savepoint()
  try {
    const result = write()
    transaction.endStatement()
    return result
  } catch (error) {
    transaction.rollbackTo(savepoint)
    throw error
  }
}

export class Changer {
  /** The document that the last `insert` or `put` stored, as the transaction has it. */
  readonly view: DocumentView = new DocumentView()
  readonly #validators = new Validators()
  readonly #key = new Uint8Array(KEY_BYTES)
  /** A changed document before, and a document in, its stored form. */
  readonly #draft = new Writer()
  readonly #stored = new Writer()

  /** Stores the new document at `at`. `index` is its place in a list, for errors. */
  insert(transaction: Transaction, store: Store, bytes: Uint8Array, at: number, index: number | undefined): void {
    const { definition } = store
    const makesId = (definition.idKind === "key" || definition.idKind === "uuid") && findElement(bytes, at, ID) < 0
    const validator = makesId ? this.#validators.withoutId(definition) : this.#validators.whole(definition)
    this.#stored.reset()
    refuseIssues(store, index, validator.normalise(bytes, at, this.#stored))
    transaction.insert(store, this.#stored.bytes, 0, this.#key)
    transaction.get(store, this.#key, 0, this.view)
  }

  /** Puts the document at `at` in the place of the one with its `_id`. Without one, `inserts` says whether it is stored all the same. */
  put(transaction: Transaction, store: Store, bytes: Uint8Array, at: number, inserts: boolean): "none" | "inserted" | "same" | "changed" {
    const stored = this.#stored
    stored.reset()
    refuseIssues(store, undefined, this.#validators.whole(store.definition).normalise(bytes, at, stored))
    this.#key.set(keyOf(store.definition.idKind, stored.bytes[ID_TYPE_OFFSET]!, stored.bytes, ID_VALUE_OFFSET))
    const found = transaction.get(store, this.#key, 0, this.view)
    if (!found && !inserts) return "none"
    if (found && this.#isSame(this.view)) return "same"
    transaction.put(store, this.#key, stored.bytes, 0)
    transaction.get(store, this.#key, 0, this.view)
    return found ? "changed" : "inserted"
  }

  /** Applies a change to the document with the key at `keys[keyAt]`; whether it is different now. */
  update(transaction: Transaction, store: Store, change: UpdateRun, keys: Uint8Array, keyAt: number): boolean {
    const { view } = this
    const key = this.#key
    for (let index = 0; index < KEY_BYTES; index++) key[index] = keys[keyAt + index]!
    if (!transaction.get(store, key, 0, view)) return false
    this.#draft.reset()
    change.apply(view.bytes, view.at, this.#draft)
    this.#stored.reset()
    refuseIssues(store, undefined, this.#validators.whole(store.definition).normalise(this.#draft.bytes, 0, this.#stored))
    if (this.#isSame(view)) return false
    transaction.put(store, key, this.#stored.bytes, 0)
    return true
  }

  /** Removes the document with the key at `keys[keyAt]`; false when there is none. */
  delete(transaction: Transaction, store: Store, keys: Uint8Array, keyAt: number): boolean {
    const key = this.#key
    for (let index = 0; index < KEY_BYTES; index++) key[index] = keys[keyAt + index]!
    return transaction.delete(store, key)
  }

  #isSame(view: DocumentView): boolean {
    const { bytes } = this.#stored
    return documentLength(bytes, 0) === view.length && equalBytes(bytes, 0, view.bytes, view.at, view.length)
  }
}

function refuseIssues(store: Store, index: number | undefined, issues: ReadonlyArray<Issue>): void {
  const [first] = issues
  if (first === undefined) return
  const { name } = store.definition
  const place = index === undefined ? "" : ` (document ${index})`
  throw new Fault<QueryReason>({
    _tag: "InvalidDocument",
    store: name,
    ...(index === undefined ? {} : { index }),
    issues,
    message: `not a document of ${name}${place}: ${first.pointer === "" ? "" : `${first.pointer}: `}${first.message}`
  })
}
