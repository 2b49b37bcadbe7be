/** `planck query`: one statement on the data of a stopped server. A running server holds the directory's lock, and the refusal names it. */
import * as Effect from "effect/Effect"
import { ByteSink } from "../Bson/ByteSink.ts"
import type { Value } from "../Bson/Value.ts"
import { Disk } from "../Disk/Disk.ts"
import { isFault } from "../Fault/Fault.ts"
import type { Statement, Write } from "../Query/Ast.ts"
import { isWrite } from "../Query/Ast.ts"
import { Executor } from "../Query/Executor.ts"
import { parsePql } from "../Query/Pql.ts"
import { RowList } from "../Query/RowList.ts"
import { writeRowJson, writeRowsJson } from "../Query/Rows.ts"
import { encodeStatement } from "../Query/StatementBson.ts"
import type { Engine } from "../Storage/Engine.ts"
import type { Reader, Transaction } from "../Storage/Reader.ts"
import { Storage } from "../Storage/Storage.ts"
import { findDatabase } from "./Database.ts"
import { detailsOf, Failure } from "./Failure.ts"
import type { Output } from "./Output.ts"
import { say } from "./Output.ts"
import { counted } from "./Words.ts"

export interface QueryCommandOptions {
  readonly directory: string
  readonly statement: string
  readonly service: string | undefined
  readonly parameters: Readonly<Record<string, string>>
  readonly output: Output
}

export const query = Effect.fn("Cli.query")(function* (options: QueryCommandOptions) {
  const statement = yield* attempt(() => parsePql(options.statement, parametersOf(options.parameters)))
  const directory = yield* findDatabase(options.directory, options.service)
  yield* Effect.gen(function* () {
    const storage = yield* Storage
    const result = yield* attempt(() => run(storage.engine, statement, options.output))
    yield* storage.awaitDurable(result.waitLsn)
    yield* say({ json: false }, options.output.json ? result.machine : result.human, undefined)
  }).pipe(Effect.provide(Storage.layer({ directory })), Effect.provide(Disk.layer))
})

interface Result {
  readonly human: string
  /** One JSON value. */
  readonly machine: string
  readonly waitLsn: number
}

/** A parameter is JSON where it can be read as such, else the text itself. */
function parametersOf(given: Readonly<Record<string, string>>): Record<string, Value> {
  return Object.fromEntries(
    Object.entries(given).map(([name, text]) => {
      try {
        return [name, JSON.parse(text) as Value]
      } catch {
        return [name, text]
      }
    })
  )
}

function run(engine: Engine, statement: Statement, output: Output): Result {
  const executor = new Executor({ store: (name) => engine.store(name) })
  if (isWrite(statement)) {
    const transaction = engine.transact()
    try {
      const done = write(executor, transaction, statement)
      return { ...done, waitLsn: transaction.commit() }
    } catch (error) {
      transaction.rollback()
      throw error
    }
  }
  const snapshot = engine.snapshot()
  try {
    return { ...read(executor, snapshot, statement, output), waitLsn: 0 }
  } finally {
    snapshot.close()
  }
}

type Reading = Exclude<Statement, Write>

function read(executor: Executor, reader: Reader, statement: Reading, output: Output): Omit<Result, "waitLsn"> {
  const rows = new RowList()
  if (statement.kind === "explain") {
    const text = JSON.stringify(executor.explain(statement.of.kind, encodeStatement(statement.of), 0), undefined, output.json ? 0 : 2)
    return { human: text, machine: text }
  }
  const bytes = encodeStatement(statement)
  if (statement.kind === "count") return values({ count: executor.count(reader, bytes, 0) })
  if (statement.kind === "get") executor.getRow(reader, bytes, 0, rows)
  else executor.rows(reader, bytes, 0, rows)
  return rowsResult(rows)
}

function write(executor: Executor, transaction: Transaction, statement: Write): Omit<Result, "waitLsn"> {
  const bytes = encodeStatement(statement)
  const rows = new RowList()
  switch (statement.kind) {
    case "insert":
      executor.insert(transaction, bytes, 0, rows)
      return rowsResult(rows)
    case "upsert":
      return values({ ...executor.upsert(transaction, bytes, 0, rows) })
    case "replace":
      return values({ ...executor.replace(transaction, bytes, 0) })
    case "update":
      return values({ ...executor.update(transaction, bytes, 0) })
    case "delete":
      return values({ deleted: executor.delete(transaction, bytes, 0) })
  }
}

function rowsResult(rows: RowList): Omit<Result, "waitLsn"> {
  const sink = new ByteSink()
  const lines: Array<string> = []
  for (let index = 0; index < rows.count; index++) {
    sink.reset()
    writeRowJson(sink, rows, index)
    lines.push(textOf(sink))
  }
  sink.reset()
  writeRowsJson(sink, rows)
  return { human: [...lines, counted(rows.count, "row")].join("\n"), machine: `{"rows":${textOf(sink)}}` }
}

const textOf = (sink: ByteSink): string => new TextDecoder().decode(sink.bytes.subarray(0, sink.length))

const values = (record: Readonly<Record<string, number>>): Omit<Result, "waitLsn"> => ({
  human: Object.entries(record)
    .map(([name, value]) => `${name} ${value}`)
    .join(", "),
  machine: JSON.stringify(record)
})

/** What the core refuses is a failure with the reason's tag as its code. */
function attempt<A>(work: () => A): Effect.Effect<A, Failure> {
  return Effect.suspend(() => {
    try {
      return Effect.succeed(work())
    } catch (error) {
      if (!isFault(error)) throw error
      const message = error.message.startsWith(`${error.reason._tag}: `) ? error.message.slice(error.reason._tag.length + 2) : error.message
      return Effect.fail(new Failure({ code: error.reason._tag, message, details: detailsOf(error.reason) }))
    }
  })
}
