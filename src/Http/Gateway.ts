/**
 * One HTTP exchange from request to answer, over a plain `node:http` server.
 *
 * Invariants
 * - The body is collected first, then the service is called in one synchronous step. Who waits for room to write has a fiber, which ends when
 *   the client leaves; who waits for durability is called back. A read waits for nothing. After the call the commit stands, whoever left.
 * - No byte of an answer leaves before its `waitLsn` is durable. Answers that are ready leave together (`Outbox`).
 * - Every exchange ends in exactly one answer or a closed connection, and is counted in `inFlight` until then.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type { IncomingMessage, ServerResponse } from "node:http"
import type { StorageError } from "../Storage/Errors.ts"
import type { Answer } from "../Wasm/Answer.ts"
import type { ErrorCodeName } from "../Wasm/ErrorCodes.ts"
import { problem } from "../Wasm/Problem.ts"
import type { AccessLog } from "./AccessLog.ts"
import { answerAsset } from "./Assets.ts"
import { collectBody } from "./Body.ts"
import { Exchange, type Reply } from "./Exchange.ts"
import type { EngineState } from "./Health.ts"
import type { HttpOptions } from "./Options.ts"
import { Outbox } from "./Outbox.ts"
import { NO_SUCH_METHOD, NO_SUCH_PATH, RouteTable } from "./RouteTable.ts"
import type { GatewayService } from "./Service.ts"

/** What the gateway needs from around it. */
export interface GatewayPorts {
  readonly nowMs: () => number
  /** Calls back, once, when the LSN is on disk, or with the error when that can no longer be known. */
  readonly whenDurable: (lsn: number, settled: (error: StorageError | undefined) => void) => void
  /** Whether a writer may begin in this turn. */
  readonly hasRoom: () => boolean
  /** Waits until one may. */
  readonly admitWrite: Effect.Effect<void, StorageError>
  readonly health: () => EngineState
  /** Runs a task once the event loop has handled what it has read. */
  readonly afterTurn: (task: () => void) => void
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

const HEALTH_PATH = "/_planck/health"
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
  private readonly outbox: Outbox

  constructor(options: HttpOptions, ports: GatewayPorts) {
    this.options = options
    this.ports = ports
    this.outbox = new Outbox(options.answersHeldMax, {
      send: (exchange) => this.send(exchange),
      failed: (exchange) => this.broken(exchange),
      nowMs: ports.nowMs,
      afterTurn: ports.afterTurn
    })
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
    const exchange = new Exchange(request, response, this.ports.nowMs(), this.makeId)
    this.inFlight++
    response.on("close", this.finished)
    this.guarded(exchange, () => this.decide(exchange))
  }

  private readonly makeId = (): string => `${this.ports.requestIdPrefix}${(this.requestNumber++).toString(36)}`

  /** One function for all exchanges: a listener of its own for each would be garbage of each. */
  private readonly finished = (): void => {
    this.inFlight--
    if (this.inFlight === 0) for (const done of this.idle.splice(0)) done()
  }

  /** Decides what the request is for; everything that needs no waiting is answered here and now. */
  private decide(exchange: Exchange): void {
    const refusal = this.refusal(exchange)
    if (refusal !== undefined) return this.problem(exchange, refusal)
    const site = this.site
    if (site === undefined) return this.problem(exchange, "no_service")
    const kept = exchange.method === "GET" && !exchange.hasBody ? site.service.kept(exchange.target) : undefined
    if (kept !== undefined) return this.answer(exchange, site, kept)
    if (exchange.method === "OPTIONS" && exchange.path === "*") return this.allow(exchange, "GET, HEAD, OPTIONS, POST")
    const index = site.table.find(exchange.method, exchange.path)
    if (index < 0 || site.table.params.length > 0) {
      const asset = this.asset(site, exchange)
      if (asset) return
    }
    if (index === NO_SUCH_METHOD && exchange.method === "OPTIONS") return this.allow(exchange, site.table.allow)
    if (index === NO_SUCH_METHOD) return this.problem(exchange, "method_not_allowed", ["allow", site.table.allow])
    if (index === NO_SUCH_PATH) return this.problem(exchange, "route_not_found")
    exchange.params = site.table.params
    this.route(exchange, site, index)
  }

  private refusal(exchange: Exchange): ErrorCodeName | undefined {
    if (this.inFlight > this.options.requestsInFlightMax) return "overloaded"
    if (exchange.target.length > this.options.targetBytesMax) return "target_too_long"
    if (exchange.path.charCodeAt(0) !== 47 && exchange.path !== "*") return "malformed_request"
    return undefined
  }

