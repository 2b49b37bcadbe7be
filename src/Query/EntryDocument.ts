/**
 * Documents made from index entries: what a covering plan reads instead of the documents themselves.
 *
 * Invariants
 * - Such a document has `_id` where it can be told, and of the fields exactly the covered ones that the document has, byte for byte
 *   as stored and in the order of the schema, which is that of documents stored under it. Whoever reads those and nothing else cannot tell the difference.
 * - Where an entry does not say what the document holds (a value cut off, -0 or 0, null or nothing), `read` says so and the document
 *   itself has to be fetched.
 */
import * as Type from "../Bson/Type.ts"
import { fieldName } from "../Bson/View.ts"
import { Writer } from "../Bson/Writer.ts"
import { type DecodedType, decodeElement, isNullAt, skipEncoded } from "../Index/KeyDecoding.ts"
import { mayBeCut } from "../Index/KeyEncoding.ts"
import type { Field, Fields } from "../Schema/Definition.ts"
import { type DocumentView, KEY_BYTES, type Store, type StoreIndex } from "../Storage/Reader.ts"

/** What null in an entry stands for: a field that is not there, null, or either. */
type Absent = "missing" | "null" | "unknown"

interface EntryField {
  readonly mask: number
  readonly type: DecodedType | undefined
  readonly absent: Absent
}

type Node = { readonly name: Uint8Array; readonly field: number } | { readonly name: Uint8Array; readonly inside: ReadonlyArray<Node> }

/** How to make documents of a store from entries of one of its indexes. */
export interface Covering {
  readonly id: "key" | "uuid" | "objectId" | undefined
  readonly fields: ReadonlyArray<EntryField>
  readonly nodes: ReadonlyArray<Node>
}

/** How to make documents with these paths from the entries of an index; undefined when entries do not say enough. */
export function coveringOf(store: Store, index: StoreIndex, paths: ReadonlySet<string>, needsId: boolean): Covering | undefined {
  const { idKind, schema } = store.definition
  const id = idKind === "key" || idKind === "uuid" || idKind === "objectId" ? idKind : undefined
  if (id === undefined && (needsId || paths.has("_id"))) return undefined
  const { on } = index.definition
  const fields = on.map(({ direction, path }) => entryField(schema, path.split("."), direction === "desc" ? 0xff : 0))
  if (fields.some((field) => field === undefined)) return undefined
  const known = fields as ReadonlyArray<EntryField>
  const needed = [...paths].filter((path) => path !== "_id")
  const numbers = needed.map((path) => on.findIndex((field) => field.path === path))
  if (numbers.some((number) => number < 0 || known[number]?.type === undefined)) return undefined
  const places = needed.map((path, position) => ({ names: path.split("."), field: numbers[position]! }))
  return { id, fields: known, nodes: nodesOf(schema, places) }
}

/** A field of an entry; undefined when its encoding could not even be passed over. */
function entryField(fields: Fields, names: ReadonlyArray<string>, mask: number): EntryField | undefined {
  let inside: Fields | undefined = fields
  let isCertain = true
  for (const [depth, name] of names.entries()) {
    const field: Field | undefined = inside !== undefined && Object.hasOwn(inside, name) ? inside[name] : undefined
    if (field === undefined) return undefined
    if (depth === names.length - 1) return leafField(field, mask, isCertain)
    if (field.type !== "struct") return undefined
    isCertain &&= field.optional !== true && field.nullable !== true
    inside = field.fields
  }
  return undefined
}

function leafField(field: Field, mask: number, isCertain: boolean): EntryField | undefined {
  const isOptional = field.optional === true
  const isNullable = field.nullable === true
  // Documents from before a field with a default was added do not have it.
  const isTold = isCertain && isOptional !== isNullable && field.default === undefined
  const absent: Absent = !isTold ? "unknown" : isOptional ? "missing" : "null"
  if (field.type === "decimal") return { mask, type: undefined, absent }
  const type = typeOf(field)
  return type === undefined ? undefined : { mask, type, absent }
}

function typeOf(field: Field): DecodedType | undefined {
  switch (field.type) {
    case "string":
      return Type.STRING
    case "int":
      return Type.INT32
    case "long":
      return Type.INT64
    case "number":
      return Type.DOUBLE
    case "boolean":
      return Type.BOOLEAN
    case "date":
      return Type.DATE
    case "key":
    case "uuid":
    case "binary":
      return Type.BINARY
    case "objectId":
      return Type.OBJECT_ID
    case "literals":
      return field.values.every((value) => typeof value === "string") ? Type.STRING : undefined
    default:
      return undefined
  }
}

