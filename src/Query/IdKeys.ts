/** `_id`s and the keys of documents: which key a value has, and when a key is proof of the value. */
import { compareValues } from "../Bson/Compare.ts"
import { keyInto, keyOf } from "../Bson/Key.ts"
import * as Type from "../Bson/Type.ts"
import { documentEnd, firstElement, readInt32, skipValue, valueOffset } from "../Bson/View.ts"
import { Fault } from "../Fault/Fault.ts"
import { type DocumentView, KEY_BYTES, type Reader, type Store } from "../Storage/Reader.ts"
import type { ScanAccess } from "./Access.ts"
import type { Leaf } from "./Condition.ts"
import type { Operands } from "./Operands.ts"

const ID_TYPE_OFFSET = 4
const ID_VALUE_OFFSET = 9

/** The key that is being looked for. */
const ID_KEY = new Uint8Array(KEY_BYTES)

type ValueVisit = (bytes: Uint8Array, type: number, at: number) => void

/** Visits the value of a leaf, or each value of its list. */
export function eachValue(operands: Operands, leaf: Leaf, visit: ValueVisit): void {
  const bytes = operands.bytes(leaf.slot)
  const at = operands.at(leaf.slot)
  if (leaf.op !== "in" && leaf.op !== "between") return visit(bytes, operands.type(leaf.slot), at)
  const end = documentEnd(bytes, at)
  for (let element = firstElement(at); element < end;) {
    const valueAt = valueOffset(bytes, element)
    visit(bytes, bytes[element]!, valueAt)
    element = skipValue(bytes, bytes[element]!, valueAt)
  }
}

/** The key a value has as an `_id` of the store; undefined when it can be none. */
export function keyOrNone(store: Store, type: number, bytes: Uint8Array, at: number): Uint8Array | undefined {
  try {
    return keyOf(store.definition.idKind, type, bytes, at)
  } catch (error) {
    if (error instanceof Fault && error.reason._tag === "InvalidKey") return undefined
    throw error
  }
}

/** Whether a number that has no key may be equal to an integer `_id` all the same: a decimal, or a double beyond 2^53. */
export function mayEqualInteger(store: Store, type: number): boolean {
  const { idKind } = store.definition
  return (idKind === "int" || idKind === "long") && (type === Type.DECIMAL128 || type === Type.DOUBLE)
}

/** Whether keys are ids themselves and not hashes of them. */
function isDirect(store: Store): boolean {
  const { idKind } = store.definition
  return idKind === "key" || idKind === "uuid" || idKind === "objectId"
}

/** Whether every value of the leaf is encoded as the store's own ids are, so that equal keys are equal ids. */
export function areOwn(store: Store, operands: Operands, leaf: Leaf): boolean {
  const { idKind } = store.definition
  let own = isDirect(store)
  eachValue(operands, leaf, (bytes, type, at) => {
    if (idKind === "objectId") own &&= type === Type.OBJECT_ID
    else
      own &&=
        type === Type.BINARY &&
        readInt32(bytes, at) === KEY_BYTES &&
        bytes[at + 4] === (idKind === "key" ? Type.KEY_SUBTYPE : Type.UUID_SUBTYPE)
  })
  return own
}

export function isExactRange(store: Store, access: ScanAccess, operands: Operands): boolean {
  return (
    (access.low === undefined || areOwn(store, operands, access.low)) && (access.high === undefined || areOwn(store, operands, access.high))
  )
}

/**
 * Finds the document whose `_id` is the value (bytes, type, at), and may leave it unread, as `Reader.find` does; a value that can be no `_id`
 * of the store finds nothing.
 */
export function getById(reader: Reader, store: Store, bytes: Uint8Array, type: number, at: number, out: DocumentView): boolean {
  if (!keyInto(store.definition.idKind, type, bytes, at, ID_KEY) || !reader.find(store, ID_KEY, 0, out)) return false
  if (isDirect(store)) return true
  reader.read(out)
  return hasId(out, type, bytes, at)
}

/**
 * As `getById`, and reads it; but only a document whose `_id` is equal to the value. A text may be read as a key; as values the two are not
 * equal. `key` receives its key.
 */
export function getEqual(
  reader: Reader,
  store: Store,
  bytes: Uint8Array,
  type: number,
  at: number,
  out: DocumentView,
  key: Uint8Array
): boolean {
  if (!keyInto(store.definition.idKind, type, bytes, at, key) || !reader.find(store, key, 0, out)) return false
  reader.read(out)
  return hasId(out, type, bytes, at)
}

/** Whether the document's `_id`, its first element, is this value: hashes are not proof. */
function hasId(view: DocumentView, type: number, bytes: Uint8Array, at: number): boolean {
  const idType = view.bytes[view.at + ID_TYPE_OFFSET]!
  return compareValues(view.bytes, idType, view.at + ID_VALUE_OFFSET, bytes, type, at) === 0
}
