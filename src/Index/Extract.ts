/**
 * From a document to its entry in a secondary index.
 *
 * Invariants
 * - A document has exactly one entry in an index: the encoded fields in the definition's order, then its 16-byte key.
 * - A missing field is null. An array at the end of a path is indexed as a whole; where a path meets an array before its end, null is
 *   indexed. Both are reported in `arrayMask`: from the first such document on the index cannot answer for that path, because a filter
 *   looks at the elements. Storage keeps that mark for good, and the planner asks it.
 */
import { compilePath } from "../Bson/Path.ts"
import type { Path } from "../Bson/Path.ts"
import * as Type from "../Bson/Type.ts"
import { findElement } from "../Bson/View.ts"
import type { IndexDefinition } from "../Schema/Definition.ts"
import { indexFault } from "./Errors.ts"
import { KeyWriter, encodeValue } from "./KeyEncoding.ts"

/** Fields of a compound index at most; `arrayMask` has a bit for each. */
export const INDEX_FIELDS_MAX = 16

interface IndexedField {
  readonly path: Path
  readonly descending: boolean
}

/** Makes entries of one index. What it shows is that of the last `extract`. */
export class IndexExtractor {
  readonly #fields: ReadonlyArray<IndexedField>
  readonly #writer = new KeyWriter()
  /** The entry, from its first byte on; overwritten by the next `extract`. */
  readonly entry: Uint8Array = this.#writer.bytes
  /** Bytes of the entry. */
  length = 0
  /** Whether the fields did not fit, so that the entry stands for more values than this one. */
  cut = false
  /** Bit i: the path of field i met an array in the document. */
  arrayMask = 0

  constructor(fields: ReadonlyArray<IndexedField>) {
    this.#fields = fields
  }

  /** Makes the entry of the document at `at`, whose 16-byte key is at `keyAt` in `key`. */
  extract(bytes: Uint8Array, at: number, key: Uint8Array, keyAt: number): void {
    const writer = this.#writer
    writer.reset()
    this.arrayMask = 0
    for (let index = 0; index < this.#fields.length; index++) this.#encodeField(index, bytes, at)
    this.cut = writer.cut
    this.length = writer.primaryKey(key, keyAt)
  }

  #encodeField(index: number, bytes: Uint8Array, documentAt: number): void {
    const { path, descending } = this.#fields[index]!
    const { components } = path
    let type: number = Type.DOCUMENT
    let at = documentAt
    for (let depth = 0; depth < components.length && type === Type.DOCUMENT; depth++) {
      const { name } = components[depth]!
      const element = findElement(bytes, at, name)
      const isLast = depth + 1 === components.length
      if (element < 0) type = Type.MISSING
      else {
        type = bytes[element]!
        at = element + 1 + name.length
        if (type === Type.ARRAY) this.arrayMask |= 1 << index
        if (!isLast && type !== Type.DOCUMENT) type = Type.MISSING
      }
    }
    if (!this.#writer.cut) encodeValue(this.#writer, bytes, type, at, descending)
  }
}

/**
 * Prepares an index. Throws `InvalidIndexDefinition` for one that cannot be kept: no field, too many, a path that is none or comes twice,
 * or `unique`, which is not supported.
 *
 * @example
 * ```ts
 * const extractor = compileIndex({ name: "byCity", on: [{ path: "address.city", direction: "asc" }] })
 * extractor.extract(document, 0, key, 0)
 * const entry = extractor.entry.slice(0, extractor.length)
 * ```
 */
export function compileIndex(definition: IndexDefinition): IndexExtractor {
  const { name, on } = definition
  const refuse = (path: string, message: string) => indexFault({ _tag: "InvalidIndexDefinition", index: name, path, message })
  if (definition.unique === true) throw refuse("", `index "${name}": unique indexes are not supported yet`)
  if (on.length === 0) throw refuse("", `index "${name}" has no field`)
  if (on.length > INDEX_FIELDS_MAX) throw refuse("", `index "${name}" has ${on.length} fields, at most ${INDEX_FIELDS_MAX} are possible`)
  const seen = new Set<string>()
  const fields: Array<IndexedField> = []
  for (const { path, direction } of on) {
    if (seen.has(path)) throw refuse(path, `index "${name}" has the path "${path}" twice`)
    seen.add(path)
    if (path.split(".").includes("")) throw refuse(path, `index "${name}": "${path}" has an empty component`)
    fields.push({ path: compilePath(path), descending: direction === "desc" })
  }
  return new IndexExtractor(fields)
}
