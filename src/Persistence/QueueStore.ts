/**
 * `PersistedQueueStore`, below `PersistedQueue`.
 *
 * Invariants
 * - An element is offered once for its id, and given in the order of offering to one taker at a time.
 * - What was being worked on when the process ended is given again at the next start: the directory has one owner, so nobody else can still be at it.
 * - Takers wait on a latch, not on a poll: everything that makes an element takeable happens in this process.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import { PersistedQueueError, PersistedQueueStore } from "effect/persistence/PersistedQueue"
import { store } from "../Query/Builder.ts"
import type { QueryError } from "../Query/Errors.ts"
import { Query } from "../Query/Query.ts"
import type { StorageError } from "../Storage/Errors.ts"
import { Storage } from "../Storage/Storage.ts"

const elementsOf = (name: string) =>
  store({
    name,
    idKind: "string",
    schema: {
      queue: { type: "string" },
      id: { type: "string" },
      /** JSON text. */
      element: { type: "string" },
      attempts: { type: "int" },
      state: { type: "literals", values: ["pending", "processing", "completed", "failed"] },
      /** In which the elements of all queues were offered. */
      sequence: { type: "number" },
      visibleAt: { type: "date" },
      changedAt: { type: "date" }
    },
    indexes: [
      { name: "byOrder", on: ["queue", "state", "sequence"].map((path) => ({ path, direction: "asc" as const })) },
      { name: "byChange", on: ["state", "changedAt"].map((path) => ({ path, direction: "asc" as const })) },
      { name: "bySequence", on: [{ path: "sequence", direction: "asc" }] }
    ]
  })

type Elements = ReturnType<typeof elementsOf>
type Failure = QueryError | StorageError
type TakeOptions = Parameters<PersistedQueueStore["Service"]["take"]>[0]

/** How `PersistedQueue` says that an element can never be read. */
const DEAD_LETTER = "~effect/persistence/PersistedQueue/DeadLetter"

/**
 * What `PersistedQueue.layer` needs. `cleanup` is left to `PersistedQueue.layerCleanup`.
 *
 * @example
 * ```ts
 * import * as Layer from "effect/Layer"
 * import * as PersistedQueue from "effect/persistence/PersistedQueue"
 * import * as Planck from "@planckdb/planck"
 * import { layerPersistedQueueStore } from "@planckdb/planck/persistence"
 *
 * const queues = PersistedQueue.layer.pipe(Layer.provide(layerPersistedQueueStore()), Layer.provide(Planck.layer({ directory: "data/mail" })))
 * ```
 */
export const layerPersistedQueueStore = (
  options: { readonly store?: string } = {}
): Layer.Layer<PersistedQueueStore, StorageError | QueryError, Query | Storage> =>
  Layer.effect(
    PersistedQueueStore,
    Effect.gen(function* () {
      const elements = elementsOf(options.store ?? "queues")
      yield* (yield* Storage).defineStores([elements.definition])
      const database = yield* Query
      yield* database.write(elements.filter({ state: "processing" }).set({ state: "pending" }))
      const last = yield* database.query(elements.orderBy("sequence", "desc").first())
      const queues = new Queues(elements, database, yield* Clock.Clock, last?.sequence ?? 0)
      return PersistedQueueStore.of({
        offer: (offered) => named(queues.offer(offered)),
        take: (taken) => queues.take(taken),
        cleanup: (ages) => named(queues.cleanup(ages))
      })
    })
  )

class Queues {
  readonly #elements: Elements
  readonly #database: Query["Service"]
  readonly #clock: Clock.Clock
  readonly #latches = new Map<string, Latch.Latch>()
  #sequence: number

  constructor(elements: Elements, database: Query["Service"], clock: Clock.Clock, sequence: number) {
    this.#elements = elements
    this.#database = database
    this.#clock = clock
    this.#sequence = sequence
  }

