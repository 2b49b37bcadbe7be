/** A served service from inside an Effect program: modules that take over, and a disk that fails under them. */
import { assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { request } from "node:http"
import * as Planck from "../src/Planck.ts"
import { buildFiles } from "./Build/Folder.ts"
import { notesService, postNote, readNotes } from "./Cli/Service.ts"

const settings: Planck.Settings = { ...Planck.defaultSettings, http: { ...Planck.defaultSettings.http, port: 0 } }

interface Started {
  readonly server: Planck.Server["Service"]
  readonly volume: InstanceType<typeof Planck.SimulatedVolume>
  /** Level and message of everything that was logged. */
  readonly logged: ReadonlyArray<string>
}

const makeVolume = () => new Planck.SimulatedVolume({ seed: 1, syncs: "automatic" })

/** Runs a test with a server over a simulated disk. */
const withServer = <A, E>(use: (started: Started) => Effect.Effect<A, E, Planck.Storage>, volume = makeVolume()) => {
  const logged: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => void logged.push(`${logLevel}: ${[message].flat()[0]}`))
  const server = Planck.Server.layer({ directory: "data", service: "notes", settings, accessLog: "off" }).pipe(
    Layer.provide(Layer.succeed(Planck.Disk, Planck.Disk.over(volume))),
    Layer.provideMerge(Logger.layer([logger]))
  )
  return Effect.flatMap(Planck.Server, (server) => use({ server, volume, logged })).pipe(Effect.provide(server))
}

const promise = <A>(run: () => Promise<A>) => Effect.promise(run)
const greeting = (url: string) => promise(async () => (await fetch(url)).text())
const health = (url: string) =>
  promise(async () => {
    const answer = await fetch(`${url}/_planck/health`)
    return [answer.status, await answer.text()]
  })
const eventually = <A>(look: Effect.Effect<A>, isIt: (value: A) => boolean): Effect.Effect<A> =>
  Effect.flatMap(look, (value) => (isIt(value) ? Effect.succeed(value) : Effect.andThen(Effect.sleep(20), eventually(look, isIt))))

let one: Uint8Array
let two: Uint8Array
let other: Uint8Array
let migrated: Uint8Array

beforeAll(async () => {
  one = (await buildFiles({ "service.ts": notesService("one") })).file
  two = (await buildFiles({ "service.ts": notesService("two") })).file
  const version = '{ version: 2, migrate: { 2: [renameField("text", "words"), convertField("words", "int")] } }'
  const imports = 'import { convertField, renameField } from "@planckdb/planck/guest"'
  migrated = (
    await buildFiles({ "service.ts": notesService("migrated", `${imports}\nconst notes = store("notes", { words: s.int() }, ${version})`) })
  ).file
  other = (await buildFiles({ "service.ts": notesService("other", 'const notes = store("notes", { text: s.int() })') })).file
})

describe("a server", () => {
  it.live("answers 503 until there is a module", () =>
    withServer(({ server }) =>
      Effect.gen(function* () {
        const answer = yield* promise(() => fetch(server.url))
        assert.strictEqual(answer.status, 503)
        assert.include(yield* promise(() => answer.text()), "no_service")
        const { name } = yield* server.deploy(one)
        assert.strictEqual(name, "notes")
        assert.strictEqual(yield* greeting(server.url), "one")
      })
    )
  )

  it.live("lets a module take over with the data; one that is refused changes nothing", () =>
    withServer(({ server }) =>
      Effect.gen(function* () {
        yield* server.deploy(one)
        assert.strictEqual(yield* promise(() => postNote(server.url, "kept")), 201)
        yield* server.deploy(two)
        assert.strictEqual(yield* greeting(server.url), "two")
        const noModule = yield* Effect.flip(server.deploy(new TextEncoder().encode("no module")))
        assert.strictEqual(noModule.reason._tag, "NotAModule")
        const doesNotFit = yield* Effect.flip(server.deploy(other))
        assert.strictEqual(doesNotFit.reason._tag, "IncompatibleSchema")
        assert.strictEqual(yield* greeting(server.url), "two")
        assert.deepStrictEqual(yield* promise(() => readNotes(server.url)), ["kept"])
      })
    )
  )

  it.live("migrates stores for a module of a new version, which takes over with them; documents that cannot be are named", () =>
    withServer(({ logged, server }) =>
      Effect.gen(function* () {
        yield* server.deploy(one)
        yield* promise(() => postNote(server.url, "41"))
        yield* promise(() => postNote(server.url, "many"))
        const refused = yield* Effect.flip(server.deploy(migrated))
        assert.match(refused.message, /^notes stays at version 1: document "\w+" cannot be migrated: \/words cannot be converted to int$/)
        assert.deepStrictEqual(yield* promise(() => readNotes(server.url)), ["41", "many"])
        assert.strictEqual(yield* greeting(server.url), "one")
        const storage = yield* Planck.Storage
        const transaction = storage.engine.transact()
        const notes = storage.engine.store("notes")!
        const cursor = transaction.documents(notes, undefined, -1)
        cursor.next()
        transaction.delete(notes, cursor.key)
        transaction.commit()
        yield* server.deploy(migrated)
        assert.strictEqual(yield* greeting(server.url), "migrated")
        const rows = yield* promise(async () => (await fetch(`${server.url}/notes`)).json())
        assert.deepStrictEqual(
          (rows as ReadonlyArray<{ readonly words: number }>).map(({ words }) => words),
          [41]
        )
        assert.includeMembers([...logged], ["Info: migrating a store", "Info: migrated a store"])
        const back = yield* Effect.flip(server.deploy(one))
        assert.include(back.message, "its documents are of version 2 and do not go back to 1")
      })
    )
  )

  it.live("takes modules one after another: what was deployed last answers", () =>
    withServer(({ server }) =>
      Effect.gen(function* () {
        yield* Effect.all([server.deploy(one), server.deploy(two), server.deploy(one), server.deploy(two)], { concurrency: "unbounded" })
        assert.strictEqual(yield* greeting(server.url), "two")
      })
    )
  )

  it.live("finishes the requests under way with its end", () => {
    const volume = makeVolume()
    let status: Promise<number> | undefined
    return withServer(
      ({ server }) =>
        Effect.gen(function* () {
          yield* server.deploy(one)
          const body = JSON.stringify({ text: "late" })
          const headers = { "content-type": "application/json", "content-length": body.length, expect: "100-continue" }
          const sending = request(`${server.url}/notes`, { method: "POST", headers })
          sending.flushHeaders()
          status = new Promise((resolve) => sending.on("response", (answer) => resolve(answer.resume().statusCode ?? 0)))
          yield* promise(() => new Promise((resolve) => sending.once("continue", resolve)))
          // The layer ends while the body is outstanding.
          setTimeout(() => sending.end(body), 100)
        }),
      volume
    ).pipe(
      Effect.andThen(promise(() => status ?? assert.fail("nothing was sent"))),
      Effect.tap((code) => Effect.sync(() => assert.strictEqual(code, 201))),
      Effect.andThen(
        withServer(
          ({ logged, server }) =>
            Effect.gen(function* () {
              yield* server.deploy(one)
              assert.deepStrictEqual(yield* promise(() => readNotes(server.url)), ["late"])
              assert.deepStrictEqual(logged, [])
            }),
          volume
        )
      )
    )
  })
})

