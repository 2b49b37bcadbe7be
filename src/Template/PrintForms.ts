/**
 * Values into the page where the usual escape is not right: in programs, styles, lists of addresses and pages inside of attributes.
 *
 * Invariants
 * - Every form takes any value; what has no text prints as its form says, never as another form.
 * - What a form of a program or style writes holds none of `< > &`, so it means the same in a raw element, in one of SVG, and in an
 *   attribute; it holds `"` only in the form for `<script>`.
 */
import { utf8Length, writeUtf8 } from "../Bson/Utf8.ts"
import type { PrintForm } from "./Compiled.ts"
import { escapeText } from "./CompiledNodes.ts"
import { blockedAddress, safeAddress } from "./Html.ts"
import type { Page } from "./Page.ts"
import { pipes } from "./PipeValues.ts"
import { textOf, type RenderValue } from "./Values.ts"

type Print = (page: Page, q: number, value: RenderValue) => number

/** Characters that cost one step. */
const charactersPerStep = 256

/** A writer of the text that a form makes of a value. */
function form(text: (value: RenderValue, page: Page) => string): Print {
  return (page, q, value) => {
    const written = text(value, page)
    page.spend(written.length / charactersPerStep)
    page.room(q, written.length < 64 ? written.length * 3 : utf8Length(written))
    return writeUtf8(written, page.out, q)
  }
}

const unicode = (sign: string) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`

/** A value as JavaScript and JSON: nothing in it can end a script or begin a comment of a page. */
function scriptValue(value: RenderValue, page: Page): string {
  return textOf(pipes.json(page, value, null, null, null)).replace(/[<>&'\u007f\u2028\u2029]/g, unicode)
}

/** A text inside of quotes of JavaScript or JSON, or in a template literal. */
function scriptText(value: RenderValue): string {
  return textOf(value).replace(/[\p{Cc}"'`\\/$<>&\u2028\u2029]/gu, unicode)
}

/** A text inside of quotes of a style sheet. */
function styleText(text: string): string {
  return text.replace(/[^A-Za-z0-9 _.,\-\u0080-\uffff]/g, (sign) => `\\${sign === "\0" ? "fffd" : sign.charCodeAt(0).toString(16)} `)
}

/** What stands for a value that a style sheet cannot take as words, numbers and colours. */
const blockedStyle = "unset"

function styleValue(value: RenderValue): string {
  const text = textOf(value)
  return /^[\p{L}\p{N}\p{M} .,%#_+!-]*$/u.test(text) ? text : blockedStyle
}

/** One address of a list: spaces and outer commas would end it. */
function candidate(value: RenderValue): string {
  return escapeText(textOf(value).replace(/\s|^,+|,+$/gu, (part) => encodeURIComponent(part)))
}

/** A whole list of addresses, with or without descriptors: each address with a scheme that is not harmless is replaced. */
function addresses(value: RenderValue): string {
  const checked = textOf(value).replace(/\S+/g, (word) => {
    if (/^\d[\d.]*[wxh]?,*$/.test(word) || safeAddress(word)) return word
    return blockedAddress + (/,+$/.exec(word)?.[0] ?? "")
  })
  return escapeText(checked)
}

/** The writer of each form. */
export const printAs: Readonly<Record<PrintForm, Print>> = {
  raw: form(textOf),
  script: form(scriptValue),
  scriptAttribute: form((value, page) => scriptValue(value, page).replaceAll('"', "&quot;")),
  scriptText: form(scriptText),
  style: form(styleValue),
  styleText: form((value) => styleText(textOf(value))),
  styleAddress: form((value) => styleText(safeAddress(textOf(value)) ? textOf(value) : blockedAddress)),
  candidate: form(candidate),
  addresses: form(addresses),
  page: form((value) => escapeText(escapeText(textOf(value))))
}
