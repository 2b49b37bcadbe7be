/**
 * Statements about the definition of a store: `createIndex`, `dropIndex`, `indexes` and `drop`. They are for operators: services declare their stores
 * and indexes, and have them made when they are deployed.
 */
import type { IndexDefinition } from "../Schema/Definition.ts"
import type { Engine } from "../Storage/Engine.ts"
import type { Store } from "../Storage/Reader.ts"
import type { CreateIndex, DefinitionStatement, Drop, DropIndex, Statement } from "./Ast.ts"
import { Fault } from "../Fault/Fault.ts"
import { type QueryReason, refuseStatement } from "./Reasons.ts"

export type DefinitionChange = CreateIndex | DropIndex | Drop

export function isDefinitionChange(statement: Statement | DefinitionStatement): statement is DefinitionChange {
  return statement.kind === "createIndex" || statement.kind === "dropIndex" || statement.kind === "drop"
}

const NAME_LENGTH_MAX = 64

/** The name an index gets that was given none: its paths, with `desc` behind those that descend. */
export function indexName(on: IndexDefinition["on"]): string {
  const names = on.map(({ direction, path }) => `${path.replaceAll(/[^A-Za-z0-9]/g, "_")}${direction === "desc" ? "_desc" : ""}`)
  return `by_${names.join("_")}`.slice(0, NAME_LENGTH_MAX)
}

/** How many documents a store has. */
function documentsOf(engine: Engine, store: Store): number {
  const snapshot = engine.snapshot()
  try {
    let count = 0
    for (const cursor = snapshot.documents(store, undefined, 1); cursor.next();) count++
    return count
  } finally {
    snapshot.close()
  }
}

/** Changes the definition of a store; the LSN to wait for. A new index of a store with documents is built on the side. Faults as `define` does. */
export function changeDefinition(
  engine: Engine,
  statement: DefinitionChange
): { readonly values: Readonly<Record<string, number>>; readonly waitLsn: number } {
  const store = engine.store(statement.store)
  if (store === undefined)
    throw new Fault<QueryReason>({ _tag: "UnknownStore", store: statement.store, message: `there is no store ${statement.store}` })
  if (statement.kind === "drop") return { values: { dropped: documentsOf(engine, store) }, waitLsn: engine.drop(statement.store) }
  const { definition } = store
  const { indexes } = definition
  if (statement.kind === "dropIndex") {
    if (!indexes.some((index) => index.name === statement.name)) {
      refuseStatement(
        "name",
        `${statement.store} has no index ${statement.name}, only ${indexes.map((index) => index.name).join(", ") || "none"}`
      )
    }
    const left = indexes.filter((index) => index.name !== statement.name)
    return { values: { indexes: left.length }, waitLsn: engine.define([{ ...definition, indexes: left }]) }
  }
  const { index } = statement
  if (indexes.some((other) => other.name === index.name)) refuseStatement("name", `${statement.store} has an index ${index.name} already`)
  return { values: { indexes: indexes.length + 1 }, waitLsn: engine.define([{ ...definition, indexes: [...indexes, index] }]) }
}
