/**
 * What the routes of a service answer as JSON, as far as its build could tell: a section of its own, for clients and descriptions. The host serves
 * without looking at it.
 */
import { checkField } from "../Schema/Check.ts"
import type { Field } from "../Schema/Definition.ts"
import { isObject } from "../Schema/Reporter.ts"

/** Types of answers by route: `GET /orders/:id`. */
export type AnswerFields = ReadonlyMap<string, Field>

/** The payload of `planck.answers`. */
export function writeAnswers(answers: AnswerFields): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(Object.fromEntries(answers)))
}

/** Reads it. What is no type of an answer is left out: it is only for descriptions. */
export function readAnswers(payload: Uint8Array | undefined): AnswerFields {
  if (payload === undefined) return new Map()
  try {
    const read: unknown = JSON.parse(new TextDecoder().decode(payload))
    return new Map(
      Object.entries(isObject(read) ? read : {}).filter((entry): entry is [string, Field] => checkField(entry[1]).length === 0)
    )
  } catch {
    return new Map()
  }
}
