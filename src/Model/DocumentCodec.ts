/**
 * Between the values of a schema and the documents of its store.
 *
 * Invariants
 * - Nothing is written that the schema does not take, nothing is given that it does not make: either is an `InvalidDocument`, with a pointer.
 * - Synchronous: schemas that need services, or time, have no store.
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import { Fault } from "../Fault/Fault.ts"
import type { DocumentValue } from "../Query/Ast.ts"
import type { QueryReason } from "../Query/Reasons.ts"
import type { StorableSchema } from "./ModelTypes.ts"

const issuesOf = SchemaIssue.makeFormatterStandardSchemaV1()

export class DocumentCodec {
  readonly #store: string
  readonly #decode: (document: unknown) => Result.Result<unknown, Schema.SchemaError>
  readonly #encode: (value: unknown) => Result.Result<unknown, Schema.SchemaError>
  /** For what is given without an `_id`. */
  readonly #encodeNew: (value: unknown) => Result.Result<unknown, Schema.SchemaError>
  readonly #make: (value: unknown) => unknown
  readonly #makeNew: (value: unknown) => unknown

  constructor(store: string, schema: StorableSchema) {
    const { _id, ...fields } = schema.fields
    const withoutId = Schema.Struct(fields)
    this.#store = store
    this.#decode = Schema.decodeUnknownResult(schema, { errors: "all" })
    this.#encode = Schema.encodeUnknownResult(schema, { errors: "all" })
    this.#encodeNew = Schema.encodeUnknownResult(withoutId as unknown as Schema.Codec<unknown, unknown>, { errors: "all" })
    this.#make = (value) => schema.make(value as never)
    this.#makeNew = (value) => withoutId.make(value as never)
  }

  /** What the schema makes of a document of the store. */
  decode(document: DocumentValue): unknown {
    const result = this.#decode(document)
    if (Result.isSuccess(result)) return result.success
    throw this.#refused(result.failure.issue, undefined, `a document of ${this.#store} is not what its schema says`)
  }

  /** The document to store for a value: one that the schema made, or the fields it is made of, with or without `_id`. */
  encode(value: unknown, index: number | undefined): DocumentValue {
    const isWhole = (value as { readonly _id?: unknown })._id !== undefined
    const made = this.#made(isWhole ? this.#make : this.#makeNew, value, index)
    const result = isWhole ? this.#encode(made) : this.#encodeNew(made)
    if (Result.isSuccess(result)) return withoutUndefined(result.success) as DocumentValue
    throw this.#refused(result.failure.issue, index, `not a document of ${this.#store}`)
  }

  #made(make: (value: unknown) => unknown, value: unknown, index: number | undefined): unknown {
    try {
      return make(value)
    } catch (error) {
      // What a constructor refuses, it throws as the cause of a plain error.
      const issue = error instanceof Error ? error.cause : undefined
      if (!SchemaIssue.isIssue(issue)) throw error
      throw this.#refused(issue, index, `not a document of ${this.#store}`)
    }
  }

  #refused(issue: SchemaIssue.Issue, index: number | undefined, what: string): Fault<QueryReason> {
    const issues = issuesOf(issue).issues.map(({ message, path = [] }) => ({
      pointer: path
        .map(
          (key) =>
            `/${String(typeof key === "object" ? key.key : key)
              .replaceAll("~", "~0")
              .replaceAll("/", "~1")}`
        )
        .join(""),
      code: "schema",
      message
    }))
    const words = issues.map(({ message, pointer }) => `${pointer}: ${message}`).join("; ")
    const place = index === undefined ? {} : { index }
    return new Fault<QueryReason>({ _tag: "InvalidDocument", store: this.#store, ...place, issues, message: `${what}: ${words}` })
  }
}

/** A field that is undefined is one that is not there. */
function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined)
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value
  const entries = Object.entries(value).filter(([, item]) => item !== undefined)
  return Object.fromEntries(entries.map(([name, item]) => [name, withoutUndefined(item)]))
}
