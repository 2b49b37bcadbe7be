/** Runs every example of docs/pql.md, in order, on one database. */
import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { ByteSink } from "../../src/Bson/ByteSink.ts"
import { writeJson } from "../../src/Bson/Json.ts"
import type { Value } from "../../src/Bson/Value.ts"
import { Fault } from "../../src/Fault/Fault.ts"
import { isWrite, type Statement } from "../../src/Query/Ast.ts"
import { Executor } from "../../src/Query/Executor.ts"
import type { Explanation } from "../../src/Query/Explanation.ts"
import { parsePql } from "../../src/Query/Pql.ts"
import { printPql } from "../../src/Query/Print.ts"
import { RowList } from "../../src/Query/RowList.ts"
import { writeRowJson, writeRowsJson } from "../../src/Query/Rows.ts"
import { encodeStatement } from "../../src/Query/StatementBson.ts"
import type { StoreDefinition } from "../../src/Schema/Definition.ts"
import { type Database, openDatabase } from "../Storage/Database.ts"

const page = readFileSync(new URL("../../docs/pql.md", import.meta.url), "utf8")

interface Example {
  readonly text: string
  readonly parameters: Record<string, Value>
  readonly outcome: string
}

function blocks(language: string): ReadonlyArray<string> {
  return [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, "gm"))].map((found) => found[1] ?? "")
}

function examples(): ReadonlyArray<Example> {
  return blocks("pql").map((block) => {
    const found = /^([^]*?)\n(?:with (.*)\n)?(=> .*|refused: .*)\n$/.exec(block)
    assert.isNotNull(found, `an example without its result: ${block}`)
    const [, text = "", parameters = "{}", outcome = ""] = found ?? []
    return { text, parameters: JSON.parse(parameters) as Record<string, Value>, outcome }
  })
}

/** What an example gives, as the page shows it. */
function outcomeOf(database: Database, executor: Executor, { parameters, text }: Example): string {
  try {
    const statement = parsePql(text, parameters)
    if (statement.kind !== "explain") assert.deepStrictEqual(encodeStatement(parsePql(printPql(statement))), encodeStatement(statement))
    return `=> ${isWrite(statement) ? write(database, executor, statement) : read(database, executor, statement)}`
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    const { _tag } = error.reason
    return `refused: ${"message" in error.reason ? error.message : _tag}`
  }
}

function write(
  database: Database,
  executor: Executor,
  statement: Extract<Statement, { kind: "insert" | "update" | "replace" | "upsert" | "delete" }>
): string {
  const rows = new RowList()
  const bytes = encodeStatement(statement)
  const transaction = database.engine.transact()
  let outcome = ""
  try {
    if (statement.kind === "insert") {
      executor.insert(transaction, bytes, 0, rows)
      outcome = `[${Array.from({ length: rows.count }, (_, row) => jsonOf((sink) => writeJson(sink, rows.bytes(row), rows.idType(row), rows.idAt(row)))).join()}]`
    } else if (statement.kind === "delete") outcome = JSON.stringify({ deleted: executor.delete(transaction, bytes, 0) })
    else if (statement.kind === "upsert") {
      const changes = executor.upsert(transaction, bytes, 0, rows)
      const id = changes.matched > 0 ? "" : jsonOf((sink) => writeJson(sink, rows.bytes(0), rows.idType(0), rows.idAt(0)))
      outcome = `${JSON.stringify(changes).slice(0, -1)},"upserted":[${id}]}`
    } else outcome = JSON.stringify(executor[statement.kind](transaction, bytes, 0))
  } catch (error) {
    transaction.rollback()
    throw error
  }
  transaction.commit()
  database.settle()
  return outcome
}

function read(database: Database, executor: Executor, statement: Statement): string {
  const rows = new RowList()
  const snapshot = database.engine.snapshot()
  const bytes = encodeStatement(statement)
  try {
    switch (statement.kind) {
      case "count":
        return String(executor.count(snapshot, bytes, 0))
      case "get":
        return executor.getRow(snapshot, bytes, 0, rows) ? jsonOf((sink) => writeRowJson(sink, rows, 0)) : "null"
      case "explain": {
        const { access, actual, bounds, ordering, residual }: Explanation = executor.explain(statement.of.kind, bytes, 0, snapshot)
        return JSON.stringify({ access, bounds, residual, ordering, actual })
      }
      case "aggregate":
        executor.aggregate(snapshot, bytes, 0, rows)
        return jsonOf((sink) => writeRowsJson(sink, rows))
      default:
        executor.find(snapshot, bytes, 0, rows)
        return jsonOf((sink) => writeRowsJson(sink, rows))
    }
  } finally {
    snapshot.close()
  }
}

function jsonOf(writeTo: (sink: ByteSink) => void): string {
  const sink = new ByteSink()
  writeTo(sink)
  return sink.toText()
}

describe("docs/pql.md", () => {
  it("gives what its examples say", () => {
    const database = openDatabase()
    database.engine.define(JSON.parse(blocks("json")[0] ?? "[]") as ReadonlyArray<StoreDefinition>)
    database.settle()
    const executor = new Executor({ store: (name) => database.engine.store(name) })
    const all = examples()
    assert.isAtLeast(all.length, 45)
    for (const example of all) assert.strictEqual(outcomeOf(database, executor, example), example.outcome, example.text)
  })

  it("shows every literal and every step that the parser knows", () => {
    for (const word of [
      "long",
      "decimal",
      "double",
      "date",
      "key",
      "uuid",
      "objectId",
      "binary",
      "pluck",
      "select",
      "omit",
      "compute",
      "first",
      "upsert",
      "replace",
      "explain",
      "startsWith",
      "between"
    ]) {
      assert.include(page, word)
    }
  })
})
