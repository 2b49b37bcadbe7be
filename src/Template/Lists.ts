/** Lists while rendering: arrays of documents and the rows of queries, read the same way. */
import * as Type from "../Bson/Type.ts"
import { documentEnd, fieldName, firstElement, skipValue, textEnd, viewOf } from "../Bson/View.ts"
import type { Page } from "./Page.ts"
import { field, isRows, read, Reference, type RenderValue, type RowList } from "./Values.ts"

const lengthName = fieldName("length")

/** `.length`: the number of items, or a document's field of that name. */
export function lengthOf(page: Page, value: RenderValue): RenderValue {
  if (value instanceof Reference && value.type === Type.DOCUMENT) return field(value, lengthName)
  return isList(value) ? countOf(page, value) : null
}

/** The number of items of a list; 0 for everything else. */
export function countOf(page: Page, value: RenderValue): number {
  if (value === null || typeof value !== "object" || value instanceof Date) return 0
  if (!(value instanceof Reference)) return value.count
  return value.type === Type.ARRAY ? walk(page, value, Number.POSITIVE_INFINITY).passed : 0
}

export function isList(value: RenderValue): value is Reference | RowList {
  return value instanceof Reference ? value.type === Type.ARRAY : isRows(value)
}

/** `list[i]` and `record[name]`; null beyond the ends and for everything else. */
export function itemOf(page: Page, value: RenderValue, index: RenderValue): RenderValue {
  if (typeof index === "string") return value instanceof Reference ? namedItem(value, index) : null
  if (typeof index !== "number" || !Number.isInteger(index) || index < 0) return null
  if (value instanceof Reference) {
    if (value.type !== Type.ARRAY) return null
    const { element } = walk(page, value, index)
    if (element < 0) return null
    return read(value.bytes, value.bytes[element]!, textEnd(value.bytes, element + 1) + 1)
  }
  if (!isRows(value) || index >= value.count || value.at(index) < 0) return null
  return new Reference(value.bytes(index), Type.DOCUMENT, value.at(index))
}

function namedItem(value: Reference, name: string): RenderValue {
  return name.includes("\0") ? null : field(value, fieldName(name))
}

/** Passes up to `count` items of an array; `element` is the one behind them, or -1. Costs a step an item. */
function walk(page: Page, list: Reference, count: number): { passed: number; element: number } {
  const { bytes } = list
  const end = documentEnd(bytes, list.at)
  let element = firstElement(list.at)
  let passed = 0
  while (element < end && passed < count) {
    element = skipValue(bytes, bytes[element]!, textEnd(bytes, element + 1) + 1)
    passed++
  }
  page.spend(passed)
  return { passed, element: element < end ? element : -1 }
}

const noBytes = new Uint8Array(0)
const noView = new DataView(noBytes.buffer)

/** Goes through a list; after `next()` the item is (bytes, type, at), with `view` over `bytes`. Costs a step an item. */
export class ListCursor {
  bytes: Uint8Array = noBytes
  view: DataView = noView
  type = 0
  at = 0
  private readonly page: Page
  private readonly rows: RowList | undefined
  /** The next row's number, or the offset of the next element. */
  private cursor = 0
  private readonly end: number

  constructor(page: Page, list: RenderValue) {
    this.page = page
    this.rows = undefined
    this.end = 0
    if (list instanceof Reference) {
      if (list.type !== Type.ARRAY) return
      this.bytes = list.bytes
      this.view = viewOf(list.bytes)
      this.cursor = firstElement(list.at)
      this.end = documentEnd(list.bytes, list.at)
    } else if (isRows(list)) {
      this.rows = list
      this.end = list.count
    }
  }

  next(): boolean {
    const { cursor, rows } = this
    if (cursor >= this.end) return false
    this.page.spend(1)
    if (rows === undefined) {
      const { bytes } = this
      this.type = bytes[cursor]!
      this.at = textEnd(bytes, cursor + 1) + 1
      this.cursor = skipValue(bytes, this.type, this.at)
      return true
    }
    const bytes = rows.bytes(cursor)
    if (bytes !== this.bytes) {
      this.bytes = bytes
      this.view = viewOf(bytes)
    }
    this.at = rows.at(cursor)
    this.type = this.at < 0 ? 0 : Type.DOCUMENT
    this.cursor = cursor + 1
    return true
  }
}
