/**
 * The reserved store `$statements`: what statements of each shape have cost over all runs of the server, and what an index would do for them.
 *
 * Invariants
 * - One document a shape, at most SHAPES_MAX; those that ran longest ago go first.
 * - Saving is one transaction of its own; when it cannot be done now, nothing is lost and the next one has it all.
 */
import { keyOf } from "../Bson/Key.ts"
import { decode, Double, encode, type Value } from "../Bson/Value.ts"
import { compilePath, resolveFirst } from "../Bson/Path.ts"
import * as Type from "../Bson/Type.ts"
import { valueOffset } from "../Bson/View.ts"
import { encodeIndexed, KeyWriter } from "../Index/KeyEncoding.ts"
import type { StoreDefinition } from "../Schema/Definition.ts"
import type { Engine } from "../Storage/Engine.ts"
import { DocumentView, KEY_BYTES, type Reader, type Store, type Transaction } from "../Storage/Reader.ts"
import { getById } from "./IdKeys.ts"
import { printName, printPath } from "./Print.ts"
import { percentile, SHAPES_MAX, type ShapeUsage, SLOW_RUNS_MAX, type SlowRun, type StatementLog } from "./StatementLog.ts"

/** Where the value of `_id` lies in a document whose first element it is. */
const ID_VALUE_OFFSET = 9
const NUMBER = { type: "number" } as const

export const STATEMENTS: StoreDefinition = {
  name: "$statements",
  idKind: "string",
  schema: {
    store: { type: "string" },
    count: NUMBER,
    slow: NUMBER,
    totalMs: NUMBER,
    maxMs: NUMBER,
    read: NUMBER,
    returned: NUMBER,
    buckets: { type: "array", items: NUMBER },
    lastAt: { type: "date" },
    missingIndex: { type: "array", items: { type: "string" }, default: [] },
    runs: {
      type: "array",
      items: { type: "struct", fields: { at: { type: "date" }, elapsedMs: NUMBER, read: NUMBER, returned: NUMBER } },
      default: []
    }
  },
  indexes: []
}

/** A document of the store. */
interface Kept {
  readonly store: string
  readonly count: number
  readonly slow: number
  readonly totalMs: number
  readonly maxMs: number
  readonly read: number
  readonly returned: number
  readonly buckets: ReadonlyArray<number>
  readonly lastAt: Date
  readonly missingIndex: ReadonlyArray<string>
  readonly runs: ReadonlyArray<SlowRun>
}

/** Adds what has run since the last time to the store, and gives the LSN to wait for; undefined when there was nothing. Faults as a write does. */
export function saveStatements(engine: Engine, log: StatementLog, nowMs: number): number | undefined {
  const used = log.used()
  if (used.length === 0) return undefined
  if (engine.store(STATEMENTS.name) === undefined) engine.define([STATEMENTS])
  const store = engine.store(STATEMENTS.name)
  if (store === undefined) return undefined
  const transaction = engine.transact()
  try {
    for (const usage of used) {
      const bytes = stored(usage.statement, merged(keptIn(transaction, store, usage.statement), usage, nowMs))
      transaction.put(store, keyOf("string", Type.STRING, bytes, ID_VALUE_OFFSET), bytes, 0)
    }
    dropOldest(transaction, store)
  } catch (error) {
    transaction.rollback()
    throw error
  }
  const lsn = transaction.commit()
  for (const usage of used) usage.clear()
  return lsn
}

/** A document in the form that the schema gives it. */
function stored(statement: string, kept: Kept): Uint8Array {
  const numbers = (values: object): Record<string, Value> =>
    Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name, typeof value === "number" ? new Double(value) : (value as Value)])
    )
  return encode({
    _id: statement,
    ...numbers(kept),
    buckets: kept.buckets.map((count) => new Double(count)),
    runs: kept.runs.map(numbers)
  })
}

function keptIn(reader: Reader, store: Store, statement: string): Kept | undefined {
  const id = encode({ _id: statement })
  const view = new DocumentView()
  if (!getById(reader, store, id, Type.STRING, ID_VALUE_OFFSET, view)) return undefined
  reader.read(view)
  return decode(view.bytes, view.at) as unknown as Kept // As `merged` wrote it.
}

function merged(kept: Kept | undefined, usage: ShapeUsage, nowMs: number): Kept {
  return {
    store: usage.store,
    count: (kept?.count ?? 0) + usage.count,
    slow: (kept?.slow ?? 0) + usage.slow,
    totalMs: (kept?.totalMs ?? 0) + usage.totalMs,
    maxMs: Math.max(kept?.maxMs ?? 0, usage.maxMs),
    read: (kept?.read ?? 0) + usage.read,
    returned: (kept?.returned ?? 0) + usage.returned,
    buckets: Array.from(usage.buckets, (count, bucket) => count + (kept?.buckets[bucket] ?? 0)),
    lastAt: new Date(nowMs),
    missingIndex: usage.missingIndex ?? kept?.missingIndex ?? [],
    runs: [...(kept?.runs ?? []), ...usage.runs].slice(-SLOW_RUNS_MAX)
  }
}