describe("the health of a server", () => {
  it.live("is ok while writes are taken", () =>
    withServer(({ server }) =>
      Effect.gen(function* () {
        yield* server.deploy(one)
        assert.deepStrictEqual(yield* health(server.url), [200, '{"status":"ok"}'])
      })
    )
  )

  it.live("is 503 after a failed sync, which is logged; the write's outcome is said to be unknown, and reads go on", () =>
    withServer(({ logged, server, volume }) =>
      Effect.gen(function* () {
        yield* server.deploy(one)
        yield* promise(() => postNote(server.url, "before"))
        volume.failWhen(({ operation }) => (operation === "syncCompletes" ? "EIO" : undefined))
        const answer = yield* promise(() =>
          fetch(`${server.url}/notes`, { method: "POST", headers: { "content-type": "application/json" }, body: '{"text":"lost?"}' })
        )
        assert.strictEqual(answer.status, 503)
        assert.include(yield* promise(() => answer.text()), "outcome_unknown")
        assert.deepStrictEqual(yield* health(server.url), [503, '{"status":"poisoned"}'])
        assert.strictEqual(yield* promise(() => postNote(server.url, "refused")), 503)
        assert.deepStrictEqual(yield* promise(() => readNotes(server.url)), ["before"])
        assert.deepStrictEqual(logged, ["Fatal: writes are refused until a restart"])
      })
    )
  )

  it.live("is 503 while the disk is full, and ok again by itself when there is room; the write that met it is kept", () =>
    withServer(({ logged, server, volume }) =>
      Effect.gen(function* () {
        yield* server.deploy(one)
        yield* promise(() => postNote(server.url, "before"))
        volume.failWhen(({ operation }) => (operation === "write" ? "ENOSPC" : undefined))
        const waiting = yield* Effect.forkChild(promise(() => postNote(server.url, "waited")))
        yield* eventually(health(server.url), ([status]) => status === 503)
        assert.deepStrictEqual(yield* health(server.url), [503, '{"status":"read_only"}'])
        assert.strictEqual(yield* promise(() => postNote(server.url, "refused")), 503)
        assert.deepStrictEqual(yield* promise(() => readNotes(server.url)), ["before"])
        volume.heal()
        assert.strictEqual(yield* Fiber.join(waiting), 201)
        yield* eventually(health(server.url), ([status]) => status === 200)
        assert.deepStrictEqual(yield* promise(() => readNotes(server.url)), ["before", "waited"])
        assert.deepStrictEqual(logged, [
          "Error: writes are refused until the disk has room",
          "Info: the disk has room again: writes are taken"
        ])
      })
    )
  )
})

describe("a server after a crash", () => {
  it.live("serves what was acknowledged, and reports and logs what it replayed", () => {
    const volume = makeVolume()
    let left: typeof volume | undefined
    return withServer(
      ({ server }) =>
        Effect.gen(function* () {
          yield* server.deploy(one)
          for (const text of ["a", "b", "c"]) assert.strictEqual(yield* promise(() => postNote(server.url, text)), 201)
          left = volume.crash(5)
        }),
      volume
    ).pipe(
      Effect.andThen(
        Effect.suspend(() =>
          withServer(
            ({ logged, server }) =>
              Effect.gen(function* () {
                yield* server.deploy(one)
                assert.deepStrictEqual(yield* promise(() => readNotes(server.url)), ["a", "b", "c"])
                // One record for the store, one for each note.
                assert.strictEqual(server.recovery.replayed, 4)
                assert.include(logged, "Info: replayed the log")
              }),
            left
          )
        )
      )
    )
  })
})
