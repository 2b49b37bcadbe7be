/**
 * One HTTP exchange from request to answer, over a plain `node:http` server.
 *
 * Invariants
 * - One fiber per request. It collects the body, then calls the service in one synchronous step, then waits for durability. A client that
 *   leaves before the call cancels the fiber; after the call the commit stands.
 * - No byte of an answer leaves before its `waitLsn` is durable.
 * - Every exchange ends in exactly one answer or a closed connection, and is counted in `inFlight` until then.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type { IncomingMessage, ServerResponse } from "node:http"
import type { StorageError } from "../Storage/Errors.ts"
import type { Answer } from "../Wasm/Answer.ts"
import type { ErrorCodeName } from "../Wasm/ErrorCodes.ts"
import type { AccessLog } from "./AccessLog.ts"
import { answerAsset } from "./Assets.ts"
import { collectBody, hasBody } from "./Body.ts"
import type { EngineState } from "./Health.ts"
import type { HttpOptions } from "./Options.ts"
import { problemAnswer } from "./Problems.ts"
import { NO_SUCH_METHOD, NO_SUCH_PATH, RouteTable } from "./RouteTable.ts"
import type { GatewayService } from "./Service.ts"

/** What the gateway needs from around it. */
export interface GatewayPorts {
  readonly nowMs: () => number
  readonly awaitDurable: (lsn: number) => Effect.Effect<void, StorageError>
  /** Waits until the engine has room for a writer. */
  readonly admitWrite: Effect.Effect<void, StorageError>
  readonly health: () => EngineState
  readonly fork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>
  readonly accessLog: AccessLog
  /** Starts every request id this process makes. */
  readonly requestIdPrefix: string
}

/** A module with the table of its routes. */
interface Site {
  readonly service: GatewayService
  readonly table: RouteTable
}

interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly method: string
  /** Path and query, as they came. */
  readonly target: string
  readonly path: string
  readonly query: string
  readonly requestId: string
  readonly startedMs: number
}

const REQUEST_ID = /^[\x21-\x7e]{1,128}$/
const HEALTH_PATH = "/_planck/health"
const RETRY_AFTER_SECONDS = "1"
const EMPTY = new Uint8Array(0)

export class Gateway {
  inFlight = 0
  draining = false
  private site: Site | undefined
  private requestNumber = 0
  private readonly waiting = new Set<Fiber.Fiber<void>>()
  private readonly idle: Array<() => void> = []
  private readonly options: HttpOptions
  private readonly ports: GatewayPorts

  constructor(options: HttpOptions, ports: GatewayPorts) {
    this.options = options
    this.ports = ports
  }

  /** From the next request on, this service answers; requests under way end with the one that began them. */
  serve(service: GatewayService): void {
    this.site = { service, table: new RouteTable(service.routes) }
  }

  /** Calls back once no request is under way. */
  whenIdle(done: () => void): void {
    if (this.inFlight === 0) done()
    else this.idle.push(done)
  }

  /** Gives up on the requests that are still waiting. */
  interruptAll(): void {
    for (const fiber of this.waiting) fiber.interruptUnsafe()
  }

  /** The listener of the server's `request` event. */
  readonly accept = (request: IncomingMessage, response: ServerResponse): void => {
    const exchange = this.begin(request, response)
    this.inFlight++
    response.on("close", this.finished)
    const fiber = this.ports.fork(this.run(exchange))
    fiber.addObserver((exit) => {
      if (Exit.isFailure(exit)) this.broken(exchange)
    })
    if (fiber.pollUnsafe() !== undefined) return
    this.waiting.add(fiber)
    fiber.addObserver(() => this.waiting.delete(fiber))
    response.once("close", () => fiber.interruptUnsafe())
  }

