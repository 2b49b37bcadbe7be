/**
 * What examples without imports leave to the reader: the types of the names they use and do not make.
 *
 * An example may use every name that its own file exports, and those of `WELL_KNOWN`. A name that is neither is declared here; `only` limits a
 * declaration to examples of one file.
 */

export interface Given {
  readonly name: string
  readonly type: string
  readonly only?: string
}

/** Modules whose exports an example may use by their usual names. */
export const WELL_KNOWN: Readonly<Record<string, string>> = {
  Effect: 'import * as Effect from "effect/Effect"',
  randomFillSync: 'import { randomFillSync } from "node:crypto"',
  Type: 'import * as Type from "../src/Bson/Type.ts"',
  decode: 'import { decode } from "../src/Bson/Value.ts"',
  encode: 'import { encode } from "../src/Bson/Value.ts"',
  Decimal128: 'import { Decimal128 } from "../src/Bson/Value.ts"',
  readString: 'import { readString } from "../src/Bson/View.ts"',
  ByteSink: 'import { ByteSink } from "../src/Bson/ByteSink.ts"',
  Writer: 'import { Writer } from "../src/Bson/Writer.ts"',
  Disk: 'import { Disk } from "../src/Disk/Disk.ts"',
  store: 'import { store } from "../src/Query/Builder.ts"',
  KeyField: 'import { KeyField } from "../src/Model/ValueFields.ts"',
  BuildError: 'import { BuildError } from "../src/Build/Errors.ts"',
  Stream: 'import * as Stream from "effect/Stream"',
  Schema: 'import * as Schema from "effect/Schema"',
  schemaStore: 'import { schemaStore } from "../src/Model/Model.ts"',
  RowList: 'import { RowList } from "../src/Query/RowList.ts"',
  encodeStatement: 'import { encodeStatement } from "../src/Query/StatementBson.ts"',
  parsePql: 'import { parsePql } from "../src/Query/Pql.ts"',
  writeRowsJson: 'import { writeRowsJson } from "../src/Query/Rows.ts"',
  prepare: 'import { prepare } from "../src/Template/Renderer.ts"',
  loadEngine: 'import { loadEngine } from "../src/Wasm/Engine.ts"',
  KIND_TRANSACTION: 'import { KIND_TRANSACTION } from "../src/Wal/Record.ts"'
}

const from = (file: string, name: string): string => `import("../src/${file}.ts").${name}`

export const GIVEN: ReadonlyArray<Given> = [
  { name: "bytes", type: "Uint8Array" },
  { name: "other", type: "Uint8Array" },
  { name: "body", type: "Uint8Array" },
  { name: "document", type: "Uint8Array" },
  { name: "key", type: "Uint8Array" },
  { name: "low", type: "Uint8Array" },
  { name: "section", type: "Uint8Array" },
  { name: "statement", type: "Uint8Array" },
  { name: "templates", type: "Uint8Array", only: "src/Wasm/Image.ts" },
  { name: "text", type: "string" },
  { name: "bundle", type: "string" },
  { name: "at", type: "number" },
  { name: "otherAt", type: "number" },
  { name: "lastCommitTimeMs", type: "number" },
  { name: "commitTimeMs", type: "number" },
  { name: "treeId", type: "number" },
  { name: "sink", type: from("Bson/ByteSink", "ByteSink") },
  { name: "writer", type: from("Bson/Writer", "Writer") },
  { name: "volume", type: from("Disk/Volume", "Volume") },
  { name: "source", type: from("Index/Entry", "EntrySource") },
  { name: "entries", type: from("Index/EntryList", "EntryList"), only: "src/Index/Extract.ts" },
  { name: "file", type: from("Index/IndexFile", "IndexFile") },
  { name: "version", type: from("Index/Version", "TreeVersion") },
  { name: "engine", type: from("Storage/Engine", "Engine") },
  { name: "snapshot", type: from("Storage/Reader", "Snapshot") },
  { name: "reader", type: from("Storage/Reader", "Reader") },
  { name: "rows", type: from("Query/RowList", "RowList") },
  { name: "executor", type: from("Query/Executor", "Executor") },
  { name: "log", type: from("Wal/Log", "Log") },
  { name: "options", type: from("Storage/EngineParts", "EngineOptions"), only: "src/Storage/Opening.ts" },
  { name: "options", type: from("Wal/Options", "LogOptions"), only: "src/Wal/Recovery.ts" },
  { name: "before", type: from("Schema/Definition", "StoreDefinition") },
  { name: "after", type: from("Schema/Definition", "StoreDefinition") },
  { name: "definition", type: from("Schema/Definition", "StoreDefinition") },
  { name: "set", type: from("Template/Compiled", "TemplateSet") },
  { name: "renderer", type: from("Template/Renderer", "Renderer") },
  { name: "request", type: from("Wasm/Answer", "Request") },
  { name: "signature", type: from("Template/Signature", "TemplateSignature") },
  { name: "query", type: `${from("Query/Query", "Query")}["Service"]` },
  { name: "use", type: "(...values: ReadonlyArray<unknown>) => void" },
  { name: "start", type: "(...values: ReadonlyArray<unknown>) => void" },
  { name: "replay", type: "(...values: ReadonlyArray<unknown>) => void" },
  { name: "answerEverythingUpTo", type: "(lsn: number) => void" }
]
