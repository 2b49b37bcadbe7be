/** What the tests of the documents need of Markdown: fenced blocks, headings and links. */

/** A fenced block: ```` ```ts service.ts ```` has the language `ts` and the words `["service.ts"]`. */
export interface Block {
  readonly language: string
  readonly words: ReadonlyArray<string>
  readonly text: string
  /** Of its first line, counted from 1. */
  readonly line: number
}

export interface Link {
  readonly target: string
  readonly line: number
}

const FENCE = /^(`{3,})\s*(.*)$/

/** The fenced blocks of a page, in order. */
export function blocks(markdown: string): ReadonlyArray<Block> {
  const found: Array<Block> = []
  const lines = markdown.split("\n")
  for (let at = 0; at < lines.length; at++) {
    const [, fence, info = ""] = FENCE.exec(lines[at] ?? "") ?? []
    if (fence === undefined) continue
    const start = at + 1
    do at++
    while (at < lines.length && lines[at] !== fence)
    const [language = "", ...words] = info.split(/\s+/)
    found.push({ language, words, text: lines.slice(start, at).join("\n"), line: start + 1 })
  }
  return found
}

/** The page with its fenced blocks blanked, line for line. */
function prose(markdown: string): ReadonlyArray<string> {
  let fence: string | undefined
  return markdown.split("\n").map((line) => {
    const opened = FENCE.exec(line)?.[1]
    if (fence === undefined && opened === undefined) return line
    fence = fence === undefined ? opened : line === fence ? undefined : fence
    return ""
  })
}

/** The anchors that a page's headings have on GitHub. */
export function anchors(markdown: string): ReadonlySet<string> {
  const found = new Set<string>()
  for (const line of prose(markdown)) {
    const heading = /^#{1,6}\s+(.*)$/.exec(line)?.[1]
    if (heading === undefined) continue
    const base = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .trim()
      .replace(/\s/g, "-")
    let anchor = base
    for (let number = 1; found.has(anchor); number++) anchor = `${base}-${number}`
    found.add(anchor)
  }
  return found
}

/** The links of a page, those in code left out. */
export function links(markdown: string): ReadonlyArray<Link> {
  return prose(markdown).flatMap((line, index) =>
    [...line.replace(/`[^`]*`/g, "").matchAll(/\]\(([^()\s]+)(?:\s+"[^"]*")?\)/g)].map(([, target = ""]) => ({ target, line: index + 1 }))
  )
}