  private begin(request: IncomingMessage, response: ServerResponse): Exchange {
    const target = request.url ?? "/"
    const mark = target.indexOf("?")
    const offered = request.headers["x-request-id"]
    return {
      request,
      response,
      method: request.method ?? "GET",
      target,
      path: mark < 0 ? target : target.slice(0, mark),
      query: mark < 0 ? "" : target.slice(mark + 1),
      requestId:
        typeof offered === "string" && REQUEST_ID.test(offered)
          ? offered
          : `${this.ports.requestIdPrefix}${(this.requestNumber++).toString(36)}`,
      startedMs: this.ports.nowMs()
    }
  }

  /** One function for all exchanges: a listener of its own for each would be garbage of each. */
  private readonly finished = (): void => {
    this.inFlight--
    if (this.inFlight === 0) for (const done of this.idle.splice(0)) done()
  }

  /** Decides what the request is for; everything that needs no waiting is answered here and now. */
  private run(exchange: Exchange): Effect.Effect<void> {
    return Effect.suspend(() => {
      const refusal = this.refusal(exchange)
      if (refusal !== undefined) return this.problem(exchange, refusal)
      const site = this.site
      if (site === undefined) return this.problem(exchange, "no_service")
      const kept = exchange.method === "GET" && !hasBody(exchange.request) ? site.service.kept(exchange.target) : undefined
      if (kept !== undefined) return this.answer(exchange, site, kept)
      if (exchange.method === "OPTIONS" && exchange.path === "*") return this.allow(exchange, "GET, HEAD, OPTIONS, POST")
      const index = site.table.find(exchange.method, exchange.path)
      if (index < 0 || site.table.params.length > 0) {
        const asset = this.asset(site, exchange)
        if (asset) return Effect.void
      }
      if (index === NO_SUCH_METHOD && exchange.method === "OPTIONS") return this.allow(exchange, site.table.allow)
      if (index === NO_SUCH_METHOD) return this.problem(exchange, "method_not_allowed", ["allow", site.table.allow])
      if (index === NO_SUCH_PATH) return this.problem(exchange, "route_not_found")
      return this.route(exchange, site, index, site.table.params)
    })
  }

  private refusal(exchange: Exchange): ErrorCodeName | undefined {
    if (this.inFlight > this.options.requestsInFlightMax) return "overloaded"
    if (exchange.path.length + exchange.query.length + 1 > this.options.targetBytesMax) return "target_too_long"
    if (exchange.path.charCodeAt(0) !== 47 && exchange.path !== "*") return "malformed_request"
    return undefined
  }

  private route(exchange: Exchange, site: Site, index: number, params: ReadonlyArray<string>): Effect.Effect<void> {
    const writes = site.service.routes[index]?.writes === true
    if (!hasBody(exchange.request))
      return writes ? this.admitted(exchange, site, index, params, undefined) : this.call(exchange, site, index, params, undefined)
    if (exchange.request.headers["content-encoding"] !== undefined)
      return this.problem(exchange, "unsupported_content_encoding", ["accept-encoding", "identity"])
    return Effect.flatMap(this.body(exchange), (body) => {
      if (body === undefined) return this.problem(exchange, "body_too_large", ["connection", "close"])
      return writes ? this.admitted(exchange, site, index, params, body) : this.call(exchange, site, index, params, body)
    })
  }

  /** The whole body; `undefined` when it is larger than allowed. A client that leaves interrupts the fiber. */
  private body(exchange: Exchange): Effect.Effect<Uint8Array | undefined> {
    return Effect.callback((resume) => {
      const stop = collectBody(exchange.request, this.options.bodyBytesMax, {
        complete: (body) => resume(Effect.succeed(body)),
        tooLarge: () => resume(Effect.succeed(undefined)),
        aborted: () => resume(Effect.interrupt)
      })
      return Effect.sync(stop)
    })
  }

  private admitted(
    exchange: Exchange,
    site: Site,
    index: number,
    params: ReadonlyArray<string>,
    body: Uint8Array | undefined
  ): Effect.Effect<void> {
    return Effect.matchEffect(this.ports.admitWrite, {
      onFailure: () => this.problem(exchange, "read_only"),
      onSuccess: () => this.call(exchange, site, index, params, body)
    })
  }

