/**
 * The door of this folder: statements for Effect programs that embed Planck.
 *
 * Reads see the durable state. A transaction is a synchronous callback that runs in one go, so nothing else happens in between; the effect
 * succeeds when what it did, and what it may have seen, is on disk.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { defaultSettings } from "../Config/Configuration.ts"
import { textCacheBytesDefault } from "../Config/Memory.ts"
import { seenLsn } from "../Storage/Admission.ts"
import type { Engine } from "../Storage/Engine.ts"
import { type StorageError, toStorageError } from "../Storage/Errors.ts"
import type { Transaction } from "../Storage/Reader.ts"
import { Storage } from "../Storage/Storage.ts"
import type { Count, Explain, Find, Get } from "./Ast.ts"
import type { Reading, Writing } from "./Builder.ts"
import { type QueryError, toQueryError } from "./Errors.ts"
import { Executor } from "./Executor.ts"
import type { Explanation } from "./Explanation.ts"
import { KeptJson } from "./KeptJson.ts"
import { DEFAULT_QUERY_LIMITS, type QueryLimits } from "./Reasons.ts"
import { Abort, type Document, type Page, ReadSession, WriteSession } from "./Session.ts"
import { StatementLog } from "./StatementLog.ts"
import { adviseStatements, saveStatements } from "./StatementStore.ts"
import { TextRunner } from "./TextRunner.ts"

type Failure = QueryError | StorageError

/** What a transaction's callback must not give: it would run after the transaction has ended. */
type Later = Effect.Effect<unknown, unknown, unknown> | PromiseLike<unknown>
type Synchronous<A> = [Extract<A, Later>] extends [never] ? unknown : "a transaction is synchronous: it cannot give an Effect or a promise"

type AbortError<A> = A extends Abort<infer E> ? E : never

/**
 * Statements on one database.
 *
 * @example
 * ```ts
 * const orders = store({ name: "orders", idKind: "key", schema: { customer: { type: "string" }, total: { type: "int" } }, indexes: [] })
 * const program = Effect.gen(function* () {
 *   const query = yield* Query
 *   const id = yield* query.transact((transaction) => transaction.write(orders.insert({ customer: "ada", total: 5 })))
 *   const open = yield* query.query(orders.filter({ customer: "ada" }).orderBy("total", "desc").limit(20))
 * }).pipe(Effect.provide(Query.layer()))
 * ```
 */
export class Query extends Context.Service<
  Query,
  {
    /** Runs statements synchronously within readers and transactions of the same database. */
    readonly executor: Executor
    /** The result of a typed reading: rows, a document, a number, an explanation. */
    readonly query: <A>(reading: Reading<A>) => Effect.Effect<A, Failure>
    /** The rows of a statement. */
    readonly find: (statement: Find) => Effect.Effect<ReadonlyArray<Document>, Failure>
    /** Some rows, and the cursor (`after`) of what comes behind them. */
    readonly page: (statement: Find) => Effect.Effect<Page<Document>, Failure>
    /** The document with a key; undefined when there is none. */
    readonly get: (statement: Get) => Effect.Effect<Document | undefined, Failure>
    /** The number of rows of a statement. */
    readonly count: (statement: Count) => Effect.Effect<number, Failure>
    /** How a statement is run, and what a run came to: rows, keys and documents read, milliseconds. Nothing is changed. */
    readonly explain: (statement: Explain["of"]) => Effect.Effect<Explanation, Failure>
    /**
     * The rows as a JSON array, or the document as a JSON object (`null` when there is none), straight from the stored bytes. They are kept
     * until something changes that they rest on, so asking again costs little.
     */
    readonly json: (statement: Find | Get) => Effect.Effect<Uint8Array, Failure>
    /** Several readings of one moment: a synchronous callback over one snapshot. */
    readonly read: <A>(look: ((session: ReadSession) => A) & Synchronous<A>) => Effect.Effect<A, Failure>
    /** One typed writing as a transaction of its own. */
    readonly write: <A>(writing: Writing<A>) => Effect.Effect<A, Failure>
    /**
     * Takes a store away, with its documents and indexes: `drop(orders)`. A program cannot drop what it declares itself (InvalidStore); what
     * it declared once and no longer does, it can.
     */
    readonly drop: (store: string | { readonly definition: { readonly name: string } }) => Effect.Effect<void, Failure>
    /**
     * Runs a callback as a transaction and succeeds with what it returns, when that is durable. Whatever it throws undoes everything;
     * returning `transaction.abort(error)` does too, and fails with the error.
     */
    readonly transact: <A>(
      change: ((transaction: WriteSession) => A) & Synchronous<A>
    ) => Effect.Effect<Exclude<A, Abort<unknown>>, Failure | AbortError<A>>
  }
>()("planck/Query/Query") {
  /**
   * Statements on the database that Storage has open. What each shape of them costs is noted, as a server does, and is written to the reserved
   * store `$statements` every minute and at the end; a run that takes longer than `slowMs` (100 unless said) is kept by itself. `planck advise` shows it.
   */
  static readonly layer = (limits: Partial<QueryLimits> = {}, options: QueryOptions = {}): Layer.Layer<Query, never, Storage> =>
    Layer.effect(
      Query,
      Effect.flatMap(keepStatements(options.slowMs ?? defaultSettings.query.slowMs), ({ log }) => make(limits, log))
    )
}

export interface QueryOptions {
  /** Milliseconds beyond which a run is noted as slow. */
  readonly slowMs?: number
}

