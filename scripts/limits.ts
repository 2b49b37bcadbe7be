/**
 * docs/limits.md from the sources: names and values are imported, descriptions are the documentation comments beside them.
 *
 * `node scripts/run.mjs scripts/limits.ts > docs/limits.md`
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as Validate from "../src/Bson/Validate.ts"
import * as Value from "../src/Bson/Value.ts"
import * as BuildAssets from "../src/Build/Assets.ts"
import * as BuildTypes from "../src/Build/Types.ts"
import { namedSettings } from "../src/Config/Settings.ts"
import * as LivePages from "../src/Http/LivePages.ts"
import * as Sites from "../src/Http/Sites.ts"
import * as IndexEntries from "../src/Index/EntryList.ts"
import * as IndexLayout from "../src/Index/Layout.ts"
import * as Ast from "../src/Query/Ast.ts"
import * as PqlLexer from "../src/Query/PqlLexer.ts"
import * as PqlValue from "../src/Query/PqlValue.ts"
import * as PageCursor from "../src/Query/PageCursor.ts"
import * as PlanAccess from "../src/Query/PlanAccess.ts"
import * as PlanCache from "../src/Query/PlanCache.ts"
import { DEFAULT_QUERY_LIMITS } from "../src/Query/Reasons.ts"
import * as Statistics from "../src/Query/Statistics.ts"
import * as SchemaCheck from "../src/Schema/Check.ts"
import * as SchemaIndexes from "../src/Schema/CheckIndexes.ts"
import * as SchemaIndexFilter from "../src/Schema/IndexFilter.ts"
import * as SchemaIssue from "../src/Schema/Issue.ts"
import { DEFAULT_LIMITS as STORAGE_LIMITS } from "../src/Storage/Limits.ts"
import * as TemplateLimits from "../src/Template/Limits.ts"
import * as Record from "../src/Wal/Record.ts"
import * as WasmAssets from "../src/Wasm/Assets.ts"
import * as Evaluation from "../src/Wasm/Evaluation.ts"
import * as WasmLimits from "../src/Wasm/Limits.ts"
import * as Operations from "../src/Wasm/Operations.ts"
import * as Reply from "../src/Wasm/Reply.ts"
import * as RequestDocument from "../src/Wasm/RequestDocument.ts"
import * as RoutePattern from "../src/Wasm/RoutePattern.ts"
import * as UrlEncoded from "../src/Wasm/UrlEncoded.ts"

const root = join(import.meta.dirname, "..")
const KIB = 1024
const MIB = 1024 * KIB

/** Settings of `planck.yaml` that set a limit of another name. */
const SETTINGS: Readonly<Record<string, string>> = {
  "Storage/memtableBytesMax": "storage.memtableBytesMax",
  "Storage/indexCacheBytesMax": "storage.pageCacheBytesMax",
  "Storage/valueCacheBytesMax": "storage.valueCacheBytesMax",
  "Storage/placeCacheBytesMax": "storage.placeCacheBytesMax",
  "Storage/compactionDeadPercentMax": "storage.compactionDeadPercentMax",
  "Storage/compactionUrgentPercentMax": "storage.compactionUrgentPercentMax",
  "Storage/reserveBytes": "storage.reserveBytes",
  "Storage/snapshotTimeoutMs": "storage.snapshotTimeoutMs",
  "Query/textCacheBytesMax": "query.textCacheBytesMax",
  "Storage/logHoldBytesMax": "storage.logHoldBytesMax",
  "Storage/logHoldAgeMsMax": "storage.logHoldAgeMsMax",
  "Storage/syncIntervalMs": "storage.syncIntervalMs",
  "Query/scannedMax": "query.scannedDocumentsMax",
  "Query/elapsedMsMax": "query.elapsedMsMax",
  "Wasm/deadlineMs": "guest.deadlineMs",
  "Wasm/memoryBytes": "guest.memoryBytesMax",
  "Wasm/answerBytesMax": "query.answerBytesMax"
}

/** Sizes read better in KiB and MiB, large numbers in groups. */
function shown(name: string, value: number): string {
  const isSize = /bytes/i.test(name)
  if (isSize && value >= MIB && value % MIB === 0) return `${value / MIB} MiB`
  if (isSize && value >= KIB && value % KIB === 0) return `${value / KIB} KiB`
  if (isSize) return `${value} bytes`
  const grouped = value.toLocaleString("en").replaceAll(",", " ")
  return /Ms$|_MS/.test(name) ? `${grouped} ms` : grouped
}

/** The documentation comment right above the member or constant of that name, on one line; that of the member above when they share one. */
function description(source: string, name: string): string {
  const declaration = new RegExp(
    `/\\*\\*((?:(?!\\*/)[\\s\\S])*)\\*/\\n(?:[ \\t]*(?:readonly|export const) \\w+.*\\n){0,1}?[ \\t]*(?:readonly|export const) ${name}\\b`
  )
  const text = declaration.exec(source)?.[1]
  if (text === undefined) throw new Error(`${name} has no documentation comment`)
  return text
    .replace(/^[ \t]*\*? ?/gm, "")
    .replace(/\s+/g, " ")
    .replace(/ Default [\d ]+(MiB)?\.\s*$/, "")
    .trim()
    .replaceAll("|", "\\|")
}

