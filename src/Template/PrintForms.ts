/**
 * Values into the page in other forms than the escaped text.
 *
 * Invariants
 * - Every form takes any value and returns the next offset; what has no text prints as its form says, never as another form.
 */
import { utf8Length, writeUtf8 } from "../Bson/Utf8.ts"
import type { PrintForm } from "./Compiled.ts"
import type { Page } from "./Page.ts"
import { textOf, type RenderValue } from "./Values.ts"

type Print = (page: Page, q: number, value: RenderValue) => number

/** Writes text as it is. */
function written(page: Page, q: number, text: string): number {
  page.room(q, text.length < 64 ? text.length * 3 : utf8Length(text))
  return writeUtf8(text, page.out, q)
}

/** The writer of each form. */
export const printAs: Readonly<Record<PrintForm, Print>> = {
  raw: (page, q, value) => written(page, q, textOf(value))
}
