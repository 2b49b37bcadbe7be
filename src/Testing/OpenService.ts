/** The same for tests without Effect: promises, and time that stands until the test lets it pass. */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as TestClock from "effect/testing/TestClock"
import type { SimulatedVolume } from "../Disk/SimulatedVolume.ts"
import type { Manifest } from "../Wasm/Manifest.ts"
import type { TestAnswer, TestRequest } from "./Exchange.ts"
import type { TestLogLine } from "./Machine.ts"
import type { TestedService } from "./Module.ts"
import { PlanckTest, type TestOptions } from "./PlanckTest.ts"
import type { Json, TestStore } from "./TestStore.ts"

/** The documents of a store, as the JSON of routes. */
export interface OpenStore<Row> {
  readonly all: () => Promise<ReadonlyArray<Json<Row>>>
  readonly get: (id: unknown) => Promise<Json<Row> | undefined>
  readonly count: () => Promise<number>
  readonly insert: (...documents: ReadonlyArray<object>) => Promise<ReadonlyArray<string | number>>
}

/** A service under test; see `PlanckTest` for what each does. */
export interface OpenService extends AsyncDisposable {
  readonly manifest: Manifest
  readonly request: (path: string, request?: TestRequest) => Promise<TestAnswer>
  readonly store: <Row = unknown>(name: string) => OpenStore<Row>
  readonly query: <Row = unknown>(pql: string) => Promise<ReadonlyArray<Row>>
  readonly disk: () => SimulatedVolume
  readonly log: ReadonlyArray<TestLogLine>
  readonly crash: (options?: { readonly seed?: number }) => Promise<void>
  readonly crashBeforeAnswer: (path: string, request?: TestRequest & { readonly seed?: number; readonly synced?: boolean }) => Promise<void>
  readonly restart: () => Promise<void>
  readonly advance: (duration: Duration.Input) => Promise<void>
  readonly close: () => Promise<void>
}

/**
 * Opens a service for a test. Close it, or write `await using`.
 *
 * @example
 * ```ts
 * import { openService } from "../src/Testing/Testing.ts"
 *
 * const check = async () => {
 *   await using planck = await openService("examples/orders", { startsAt: "2026-05-01T12:00:00Z" })
 *   const { status } = await planck.request("/orders", { json: { customer: "ada" } })
 *   return { status, orders: await planck.store("orders").all() }
 * }
 * ```
 */
export async function openService(service: TestedService, options: TestOptions = {}): Promise<OpenService> {
  const runtime = ManagedRuntime.make(PlanckTest.layer(service, options).pipe(Layer.provideMerge(TestClock.layer())))
  const planck = await runtime.runPromise(PlanckTest).catch(async (error: unknown) => {
    await runtime.dispose()
    throw error
  })
  const run = <A, E>(effect: Effect.Effect<A, E>): Promise<A> => runtime.runPromise(effect)
  const close = (): Promise<void> => runtime.dispose()
  return {
    manifest: planck.manifest,
    log: planck.log,
    disk: planck.disk,
    request: (path, request) => run(planck.request(path, request)),
    store: <Row>(name: string) => opened<Row>(planck.store<Row>(name), run),
    query: (pql) => run(planck.query(pql)),
    crash: (how) => run(planck.crash(how)),
    crashBeforeAnswer: (path, request) => run(planck.crashBeforeAnswer(path, request)),
    restart: () => run(planck.restart),
    advance: (duration) => run(planck.advance(duration)),
    close,
    [Symbol.asyncDispose]: close
  }
}

function opened<Row>(store: TestStore<Row>, run: <A, E>(effect: Effect.Effect<A, E>) => Promise<A>): OpenStore<Row> {
  return {
    all: () => run(store.all),
    get: (id) => run(store.get(id)),
    count: () => run(store.count),
    insert: (...documents) => run(store.insert(...documents))
  }
}