/** Members of a limits interface with their defaults, those that the configuration sets with its key and default. */
function budgets(folder: string, file: string, defaults: object): string {
  const source = readFileSync(join(root, "src", file), "utf8")
  const rows = Object.entries(defaults as Readonly<Record<string, number>>).map(([name, value]) => {
    const key = SETTINGS[`${folder}/${name}`]
    const setting = namedSettings.find((candidate) => candidate.key === key)
    if (key !== undefined && setting === undefined) throw new Error(`${key} is no setting`)
    // A default that depends on the machine is shown as what it is at the least.
    const held = setting === undefined || setting.setting.defaultText !== undefined ? value : (setting.setting.default as number)
    return `| \`${name}\` | ${shown(name, held)} | ${key === undefined ? "" : `\`${key}\``} | ${description(source, name)} |`
  })
  return ["| name | default | setting | what it bounds |", "|---|---|---|---|", ...rows].join("\n")
}

/** Fixed limits: all numbers that a module exports, or those named. */
function fixed(...modules: ReadonlyArray<readonly [file: string, module: object, ...names: ReadonlyArray<string>]>): string {
  const rows = modules.flatMap(([file, module, ...names]) => {
    const source = readFileSync(join(root, "src", file), "utf8")
    const wanted = names.length > 0 ? names : [...source.matchAll(/^export const (\w+)/gm)].map(([, name = ""]) => name)
    return wanted.map((name) => {
      const value = (module as Readonly<Record<string, unknown>>)[name]
      if (typeof value !== "number") throw new Error(`${file} exports no number ${name}`)
      return `| ${description(source, name)} | ${shown(name, value)} | \`${file}\` ${name} |`
    })
  })
  return ["| what it bounds | limit | in `src` |", "|---|---|---|", ...rows].join("\n")
}

/** The whole page. */
export function limitsPage(): string {
  return `# Limits

Everything that could grow has a bound, and a bound that is met gives an error with a code or makes the writer wait; it never takes the process down. This page is made
from the sources by \`scripts/limits.ts\`. Limits with a setting are changed in \`planck.yaml\` ([configuration.md](configuration.md)); the others of the first two
tables by programs that embed Planck ([embedding.md](embedding.md)); the rest is fixed. The gateway's limits are settings, all of them.

## Engine

${budgets("Storage", "Storage/Limits.ts", STORAGE_LIMITS)}

## Statements

${budgets("Query", "Query/Reasons.ts", DEFAULT_QUERY_LIMITS)}

## Calls of a service

A service may ask for less of \`deadlineMs\` and \`memoryBytes\`, never for more.

${budgets("Wasm", "Wasm/Limits.ts", WasmLimits.DEFAULT_LIMITS)}

## Documents and schemas

${fixed(
  ["Bson/Validate.ts", Validate, "DOCUMENT_BYTES_MAX"],
  ["Bson/Value.ts", Value, "DEPTH_MAX"],
  ["Schema/Check.ts", SchemaCheck, "FIELD_DEPTH_MAX", "FIELDS_MAX", "LITERALS_MAX", "FIELD_NAME_LENGTH_MAX"],
  ["Schema/CheckIndexes.ts", SchemaIndexes, "INDEXES_MAX", "INDEX_PATHS_MAX", "EXPIRE_AFTER_MS_MAX"],
  ["Schema/IndexFilter.ts", SchemaIndexFilter, "INDEX_FILTER_DEPTH_MAX", "INDEX_FILTER_CONDITIONS_MAX"],
  ["Schema/Issue.ts", SchemaIssue, "ISSUES_MAX"],
  ["Index/EntryList.ts", IndexEntries, "ENTRIES_MAX"],
  ["Index/Layout.ts", IndexLayout, "FIELDS_BYTES_MAX"],
  ["Wal/Record.ts", Record, "BODY_BYTES_MAX"]
)}

## Text of statements

${fixed(
  ["Query/Ast.ts", Ast, "FILTER_DEPTH_MAX", "ORDER_PATHS_MAX", "ROW_NUMBER_MAX"],
  ["Query/PqlLexer.ts", PqlLexer, "PQL_LENGTH_MAX"],
  ["Query/PqlValue.ts", PqlValue, "PQL_DEPTH_MAX"],
  ["Query/PlanCache.ts", PlanCache, "PLANS_MAX"],
  ["Query/PlanAccess.ts", PlanAccess, "UNION_PARTS_MAX", "INTERSECTION_PARTS_MAX"],
  ["Query/Statistics.ts", Statistics, "STORES_MAX", "SAMPLE_BYTES_MAX", "PATHS_MAX"],
  ["Query/PageCursor.ts", PageCursor, "CURSOR_LENGTH_MAX"]
)}

## Modules and requests

${fixed(
  ["Wasm/Limits.ts", WasmLimits, "MODULE_BYTES_MAX", "LOG_LINE_BYTES_MAX", "RANDOM_BYTES_MAX", "FAIL_BYTES_MAX"],
  ["Wasm/Evaluation.ts", Evaluation, "SOURCE_BYTES_MAX"],
  ["Wasm/Assets.ts", WasmAssets, "ASSETS_MAX"],
  ["Build/Assets.ts", BuildAssets, "ASSET_BYTES_MAX"],
  ["Build/Types.ts", BuildTypes, "CHECK_MS_MAX"],
  ["Wasm/RoutePattern.ts", RoutePattern, "PATTERN_LENGTH_MAX"],
  ["Wasm/RequestDocument.ts", RequestDocument, "REQUEST_BYTES_MAX"],
  ["Wasm/UrlEncoded.ts", UrlEncoded, "PAIRS_MAX"],
  ["Wasm/Reply.ts", Reply, "HEADERS_MAX"],
  ["Wasm/Operations.ts", Operations, "QUERIES_MAX"],
  ["Http/Sites.ts", Sites, "SITES_MAX"],
  ["Http/LivePages.ts", LivePages, "CLIENTS_MAX"]
)}

## Templates

${fixed(["Template/Limits.ts", TemplateLimits])}
`
}

if (process.argv[1] === import.meta.filename) process.stdout.write(limitsPage())
