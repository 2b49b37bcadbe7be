/**
 * The gateway: a listener whose life is a scope, the services that answer there, and an orderly end.
 *
 * Invariants
 * - A service that ends, or whose database fails, concerns its own place and no other.
 * - At the end of the scope no new connection is taken, requests under way get `drainTimeoutMs`, then the rest is interrupted.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { randomBytes } from "node:crypto"
import type { Server } from "node:http"
import { createServer } from "node:http"
import type { Socket } from "node:net"
import { formatMount, type Mount } from "../Config/Mount.ts"
import type { Storage } from "../Storage/Storage.ts"
import { AccessLog } from "./AccessLog.ts"
import { Incoming } from "./Body.ts"
import { AddressInUse, AddressRefused, HttpError, MountTaken } from "./Errors.ts"
import { Gateway } from "./Gateway.ts"
import { engineState } from "./Health.ts"
import { type BuildNews, LivePages } from "./LivePages.ts"
import type { HttpOptions } from "./Options.ts"
import { rawProblem } from "./Problems.ts"
import type { GatewayService } from "./Service.ts"
import { type DataPorts, serveAt, type Site, SITES_MAX } from "./Sites.ts"
import { keepTickShape } from "./TickShape.ts"

const ACCESS_LOG_INTERVAL_MS = 250
const NONCE_BYTES = 16
const TIMEOUT_CHECK_INTERVAL_MS = 500
const REQUEST_ID_PREFIX_DIGITS = 8

/** A service's place at the gateway. It answers 503 there until it was given a module. */
export interface HttpPlace {
  /** From the next request on this module answers, over this database; requests under way end with the one that began them. */
  readonly serve: (service: GatewayService, database: Storage["Service"]) => void
}

/** Where a gateway listens. */
export interface HttpAddress {
  /** As a browser writes it: `http://localhost:3000`. */
  readonly url: string
  readonly port: number
}

/**
 * The gateway of this process.
 *
 * @example
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { Http } from "../src/Http/Http.ts"
 *
 * const announce = Effect.flatMap(Http, (http) => http.listen).pipe(Effect.flatMap(({ url }) => Effect.log(`open ${url}`)))
 * ```
 */
export class Http extends Context.Service<
  Http,
  {
    /**
     * Listens on `host:port` for as long as the scope lives, whose end waits for the requests under way: let it end before the scopes of the services.
     * Fails with `AddressInUse` or `AddressRefused`.
     */
    readonly listen: Effect.Effect<HttpAddress, HttpError, Scope.Scope>
    /** Gives a service a place for as long as the scope lives. Fails with `MountTaken` when another service of this process has it. */
    readonly open: (name: string, mount: Mount) => Effect.Effect<HttpPlace, HttpError, Scope.Scope>
    /** Tells the pages which build is live and what is wrong with a newer one; does nothing unless `livePages` is set. */
    readonly tell: (news: BuildNews) => Effect.Effect<void>
  }
>()("planck/Http") {
  /** A gateway without services, that does not listen yet. */
  static readonly layer = (options: HttpOptions): Layer.Layer<Http> => Layer.effect(Http, make(options))
}

const make = Effect.fnUntraced(function* (options: HttpOptions) {
  const clock = yield* Clock.Clock
  const context = yield* Effect.context<never>()
  const seed = yield* Random.nextIntBetween(0, 2 ** 40)
  const accessLog = new AccessLog(options.accessLog)
  const livePages = options.livePages === true ? new LivePages(() => randomBytes(NONCE_BYTES).toString("hex")) : undefined
  const gateway = new Gateway(options, {
    nowMs: () => clock.currentTimeMillisUnsafe(),
    afterTurn: (task) => setImmediate(task),
    fork: Effect.runForkWith(context),
    accessLog,
    requestIdPrefix: `${seed.toString(36).padStart(REQUEST_ID_PREFIX_DIGITS, "0")}-`,
    livePages
  })
  keepTickShape()
  yield* writeAccessLog(accessLog)
  return Http.of({
    listen: listenFor(gateway, options),
    open: (name, mount) => openPlace(gateway, name, mount),
    tell: (news) => Effect.sync(() => livePages?.tell(news))
  })
})

const listenFor = Effect.fnUntraced(function* (gateway: Gateway, options: HttpOptions) {
  const server = configure(options, gateway)
  const port = yield* listen(server, options)
  yield* Effect.addFinalizer(() => drain(server, gateway, options))
  const host = options.host === "127.0.0.1" || options.host === "0.0.0.0" || options.host === "::" ? "localhost" : options.host
  return { url: `http://${host.includes(":") ? `[${host}]` : host}:${port}`, port }
})

const openPlace = Effect.fnUntraced(function* (gateway: Gateway, name: string, mount: Mount) {
  const site: Site = { name, mount, served: undefined }
  if (gateway.sites.all.length >= SITES_MAX) return yield* Effect.die(new RangeError(`more than ${SITES_MAX} services in one process`))
  const taken = gateway.sites.add(site)
  if (taken !== undefined) {
    return yield* new HttpError({ reason: new MountTaken({ service: name, other: taken.name, mount: formatMount(mount) }) })
  }
  yield* Effect.addFinalizer(() => Effect.sync(() => gateway.sites.remove(site)))
  return { serve: (service, database): void => serveAt(site, service, dataPorts(database)) } satisfies HttpPlace
})

const dataPorts = ({ admitWrite, engine, whenDurable }: Storage["Service"]): DataPorts => ({
  whenDurable,
  admitWrite,
  hasRoom: () => engine.admission() === "open",
  health: () => engineState(engine)
})

function configure(options: HttpOptions, gateway: Gateway): Server {
  const server = createServer({
    IncomingMessage: Incoming,
    optimizeEmptyRequests: true,
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
  gateway.drain()
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