  /** Calls the handler, and answers now or when what the answer rests on is on disk. */
  private call(
    exchange: Exchange,
    site: Site,
    index: number,
    params: ReadonlyArray<string>,
    body: Uint8Array | undefined
  ): Effect.Effect<void> {
    return Effect.suspend(() => {
      const answer = site.service.handle(index, {
        method: exchange.method,
        path: exchange.path,
        params,
        query: exchange.query,
        headers: exchange.request.headers,
        body,
        contentType: exchange.request.headers["content-type"],
        requestId: exchange.requestId,
        nowMs: exchange.startedMs
      })
      if (answer.waitLsn === 0) return this.answer(exchange, site, answer)
      return this.ports.awaitDurable(answer.waitLsn).pipe(
        Effect.matchEffect({
          onFailure: () => {
            site.service.release(answer)
            return this.problem(exchange, "outcome_unknown")
          },
          onSuccess: () => this.answer(exchange, site, answer)
        }),
        Effect.onInterrupt(() => Effect.sync(() => site.service.release(answer)))
      )
    })
  }

  private answer(exchange: Exchange, site: Site, answer: Answer): Effect.Effect<void> {
    this.send(exchange, answer.status, answer.headers, answer.body, () => site.service.release(answer))
    return Effect.void
  }

  private asset(site: Site, exchange: Exchange): boolean {
    if ((exchange.method !== "GET" && exchange.method !== "HEAD") || (site.service.assets.size === 0 && exchange.path !== HEALTH_PATH))
      return false
    if (exchange.path === HEALTH_PATH) {
      const state = this.ports.health()
      const headers = ["content-type", "application/json", "cache-control", "no-store"]
      this.send(exchange, state === "ok" ? 200 : 503, headers, `{"status":"${state}"}`, undefined)
      return true
    }
    const asset = site.service.assets.get(decoded(exchange.path))
    if (asset === undefined) return false
    const answer = answerAsset(asset, exchange.request.headers)
    this.send(exchange, answer.status, answer.headers, answer.body, undefined)
    return true
  }

  private allow(exchange: Exchange, allow: string): Effect.Effect<void> {
    this.send(exchange, 204, ["allow", allow], undefined, undefined)
    return Effect.void
  }

  private problem(exchange: Exchange, code: ErrorCodeName, extra: ReadonlyArray<string> = []): Effect.Effect<void> {
    const answer = problemAnswer(code, exchange.requestId)
    const retry = answer.retryable ? ["retry-after", RETRY_AFTER_SECONDS] : []
    this.send(exchange, answer.status, [...answer.headers, ...retry, ...extra], answer.body, undefined)
    return Effect.void
  }

  /** A fiber that failed or was interrupted: the client gets a 500 if nothing was sent yet, else the connection ends. */
  private broken(exchange: Exchange): void {
    if (exchange.response.headersSent || exchange.response.destroyed) exchange.response.destroy()
    else Effect.runSync(this.problem(exchange, "internal", ["connection", "close"]))
  }

  private send(
    exchange: Exchange,
    status: number,
    headers: ReadonlyArray<string>,
    body: Uint8Array | string | undefined,
    release: (() => void) | undefined
  ): void {
    const { response } = exchange
    const fields = headers.slice()
    const bodiless = status === 204 || status === 304
    if (!bodiless) fields.push("content-length", String(body?.length ?? 0))
    fields.push("x-request-id", exchange.requestId)
    if (this.draining) fields.push("connection", "close")
    response.writeHead(status, fields)
    if (bodiless || body === undefined || exchange.method === "HEAD") {
      response.end()
      release?.()
    } else if (typeof body === "string") {
      response.end(body, "latin1")
      release?.()
    } else response.end(body.length === 0 ? EMPTY : body, release)
    const { accessLog } = this.ports
    if (accessLog.wants(status))
      accessLog.note(exchange.method, exchange.path, status, exchange.requestId, this.ports.nowMs() - exchange.startedMs)
  }
}

function decoded(path: string): string {
  if (!path.includes("%")) return path
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}
