/**
 * Finds some fields of a document in one walk, and learns where they usually are.
 *
 * Invariants
 * - `find` is right for every document: a prediction is only believed where the bytes of every name passed on the way were compared.
 *   What does not fit falls back to the plain walk.
 * - The first document shows the layout; documents that differ extend it (fields that are sometimes missing) at most `layoutsMax`
 *   times, after that it stays as it is.
 * - The results of a `find` are in `found` until the next `find` of any locator that shares it.
 */
import { documentEnd, fieldName, firstElement, readInt32, skipValue, textEnd } from "../Bson/View.ts"

/** How often the predicted layout of one place may change. */
const layoutsMax = 6
/** Walks that missed before the layout changes again. */
const missesBeforeChange = 16
/** Fields of a predicted layout; documents with more are walked behind them. */
const layoutFieldsMax = 48

/** Looks for the fields of the document at `at` in `bytes`, with `view` over them. */
export type Find = (bytes: Uint8Array, view: DataView, at: number) => void

/** Turns a predicted layout into code; undefined where code may not be generated. */
export type LayoutCompiler = (locator: Locator, layout: ReadonlyArray<Uint8Array>) => Find

export class Locator {
  /** The wanted names, each with its NUL. */
  readonly names: ReadonlyArray<Uint8Array>
  /** Type and offset of wanted field i at 2i and 2i + 1; type 0 when it is missing. */
  readonly found: Int32Array
  /** Walks that no prediction saved. */
  misses = 0
  find: Find
  private readonly compile: LayoutCompiler | undefined
  private layout: Array<Uint8Array> = []
  private layouts = 0

  constructor(names: ReadonlyArray<string>, found: Int32Array, compile?: LayoutCompiler) {
    this.names = names.map(fieldName)
    this.found = found
    this.compile = compile
    this.find = (bytes, _view, at) => this.missed(bytes, at)
  }

  /** The plain walk, for a document that no prediction fits; now and then the layout learns from it. */
  missed(bytes: Uint8Array, at: number): void {
    this.walk(bytes, at)
    if (this.compile === undefined || this.layouts >= layoutsMax || this.misses++ % missesBeforeChange !== 0) return
    this.layouts++
    this.layout = extended(this.layout, namesOf(bytes, at))
    this.find = this.compile(this, this.layout)
  }

  /** One walk, every name compared with every wanted one. */
  private walk(bytes: Uint8Array, at: number): void {
    const { names, found } = this
    const count = names.length
    for (let index = 0; index < count; index++) found[2 * index] = 0
    const end = documentEnd(bytes, at)
    let left = count
    for (let element = firstElement(at); element < end && left > 0;) {
      const type = bytes[element]!
      const valueAt = textEnd(bytes, element + 1) + 1
      for (let index = 0; index < count; index++) {
        if (found[2 * index] !== 0 || !sameName(names[index]!, bytes, element + 1, valueAt)) continue
        found[2 * index] = type
        found[2 * index + 1] = valueAt
        left--
        break
      }
      element = skipValue(bytes, type, valueAt)
    }
  }
}

function sameName(name: Uint8Array, bytes: Uint8Array, at: number, end: number): boolean {
  if (name.length !== end - at) return false
  for (let index = 0; index < name.length; index++) if (bytes[at + index] !== name[index]) return false
  return true
}

/** The names of a document's fields in their order, each with its NUL. */
function namesOf(bytes: Uint8Array, at: number): Array<Uint8Array> {
  const names: Array<Uint8Array> = []
  const end = documentEnd(bytes, at)
  for (let element = firstElement(at); element < end && names.length < layoutFieldsMax;) {
    const valueAt = textEnd(bytes, element + 1) + 1
    names.push(bytes.slice(element + 1, valueAt))
    element = skipValue(bytes, bytes[element]!, valueAt)
  }
  return names
}

/** `layout` with the new names of a document where they stand in it; the document's own order when the two contradict each other. */
function extended(layout: ReadonlyArray<Uint8Array>, names: ReadonlyArray<Uint8Array>): Array<Uint8Array> {
  const result = [...layout]
  let cursor = 0
  for (const name of names) {
    const known = result.findIndex((other) => other.length === name.length && sameName(other, name, 0, name.length))
    if (known < 0) result.splice(cursor++, 0, name)
    else if (known < cursor) return [...names]
    else cursor = known + 1
  }
  return result.slice(0, layoutFieldsMax)
}

/** Compiles a layout to a straight line of comparisons. Names go in as numbers, nothing as text. */
export const compileLayout: LayoutCompiler = (locator, layout) => {
  const { names, found } = locator
  const wanted = layout.map((name) => names.findIndex((other) => other.length === name.length && sameName(other, name, 0, name.length)))
  const last = wanted.findLastIndex((index) => index >= 0)
  const lines = ["const e = d + v.getInt32(d, true) - 1; let p = d + 4, n = 0, t = 0;"]
  for (let index = 0; index < names.length; index++) lines.push(`F[${2 * index}] = 0;`)
  for (const [position, name] of layout.entries()) {
    const slot = wanted[position]!
    lines.push(`if (p + ${name.length} < e && ${comparison(name)}) { t = u[p]; p += ${name.length + 1};`)
    if (slot >= 0) lines.push(`F[${2 * slot}] = t; F[${2 * slot + 1}] = p; n++;`)
    lines.push(
      "p = t === 2 ? p + 4 + v.getInt32(p, true) : t === 16 ? p + 4 : t === 1 ? p + 8 : t === 4 || t === 3 ? p + v.getInt32(p, true) : t === 5 ? p + 5 + v.getInt32(p, true) : skip(u, t, p); }"
    )
    if (position === last) lines.push(`if (n === ${names.length}) return;`)
  }
  lines.push("if (p !== e) L.missed(u, d);")
  const make = new Function("F", "L", "skip", `return function find(u, v, d) {\n${lines.join("\n")}\n}`) as (
    found: Int32Array,
    locator: Locator,
    skip: typeof skipValue
  ) => Find
  return make(found, locator, skipValue)
}

/** Compares a name (with its NUL) behind the type byte at `p`, four bytes at a time. */
function comparison(name: Uint8Array): string {
  const tests: Array<string> = []
  if (name.length < 4) {
    for (let index = 0; index < name.length; index++) tests.push(`u[p + ${1 + index}] === ${name[index]!}`)
    return tests.join(" && ")
  }
  for (let index = 0; index + 4 <= name.length; index += 4) tests.push(`v.getInt32(p + ${1 + index}, true) === ${readInt32(name, index)}`)
  if (name.length % 4 !== 0) tests.push(`v.getInt32(p + ${name.length - 3}, true) === ${readInt32(name, name.length - 4)}`)
  return tests.join(" && ")
}