function dropOldest(transaction: Transaction, store: Store): void {
  const found: Array<{ readonly key: Uint8Array; readonly lastAt: number }> = []
  const cursor = transaction.documents(store, undefined, 1)
  while (cursor.next()) {
    const { lastAt } = decode(cursor.document.bytes, cursor.document.at) as unknown as Kept
    found.push({ key: cursor.key.slice(), lastAt: lastAt.getTime() })
  }
  cursor.close()
  const surplus = found.toSorted((a, b) => a.lastAt - b.lastAt).slice(0, Math.max(0, found.length - SHAPES_MAX))
  for (const { key } of surplus) transaction.delete(store, key)
}

/** What is known of one shape, and the index that would serve it. */
export interface AdvisedStatement {
  readonly statement: string
  readonly store: string
  readonly count: number
  readonly slow: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  /** Index entries and documents looked at for each row that was given. */
  readonly readPerReturned: number
  readonly lastAt: string
  /** The latest slow runs. */
  readonly runs: ReadonlyArray<{ readonly at: string; readonly elapsedMs: number; readonly read: number; readonly returned: number }>
  readonly index?: AdvisedIndex
}

/** An index that a shape misses. */
export interface AdvisedIndex {
  /** As PQL. */
  readonly statement: string
  /** Paths, with `-` before one that descends. */
  readonly on: ReadonlyArray<string>
  /** About how many entries it would have, and how many bytes these take. Every write of a document writes one of them more. */
  readonly entries: number
  readonly bytes: number
}

/** The shapes of the log, those that took the most time first; `planck advise`. */
export function adviseStatements(engine: Engine): ReadonlyArray<AdvisedStatement> {
  const store = engine.store(STATEMENTS.name)
  if (store === undefined) return []
  const reader = engine.snapshot()
  try {
    const found: Array<Kept & { readonly _id: string }> = []
    const cursor = reader.documents(store, undefined, 1)
    while (cursor.next()) found.push(decode(cursor.document.bytes, cursor.document.at) as unknown as Kept & { readonly _id: string })
    cursor.close()
    return found
      .toSorted((a, b) => b.totalMs - a.totalMs || (a._id < b._id ? -1 : 1))
      .map((kept) => ({
        statement: kept._id,
        store: kept.store,
        count: kept.count,
        slow: kept.slow,
        p50Ms: Math.min(kept.maxMs, percentile(kept.buckets, 0.5)),
        p99Ms: Math.min(kept.maxMs, percentile(kept.buckets, 0.99)),
        maxMs: kept.maxMs,
        readPerReturned: kept.read / Math.max(1, kept.returned),
        lastAt: kept.lastAt.toISOString(),
        runs: kept.runs.map((run) => ({ ...run, at: run.at.toISOString() })),
        ...indexFor(reader, engine.store(kept.store), kept.missingIndex)
      }))
  } finally {
    reader.close()
  }
}

function indexFor(reader: Reader, store: Store | undefined, on: ReadonlyArray<string>): { readonly index?: AdvisedIndex } {
  if (store === undefined || on.length === 0) return {}
  const fields = on.map((text) => (text.startsWith("-") ? { path: text.slice(1), descending: true } : { path: text, descending: false }))
  // It may have been made since.
  const isThere = store.indexes.some(({ definition }) => fields.every(({ path }, level) => definition.on[level]?.path === path))
  if (isThere) return {}
  const paths = fields.map(({ descending, path }) => `${printPath(path)}${descending ? " desc" : ""}`)
  const { bytes, entries } = sizeOf(
    reader,
    store,
    fields.map(({ path }) => path)
  )
  return { index: { statement: `${printName(store.definition.name)}.createIndex(${paths.join(", ")})`, on, entries, bytes } }
}

const SAMPLE_DOCUMENTS = 100

/** About what an index on these paths would take, from the first documents. */
function sizeOf(reader: Reader, store: Store, paths: ReadonlyArray<string>): { readonly entries: number; readonly bytes: number } {
  const compiled = paths.map(compilePath)
  const key = new KeyWriter()
  const cursor = reader.documents(store, undefined, 1)
  let sampled = 0
  let sampledBytes = 0
  while (sampled < SAMPLE_DOCUMENTS && cursor.next()) {
    const { at, bytes } = cursor.document
    key.reset()
    for (const path of compiled) {
      const element = resolveFirst(path, bytes, at)
      if (element < 0) encodeIndexed(key, bytes, Type.MISSING, 0, false)
      else encodeIndexed(key, bytes, bytes[element]!, valueOffset(bytes, element), false)
    }
    sampled++
    sampledBytes += key.length + KEY_BYTES
  }
  cursor.close()
  const { flushed, unflushed } = reader.size(store)
  const entries = sampled < SAMPLE_DOCUMENTS ? sampled : Math.max(sampled, flushed + unflushed)
  return { entries, bytes: sampled === 0 ? 0 : Math.round((sampledBytes / sampled) * entries) }
}
