/**
 * Lookups whose rows each name one `_id` of the other store: its document is found by key. Where the row's text is kept with a link to it,
 * neither the row nor that document is read again.
 *
 * Invariants
 * - What a row gets is what comparing the two would give at this moment: the key of a link is asked for anew, and only a document that lies
 *   where the compared one lay is taken without being compared.
 * - One lookup runs at a time; it is synchronous and calls nobody who could come back.
 */
import { resolve, type PathVisitor } from "../Bson/Path.ts"
import * as Type from "../Bson/Type.ts"
import { TwoFields } from "../Match/Fields.ts"
import { DocumentView, KEY_BYTES, type Reader, type Store } from "../Storage/Reader.ts"
import { getEqual } from "./IdKeys.ts"
import { LIST_BYTES_MIN, type LookupProgram, writeRows } from "./Lookups.ts"
import { breakBudget, type QueryLimits } from "./Reasons.ts"
import type { RowList } from "./RowList.ts"
import { type Link, type RowTexts, UNKEPT } from "./RowTexts.ts"
import type { TextUses } from "./TextUse.ts"
import { ValueLinks } from "./ValueLinks.ts"

/** Lookups with a number at once; with more of them all numbers are given anew. */
const LOOKUPS_MAX = 1024
const NOTHING: Uint8Array = new Uint8Array(0)

/** The one value a row's path leads to. */
class OnlyValue implements PathVisitor {
  count = 0
  bytes = NOTHING
  type = 0
  at = 0

  visit(bytes: Uint8Array, type: number, at: number): boolean {
    if (type === Type.MISSING || type === Type.NULL || type === Type.ARRAY) return false
    this.bytes = bytes
    this.type = type
    this.at = at
    return ++this.count > 1
  }
}

export class JoinByKey {
  readonly #limits: QueryLimits
  readonly #texts: RowTexts
  readonly #uses: TextUses
  readonly #links = new ValueLinks()
  readonly #numbers = new Map<string, number>()
  #lastNumber = 0
  readonly #value = new OnlyValue()
  readonly #fields = new TwoFields()
  readonly #key = new Uint8Array(KEY_BYTES)
  /** Where the key of the document lies that was found last. */
  #keys = this.#key
  #keyAt = 0

  /** `texts` are those that the rows have, `uses` who asks for them. */
  constructor(limits: QueryLimits, texts: RowTexts, uses: TextUses) {
    this.#limits = limits
    this.#texts = texts
    this.#uses = uses
  }

  /**
   * Gives each row a list with its document or none: at once, or, where rows have no field of that name, when somebody needs their bytes.
   * False, and nothing is done, when a row has several values, or one that may be equal to an `_id` of another type.
   */
  join(lookup: LookupProgram, rows: RowList, reader: Reader, store: Store): boolean {
    if (lookup.foreignPath !== "_id") return false
    const views: Array<DocumentView | undefined> = []
    // The list of an earlier lookup is part of them.
    rows.finish()
    // What was selected is copied from the rows, which takes their bytes.
    let isLate = rows.projection === undefined
    const number = this.#numberOf(lookup)
    const { texts } = rows
    const links: Array<Link | undefined> = []
    for (let row = 0; row < rows.count; row++) {
      const view = new DocumentView()
      const link = isLate && texts !== undefined ? texts.findLink(number, rows.segment(row), rows.offset(row)) : UNKEPT
      if (link >= 0 && this.#follow(link, reader, store, view)) views.push(view)
      else {
        this.#look(lookup, rows.bytes(row), rows.at(row))
        const { count, type } = this.#value
        if (count > 1 || (count === 1 && (type === Type.DOUBLE || type === Type.DECIMAL128))) return false
        isLate &&= this.#fields.second < 0
        views.push(this.#get(reader, store, view) ? view : undefined)
        if (link !== UNKEPT && views[row] !== undefined && view.segment > 0)
          links[row] = { lookup: number, key: this.#keys.slice(this.#keyAt, this.#keyAt + KEY_BYTES), target: view }
      }
    }
    this.#give(lookup, rows, reader, views, isLate ? links : undefined)
    return true
  }

  #numberOf({ name }: LookupProgram): number {
    let number = this.#numbers.get(name)
    if (number !== undefined) return number
    if (this.#numbers.size === LOOKUPS_MAX) this.#numbers.clear()
    this.#numbers.set(name, (number = ++this.#lastNumber))
    return number
  }

  /** Finds what a link leads to; false when that is no longer there, or lies elsewhere now. */
  #follow(link: number, reader: Reader, store: Store, out: DocumentView): boolean {
    const texts = this.#texts
    return reader.find(store, texts.keysOf(link), texts.keyAt(link), out) && texts.ledTo(link, out)
  }

  /** Finds the row's value, and whether it has a field of the list's name. */
  #look({ as, local }: LookupProgram, bytes: Uint8Array, at: number): void {
    const fields = this.#fields
    const value = this.#value
    const name = local.components.length === 1 ? local.components[0]!.name : undefined
    value.count = 0
    fields.find(bytes, at, name ?? as, as)
    const { first } = fields
    if (name === undefined || (first >= 0 && bytes[first] === Type.ARRAY)) resolve(local, bytes, at, value)
    else if (first >= 0) value.visit(bytes, bytes[first]!, first + 1 + name.length)
  }

  #get(reader: Reader, store: Store, out: DocumentView): boolean {
    const { at, bytes, count, type } = this.#value
    if (count !== 1) return false
    const links = this.#links
    this.#keyAt = links.find(store.id, bytes, type, at)
    this.#keys = links.keys
    if (this.#keyAt >= 0 && reader.find(store, this.#keys, this.#keyAt, out) && links.ledTo(this.#keyAt, out)) return true
    this.#keyAt = 0
    this.#keys = this.#key
    if (!getEqual(reader, store, bytes, type, at, out, this.#key)) return false
    links.add(store.id, bytes, type, at, this.#key, out)
    return true
  }

  #give(
    lookup: LookupProgram,
    rows: RowList,
    reader: Reader,
    views: ReadonlyArray<DocumentView | undefined>,
    links: ReadonlyArray<Link | undefined> | undefined
  ): void {
    const finish = (): void =>
      writeRows(lookup, rows, this.#limits, (writer, row) => {
        const view = views[row]
        if (view === undefined) return
        reader.read(view)
        writer.index(Type.DOCUMENT, 0)
        writer.raw(view.bytes, view.at, view.length)
      })
    if (links === undefined) return finish()
    let bytes = rows.sizeBytes + rows.count * LIST_BYTES_MIN
    for (const view of views) bytes += view?.length ?? 0
    if (bytes > this.#limits.rowsBytesMax) breakBudget("rowsBytesMax", this.#limits, lookup.store)
    rows.join = {
      opening: lookup.opening,
      texts: this.#uses.begin(lookup),
      document: (row) => views[row],
      link: (row) => links[row],
      read: (view) => reader.read(view),
      finish
    }
  }
}
