/**
 * What is shown of a document: `select` only the named paths, `omit` all but these, and computed values. Copied by byte ranges.
 *
 * Invariants
 * - A computed value stands at the end, in the place of a field of its name.
 * - `omit` of a path behind an array leaves it out of each of its documents; nothing else about the array changes.
 * - `_id` is always there. What is selected keeps its place, its order and its nesting: `select(a.b)` of `{ a: { b: 1, c: 2 } }` is
 *   `{ _id, a: { b: 1 } }`. A path of which a shorter one is selected too adds nothing.
 * - Where a path goes on behind an array, it goes on in each of its documents; other elements of that array are left out. A number in a
 *   path names a field here, not a position.
 * - Recursion is as deep as the longest path.
 */
import * as Type from "../Bson/Type.ts"
import { documentEnd, fieldName, firstElement, nameEnd, nextElement, skipValue } from "../Bson/View.ts"
import type { Writer } from "../Bson/Writer.ts"
import type { Shown } from "./Ast.ts"
import { CompiledExpression, type CompileTest } from "./Expression.ts"

/** What is kept of one field: all of it, or some of its own fields. */
interface Kept {
  readonly name: Uint8Array
  /** Undefined = the whole value. */
  readonly inside: ReadonlyArray<Kept> | undefined
}

/** What is shown of documents, compiled. */
export interface Projection {
  readonly shown: Shown
  /** The fields that are written; undefined = all of them. */
  readonly kept: ReadonlyArray<Kept> | undefined
  /** The fields that are left out, or of which parts are: `inside` has these. */
  readonly left: ReadonlyArray<Kept>
  readonly computed: ReadonlyArray<{ readonly name: Uint8Array; readonly value: CompiledExpression }>
}

/** Compiles what is shown, whose paths have passed `requirePath`; undefined when that is the document as it is. */
export function compileProjection(shown: Shown, compileTest: CompileTest): Projection | undefined {
  const { compute = {}, omit, select } = shown
  const computed = Object.entries(compute).map(([name, value]) => ({
    name: fieldName(name),
    value: new CompiledExpression(value, compileTest)
  }))
  if (select === undefined && omit === undefined && computed.length === 0) return undefined
  const names = computed.map(({ name }): Kept => ({ name, inside: undefined }))
  return {
    shown,
    kept: select === undefined ? undefined : keptOf([["_id"], ...select.map((path) => path.split("."))]),
    // A computed value takes the place of a field of its name.
    left: [...names, ...keptOf((omit ?? []).map((path) => path.split(".")).filter(([name = ""]) => !Object.hasOwn(compute, name)))],
    computed
  }
}

function keptOf(paths: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<Kept> {
  const byName = Map.groupBy(paths, (path) => path[0] ?? "")
  return [...byName].map(([name, group]) => {
    const whole = group.some((path) => path.length === 1)
    return { name: fieldName(name), inside: whole ? undefined : keptOf(group.map((path) => path.slice(1))) }
  })
}

/** Appends what `projection` shows of the document at `at` to `writer`, as a document. */
export function writeProjected(writer: Writer, projection: Projection, bytes: Uint8Array, at: number): void {
  const { computed, kept, left } = projection
  if (kept !== undefined && left.length === 0) return writeDocument(writer, kept, bytes, at)
  const start = writer.beginDocument()
  const end = documentEnd(bytes, at)
  for (let element = firstElement(at); element < end;) {
    const without = find(left, bytes, element + 1)
    const found = kept === undefined ? undefined : find(kept, bytes, element + 1)
    if (without !== undefined && without.inside !== undefined) element = writeOthers(writer, without.name, without.inside, bytes, element)
    else if (without !== undefined || (kept !== undefined && found === undefined)) element = nextElement(bytes, element)
    else if (found?.inside === undefined) element = writer.copyElement(bytes, element)
    else element = writeInside(writer, found.name, found.inside, bytes, element)
  }
  for (const { name, value } of computed) value.write(writer, name, bytes, at)
  writer.endDocument(start)
}

/** Writes the element at `element` without some of the fields inside, also in each document of an array, and returns the offset behind it. */
function writeOthers(writer: Writer, name: Uint8Array, left: ReadonlyArray<Kept>, bytes: Uint8Array, element: number): number {
  const type = bytes[element] ?? Type.MISSING
  if (type !== Type.DOCUMENT && type !== Type.ARRAY) return writer.copyElement(bytes, element)
  writer.name(type, name)
  const valueAt = element + 1 + name.length
  if (type === Type.DOCUMENT) writeWithout(writer, left, bytes, valueAt)
  else writeItemsWithout(writer, left, bytes, valueAt)
  return skipValue(bytes, type, valueAt)
}

function writeWithout(writer: Writer, left: ReadonlyArray<Kept>, bytes: Uint8Array, at: number): void {
  const start = writer.beginDocument()
  const end = documentEnd(bytes, at)
  for (let element = firstElement(at); element < end;) {
    const without = find(left, bytes, element + 1)
    if (without === undefined) element = writer.copyElement(bytes, element)
    else if (without.inside === undefined) element = nextElement(bytes, element)
    else element = writeOthers(writer, without.name, without.inside, bytes, element)
  }
  writer.endDocument(start)
}

function writeItemsWithout(writer: Writer, left: ReadonlyArray<Kept>, bytes: Uint8Array, at: number): void {
  const start = writer.beginDocument()
  const end = documentEnd(bytes, at)
  let index = 0
  for (let element = firstElement(at); element < end;) {
    const type = bytes[element] ?? Type.MISSING
    const valueAt = nameEnd(bytes, element) + 1
    const next = skipValue(bytes, type, valueAt)
    writer.index(type, index++)
    if (type === Type.DOCUMENT) writeWithout(writer, left, bytes, valueAt)
    else writer.raw(bytes, valueAt, next - valueAt)
    element = next
  }
  writer.endDocument(start)
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
