/**
 * The disk of a test and the machine on it: what comes and goes while the test goes on.
 *
 * Invariants
 * - At most one machine runs, and always on the newest disk.
 * - A machine whose power went sees no request any more; it ends on the disk it had, which nobody looks at again.
 */
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { defaultSettings } from "../Config/Configuration.ts"
import type { Settings } from "../Config/Settings.ts"
import { MemoryVolume } from "../Disk/MemoryVolume.ts"
import { SimulatedVolume } from "../Disk/SimulatedVolume.ts"
import type { QueryError } from "../Query/Errors.ts"
import { parsePql } from "../Query/Pql.ts"
import type { Query } from "../Query/Query.ts"
import type { StoreDefinition } from "../Schema/Definition.ts"
import type { StorageError } from "../Storage/Errors.ts"
import type { Manifest } from "../Wasm/Manifest.ts"
import { TestError } from "./Errors.ts"
import { exchange, type TestAnswer, type TestRequest } from "./Exchange.ts"
import { type Machine, type MachineOptions, type StartError, startMachine, type TestLogLine } from "./Machine.ts"
import { powerCut } from "./PowerCut.ts"
import { asTestClock } from "./TestTime.ts"

export interface TestOptions {
  /** Of everything the disk does by chance. The same seed, the same disk. Default 1. */
  readonly seed?: number
  /** `simulated` can fail and lose its power; `memory` cannot, and is a little faster. Default `simulated`. */
  readonly disk?: "simulated" | "memory"
  /** Bytes of all files together: a simulated disk that is full refuses to write. Default: no bound. */
  readonly capacityBytes?: number
  /** Values for the configuration that the service declares. */
  readonly config?: Readonly<Record<string, unknown>>
  /** As `planck.yaml` would set them. The port is always a free one. */
  readonly settings?: Settings
  /** Where the test's clock is put when it is earlier; a clock that runs by itself is left alone. Default: the beginning of 2026. */
  readonly startsAt?: string | Date
}

const DEFAULT_SEED = 1
const STARTS_AT = "2026-01-01T00:00:00Z"
/** Crashes without a seed of their own take one after this many from the next test seed's. */
const CRASHES_A_SEED = 1000
/** Turns of the scheduler that work which has become due may take before a test goes on. */
const SETTLING_TURNS = 100
const DOWN = "the machine is down: restart it first"