const make = Effect.fnUntraced(function* (limits: Partial<QueryLimits>, log: StatementLog) {
  const storage = yield* Storage
  const { engine } = storage
  const clock = yield* Clock.Clock
  const now = (): number => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
  const executor = new Executor({
    store: (name) => engine.store(name),
    limits: { textCacheBytesMax: textCacheBytesDefault(), ...limits },
    sharers: () => engine.share.budget.databases,
    now,
    cursorSecret: engine.index.databaseId,
    log
  })
  const kept = new KeptJson(engine, executor, limits.resultCacheBytesMax ?? DEFAULT_QUERY_LIMITS.resultCacheBytesMax)
  const reading = <A>(read: (session: ReadSession) => A): Effect.Effect<A, Failure> => attempt(() => onSnapshot(engine, executor, read))
  const transact = <A>(change: (transaction: WriteSession) => A): Effect.Effect<Exclude<A, Abort<unknown>>, Failure | AbortError<A>> =>
    storage.admitWrite.pipe(
      Effect.andThen(attempt(() => inTransaction(engine, executor, change))),
      // What was refused rests on what is there as much as what was done.
      Effect.tapError(() => storage.awaitDurable(seenLsn(engine))),
      Effect.flatMap(({ lsn, value }): Effect.Effect<Exclude<A, Abort<unknown>>, StorageError | AbortError<A>> =>
        Effect.andThen(
          storage.awaitDurable(lsn),
          value instanceof Abort ? Effect.fail(value.error as AbortError<A>) : Effect.succeed(value as Exclude<A, Abort<unknown>>)
        )
      )
    )
  return Query.of({
    executor,
    query: (statement) => reading((session) => session.read(statement)),
    find: (statement) => reading((session) => session.find(statement)),
    page: (statement) => reading((session) => session.page(statement)),
    get: (statement) => reading((session) => session.get(statement)),
    count: (statement) => reading((session) => session.count(statement)),
    explain: (statement) => reading((session) => session.explain(statement)),
    json: (statement) => attempt(() => kept.json(statement)),
    read: (look) => reading(look),
    drop: (store) => storage.dropStore(typeof store === "string" ? store : store.definition.name),
    write: (statement) => transact((session) => session.write(statement)) as Effect.Effect<never, Failure>, // No statement gives an Abort.
    transact
  })
})

function onSnapshot<A>(engine: Engine, executor: Executor, read: (session: ReadSession) => A): A {
  const snapshot = engine.snapshot()
  try {
    return read(new ReadSession(executor, snapshot))
  } finally {
    snapshot.close()
  }
}

/** How often what statements cost is written down. */
const SAVE_INTERVAL_MS = 60_000

/** A log of what statements cost, and the effect that writes it down. */
export interface KeptStatements {
  readonly log: StatementLog
  readonly save: Effect.Effect<void>
}

/**
 * A log of what statements cost that is written to the store `$statements` every minute, and when the scope ends. `save` writes it now.
 * Where the database takes no writes, it stays in memory until it does.
 */
export const keepStatements = Effect.fnUntraced(function* (slowMs: number) {
  const { awaitDurable, engine } = yield* Storage
  const clock = yield* Clock.Clock
  const log = new StatementLog({
    slowMs,
    now: () => Number(clock.monotonicTimeNanosUnsafe()) / 1e6,
    wallMs: () => clock.currentTimeMillisUnsafe()
  })
  const save = Effect.suspend(() => {
    if (engine.admission() !== "open") return Effect.void
    return Effect.flatMap(
      attempt(() => saveStatements(engine, log, clock.currentTimeMillisUnsafe())),
      (lsn) => (lsn === undefined ? Effect.void : awaitDurable(lsn))
    )
  }).pipe(Effect.catch((error) => Effect.logDebug("what statements cost could not be written down", { reason: error.message })))
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(SAVE_INTERVAL_MS), save)))
  yield* Effect.addFinalizer(() => save)
  return { log, save } satisfies KeptStatements
})

/** What an operator may ask a database that is in use: statements as text that read, and what the statements so far cost. */
export const operatorPort = Effect.gen(function* () {
  const { engine } = yield* Storage
  const clock = yield* Clock.Clock
  const runner = new TextRunner(engine, { now: () => Number(clock.monotonicTimeNanosUnsafe()) / 1e6 })
  return {
    read: (text: string, parameters: Readonly<Record<string, unknown>>) => attempt(() => runner.read(text, parameters)),
    advise: attempt(() => adviseStatements(engine))
  }
})

/** Runs the callback; commits unless it throws or gives an Abort. */
function inTransaction<A>(
  engine: Engine,
  executor: Executor,
  change: (session: WriteSession) => A
): { readonly value: A; readonly lsn: number } {
  const transaction = engine.transact()
  const value = undoingAll(transaction, () => {
    const given = change(new WriteSession(executor, transaction))
    if (isLater(given)) throw new TypeError("a transaction is synchronous: it cannot give an Effect or a promise")
    return given
  })
  if (value instanceof Abort) {
    transaction.rollback()
    return { value, lsn: seenLsn(engine) }
  }
  transaction.commit()
  return { value, lsn: seenLsn(engine) }
}

function undoingAll<A>(transaction: Transaction, work: () => A): A {
  try {
    return work()
  } catch (error) {
    transaction.rollback()
    throw error
  }
}

function isLater(value: unknown): boolean {
  return Effect.isEffect(value) || (typeof value === "object" && value !== null && "then" in value && typeof value.then === "function")
}

/** Runs work of the core; its faults become errors of this door or of Storage's, anything else a defect. */
function attempt<A>(work: () => A): Effect.Effect<A, Failure> {
  return Effect.suspend(() => {
    try {
      return Effect.succeed(work())
    } catch (error) {
      const known = toQueryError(error) ?? toStorageError(error)
      return known === undefined ? Effect.die(error) : Effect.fail(known)
    }
  })
}
