/** A service made of plain functions behind a gateway, and an engine whose durability the test decides. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import { ROOT } from "../../src/Config/Mount.ts"
import { Disk } from "../../src/Disk/Disk.ts"
import type { Http } from "../../src/Http/Http.ts"
import type { HttpOptions } from "../../src/Http/Options.ts"
import type { GatewayService } from "../../src/Http/Service.ts"
import { Poisoned, StorageError } from "../../src/Storage/Errors.ts"
import { Storage } from "../../src/Storage/Storage.ts"
import type { Answer, Request } from "../../src/Wasm/Answer.ts"
import { isPatternProblem, parsePattern } from "../../src/Wasm/RoutePattern.ts"

export const options: HttpOptions = {
  host: "127.0.0.1",
  port: 0,
  bodyBytesMax: 1024,
  headerBytesMax: 4096,
  targetBytesMax: 256,
  headerTimeoutMs: 400,
  bodyTimeoutMs: 400,
  keepAliveTimeoutMs: 1000,
  connectionsMax: 100,
  requestsInFlightMax: 50,
  answersHeldMax: 4,
  drainTimeoutMs: 500,
  accessLog: "off"
}

export type Handler = (request: Request) => Partial<Answer>

const STYLE = new Map([["/style.css", { type: "text/css", hash: "00ff".repeat(16), bytes: new TextEncoder().encode("body{}") }]])

/** A service of plain functions; remembers what it was asked and which answers it got back. */
export const makeService = (handlers: Record<string, Handler>, assets: GatewayService["assets"] = STYLE) => {
  const asked: Array<Request> = []
  const released: Array<Answer> = []
  const list = Object.entries(handlers).map(([route, handler]) => {
    const [method = "", source = ""] = route.split(" ")
    const pattern = parsePattern(source)
    if (isPatternProblem(pattern)) return assert.fail(pattern.message)
    return { method, pattern, writes: method !== "GET", handler }
  })
  const service: GatewayService = {
    routes: list,
    assets,
    handle: (index, request) => {
      asked.push(request)
      return { status: 200, headers: ["content-type", "text/plain"], body: "ok", waitLsn: 0, ...list[index]?.handler(request) }
    },
    kept: () => undefined,
    release: (answer) => void released.push(answer)
  }
  return { service, asked, released }
}

const lost = new StorageError({ reason: new Poisoned({ message: "the disk is gone" }) })

/** A real engine in memory whose durability the test decides. */
export const storage = (awaitDurable: (lsn: number) => Effect.Effect<void> = () => Effect.void) =>
  Layer.effect(
    Storage,
    Effect.map(Storage, (real) =>
      Storage.of({
        ...real,
        whenDurable: (lsn, settled) =>
          Effect.runFork(awaitDurable(lsn)).addObserver((exit) => settled(Exit.isSuccess(exit) ? undefined : lost))
      })
    )
  ).pipe(Layer.provide(Storage.layer({ directory: "shop" })), Layer.provide(Disk.layerMemory()))

/** Gives a service the whole gateway. */
export const serve = (http: Http["Service"], service: GatewayService, name = "test", mount = ROOT) =>
  Effect.map(Effect.all([http.open(name, mount), Storage]), ([place, database]) => place.serve(service, database))
