/**
 * Where something can be put into a whole HTML document so that it runs first.
 *
 * Invariant: a fragment has no such place. A document is what begins, behind blanks and comments, with its doctype or with `<html>`.
 */

/** Behind the start tag of `head`, or what of the document's beginning there is; -1 for a fragment. `text` has one character a byte. */
export function documentHead(text: string): number {
  const start = skipBlanks(text, text.startsWith("\u00ef\u00bb\u00bf") ? 3 : 0)
  const doctype = startsWith(text, start, "<!doctype") ? tagEnd(text, start) : start
  if (doctype < 0) return -1
  const htmlAt = skipBlanks(text, doctype)
  const isHtml = isTag(text, htmlAt, "<html")
  if (!isHtml && doctype === start) return -1
  const html = isHtml ? tagEnd(text, htmlAt) : doctype
  if (html < 0) return -1
  const headAt = skipBlanks(text, html)
  if (!isTag(text, headAt, "<head")) return html
  const head = tagEnd(text, headAt)
  return head < 0 ? html : head
}

/** The offset behind blanks and comments. */
function skipBlanks(text: string, from: number): number {
  let at = from
  for (;;) {
    while (at < text.length && BLANKS.has(text[at] ?? "")) at++
    if (!text.startsWith("<!--", at)) return at
    const end = text.indexOf("-->", at + 4)
    if (end < 0) return text.length
    at = end + 3
  }
}

const BLANKS: ReadonlySet<string> = new Set([" ", "\t", "\n", "\f", "\r"])

const startsWith = (text: string, at: number, name: string): boolean => text.slice(at, at + name.length).toLowerCase() === name

const isTag = (text: string, at: number, name: string): boolean => startsWith(text, at, name) && /[\s/>]/.test(text[at + name.length] ?? "")

/** The offset behind the `>` of the tag that begins at `at`, quotes minded; -1 when it does not end. */
function tagEnd(text: string, at: number): number {
  let quote = ""
  for (let index = at; index < text.length; index++) {
    const sign = text[index]
    if (quote !== "") {
      if (sign === quote) quote = ""
    } else if (sign === '"' || sign === "'") quote = sign
    else if (sign === ">") return index + 1
  }
  return -1
}
