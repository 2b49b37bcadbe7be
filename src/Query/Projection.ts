/**
 * `select`: a document with only the named paths, copied by byte ranges.
 *
 * Invariants
 * - `_id` is always there. What is selected keeps its place, its order and its nesting: `select(a.b)` of `{ a: { b: 1, c: 2 } }` is
 *   `{ _id, a: { b: 1 } }`. A path of which a shorter one is selected too adds nothing.
 * - Where a path goes on behind an array, it goes on in each of its documents; other elements of that array are left out. A number in a
 *   path names a field here, not a position.
 * - Recursion is as deep as the longest path.
 */
import * as Type from "../Bson/Type.ts"
import { documentEnd, fieldName, firstElement, nameEnd, nextElement, skipValue } from "../Bson/View.ts"
import type { Writer } from "../Bson/Writer.ts"

/** What is kept of one field: all of it, or some of its own fields. */
interface Kept {
  readonly name: Uint8Array
  /** Undefined = the whole value. */
  readonly inside: ReadonlyArray<Kept> | undefined
}

/** A compiled `select`. */
export interface Projection {
  readonly paths: ReadonlyArray<string>
  readonly kept: ReadonlyArray<Kept>
}

/** Compiles the paths of a `select`, which have passed `requirePath`. */
export function compileProjection(paths: ReadonlyArray<string>): Projection {
  return { paths, kept: keptOf([["_id"], ...paths.map((path) => path.split("."))]) }
}

function keptOf(paths: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<Kept> {
  const byName = Map.groupBy(paths, (path) => path[0] ?? "")
  return [...byName].map(([name, group]) => {
    const whole = group.some((path) => path.length === 1)
    return { name: fieldName(name), inside: whole ? undefined : keptOf(group.map((path) => path.slice(1))) }
  })
}

/** Appends what `projection` keeps of the document at `at` to `writer`, as a document. */
export function writeProjected(writer: Writer, projection: Projection, bytes: Uint8Array, at: number): void {
  writeDocument(writer, projection.kept, bytes, at)
}

function writeDocument(writer: Writer, kept: ReadonlyArray<Kept>, bytes: Uint8Array, at: number): void {
  const start = writer.beginDocument()
  const end = documentEnd(bytes, at)
  for (let element = firstElement(at); element < end;) {
    const found = find(kept, bytes, element + 1)
    if (found === undefined) element = nextElement(bytes, element)
    else if (found.inside === undefined) element = writer.copyElement(bytes, element)
    else element = writeInside(writer, found.name, found.inside, bytes, element)
  }
  writer.endDocument(start)
}

/** Writes the kept part of the element at `element`, when its value has parts, and returns the offset behind it. */
function writeInside(writer: Writer, name: Uint8Array, inside: ReadonlyArray<Kept>, bytes: Uint8Array, element: number): number {
  const type = bytes[element] ?? Type.MISSING
  const valueAt = element + 1 + name.length
  if (type === Type.DOCUMENT) {
    writer.name(type, name)
    writeDocument(writer, inside, bytes, valueAt)
  } else if (type === Type.ARRAY) {
    writer.name(type, name)
    writeElements(writer, inside, bytes, valueAt)
  }
  return skipValue(bytes, type, valueAt)
}

function writeElements(writer: Writer, inside: ReadonlyArray<Kept>, bytes: Uint8Array, at: number): void {
  const start = writer.beginDocument()
  const end = documentEnd(bytes, at)
  let index = 0
  for (let element = firstElement(at); element < end;) {
    const type = bytes[element] ?? Type.MISSING
    const valueAt = nameEnd(bytes, element) + 1
    if (type === Type.DOCUMENT) {
      writer.index(type, index++)
      writeDocument(writer, inside, bytes, valueAt)
    }
    element = skipValue(bytes, type, valueAt)
  }
  writer.endDocument(start)
}

function find(kept: ReadonlyArray<Kept>, bytes: Uint8Array, nameAt: number): Kept | undefined {
  for (const candidate of kept) if (isNamed(candidate.name, bytes, nameAt)) return candidate
  return undefined
}

function isNamed(name: Uint8Array, bytes: Uint8Array, at: number): boolean {
  for (let index = 0; index < name.length; index++) if (bytes[at + index] !== name[index]) return false
  return true
}