  offer({ delay, element, id, name }: Parameters<PersistedQueueStore["Service"]["offer"]>[0]): Effect.Effect<void, Failure> {
    return Effect.suspend(() => {
      const now = this.#clock.currentTimeMillisUnsafe()
      const _id = idOf(name, id)
      const document = {
        _id,
        queue: name,
        id,
        element: JSON.stringify(element),
        attempts: 0,
        state: "pending" as const,
        sequence: ++this.#sequence,
        visibleAt: new Date(now + (delay === undefined ? 0 : Duration.toMillis(delay))),
        changedAt: new Date(now)
      }
      return this.#database.transact((transaction) => {
        if (transaction.read(this.#elements.get(_id)) === undefined) transaction.write(this.#elements.insert(document))
      })
    }).pipe(
      Effect.tap(() => this.#latch(name).open),
      Effect.asVoid
    )
  }

  /** Only the waiting can be interrupted: what was claimed is always settled. */
  take(options: TakeOptions) {
    return Effect.uninterruptibleMask((restore) => this.#take(options, restore))
  }

  #take(options: TakeOptions, restore: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>) {
    return Effect.gen({ self: this }, function* () {
      const latch = this.#latch(options.name)
      for (;;) {
        // Closed before looking, so that what comes while looking opens it again.
        latch.closeUnsafe()
        const { nextAt, taken } = yield* named(this.#claim(options))
        if (taken !== undefined) {
          latch.openUnsafe()
          yield* Effect.addFinalizer((exit) => this.#settle(taken._id, taken.attempts, options, exit))
          return { id: taken.id, attempts: taken.attempts, element: JSON.parse(taken.element) as unknown }
        }
        const waitMs = nextAt - this.#clock.currentTimeMillisUnsafe()
        yield* restore(nextAt === Infinity ? latch.await : Effect.race(latch.await, Effect.sleep(Duration.millis(Math.max(0, waitMs)))))
      }
    })
  }

  cleanup(ages: Parameters<PersistedQueueStore["Service"]["cleanup"]>[0]): Effect.Effect<void, Failure> {
    return Effect.gen({ self: this }, function* () {
      const now = this.#clock.currentTimeMillisUnsafe()
      const remove = (state: "completed" | "failed", age: Duration.Duration) => {
        const before = new Date(now - Duration.toMillis(age))
        return this.#database.write(this.#elements.filter({ state }).filter("changedAt", "<=", before).delete())
      }
      yield* remove("completed", ages.timeToLive)
      if (ages.failedTimeToLive !== undefined) yield* remove("failed", ages.failedTimeToLive)
    })
  }

  /** Takes the first element whose time has come; else when to look again. */
  #claim({ maxAttempts, name }: TakeOptions) {
    return this.#database.transact((transaction) => {
      const now = this.#clock.currentTimeMillisUnsafe()
      const waiting = this.#elements.filter({ queue: name, state: "pending" }).filter("attempts", "<", maxAttempts)
      const found = transaction.read(waiting.filter("visibleAt", "<=", new Date(now)).orderBy("sequence").first())
      if (found === undefined) {
        const next = transaction.read(waiting.orderBy("visibleAt").first())
        return { taken: undefined, nextAt: next?.visibleAt.getTime() ?? Infinity }
      }
      const attempts = found.attempts + 1
      transaction.write(this.#elements.filter({ _id: found._id }).set({ state: "processing", attempts, changedAt: new Date(now) }))
      return { taken: { ...found, attempts }, nextAt: now }
    })
  }

  /** What becomes of an element when its taker has ended. */
  #settle(_id: string, attempts: number, options: TakeOptions, exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const changedAt = new Date(this.#clock.currentTimeMillisUnsafe())
      const set = (changes: {
        readonly state: "pending" | "completed" | "failed"
        readonly attempts?: number
        readonly visibleAt?: Date
      }) => this.#database.write(this.#elements.filter({ _id }).set({ ...changes, changedAt }))
      if (exit._tag === "Success") yield* set({ state: "completed" })
      else if (Cause.hasInterruptsOnly(exit.cause)) yield* set({ state: "pending", attempts: attempts - 1 })
      else if (isDeadLetter(exit.cause) || attempts >= options.maxAttempts) yield* set({ state: "failed" })
      else {
        const delayMs = Duration.toMillis(yield* options.retryDelay(attempts))
        yield* set({ state: "pending", visibleAt: new Date(changedAt.getTime() + delayMs) })
      }
      yield* this.#latch(options.name).open
    }).pipe(Effect.orDie)
  }

  #latch(name: string): Latch.Latch {
    const known = this.#latches.get(name) ?? Latch.makeUnsafe(false)
    this.#latches.set(name, known)
    return known
  }
}

/** The length in front keeps the ids of one queue from looking like those of another. */
const idOf = (queue: string, id: string): string => `${queue.length}:${queue}:${id}`

const isDeadLetter = (cause: Cause.Cause<unknown>): boolean =>
  cause.reasons.some(
    (reason) => Cause.isFailReason(reason) && (reason.error as { readonly _tag?: unknown } | null | undefined)?._tag === DEAD_LETTER
  )

const named = <A>(effect: Effect.Effect<A, Failure>): Effect.Effect<A, PersistedQueueError> =>
  Effect.mapError(effect, (cause) => new PersistedQueueError({ message: cause.message, cause }))
