/**
 * What takes the room in a built service, and what grew since it was built before.
 *
 * Invariant: the sizes of the build before lie in `.planck/sizes.json` of the service's folder and are replaced by those of this one; without them, or when
 * they cannot be read, everything is simply shown without a comparison.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import type { BuildPart } from "../Build/Build.ts"
import { counted, sized } from "./Words.ts"

/** A part with its size in the build before: 0 when it is new. */
export interface SizedPart extends BuildPart {
  readonly before: number
}

export interface SizeReport {
  /** Every part, and those of the build before that are gone, with no bytes. */
  readonly parts: ReadonlyArray<SizedPart>
  /** Whether there is a build to compare with. */
  readonly isCompared: boolean
}

/** Largest parts that are shown; the others are summed up. */
const LARGEST_MAX = 8
/** Parts that grew or shrank that are shown. */
const CHANGED_MAX = 8
const FILE = ".planck/sizes.json"

/** Compares with the build before and remembers this one. */
export function sizeReport(folder: string, parts: ReadonlyArray<BuildPart>): SizeReport {
  const file = join(folder, FILE)
  const before = read(file)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, `${JSON.stringify(Object.fromEntries(parts.map((part) => [keyOf(part), part.bytes])), undefined, 1)}\n`)
  const now = parts.map((part) => ({ ...part, before: before?.get(keyOf(part)) ?? 0 }))
  const present = new Set(parts.map(keyOf))
  const gone = [...(before ?? [])].filter(([key]) => !present.has(key)).map(([key, bytes]) => ({ ...partOf(key), bytes: 0, before: bytes }))
  return { parts: [...now, ...gone], isCompared: before !== undefined }
}

/** The report for a person: the largest parts, then what changed. */
export function formatSizes({ isCompared, parts }: SizeReport): ReadonlyArray<string> {
  const present = parts.filter(({ bytes }) => bytes > 0).toSorted((left, right) => right.bytes - left.bytes)
  const rest = present.slice(LARGEST_MAX)
  const largest = present.slice(0, LARGEST_MAX).map((part) => `  ${sized(part.bytes).padStart(10)}  ${part.kind} ${part.name}`)
  const more =
    rest.length === 0
      ? []
      : [`  ${sized(rest.reduce((sum, { bytes }) => sum + bytes, 0)).padStart(10)}  ${counted(rest.length, "smaller part")}`]
  return [...largest, ...more, ...(isCompared ? changes(parts) : [])]
}

function changes(parts: ReadonlyArray<SizedPart>): ReadonlyArray<string> {
  const changed = parts
    .filter(({ before, bytes }) => bytes !== before)
    .toSorted((left, right) => Math.abs(right.bytes - right.before) - Math.abs(left.bytes - left.before))
  if (changed.length === 0) return []
  const lines = changed.slice(0, CHANGED_MAX).map(({ before, bytes, kind, name }) => {
    const how = before === 0 ? "new" : bytes === 0 ? "gone" : `was ${sized(before)}`
    return `  ${`${bytes > before ? "+" : "-"}${sized(Math.abs(bytes - before))}`.padStart(10)}  ${kind} ${name} (${how})`
  })
  const rest = changed.length - lines.length
  return ["since the build before", ...lines, ...(rest > 0 ? [`  and ${counted(rest, "smaller change")}`] : [])]
}

const keyOf = ({ kind, name }: BuildPart): string => `${kind} ${name}`

function partOf(key: string): Pick<BuildPart, "kind" | "name"> {
  const space = key.indexOf(" ")
  return { kind: key.slice(0, space) as BuildPart["kind"], name: key.slice(space + 1) }
}

function read(file: string): ReadonlyMap<string, number> | undefined {
  try {
    const sizes = Object.entries(JSON.parse(readFileSync(file, "utf8")) as Readonly<Record<string, unknown>>)
    return new Map(sizes.filter((entry): entry is [string, number] => typeof entry[1] === "number"))
  } catch {
    return undefined
  }
}
