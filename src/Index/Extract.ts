/**
 * From a document to its entries in a secondary index.
 *
 * Invariants
 * - An entry is the encoded fields in the definition's order, then the document's 16-byte key. A missing field is null.
 * - Where a path meets an array there is an entry for each value that a filter would look at (`Bson/Path.ts`): the elements, and one for
 *   the array itself (see `encodeIndexed`). Where several paths do, there is one for each combination. So a condition on a field holds for
 *   a document if and only if it holds for that field in one of its entries.
 * - A document has at least one entry. Only in a sparse index it has none, when there is nothing but null at all of the paths.
 */
import { compilePath, type Path, type PathVisitor, resolve } from "../Bson/Path.ts"
import * as Type from "../Bson/Type.ts"
import { findElement } from "../Bson/View.ts"
import type { IndexDefinition } from "../Schema/Definition.ts"
import { ENTRIES_MAX, type EntryList } from "./EntryList.ts"
import { indexFault } from "./Errors.ts"
import { encodeIndexed, KeyWriter } from "./KeyEncoding.ts"

/** Fields of a compound index at most. */
export const INDEX_FIELDS_MAX = 16

const NO_BYTES: Uint8Array = new Uint8Array(0)

/** Makes the entries of one index. */
export class IndexExtractor {
  readonly #name: string
  readonly #isSparse: boolean
  readonly #fields: ReadonlyArray<IndexedField>
  readonly #writer = new KeyWriter()
  /** Whether anything but null was met. */
  #hasValue = false
  /** While a document with arrays is taken apart: where it and its key lie, where its entries go, and how many fields hold an array as such. */
  #document = NO_BYTES
  #documentAt = 0
  #key = NO_BYTES
  #keyAt = 0
  #into: EntryList | undefined
  #arrays = 0

  constructor(name: string, isSparse: boolean, fields: ReadonlyArray<{ readonly path: Path; readonly descending: boolean }>) {
    this.#name = name
    this.#isSparse = isSparse
    this.#fields = fields.map(({ path, descending }, index) => ({
      path,
      descending,
      visitor: { visit: (bytes, type, at) => this.#combine(index, bytes, type, at) }
    }))
  }

  /** Fills `into` with the entries of the document at `at`, whose 16-byte key is at `keyAt` in `key`. Faults with TooManyEntries. */
  extract(bytes: Uint8Array, at: number, key: Uint8Array, keyAt: number, into: EntryList): void {
    const writer = this.#writer
    const fields = this.#fields
    writer.reset()
    into.reset()
    this.#hasValue = false
    for (let index = 0; index < fields.length; index++) {
      if (!this.#encodeSingle(fields[index]!, bytes, at)) return this.#extractMany(bytes, at, key, keyAt, into)
    }
    if (this.#hasValue || !this.#isSparse) into.push(writer.bytes, writer.primaryKey(key, keyAt), false)
  }

  /** Encodes the one value that the field's path leads to; false when the path meets an array. */
  #encodeSingle({ path, descending }: IndexedField, bytes: Uint8Array, documentAt: number): boolean {
    const { components } = path
    let type: number = Type.DOCUMENT
    let at = documentAt
    for (let depth = 0; depth < components.length && type === Type.DOCUMENT; depth++) {
      const { name } = components[depth]!
      const element = findElement(bytes, at, name)
      if (element < 0) type = Type.MISSING
      else {
        type = bytes[element]!
        at = element + 1 + name.length
        if (type === Type.ARRAY) return false
        if (type !== Type.DOCUMENT && depth + 1 < components.length) type = Type.MISSING
      }
    }
    if (type !== Type.MISSING && type !== Type.NULL) this.#hasValue = true
    if (!this.#writer.cut) encodeIndexed(this.#writer, bytes, type, at, descending)
    return true
  }

  #extractMany(bytes: Uint8Array, at: number, key: Uint8Array, keyAt: number, into: EntryList): void {
    this.#writer.reset()
    this.#arrays = 0
    this.#document = bytes
    this.#documentAt = at
    this.#key = key
    this.#keyAt = keyAt
    this.#into = into
    this.#extend(0)
    this.#into = undefined
    this.#document = NO_BYTES
    if (this.#hasValue || !this.#isSparse) into.sortUnique()
    else into.reset()
  }

  /** Goes on with every value of field `index` behind what is written, or, behind the last field, makes an entry of it. */
  #extend(index: number): void {
    const field = this.#fields[index]
    if (field === undefined) this.#push()
    else resolve(field.path, this.#document, this.#documentAt, field.visitor)
  }

  #combine(index: number, bytes: Uint8Array, type: number, at: number): boolean {
    const writer = this.#writer
    const { length, cut } = writer
    const isArray = type === Type.ARRAY ? 1 : 0
    if (type !== Type.MISSING && type !== Type.NULL) this.#hasValue = true
    if (!cut) encodeIndexed(writer, bytes, type, at, this.#fields[index]!.descending)
    this.#arrays += isArray
    this.#extend(index + 1)
    this.#arrays -= isArray
    writer.length = length
    writer.cut = cut
    return false
  }

  #push(): void {
    const into = this.#into!
    if (into.count === ENTRIES_MAX) {
      const message = `the document has more than ${ENTRIES_MAX} values for the index ${this.#name}`
      throw indexFault({ _tag: "TooManyEntries", index: this.#name, max: ENTRIES_MAX, message })
    }
    into.push(this.#writer.bytes, this.#writer.primaryKey(this.#key, this.#keyAt), this.#arrays > 0)
  }
}

interface IndexedField {
  readonly path: Path
  readonly descending: boolean
  /** Visits the values of the field while a document with arrays is taken apart. */
  readonly visitor: PathVisitor
}

/**
 * Prepares an index. Throws `InvalidIndexDefinition` for one that cannot be kept: no field, too many, a path that is none or comes twice.
 *
 * @example
 * ```ts
 * const extractor = compileIndex({ name: "byCity", on: [{ path: "address.city", direction: "asc" }] })
 * extractor.extract(document, 0, key, 0, entries)
 * const first = entries.bytes.slice(entries.at(0), entries.at(0) + entries.length(0))
 * ```
 */
export function compileIndex(definition: IndexDefinition): IndexExtractor {
  const { name, on } = definition
  const refuse = (path: string, message: string) => indexFault({ _tag: "InvalidIndexDefinition", index: name, path, message })
  if (on.length === 0) throw refuse("", `index "${name}" has no field`)
  if (on.length > INDEX_FIELDS_MAX) throw refuse("", `index "${name}" has ${on.length} fields, at most ${INDEX_FIELDS_MAX} are possible`)
  const seen = new Set<string>()
  const fields = on.map(({ path, direction }) => {
    if (seen.has(path)) throw refuse(path, `index "${name}" has the path "${path}" twice`)
    seen.add(path)
    if (path.split(".").includes("")) throw refuse(path, `index "${name}": "${path}" has an empty component`)
    return { path: compilePath(path), descending: direction === "desc" }
  })
  return new IndexExtractor(name, definition.sparse === true, fields)
}
