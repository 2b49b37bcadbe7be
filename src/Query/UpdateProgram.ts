/**
 * The changes of an update applied to a document's bytes: what is not named is copied in ranges, what is named is spliced in.
 *
 * Invariants
 * - No path is a part of another one and none is `_id`, so the order of changes does not matter; a program that breaks this is refused
 *   before any document is read.
 * - A path goes through documents, and by number through the elements an array has. `set` and `inc` make the documents that are missing
 *   on their way; they do not lengthen arrays. `unset` of what is not there does nothing, and takes no element out of an array.
 * - `inc` adds exactly (see `Increment.ts`); to a missing field it adds as if to 0. `push` and `addToSet` make the array that is missing,
 *   `pull` does not; what is there and no array is refused (see `ArrayChange.ts`).
 * - The result is BSON, not yet checked against the schema: the store's validator has the last word, also about encodings.
 */
import * as Type from "../Bson/Type.ts"
import { documentEnd, fieldName, findElement, firstElement, nameEnd, skipValue } from "../Bson/View.ts"
import type { Writer } from "../Bson/Writer.ts"
import { type BoundArrayChange, bindArrayChange, writeChangedArray } from "./ArrayChange.ts"
import type { ArrayChange } from "./Ast.ts"
import { writeSum } from "./Increment.ts"
import type { Operands } from "./Operands.ts"
import { refuseStatement, refuseUpdate } from "./Reasons.ts"

type Change = { readonly op: "set" | "inc" | ArrayChange; readonly slot: number } | { readonly op: "unset" }

/** A field that is changed, or that something inside is. */
interface Node {
  readonly name: Uint8Array
  readonly path: string
  readonly change: Change | undefined
  readonly inside: ReadonlyArray<Node>
}

export interface UpdateProgram {
  readonly root: ReadonlyArray<Node>
}

/** The values a program runs with. */
interface Run {
  readonly operands: Operands
  /** The changes of arrays by their slots. */
  readonly arrays: ReadonlyMap<number, BoundArrayChange>
}

/** A program with the values of one statement, for any number of documents. */
export class UpdateRun {
  readonly #program: UpdateProgram
  readonly #run: Run

  /** Faults with InvalidStatement and InvalidFilter when an operand of a change of arrays is none. */
  constructor(program: UpdateProgram, operands: Operands) {
    this.#program = program
    const arrays = new Map<number, BoundArrayChange>()
    bindArrays(program.root, operands, arrays)
    this.#run = { operands, arrays }
  }