  private route(exchange: Exchange, site: Site, index: number): void {
    if (!exchange.hasBody) return this.start(exchange, site, index)
    if (exchange.contentEncoding !== undefined)
      return this.problem(exchange, "unsupported_content_encoding", ["accept-encoding", "identity"])
    collectBody(exchange.request, exchange.contentLength, this.options.bodyBytesMax, {
      complete: (body) => {
        exchange.body = body
        this.guarded(exchange, () => this.start(exchange, site, index))
      },
      tooLarge: () => this.problem(exchange, "body_too_large", ["connection", "close"])
    })
  }

  /** Calls the handler here and now, but for one that may write while the engine has no room: that gets a fiber, which waits. */
  private start(exchange: Exchange, site: Site, index: number): void {
    if (site.service.routes[index]?.writes === true && !this.ports.hasRoom()) return this.startWithRoom(exchange, site, index)
    this.call(exchange, site, index)
  }

  private startWithRoom(exchange: Exchange, site: Site, index: number): void {
    const fiber = this.ports.fork(
      Effect.match(this.ports.admitWrite, {
        onFailure: () => this.problem(exchange, "read_only"),
        onSuccess: () => this.call(exchange, site, index)
      })
    )
    if (fiber.pollUnsafe() === undefined) {
      this.waiting.add(fiber)
      exchange.response.once("close", () => fiber.interruptUnsafe())
    }
    fiber.addObserver((exit) => {
      this.waiting.delete(fiber)
      if (Exit.isFailure(exit)) this.broken(exchange)
    })
  }

  /** Calls the handler, and answers when what the answer rests on is on disk. */
  private call(exchange: Exchange, site: Site, index: number): void {
    const answer = site.service.handle(index, exchange)
    if (answer.waitLsn === 0) return this.answer(exchange, site, answer)
    this.ports.whenDurable(answer.waitLsn, (error) => {
      if (error === undefined) return this.answer(exchange, site, answer)
      site.service.release(answer)
      this.problem(exchange, "outcome_unknown")
    })
  }

  private answer(exchange: Exchange, site: Site, answer: Answer): void {
    this.reply(exchange, answer.status, answer.headers, answer.body, () => site.service.release(answer))
  }

  private asset(site: Site, exchange: Exchange): boolean {
    if ((exchange.method !== "GET" && exchange.method !== "HEAD") || (site.service.assets.size === 0 && exchange.path !== HEALTH_PATH))
      return false
    if (exchange.path === HEALTH_PATH) {
      const state = this.ports.health()
      const headers = ["content-type", "application/json", "cache-control", "no-store"]
      this.reply(exchange, state === "ok" ? 200 : 503, headers, `{"status":"${state}"}`, undefined)
      return true
    }
    const asset = site.service.assets.get(decoded(exchange.path))
    if (asset === undefined) return false
    const answer = answerAsset(asset, exchange.headers)
    this.reply(exchange, answer.status, answer.headers, answer.body, undefined)
    return true
  }

  private allow(exchange: Exchange, allow: string): void {
    this.reply(exchange, 204, ["allow", allow], undefined, undefined)
  }

  private problem(exchange: Exchange, code: ErrorCodeName, extra: ReadonlyArray<string> = []): void {
    const { status, headers, body } = problem(code, undefined, { requestId: exchange.requestId })
    this.reply(exchange, status, extra.length === 0 ? headers : [...headers, ...extra], body, undefined)
  }

  /** Runs a step of an exchange; nothing it throws gets past here. */
  private guarded(exchange: Exchange, step: () => void): void {
    try {
      step()
    } catch {
      this.broken(exchange)
    }
  }

  /** A step threw, or a fiber was interrupted: the client gets a 500 if nothing was sent yet, else the connection ends. */
  private broken(exchange: Exchange): void {
    const { response } = exchange
    // What threw came after the answer, which is whole.
    if (exchange.reply !== undefined) return
    if (response.headersSent || response.destroyed || exchange.isBroken) return void response.destroy()
    exchange.isBroken = true
    this.problem(exchange, "internal", ["connection", "close"])
  }

  private reply(exchange: Exchange, status: number, headers: Reply["headers"], body: Reply["body"], release: Reply["release"]): void {
    exchange.reply = { status, headers, body, release }
    this.outbox.hold(exchange)
  }

  private send(exchange: Exchange): void {
    const { response, reply } = exchange
    if (reply === undefined) return
    exchange.reply = undefined
    if (response.destroyed) return reply.release?.()
    const { status, body, release } = reply
    const fields = reply.headers.slice()
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
      accessLog.note(exchange.method, exchange.path, status, exchange.requestId, this.ports.nowMs() - exchange.nowMs)
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
