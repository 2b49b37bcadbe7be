/**
 * Console blocks of the documents: lines that begin with `$ ` are commands, the lines below each are what it prints.
 *
 * In the printed lines `…` stands for anything, the white space around it included.
 */
import { assert } from "@effect/vitest"
import type { Block } from "./Markdown.ts"

export interface Command {
  readonly words: ReadonlyArray<string>
  readonly expected: string
  /** Of the command in the page, counted from 1. */
  readonly line: number
}

/** The commands of a console block. A command that ends with a backslash goes on in the next line. */
export function commands(block: Block): ReadonlyArray<Command> {
  const found: Array<{ text: string; expected: Array<string>; line: number }> = []
  block.text.split("\n").forEach((line, index) => {
    const last = found.at(-1)
    if (line.startsWith("$ ")) found.push({ text: line.slice(2), expected: [], line: block.line + index })
    else if (last?.text.endsWith("\\") === true) last.text = `${last.text.slice(0, -1)} ${line.trim()}`
    else last?.expected.push(line)
  })
  return found.map(({ text, expected, line }) => ({ words: shellWords(text), expected: expected.join("\n"), line }))
}

/** The words of a command line: quotes of both kinds, a comment at the end; nothing else that a shell does. */
export function shellWords(text: string): ReadonlyArray<string> {
  const words: Array<string> = []
  let rest = text.trim()
  while (rest !== "" && !rest.startsWith("#")) {
    let word = ""
    for (let part; (part = /^(?:'([^']*)'|"([^"]*)"|([^\s'"]+))/.exec(rest)) !== null; rest = rest.slice(part[0].length)) {
      word += part[1] ?? part[2] ?? part[3] ?? ""
    }
    words.push(word)
    rest = rest.trimStart()
  }
  return words
}

/** Compares what was printed with what the page says; `…` stands for anything. */
export function expectText(actual: string, expected: string, where: string): void {
  const parts = expected.split(/\s*…\s*/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
  if (new RegExp(`^${parts.join("[\\s\\S]*?")}$`).test(actual)) return
  assert.strictEqual(actual, expected, where)
}

/** Does what a `curl` line of a page does, as far as the pages need it: -X, -H, -d, -i, -s and an address on localhost:3000. */
export async function curl(words: ReadonlyArray<string>, url: string): Promise<string> {
  const headers = new Headers()
  let method: string | undefined
  let body: string | undefined
  let address = ""
  let shown = false
  for (let at = 1; at < words.length; at++) {
    const word = words[at] ?? ""
    if (word === "-X") method = words[++at]
    else if (word === "-H") headers.append(...(/^([^:]+):\s*(.*)$/.exec(words[++at] ?? "")?.slice(1, 3) as [string, string]))
    else if (word === "-d") body = words[++at]
    else if (/^-[si]+$/.test(word)) shown ||= word.includes("i")
    else if (word.startsWith("localhost:3000")) address = word.slice("localhost:3000".length)
    else throw new Error(`the pages' curl knows no ${word}`)
  }
  if (body !== undefined && !headers.has("content-type")) headers.set("content-type", "application/x-www-form-urlencoded")
  const answer = await fetch(new URL(address, url), {
    method: method ?? (body === undefined ? "GET" : "POST"),
    headers,
    redirect: "manual",
    ...(body === undefined ? {} : { body })
  })
  const text = (await answer.text()).replace(/\n$/, "")
  if (!shown) return text
  const fields = [...answer.headers].map(([name, value]) => `${name}: ${value}`)
  return [`HTTP/1.1 ${answer.status} ${answer.statusText}`, ...fields, "", text].join("\n").trimEnd()
}
