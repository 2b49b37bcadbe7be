/** Values as plain JSON, in the form that definitions and routes have them: dates, keys and decimals are text. */
import { ByteSink } from "../Bson/ByteSink.ts"
import { writeJson } from "../Bson/Json.ts"
import { encodeValue, type Value } from "../Bson/Value.ts"

/** The value as JSON knows it. */
export function plainValue(value: Value): unknown {
  const { at, bytes, type } = encodeValue(value)
  const sink = new ByteSink()
  writeJson(sink, bytes, type, at)
  return JSON.parse(sink.toText()) as unknown
}
