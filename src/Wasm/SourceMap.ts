/**
 * Source maps (revision 3), enough to turn the positions of a guest's stack into the author's files and lines.
 *
 * Invariant: a map that is broken costs the names, never the stack: positions that cannot be found stay as they are.
 */
import { readUtf8 } from "../Bson/Utf8.ts"

/** A place in an author's file. Line and column count from 1. */
export interface SourcePosition {
  readonly file: string
  readonly line: number
  readonly column: number
}

/** Segments a map may have. */
export const SEGMENTS_MAX = 4_000_000

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
const DIGITS = new Map([...ALPHABET].map((character, index) => [character.charCodeAt(0), index]))
/** Numbers per segment in `segments`: generated column, source, original line, original column. */
const STRIDE = 4

export class SourceMap {
  private readonly sources: ReadonlyArray<string>
  /** Segments of all generated lines, one after another, each line's in order of their column. */
  private readonly segments: ReadonlyArray<number>
  /** Index of each generated line's first segment. */
  private readonly lineStarts: ReadonlyArray<number>

  private constructor(sources: ReadonlyArray<string>, segments: ReadonlyArray<number>, lineStarts: ReadonlyArray<number>) {
    this.sources = sources
    this.segments = segments
    this.lineStarts = lineStarts
  }

  /** Reads the payload of `planck.sourcemap`; undefined when it is no usable map. */
  static read(section: Uint8Array): SourceMap | undefined {
    let json: unknown
    try {
      json = JSON.parse(readUtf8(section, 0, section.length))
    } catch {
      return undefined
    }
    if (typeof json !== "object" || json === null || !("mappings" in json) || !("sources" in json)) return undefined
    const { mappings, sources } = json
    if (typeof mappings !== "string" || !Array.isArray(sources)) return undefined
    const decoded = decodeMappings(mappings)
    if (decoded === undefined) return undefined
    return new SourceMap(sources.map(String), decoded.segments, decoded.lineStarts)
  }

  /** Where the author wrote what stands at a line and column (both from 1) of the bundle. */
  find(line: number, column: number): SourcePosition | undefined {
    const from = this.lineStarts[line - 1]
    if (from === undefined) return undefined
    let low = from
    let high = this.lineStarts[line] ?? this.segments.length / STRIDE
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.at(middle, 0) <= column - 1) low = middle + 1
      else high = middle
    }
    if (low === from) return undefined
    const file = this.sources[this.at(low - 1, 1)]
    return file === undefined ? undefined : { file, line: this.at(low - 1, 2) + 1, column: this.at(low - 1, 3) + 1 }
  }

  /** A stack whose positions `name:line:column` of the bundle `bundle` are the author's. */
  mapStack(stack: string, bundle: string): string {
    const pattern = new RegExp(`${bundle.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}:(\\d+)(?::(\\d+))?`, "g")
    return stack.replace(pattern, (text, line: string, column: string | undefined) => {
      const found = this.find(Number(line), Number(column ?? 1))
      return found === undefined ? text : `${found.file}:${found.line}:${found.column}`
    })
  }

  private at(segment: number, part: number): number {
    return this.segments[segment * STRIDE + part] ?? 0
  }
}

function decodeMappings(mappings: string): { segments: number[]; lineStarts: number[] } | undefined {
  const segments: number[] = []
  const lineStarts = [0]
  const fields: number[] = []
  let column = 0
  let source = 0
  let originalLine = 0
  let originalColumn = 0
  let at = 0
  while (at < mappings.length) {
    const character = mappings[at]
    if (character === ";") {
      lineStarts.push(segments.length / STRIDE)
      column = 0
      at++
    } else if (character === ",") at++
    else {
      at = readFields(mappings, at, fields)
      if (at < 0 || segments.length >= SEGMENTS_MAX * STRIDE) return undefined
      column += fields[0] ?? 0
      if (fields.length < STRIDE) continue
      source += fields[1] ?? 0
      originalLine += fields[2] ?? 0
      originalColumn += fields[3] ?? 0
      segments.push(column, source, originalLine, originalColumn)
    }
  }
  return { segments, lineStarts }
}

/** Reads the base 64 VLQ numbers of one segment into `fields`; the offset behind them, -1 when they are broken. */
function readFields(mappings: string, from: number, fields: number[]): number {
  fields.length = 0
  let at = from
  let value = 0
  let shift = 0
  for (; at < mappings.length; at++) {
    const digit = DIGITS.get(mappings.charCodeAt(at))
    if (digit === undefined) break
    value += (digit & 31) * 2 ** shift
    shift += 5
    if (shift > 35) return -1
    if ((digit & 32) !== 0) continue
    fields.push(value % 2 === 1 ? -(value - 1) / 2 : value / 2)
    value = 0
    shift = 0
  }
  return shift === 0 && at > from ? at : -1
}
