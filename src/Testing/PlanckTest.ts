/** A service under test, as an Effect service. */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { BuildError } from "../Build/Build.ts"
import type { SimulatedVolume } from "../Disk/SimulatedVolume.ts"
import type { QueryError } from "../Query/Errors.ts"
import type { StorageError } from "../Storage/Errors.ts"
import type { Manifest } from "../Wasm/Manifest.ts"
import type { TestError } from "./Errors.ts"
import type { TestAnswer, TestRequest } from "./Exchange.ts"
import type { StartError, TestLogLine } from "./Machine.ts"
import { moduleOf, type TestedService } from "./Module.ts"
import { Rig, type TestOptions } from "./Rig.ts"
import { TestStore } from "./TestStore.ts"

export type { TestOptions } from "./Rig.ts"

/**
 * A service under test.
 *
 * @example
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { PlanckTest } from "../src/Testing/Testing.ts"
 *
 * const program = Effect.gen(function* () {
 *   const planck = yield* PlanckTest
 *   const answer = yield* planck.request("/orders", { json: { customer: "ada" } })
 *   yield* planck.crash()
 *   yield* planck.restart
 *   return { status: answer.status, orders: yield* planck.store("orders").all }
 * }).pipe(Effect.provide(PlanckTest.layer("examples/orders", { seed: 7 })))
 * ```
 */
export class PlanckTest extends Context.Service<
  PlanckTest,
  {
    readonly manifest: Manifest
    /** Sends a request over a real connection and waits for the whole answer. */
    readonly request: (path: string, request?: TestRequest) => Effect.Effect<TestAnswer, TestError>
    /** The documents of a store. `Row` is `typeof orders.Row` of the service. */
    readonly store: <Row = unknown>(name: string) => TestStore<Row>
    /** The rows of a statement in PQL, as JSON. */
    readonly query: <Row = unknown>(pql: string) => Effect.Effect<ReadonlyArray<Row>, QueryError | StorageError | TestError>
    /** The disk of now: let it fail with `failWhen` and `heal` it. A crash puts another in its place, without rules. */
    readonly disk: () => SimulatedVolume
    /** What the service and the server have logged so far. */
    readonly log: ReadonlyArray<TestLogLine>
    /** The power goes now: requests under way get no answer, and of what was not synced `seed` decides what is left. Nothing runs until `restart`. */
    readonly crash: (options?: { readonly seed?: number }) => Effect.Effect<void, TestError>
    /**
     * Sends a request and lets the power go between what its handler committed and the answer: behind the sync, so that it is on disk, or before it
     * (`synced: false`), when all of it or nothing is. Fails when the request is answered without a commit.
     */
    readonly crashBeforeAnswer: (
      path: string,
      request?: TestRequest & { readonly seed?: number; readonly synced?: boolean }
    ) => Effect.Effect<void, TestError>
    /** Starts again on what the disk has; a server that runs is stopped in order before. */
    readonly restart: Effect.Effect<void, StartError>
    /** Lets so much time pass on the test's clock, and what was due happen. */
    readonly advance: (duration: Duration.Input) => Effect.Effect<void, TestError>
  }
>()("planck/Testing/PlanckTest") {
  /** Builds the service (a folder, a `.wasm` or its bytes) and serves it for as long as the layer lives. Its clock is that of the test. */
  static readonly layer = (
    service: TestedService,
    options: TestOptions = {}
  ): Layer.Layer<PlanckTest, BuildError | StartError | TestError> => Layer.effect(PlanckTest, make(service, options))
}

const make = Effect.fnUntraced(function* (service: TestedService, options: TestOptions) {
  const { manifest, module } = yield* moduleOf(service)
  const rig = new Rig(module, manifest, options)
  yield* Effect.addFinalizer(() => rig.stop)
  yield* rig.begin
  yield* rig.restart
  return PlanckTest.of({
    manifest,
    log: rig.log,
    disk: () => rig.disk(),
    restart: rig.restart,
    request: (path, request = {}) => rig.request(path, request),
    store: (name) => new TestStore(() => rig.database(), rig.definitionOf(name)),
    query: (pql) => rig.rows(pql),
    crash: ({ seed } = {}) => rig.crash(seed),
    crashBeforeAnswer: (path, { seed, synced = true, ...request } = {}) => rig.crashBeforeAnswer(path, request, seed, synced),
    advance: (duration) => rig.advance(duration)
  })
})
