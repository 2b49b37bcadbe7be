/**
 * The door of this folder: documents out of a database and into it, as Extended JSON lines, BSON or CSV, in constant memory.
 *
 * Both need `Storage`. A dump shows one moment; in a process that serves, it has to end within `snapshotTimeoutMs`.
 */
import * as Effect from "effect/Effect"
import { type StorageError, toStorageError } from "../Storage/Errors.ts"
import type { Snapshot, Store } from "../Storage/Reader.ts"
import { Storage } from "../Storage/Storage.ts"
import { Dump, type DumpOptions } from "./Dump.ts"
import { type ExchangeError, toExchangeError } from "./Errors.ts"
import { Load, type LoadOptions, type LoadReport, LOADS } from "./Load.ts"
import { exchangeFault } from "./Reasons.ts"

export type { Format } from "./Format.ts"

type Failure = ExchangeError | StorageError

/** How far a dump is: documents so far, and the key of the last one. */
export interface DumpPosition {
  readonly rows: number
  readonly lastKey: Uint8Array
}

export interface DumpStoreOptions<E, R> extends DumpOptions {
  readonly store: string
  /** The reader to dump through; one at the durable LSN unless given. */
  readonly snapshot?: Snapshot
  /** Takes the next bytes, which are valid until it has ended. */
  readonly write: (chunk: Uint8Array, position: DumpPosition) => Effect.Effect<void, E, R>
}

/**
 * Writes the documents of a store, in key order; gives how many there were.
 *
 * @example
 * ```ts
 * const size = dump({ store: "orders", format: "ndjson", write: (chunk) => Effect.sync(() => process.stdout.write(chunk)) })
 * ```
 */
export const dump = <E, R>(options: DumpStoreOptions<E, R>): Effect.Effect<number, Failure | E, R | Storage> =>
  Effect.gen(function* () {
    const { engine, snapshot } = yield* Storage
    const reader = options.snapshot ?? (yield* snapshot)
    const work = yield* attempt(() => {
      const store: Store | undefined = engine.store(options.store)
      if (store === undefined) throw exchangeFault({ _tag: "NoStore", store: options.store })
      return new Dump(reader, store, options)
    })
    yield* Effect.addFinalizer(() => Effect.sync(() => work.close()))
    while (yield* attempt(() => work.step())) {
      yield* options.write(work.chunk, { rows: work.rows, lastKey: work.lastKey })
      yield* Effect.yieldNow
    }
    return work.rows
  }).pipe(Effect.scoped)

export interface LoadSourceOptions extends LoadOptions {
  readonly chunks: AsyncIterable<Uint8Array>
  /** Told after every batch how many bytes of the source were taken. */
  readonly onProgress?: (doneBytes: number) => void
}

/**
 * Loads the rows of a source into a store; everything is on disk when it succeeds. Run again after it ended early, it goes on where it was.
 * A bad row fails it with BadRow, when everything before that row is on disk. The source's own failures are defects.
 */
export const load = Effect.fn("Exchange.load")(function* (options: LoadSourceOptions) {
  const storage = yield* Storage
  const { engine } = storage
  yield* storage.defineStores([LOADS])
  const work = yield* Effect.scoped(Effect.flatMap(storage.snapshot, (reader) => attempt(() => new Load(engine, reader, options))))
  const chunks = options.chunks[Symbol.asyncIterator]()
  const feed = Effect.map(
    Effect.promise(() => chunks.next()),
    (next) => (next.done === true ? work.finish() : takeChunk(next.value))
  )
  let takenBytes = 0
  const takeChunk = (chunk: Uint8Array): void => {
    takenBytes += chunk.length
    work.push(chunk)
    options.onProgress?.(takenBytes)
  }
  const steps: Effect.Effect<LoadReport, Failure> = Effect.gen(function* () {
    for (;;) {
      yield* storage.admitWrite
      const progress = yield* attempt(() => work.step())
      if (progress === "done") return work.report
      yield* progress === "hungry" ? feed : Effect.yieldNow
    }
  })
  const settled = Effect.suspend(() => storage.awaitDurable(engine.lastLsn))
  const close = Effect.promise(async () => void (await chunks.return?.()))
  return yield* steps.pipe(
    Effect.tap(settled),
    Effect.tapError(() => settled.pipe(Effect.ignore)),
    Effect.ensuring(close)
  )
})

/** Runs work of the core; its faults become errors of this door or of Storage's, anything else a defect. */
function attempt<A>(work: () => A): Effect.Effect<A, Failure> {
  return Effect.suspend(() => {
    try {
      return Effect.succeed(work())
    } catch (error) {
      const known = toExchangeError(error) ?? toStorageError(error)
      return known === undefined ? Effect.die(error) : Effect.fail(known)
    }
  })
}