export class Rig {
  readonly log: Array<TestLogLine> = []
  /** Ends the machine in order, if one runs. */
  readonly stop: Effect.Effect<void> = Effect.suspend(() => this.#end())
  readonly restart: Effect.Effect<void, StartError> = Effect.suspend(() => this.#restart())
  readonly #manifest: Manifest
  readonly #options: MachineOptions
  readonly #seed: number
  #volume: MemoryVolume | SimulatedVolume
  #machine: Machine | undefined
  #crashes = 0

  /** Puts the test's clock where the test begins. */
  readonly begin: Effect.Effect<void>

  constructor(module: Uint8Array, manifest: Manifest, options: TestOptions) {
    const settings = options.settings ?? defaultSettings
    this.#manifest = manifest
    this.begin = beginAt(new Date(options.startsAt ?? STARTS_AT).getTime())
    this.#seed = options.seed ?? DEFAULT_SEED
    this.#volume = makeVolume(options, this.#seed)
    this.#options = {
      module,
      service: manifest.name,
      settings: { ...settings, http: { ...settings.http, host: "127.0.0.1", port: 0 } },
      config: options.config ?? {},
      log: (line) => void this.log.push(line)
    }
  }

  disk(): SimulatedVolume {
    if (this.#volume instanceof SimulatedVolume) return this.#volume
    throw new TypeError('a disk in memory cannot fail or lose its power: leave out `disk: "memory"`')
  }

  database(): Query["Service"] {
    if (this.#machine === undefined) throw new TypeError(DOWN)
    return this.#machine.database
  }

  definitionOf(name: string): StoreDefinition {
    const { stores } = this.#manifest
    const found = stores.find((store) => store.name === name)
    if (found !== undefined) return found
    throw new TypeError(`the service has no store "${name}"; it has ${stores.map((store) => store.name).join(", ")}`)
  }

  request(path: string, request: TestRequest): Effect.Effect<TestAnswer, TestError> {
    return Effect.flatMap(this.#running, (machine) => send(machine, path, request))
  }

  rows<Row>(pql: string): Effect.Effect<ReadonlyArray<Row>, QueryError | StorageError | TestError> {
    return Effect.gen({ self: this }, function* () {
      const { database } = yield* this.#running
      const statement = parsePql(pql)
      if (statement.kind !== "find") return yield* new TestError({ message: `${pql}: no statement that gives documents` })
      return JSON.parse(new TextDecoder().decode(yield* database.json(statement))) as ReadonlyArray<Row>
    })
  }

  crash(seed: number | undefined): Effect.Effect<void, TestError> {
    return Effect.flatMap(this.#running, () => this.#powerless(this.disk().crash(this.#nextSeed(seed))))
  }

  crashBeforeAnswer(path: string, request: TestRequest, seed: number | undefined, synced: boolean): Effect.Effect<void, TestError> {
    return this.#running.pipe(
      Effect.flatMap((machine) => {
        const answer = Effect.map(send(machine, path, request), ({ status }) => status)
        return powerCut(this.disk(), machine.storage.engine, answer, { seed: this.#nextSeed(seed), synced })
      }),
      Effect.flatMap((left) => this.#powerless(left))
    )
  }

  advance(duration: Duration.Input): Effect.Effect<void, TestError> {
    return Effect.gen({ self: this }, function* () {
      const { storage, time } = yield* this.#running
      const clock = asTestClock(yield* Clock.Clock)
      if (clock === undefined) return yield* new TestError({ message: "this test runs on the real clock, on which time passes by itself" })
      yield* clock.adjust(duration)
      time.wake()
      yield* settled
      yield* Effect.orDie(storage.awaitDurable(storage.engine.lastLsn))
    })
  }

  readonly #running: Effect.Effect<Machine, TestError> = Effect.suspend(() =>
    this.#machine === undefined ? Effect.fail(new TestError({ message: DOWN })) : Effect.succeed(this.#machine)
  )

  #restart(): Effect.Effect<void, StartError> {
    return this.stop.pipe(
      Effect.andThen(Effect.suspend(() => startMachine(this.#volume, this.#options))),
      Effect.map((started) => void (this.#machine = started))
    )
  }

  #end(): Effect.Effect<void> {
    const machine = this.#machine
    this.#machine = undefined
    return machine === undefined ? Effect.void : machine.stop
  }

  /** Puts what is left in the place of the disk, and lets the machine end where nobody looks. */
  #powerless(left: SimulatedVolume): Effect.Effect<void> {
    const before = this.disk()
    this.#machine?.connections.abort()
    this.#volume = left
    before.heal()
    before.holdsSyncs = false
    before.pumpAll()
    return this.stop
  }

  #nextSeed(seed: number | undefined): number {
    return seed ?? this.#seed * CRASHES_A_SEED + ++this.#crashes
  }
}

const beginAt = (startMs: number): Effect.Effect<void> =>
  Effect.gen(function* () {
    const clock = asTestClock(yield* Clock.Clock)
    if (clock !== undefined && clock.currentTimeMillisUnsafe() < startMs) yield* clock.setTime(startMs)
  })

const makeVolume = ({ capacityBytes, disk }: TestOptions, seed: number): MemoryVolume | SimulatedVolume => {
  const capacity = capacityBytes === undefined ? {} : { capacityBytes }
  return disk === "memory" ? new MemoryVolume(capacity) : new SimulatedVolume({ seed, syncs: "automatic", ...capacity })
}

/** Lets the fibers that woke do what is due. */
const settled = Effect.repeat(Effect.yieldNow, { times: SETTLING_TURNS })

const send = ({ connections, time, url }: Machine, path: string, request: TestRequest): Effect.Effect<TestAnswer, TestError> =>
  Effect.tryPromise({
    try: () => {
      time.wake()
      return exchange(url, path, request, connections.signal)
    },
    catch: (error) => {
      const cause = error instanceof Error ? (error.cause ?? error) : error
      const why = connections.signal.aborted ? "the machine went down before it answered" : String(cause)
      return new TestError({ message: `${request.method ?? ""} ${path}: ${why}`.trim() })
    }
  })
