/**
 * The gateway: a listener whose life is a scope, one fiber per request, and an orderly end.
 *
 * Invariants
 * - At the end of the scope no new connection is taken, requests under way get `drainTimeoutMs`, then the rest is interrupted.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { Server } from "node:http"
import { createServer } from "node:http"
import type { Socket } from "node:net"
import { Storage } from "../Storage/Storage.ts"
import { AccessLog } from "./AccessLog.ts"
import { AddressInUse, AddressRefused, HttpError } from "./Errors.ts"
import { Gateway } from "./Gateway.ts"
import { engineState } from "./Health.ts"
import type { HttpOptions } from "./Options.ts"
import { rawProblem } from "./Problems.ts"
import type { GatewayService } from "./Service.ts"
import { keepTickShape } from "./TickShape.ts"

const ACCESS_LOG_INTERVAL_MS = 250
const TIMEOUT_CHECK_INTERVAL_MS = 500
const REQUEST_ID_PREFIX_DIGITS = 8

/**
 * The HTTP listener of this process.
 *
 * @example
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { Http } from "../src/Http/Http.ts"
 *
 * const announce = Effect.flatMap(Http, (http) => Effect.log(`open ${http.url}`))
 * ```
 */
export class Http extends Context.Service<
  Http,
  {
    /** Where it listens, as a browser writes it: `http://localhost:3000`. */
    readonly url: string
    readonly port: number
    /** From the next request on this service answers; requests under way end with the one that began them. */
    readonly serve: (service: GatewayService) => Effect.Effect<void>
  }
>()("planck/Http") {
  /** Listens on `host:port`; fails with `AddressInUse` or `AddressRefused`. */
  static readonly layer = (options: HttpOptions): Layer.Layer<Http, HttpError, Storage> => Layer.effect(Http, make(options))
}

const make = Effect.fnUntraced(function* (options: HttpOptions) {
  const storage = yield* Storage
  const clock = yield* Clock.Clock
  const context = yield* Effect.context<never>()
  const seed = yield* Random.nextIntBetween(0, 2 ** 40)
  const accessLog = new AccessLog(options.accessLog)
  const gateway = new Gateway(options, {
    nowMs: () => clock.currentTimeMillisUnsafe(),
    whenDurable: storage.whenDurable,
    hasRoom: () => storage.engine.admission() === "open",
    admitWrite: storage.admitWrite,
    health: () => engineState(storage.engine),
    afterTurn: (task) => setImmediate(task),
    fork: Effect.runForkWith(context),
    accessLog,
    requestIdPrefix: `${seed.toString(36).padStart(REQUEST_ID_PREFIX_DIGITS, "0")}-`
  })
  const server = configure(options, gateway)
  keepTickShape()
  yield* writeAccessLog(accessLog)
  const port = yield* listen(server, options)
  yield* Effect.addFinalizer(() => drain(server, gateway, options))
  const host = options.host === "127.0.0.1" || options.host === "0.0.0.0" || options.host === "::" ? "localhost" : options.host
  return Http.of({
    url: `http://${host.includes(":") ? `[${host}]` : host}:${port}`,
    port,
    serve: (service) => Effect.sync(() => gateway.serve(service))
  })
})

function configure(options: HttpOptions, gateway: Gateway): Server {
  const server = createServer({
    maxHeaderSize: options.headerBytesMax,
    headersTimeout: options.headerTimeoutMs,
    requestTimeout: options.headerTimeoutMs + options.bodyTimeoutMs,
    keepAliveTimeout: options.keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.min(TIMEOUT_CHECK_INTERVAL_MS, options.headerTimeoutMs),
    noDelay: true
  })
  server.maxConnections = options.connectionsMax
  server.on("request", gateway.accept)
  server.on("clientError", refuseUnreadable)
  return server
}

/** A request that could not be parsed, or did not come in time: answered if the connection still takes bytes, then closed. */
function refuseUnreadable(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy()
    return
  }
  if (error.code === "HPE_HEADER_OVERFLOW") socket.end(rawProblem("header_too_large"))
  else if (error.code === "ERR_HTTP_REQUEST_TIMEOUT") socket.end(rawProblem("request_timeout"))
  else socket.end(rawProblem("malformed_request"))
}

const listen = (server: Server, options: HttpOptions): Effect.Effect<number, HttpError> =>
  Effect.callback((resume) => {
    const refuse = (error: NodeJS.ErrnoException) => {
      const { host, port } = options
      const code = error.code ?? error.message
      const reason = code === "EADDRINUSE" ? new AddressInUse({ host, port }) : new AddressRefused({ host, port, code })
      resume(Effect.fail(new HttpError({ reason })))
    }
    server.once("error", refuse)
    server.listen(options.port, options.host, () => {
      server.off("error", refuse)
      const address = server.address()
      resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : options.port))
    })
  })

const drain = Effect.fnUntraced(function* (server: Server, gateway: Gateway, options: HttpOptions) {
  gateway.draining = true
  server.close()
  server.closeIdleConnections()
  const idle = Effect.callback<void>((resume) => gateway.whenIdle(() => resume(Effect.void)))
  yield* Effect.timeoutOption(idle, options.drainTimeoutMs)
  gateway.interruptAll()
  server.closeAllConnections()
})

const writeAccessLog = (accessLog: AccessLog): Effect.Effect<void, never, Scope.Scope> => {
  const write = Effect.suspend(() => Effect.forEach(accessLog.take(), (line) => Effect.logInfo(line), { discard: true }))
  return write.pipe(Effect.repeat(Schedule.spaced(ACCESS_LOG_INTERVAL_MS)), Effect.ensuring(write), Effect.forkScoped, Effect.asVoid)
}
