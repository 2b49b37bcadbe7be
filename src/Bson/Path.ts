/**
 * Paths (`lines.0.sku`) and what they lead to in a document, without allocating.
 *
 * Invariants
 * - Components are separated by dots; one that is a decimal number (no leading zero) also counts positions in arrays.
 * - Where a path meets an array with components left, it goes on in every element that is a document, and, when the component is a
 *   number, also in the element at that position. Arrays directly inside arrays are entered by position only.
 * - Where a path ends at an array, the array's elements are visited and then the array itself; a visitor may ask for the array alone.
 * - A document without the field counts as one visit of a missing value (type 0). So does a path that leads nowhere at all:
 *   every path visits at least one value of every document.
 */
import { bsonFault } from "./Errors.ts"
import * as Type from "./Type.ts"
import { documentEnd, fieldName, findElement, firstElement, readInt32, skipValue, valueOffset } from "./View.ts"

/** How many components a path may have: as deep as documents nest. */
export const COMPONENTS_MAX = 100

export interface PathComponent {
  /** The field's name with its NUL. */
  readonly name: Uint8Array
  /** The position in an array when the component is a decimal number, else -1. */
  readonly index: number
}

/** A path ready for use. */
export interface Path {
  readonly text: string
  readonly components: ReadonlyArray<PathComponent>
}

/** Sees the values that a path leads to; returning true ends the walk. A missing value has type 0. */
export interface PathVisitor {
  /** Whether an array at the end of the path is seen as a whole only, and not element by element before. */
  readonly whole?: boolean
  visit(bytes: Uint8Array, type: number, at: number): boolean
}

/**
 * Prepares a path. Faults with InvalidValue when it is empty, has an empty component, a NUL or more than `COMPONENTS_MAX` components.
 *
 * @example
 * ```ts
 * const path = compilePath("lines.sku")
 * resolve(path, bytes, 0, { visit: (bytes, type, at) => type === Type.STRING && readString(bytes, at) === "A-1" })
 * ```
 */
export function compilePath(text: string): Path {
  const names = text.split(".")
  if (names.some((name) => name === "")) throw bsonFault({ _tag: "InvalidValue", path: text, message: `"${text}" has an empty component` })
  if (names.length > COMPONENTS_MAX) {
    throw bsonFault({ _tag: "InvalidValue", path: text, message: `a path has at most ${COMPONENTS_MAX} components` })
  }
  return { text, components: names.map((name) => ({ name: fieldName(name), index: /^(0|[1-9]\d{0,8})$/.test(name) ? Number(name) : -1 })) }
}

const NOTHING_VISITED = 0
const VISITED = 1
const STOPPED = 2

/**
 * Visits every value that `path` leads to in the document at `at`, arrays fanned out as the file header says.
 * Returns whether the visitor ended the walk (by returning true).
 */
export function resolve(path: Path, bytes: Uint8Array, at: number, visitor: PathVisitor): boolean {
  const outcome = resolveInDocument(path.components, 0, bytes, at, visitor)
  return outcome === STOPPED || (outcome === NOTHING_VISITED && visitor.visit(bytes, Type.MISSING, 0))
}

function resolveInDocument(
  components: ReadonlyArray<PathComponent>,
  depth: number,
  bytes: Uint8Array,
  documentAt: number,
  visitor: PathVisitor
): number {
  const { name } = components[depth]!
  const element = findElement(bytes, documentAt, name)
  if (element < 0) return visitor.visit(bytes, Type.MISSING, 0) ? STOPPED : VISITED
  return resolveValue(components, depth + 1, bytes, bytes[element]!, element + 1 + name.length, visitor)
}

function resolveValue(
  components: ReadonlyArray<PathComponent>,
  depth: number,
  bytes: Uint8Array,
  type: number,
  at: number,
  visitor: PathVisitor
): number {
  if (depth === components.length) {
    if (type === Type.ARRAY && visitor.whole !== true && visitElements(bytes, at, visitor)) return STOPPED
    return visitor.visit(bytes, type, at) ? STOPPED : VISITED
  }
  if (type === Type.DOCUMENT) return resolveInDocument(components, depth, bytes, at, visitor)
  if (type === Type.ARRAY) return resolveInArray(components, depth, bytes, at, visitor)
  return visitor.visit(bytes, Type.MISSING, 0) ? STOPPED : VISITED
}

function visitElements(bytes: Uint8Array, arrayAt: number, visitor: PathVisitor): boolean {
  const end = documentEnd(bytes, arrayAt)
  let element: number = firstElement(arrayAt)
  while (element < end) {
    const type: number = bytes[element]!
    const at = valueOffset(bytes, element)
    if (visitor.visit(bytes, type, at)) return true
    element = skipValue(bytes, type, at)
  }
  return false
}

function resolveInArray(
  components: ReadonlyArray<PathComponent>,
  depth: number,
  bytes: Uint8Array,
  arrayAt: number,
  visitor: PathVisitor
): number {
  const position = components[depth]!.index
  const end = documentEnd(bytes, arrayAt)
  let outcome: number = NOTHING_VISITED
  let index = 0
  for (let element: number = firstElement(arrayAt); element < end; index++) {
    const type: number = bytes[element]!
    const at = valueOffset(bytes, element)
    if (index === position) outcome |= resolveValue(components, depth + 1, bytes, type, at, visitor)
    if ((outcome & STOPPED) !== 0) return STOPPED
    if (type === Type.DOCUMENT && !(position >= 0 && findElement(bytes, at, components[depth]!.name) < 0)) {
      outcome |= resolveInDocument(components, depth, bytes, at, visitor)
    }
    if ((outcome & STOPPED) !== 0) return STOPPED
    element = skipValue(bytes, type, at)
  }
  return outcome
}

/**
 * The offset of the one element that `path` names in the document at `at`, or -1: arrays are entered by position only, nothing fans out.
 * The type is the byte at that offset, the value lies at `valueOffset(bytes, offset)`. For templates, `select` and sort keys.
 */
export function resolveFirst(path: Path, bytes: Uint8Array, at: number): number {
  const components = path.components
  let documentAt = at
  let inArray = false
  for (let depth = 0; depth < components.length; depth++) {
    const { name, index } = components[depth]!
    const element = inArray ? elementAtPosition(bytes, documentAt, index) : findElement(bytes, documentAt, name)
    if (element < 0 || depth === components.length - 1) return element
    const type: number = bytes[element]!
    if (type !== Type.DOCUMENT && type !== Type.ARRAY) return -1
    inArray = type === Type.ARRAY
    documentAt = valueOffset(bytes, element)
  }
  return -1
}

/** The offset of the element at a position of the array at `arrayAt`, or -1. */
export function elementAtPosition(bytes: Uint8Array, arrayAt: number, position: number): number {
  if (position < 0) return -1
  const end = arrayAt + readInt32(bytes, arrayAt) - 1
  let element: number = firstElement(arrayAt)
  for (let index = 0; element < end; index++) {
    if (index === position) return element
    element = skipValue(bytes, bytes[element]!, valueOffset(bytes, element))
  }
  return -1
}