  /** Appends the changed document to `writer`. Faults with InvalidUpdate when the program does not fit the document. */
  apply(bytes: Uint8Array, at: number, writer: Writer): void {
    writeChanged(this.#program.root, this.#run, bytes, at, writer, false)
  }
}

function bindArrays(nodes: ReadonlyArray<Node>, operands: Operands, arrays: Map<number, BoundArrayChange>): void {
  for (const { change, inside, path } of nodes) {
    bindArrays(inside, operands, arrays)
    if (change === undefined || change.op === "unset" || change.op === "set" || change.op === "inc") continue
    arrays.set(change.slot, bindArrayChange(change.op, path, operands, change.slot))
  }
}

/** A change of one path, as a statement lists it. */
export interface PathChange {
  readonly path: string
  readonly change: Change
}

/** Compiles the changes of a statement. Faults with InvalidStatement when they contradict each other or touch `_id`. */
export function compileUpdate(changes: ReadonlyArray<PathChange>): UpdateProgram {
  return {
    root: nodesOf(
      changes.map(({ path, change }) => ({ path, change, names: path.split(".") })),
      0
    )
  }
}

const NOTHING = new Uint8Array(0)

interface Split extends PathChange {
  readonly names: ReadonlyArray<string>
}

function nodesOf(changes: ReadonlyArray<Split>, depth: number): ReadonlyArray<Node> {
  const byName = Map.groupBy(changes, (change) => change.names[depth] ?? "")
  return [...byName].map(([name, group]) => {
    const first = group[0] as Split
    const path = first.names.slice(0, depth + 1).join(".")
    if (depth === 0 && name === "_id") refuseStatement(path, "_id never changes: insert a new document and delete the old one")
    const ending = group.find((change) => change.names.length === depth + 1)
    if (ending !== undefined && group.length > 1) refuseStatement(path, `${path} is changed twice, or as a whole and in part`)
    return { name: fieldName(name), path, change: ending?.change, inside: ending === undefined ? nodesOf(group, depth + 1) : [] }
  })
}

function writeChanged(nodes: ReadonlyArray<Node>, run: Run, bytes: Uint8Array, at: number, writer: Writer, isArray: boolean): void {
  const start = writer.beginDocument()
  const end = documentEnd(bytes, at)
  let met = 0
  let copied = firstElement(at)
  for (let element = copied; element < end;) {
    const valueAt = nameEnd(bytes, element) + 1
    const type = bytes[element]!
    const next = skipValue(bytes, type, valueAt)
    const node = met === nodes.length ? undefined : find(nodes, bytes, element + 1)
    if (node !== undefined) {
      met++
      writer.raw(bytes, copied, element - copied)
      writeNode(node, run, bytes, type, valueAt, writer, isArray)
      copied = next
    }
    element = next
  }
  writer.raw(bytes, copied, end - copied)
  if (met < nodes.length) for (const node of nodes) if (findElement(bytes, at, node.name) < 0) writeMissing(node, run, writer, isArray)
  writer.endDocument(start)
}

/** Writes the element of a node that the document has; (bytes, type, at) is its value. */
function writeNode(node: Node, run: Run, bytes: Uint8Array, type: number, at: number, writer: Writer, isArray: boolean): void {
  const { change } = node
  if (change === undefined) {
    const inArray = type === Type.ARRAY
    if (type !== Type.DOCUMENT && !inArray) {
      if (node.inside.every(onlyRemoves)) {
        writer.name(type, node.name)
        writer.raw(bytes, at, skipValue(bytes, type, at) - at)
        return
      }
      refuseUpdate(node.path, `${node.path} is ${Type.typeName(type)}: it has no fields to change`)
    }
    writer.name(type, node.name)
    writeChanged(node.inside, run, bytes, at, writer, inArray)
  } else if (change.op === "set") writeValue(node, run.operands, change.slot, writer)
  else if (change.op === "inc") writeSum(writer, node.name, node.path, bytes, type, at, run.operands, change.slot)
  else if (change.op !== "unset") {
    if (type !== Type.ARRAY) refuseUpdate(node.path, `${node.path} is ${Type.typeName(type)}: ${change.op} changes arrays`)
    writer.name(Type.ARRAY, node.name)
    writeChangedArray(writer, node.path, run.arrays.get(change.slot)!, bytes, at)
  } else if (isArray) refuseUpdate(node.path, `${node.path} is an element of an array, which unset cannot take out`)
}

/** Whether a node takes away only, and so has nothing to do where there is nothing. */
function onlyRemoves(node: Node): boolean {
  return node.change === undefined ? node.inside.every(onlyRemoves) : node.change.op === "unset" || node.change.op === "pull"
}

/** Writes what a node adds to a document or array that does not have it. */
function writeMissing(node: Node, run: Run, writer: Writer, isArray: boolean): void {
  if (onlyRemoves(node)) return
  if (isArray) refuseUpdate(node.path, `${node.path}: the array has no such element`)
  const { change } = node
  if (change === undefined) {
    writer.name(Type.DOCUMENT, node.name)
    const start = writer.beginDocument()
    for (const inner of node.inside) writeMissing(inner, run, writer, false)
    writer.endDocument(start)
  } else if (change.op === "set" || change.op === "inc") writeValue(node, run.operands, change.slot, writer)
  else if (change.op !== "unset") {
    writer.name(Type.ARRAY, node.name)
    writeChangedArray(writer, node.path, run.arrays.get(change.slot)!, NOTHING, -1)
  }
}

function writeValue(node: Node, operands: Operands, slot: number, writer: Writer): void {
  const bytes = operands.bytes(slot)
  const type = operands.type(slot)
  const at = operands.at(slot)
  writer.name(type, node.name)
  writer.raw(bytes, at, skipValue(bytes, type, at) - at)
}

function find(nodes: ReadonlyArray<Node>, bytes: Uint8Array, nameAt: number): Node | undefined {
  for (const node of nodes) if (isNamed(node.name, bytes, nameAt)) return node
  return undefined
}

function isNamed(name: Uint8Array, bytes: Uint8Array, at: number): boolean {
  for (let index = 0; index < name.length; index++) if (bytes[at + index] !== name[index]) return false
  return true
}
