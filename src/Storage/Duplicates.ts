/**
 * Values that several documents have where an index wants them to be unique: how they are found, and told to people.
 *
 * A report is plain data (texts and numbers), kept in the catalog. Values and ids stand in it as JSON, cut after `TEXT_LENGTH_MAX`.
 */
import { ByteSink } from "../Bson/ByteSink.ts"
import { equalValues } from "../Bson/Compare.ts"
import { writeJson } from "../Bson/Json.ts"
import { compilePath, resolve } from "../Bson/Path.ts"
import * as Type from "../Bson/Type.ts"
import { firstElement, skipValue, valueOffset } from "../Bson/View.ts"
import { encodeIndexed, KeyWriter } from "../Index/KeyEncoding.ts"
import type { IndexDefinition } from "../Schema/Definition.ts"
import type { DocumentView } from "./Reader.ts"

/** How many values a report lists, and how many documents of each. */
export const DUPLICATES_LISTED_MAX = 100
export const DOCUMENTS_LISTED_MAX = 10
/** How many characters a value has in a report. */
const TEXT_LENGTH_MAX = 200
/** BSON of a value longer than this is not printed: its JSON would be cut anyway. */
const PRINTED_BYTES_MAX = 16 * 1024

/** One combination of values (in the order of the index's paths) and the `_id`s of documents that have it. */
export interface Duplicate {
  readonly values: ReadonlyArray<string>
  readonly ids: ReadonlyArray<string>
}

/** What a build that was to end in a unique index has found. `total` counts values; the first of them are listed. */
export interface Duplicates {
  readonly total: number
  readonly listed: ReadonlyArray<Duplicate>
}

/** A value where it lies. */
interface Place {
  readonly bytes: Uint8Array
  readonly type: number
  readonly at: number
}

/**
 * The values at the paths of the index that both documents have, as JSON; undefined when they share none. Of a path with several values the
 * first shared one counts; arrays as such do not.
 */
export function sharedValues({ on }: IndexDefinition, a: DocumentView, b: DocumentView): ReadonlyArray<string> | undefined {
  const shared: Array<string> = []
  for (const { path } of on) {
    const others = Map.groupBy(placesAt(path, b), encoded)
    const place = placesAt(path, a).find((one) =>
      others.get(encoded(one))?.some((other) => equalValues(one.bytes, one.type, one.at, other.bytes, other.type, other.at))
    )
    if (place === undefined) return undefined
    shared.push(jsonOf(place))
  }
  return shared
}

/** The `_id` of a document, its first element, as JSON. */
export function idOf({ at, bytes }: DocumentView): string {
  const element = firstElement(at)
  return jsonOf({ bytes, type: bytes[element]!, at: valueOffset(bytes, element) })
}

function placesAt(path: string, { at, bytes }: DocumentView): ReadonlyArray<Place> {
  const places: Array<Place> = []
  resolve(compilePath(path), bytes, at, {
    visit: (found, type, valueAt) => {
      if (type !== Type.ARRAY) places.push({ bytes: found, type, at: valueAt })
      return false
    }
  })
  return places
}

/** The same text for equal values. */
function encoded({ at, bytes, type }: Place): string {
  const writer = new KeyWriter()
  encodeIndexed(writer, bytes, type, at, false)
  return Buffer.from(writer.bytes.buffer, 0, writer.length).toString("latin1")
}

function jsonOf({ at, bytes, type }: Place): string {
  if (type === Type.MISSING) return "null"
  if (skipValue(bytes, type, at) - at > PRINTED_BYTES_MAX) return `(${Type.typeName(type)} of ${skipValue(bytes, type, at) - at} bytes)`
  const sink = new ByteSink()
  writeJson(sink, bytes, type, at)
  const text = new TextDecoder().decode(sink.bytes.subarray(0, sink.length))
  return text.length <= TEXT_LENGTH_MAX ? text : `${text.slice(0, TEXT_LENGTH_MAX).toWellFormed()}…`
}

/** `"A-1" (1, 2)`, for messages. */
export function describeDuplicates({ listed, total }: Duplicates): string {
  const shown = listed.slice(0, 3).map(({ ids, values }) => `${values.join(", ")} in ${ids.join(" and ")}`)
  const more = total > shown.length ? `, and ${total - shown.length} more` : ""
  return `${shown.join("; ")}${more}`
}
