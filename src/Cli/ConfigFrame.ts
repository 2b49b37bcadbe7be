/** Where in a configuration file a mistake is: column and the lines around it, from the line that the configuration names. */
import { existsSync, readFileSync } from "node:fs"
import { issueAt } from "../Build/Issue.ts"

/** `planck.yaml:3` → the place with its column, and the frame; undefined for anything that is no line of a file. */
export function framedSource(
  source: string,
  message: string,
  isAboutValue: boolean
): { readonly place: string; readonly frame: string } | undefined {
  const [, file = "", row = ""] = /^(.*):(\d+)$/.exec(source) ?? []
  if (row === "" || !existsSync(file)) return undefined
  const text = readFileSync(file, "utf8")
  const line = text.split("\n")[Number(row) - 1] ?? ""
  const [, indent = "", key = "", value = ""] = /^(\s*)(.*?:\s*)(.*?)\s*(?:\s#.*)?$/.exec(line) ?? []
  const isValue = isAboutValue && value !== ""
  const column = indent.length + (isValue ? key.length : 0) + 1
  const length = isValue ? value.length : key.replace(/\s*:\s*$/, "").length
  const { frame } = issueAt("project", { file, line: Number(row), column }, message, () => text, Math.max(1, length))
  return { place: `${file}:${row}:${column}`, frame }
}
