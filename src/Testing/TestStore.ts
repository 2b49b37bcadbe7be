/**
 * The documents of one store for a test, in the plain JSON of routes: dates as ISO text, decimals and keys as text.
 *
 * Invariant: what is written passes the store's schema and is a transaction; what is read is on disk.
 */
import * as Effect from "effect/Effect"
import { decode, type Value } from "../Bson/Value.ts"
import { Writer } from "../Bson/Writer.ts"
import type { DocumentValue } from "../Query/Ast.ts"
import type { QueryError } from "../Query/Errors.ts"
import type { Query } from "../Query/Query.ts"
import type { Field, StoreDefinition } from "../Schema/Definition.ts"
import { compileInput, type InputReader } from "../Schema/Input.ts"
import { idField } from "../Schema/Validator.ts"
import type { StorageError } from "../Storage/Errors.ts"
import { TestError } from "./Errors.ts"

/** A value as the JSON of routes has it. `Json<typeof orders.Row>` is a row of a store as `all` and `get` give it. */
export type Json<A> = A extends Date
  ? string
  : A extends bigint
    ? number | string
    : A extends { toJSON(): infer Text }
      ? Text
      : A extends Uint8Array
        ? string
        : A extends ReadonlyArray<infer Item>
          ? ReadonlyArray<Json<Item>>
          : A extends object
            ? { readonly [Name in keyof A]: Json<A[Name]> }
            : A

type Failure = QueryError | StorageError | TestError

export class TestStore<Row> {
  readonly #database: () => Query["Service"]
  readonly #definition: StoreDefinition
  readonly #document: InputReader
  readonly #id: InputReader

  constructor(database: () => Query["Service"], definition: StoreDefinition) {
    const id = idField(definition.idKind)
    this.#database = database
    this.#definition = definition
    this.#document = compileInput({ _id: { ...id, optional: true } as Field, ...definition.schema })
    this.#id = compileInput({ _id: id })
  }

  /** Every document, in the order of their ids. */
  get all(): Effect.Effect<ReadonlyArray<Json<Row>>, Failure> {
    return Effect.suspend(() => this.#json<ReadonlyArray<Json<Row>>>({ kind: "find", store: this.#definition.name }))
  }

  get count(): Effect.Effect<number, Failure> {
    return Effect.suspend(() => this.#database().count({ kind: "count", store: this.#definition.name }))
  }

  /** The document with this id, as JSON has it; undefined when there is none. */
  get(id: unknown): Effect.Effect<Json<Row> | undefined, Failure> {
    return this.#values(this.#id, { _id: id }).pipe(
      Effect.flatMap(({ _id }) => this.#json<Json<Row> | null>({ kind: "get", store: this.#definition.name, key: _id as Value })),
      Effect.map((found) => found ?? undefined)
    )
  }

  /** Stores documents, given as JSON; their ids. */
  insert(...documents: ReadonlyArray<object>): Effect.Effect<ReadonlyArray<string | number>, Failure> {
    return Effect.forEach(documents, (document) => this.#values(this.#document, document)).pipe(
      Effect.flatMap((values) => this.#database().transact((transaction) => transaction.insert(this.#definition.name, values))),
      Effect.map((ids) => ids.map((id) => (typeof id === "number" ? id : String(id))))
    )
  }

  #json<A>(statement: Parameters<Query["Service"]["json"]>[0]): Effect.Effect<A, Failure> {
    return Effect.map(this.#database().json(statement), (bytes) => JSON.parse(new TextDecoder().decode(bytes)) as A)
  }

  #values(reader: InputReader, document: object): Effect.Effect<DocumentValue, TestError> {
    return Effect.suspend(() => {
      const writer = new Writer()
      const issues = reader.fromJson(new TextEncoder().encode(JSON.stringify(document)), writer)
      if (issues.length === 0) return Effect.succeed(decode(writer.bytes) as DocumentValue)
      const places = issues.map(({ message, pointer }) => `${pointer}: ${message}`).join("; ")
      return Effect.fail(new TestError({ message: `no document of the store "${this.#definition.name}": ${places}` }))
    })
  }
}