/** The needed fields in the order of the schema, those of one struct together. */
function nodesOf(fields: Fields, places: ReadonlyArray<{ readonly names: ReadonlyArray<string>; readonly field: number }>): Array<Node> {
  return Object.entries(fields).flatMap(([name, field]): Array<Node> => {
    const own = places.filter((place) => place.names[0] === name)
    if (own.length === 0) return []
    const leaf = own.find((place) => place.names.length === 1)
    if (leaf !== undefined) return [{ name: fieldName(name), field: leaf.field }]
    const inside = own.map((place) => ({ names: place.names.slice(1), field: place.field }))
    return [{ name: fieldName(name), inside: nodesOf(field.type === "struct" ? field.fields : {}, inside) }]
  })
}

/** Bytes of kept documents at which a new buffer is begun. */
const CHUNK_BYTES = 256 * 1024
const ID = fieldName("_id")

export class EntryDocuments {
  #covering: Covering | undefined
  #writer = new Writer()
  #keeps = false
  #at = 0
  readonly #offsets: Array<number> = []

  /** Starts a run. With `keeps` every document stays until the next start, otherwise until the next one is read. */
  start(covering: Covering, keeps: boolean): void {
    this.#covering = covering
    // What was kept may still be in use.
    if (this.#keeps || keeps) this.#writer = new Writer()
    this.#keeps = keeps
  }

  /** Makes the document of an entry in `out`; false when the entry does not say what it is. */
  read(bytes: Uint8Array, at: number, length: number, out: DocumentView): boolean {
    if (mayBeCut(length)) return false
    const covering = this.#covering!
    if (!this.#keeps) this.#writer.length = 0
    else if (this.#writer.length > CHUNK_BYTES) this.#writer = new Writer(CHUNK_BYTES)
    const writer = this.#writer
    const { fields } = covering
    let place = at
    for (let number = 0; number < fields.length; number++) {
      this.#offsets[number] = place
      place = skipEncoded(bytes, place, fields[number]!.mask)
    }
    this.#offsets[fields.length] = place
    this.#at = writer.length
    const start = writer.beginDocument()
    writeId(writer, covering.id, bytes, at + length - KEY_BYTES)
    if (!this.#write(covering.nodes, bytes)) {
      writer.length = start
      return false
    }
    writer.endDocument(start)
    out.show(writer.bytes, start, writer.length - start)
    return true
  }

  /** Forgets the document that was read last, when documents are kept. */
  drop(): void {
    if (this.#keeps) this.#writer.length = this.#at
  }

  #write(nodes: ReadonlyArray<Node>, bytes: Uint8Array): boolean {
    const writer = this.#writer
    for (const node of nodes) {
      if ("inside" in node) {
        writer.name(Type.DOCUMENT, node.name)
        const start = writer.beginDocument()
        if (!this.#write(node.inside, bytes)) return false
        writer.endDocument(start)
      } else if (!this.#writeField(node.name, node.field, bytes)) return false
    }
    return true
  }

  #writeField(name: Uint8Array, number: number, bytes: Uint8Array): boolean {
    const { absent, mask, type } = this.#covering!.fields[number]!
    const at = this.#offsets[number]!
    if (type === undefined) return false
    if (!isNullAt(bytes, at, mask)) return decodeElement(this.#writer, name, type, bytes, at, this.#offsets[number + 1]!, mask)
    if (absent === "null") this.#writer.name(Type.NULL, name)
    return absent !== "unknown"
  }
}

/** Writes the `_id` that a document's key is. */
function writeId(writer: Writer, id: Covering["id"], key: Uint8Array, at: number): void {
  if (id === undefined) return
  if (id === "objectId") {
    writer.name(Type.OBJECT_ID, ID)
    writer.raw(key, at, 6)
    writer.raw(key, at + 7, 1)
    writer.raw(key, at + 9, 5)
    return
  }
  writer.name(Type.BINARY, ID)
  writer.int32(KEY_BYTES)
  writer.byte(id === "key" ? Type.KEY_SUBTYPE : Type.UUID_SUBTYPE)
  writer.raw(key, at, KEY_BYTES)
}
