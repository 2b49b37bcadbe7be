/**
 * `{...attributes}`: an attribute for each field of a document.
 *
 * Invariants
 * - A name comes from data, so it is judged while rendering, by the same table as the names that stand in templates: only what is text
 *   or an address is written, addresses with their scheme checked. Everything else is left out.
 * - What the element says itself wins, and no name is written twice.
 */
import * as Type from "../Bson/Type.ts"
import { documentEnd, firstElement, skipValue, textEnd } from "../Bson/View.ts"
import { readUtf8 } from "../Bson/Utf8.ts"
import { attributeMeaning } from "./Html.ts"
import type { Page } from "./Page.ts"
import { checkAddress, printValue } from "./Print.ts"
import { read, Reference, type RenderValue } from "./Values.ts"

/** Names that can be spread: letters, digits and `-`, as HTML has them. */
const spreadName = /^[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)*$/
/** Longest name that is looked at, in bytes. */
const nameBytesMax = 64

/** Writes the fields of a document as attributes of an element, without those that it has already. */
export function attributesPrinter(element: string, except: ReadonlyArray<string>): (page: Page, q: number, value: RenderValue) => number {
  const facts = { element, httpEquiv: false }
  return (page, q, value) => {
    if (!(value instanceof Reference) || value.type !== Type.DOCUMENT) return q
    const { bytes } = value
    const end = documentEnd(bytes, value.at)
    const written = new Set(except)
    for (let cursor = firstElement(value.at); cursor < end;) {
      const type = bytes[cursor]!
      const nameEnd = textEnd(bytes, cursor + 1)
      page.spend(1)
      const name = nameEnd - cursor > nameBytesMax ? "" : readUtf8(bytes, cursor + 1, nameEnd).toLowerCase()
      if (spreadName.test(name) && !written.has(name)) {
        const { kind } = attributeMeaning(name, facts)
        written.add(name)
        if (kind === "text" || kind === "url") q = attribute(page, q, name, read(bytes, type, nameEnd + 1), kind === "url")
      }
      cursor = skipValue(bytes, type, nameEnd + 1)
    }
    return q
  }
}

function attribute(page: Page, q: number, name: string, value: RenderValue, isAddress: boolean): number {
  if (value === null || value === false || (typeof value === "object" && !(value instanceof Date) && !isDecimal(value))) return q
  q = ascii(page, q, value === true ? ` ${name}` : ` ${name}="`)
  if (value === true) return q
  const start = q
  q = printValue(page, q, value)
  if (isAddress) q = checkAddress(page, start, q)
  return ascii(page, q, '"')
}

function isDecimal(value: RenderValue): boolean {
  return value instanceof Reference && value.type === Type.DECIMAL128
}

function ascii(page: Page, q: number, text: string): number {
  page.room(q, text.length)
  for (let index = 0; index < text.length; index++) page.out[q + index] = text.charCodeAt(index)
  return q + text.length
}
