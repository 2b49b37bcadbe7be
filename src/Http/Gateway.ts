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
import type { ServerResponse } from "node:http"
import type { Answer } from "../Wasm/Answer.ts"
import type { ErrorCodeName } from "../Wasm/ErrorCodes.ts"
import { problem } from "../Wasm/Problem.ts"
import type { AccessLog } from "./AccessLog.ts"
import { answerAsset } from "./Assets.ts"
import type { Incoming } from "./Body.ts"
import { Exchange, type Reply } from "./Exchange.ts"
import { healthAnswer, healthOfAll, healthOfOne } from "./Health.ts"
import type { LivePages } from "./LivePages.ts"
import type { HttpOptions } from "./Options.ts"
import { Outbox } from "./Outbox.ts"
import { NO_SUCH_METHOD, NO_SUCH_PATH } from "./RouteTable.ts"
import { type Served, type Site, Sites } from "./Sites.ts"

/** What the gateway needs from around it. */
export interface GatewayPorts {
  readonly nowMs: () => number
  /** Runs a task once the event loop has handled what it has read. */
  readonly afterTurn: (task: () => void) => void
  readonly fork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>
  readonly accessLog: AccessLog
  /** Starts every request id this process makes. */
  readonly requestIdPrefix: string
  /** Lets pages follow the build; only while a service is being written. */
  readonly livePages: LivePages | undefined
}

/** The service that a request is for, as it is when the request comes. */
interface Target extends Served {
  readonly site: Site
}

const HEALTH_PATH = "/_planck/health"
const RESERVED_PATH = "/_planck/"
const EMPTY = new Uint8Array(0)

export class Gateway {
  inFlight = 0
  private isDraining = false
  /** The services and their places. */
  readonly sites = new Sites()
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

  /** Connections are closed with their next answer, and those that only listen at once. */
  drain(): void {
    this.isDraining = true
    this.ports.livePages?.end()
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
  readonly accept = (request: Incoming, response: ServerResponse): void => {
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
    if (exchange.method === "OPTIONS" && exchange.path === "*") return this.allow(exchange, "GET, HEAD, OPTIONS, POST")
    if (this.sites.isShared || this.ports.livePages !== undefined) {
      if (exchange.path.startsWith(RESERVED_PATH) && this.reserved(exchange)) return
    }
    const site = this.sites.find(exchange)
    if (site === undefined) return this.nowhere(exchange)
    if (site.mount.path !== "" && !exchange.enter(site.mount.path)) return this.toSlash(exchange, site)
    const { served } = site
    if (served === undefined) return this.unserved(exchange)
    this.decideIn(exchange, { site, ...served })
  }

  /** Decides within a service; the path of the exchange is below its mount. */
  private decideIn(exchange: Exchange, target: Target): void {
    const { service, table } = target
    const kept = exchange.method === "GET" && !exchange.hasBody ? service.kept(exchange.target) : undefined
    if (kept !== undefined) return this.answer(exchange, target, kept)
    const index = table.find(exchange.method, exchange.path)
    if (index < 0 || table.params.length > 0) {
      const asset = this.asset(target, exchange)
      if (asset) return
    }
    if (index === NO_SUCH_METHOD && exchange.method === "OPTIONS") return this.allow(exchange, table.allow)
    if (index === NO_SUCH_METHOD) return this.problem(exchange, "method_not_allowed", ["allow", table.allow])
    if (index === NO_SUCH_PATH) return this.problem(exchange, "route_not_found")
    exchange.params = table.params
    this.route(exchange, target, index)
  }

  /** Answers what is asked of the process and not of a service; whether it was that. */
  private reserved(exchange: Exchange): boolean {
    const { livePages } = this.ports
    if (livePages !== undefined && livePages.owns(exchange.path)) {
      const reply = livePages.answer(exchange)
      if (reply !== undefined) this.reply(exchange, reply.status, reply.headers, reply.body, undefined)
      return true
    }
    if (!this.sites.isShared || exchange.path !== HEALTH_PATH || !isRead(exchange)) return false
    this.replyHealth(exchange, healthAnswer(healthOfAll(this.sites.all)))
    return true
  }

  private nowhere(exchange: Exchange): void {
    const page = this.ports.livePages?.nowhere(exchange, this.sites.all)
    if (page !== undefined) return this.reply(exchange, page.status, page.headers, page.body, undefined)
    this.problem(exchange, this.sites.all.length === 0 ? "no_service" : "route_not_found")
  }

  private unserved(exchange: Exchange): void {
    const page = this.ports.livePages?.unserved(exchange)
    if (page !== undefined) return this.reply(exchange, page.status, page.headers, page.body, undefined)
    this.problem(exchange, "no_service")
  }

  /** The mount's own path is that of a folder: without its slash, relative addresses of the page would lead elsewhere. */
  private toSlash(exchange: Exchange, { mount }: Site): void {
    const query = exchange.query === "" ? "" : `?${exchange.query}`
    this.reply(exchange, 307, ["location", `${mount.path}/${query}`], undefined, undefined)
  }

  private refusal(exchange: Exchange): ErrorCodeName | undefined {
    if (this.inFlight > this.options.requestsInFlightMax) return "overloaded"
    if (exchange.target.length > this.options.targetBytesMax) return "target_too_long"
    if (exchange.path.charCodeAt(0) !== 47 && exchange.path !== "*") return "malformed_request"
    return undefined
  }

  private route(exchange: Exchange, target: Target, index: number): void {
    if (!exchange.hasBody) return this.start(exchange, target, index)
    if (exchange.contentEncoding !== undefined)
      return this.problem(exchange, "unsupported_content_encoding", ["accept-encoding", "identity"])
    exchange.request.collect(exchange.contentLength, this.options.bodyBytesMax, {
      complete: (body) => {
        exchange.body = body
        this.guarded(exchange, () => this.start(exchange, target, index))
      },
      tooLarge: () => this.problem(exchange, "body_too_large", ["connection", "close"])
    })
  }

  /** Calls the handler here and now, but for one that may write while the engine has no room: that gets a fiber, which waits. */
  private start(exchange: Exchange, target: Target, index: number): void {
    if (target.service.routes[index]?.writes === true && !target.data.hasRoom()) return this.startWithRoom(exchange, target, index)
    this.call(exchange, target, index)
  }

  private startWithRoom(exchange: Exchange, target: Target, index: number): void {
    const fiber = this.ports.fork(
      Effect.match(target.data.admitWrite, {
        onFailure: () => this.problem(exchange, "read_only"),
        onSuccess: () => this.call(exchange, target, index)
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
  private call(exchange: Exchange, target: Target, index: number): void {
    const answer = target.service.handle(index, exchange)
    if (answer.waitLsn === 0) return this.answer(exchange, target, answer)
    target.data.whenDurable(answer.waitLsn, (error) => {
      if (error === undefined) return this.answer(exchange, target, answer)
      target.service.release(answer)
      this.problem(exchange, "outcome_unknown")
    })
  }

  private answer(exchange: Exchange, target: Target, answer: Answer): void {
    this.reply(exchange, answer.status, answer.headers, answer.body, () => target.service.release(answer))
  }

  private asset({ service, site }: Target, exchange: Exchange): boolean {
    if (!isRead(exchange) || (service.assets.size === 0 && exchange.path !== HEALTH_PATH)) return false
    if (exchange.path === HEALTH_PATH) {
      this.replyHealth(exchange, healthAnswer(healthOfOne(site)))
      return true
    }
    const asset = service.assets.get(decoded(exchange.path))
    if (asset === undefined) return false
    const answer = this.ports.livePages?.asset(exchange, asset) ?? answerAsset(asset, exchange.headers)
    this.reply(exchange, answer.status, answer.headers, answer.body, undefined)
    return true
  }

  private replyHealth(exchange: Exchange, { body, headers, status }: Omit<Reply, "release">): void {
    this.reply(exchange, status, headers, body, undefined)
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
    const { response } = exchange
    if (exchange.reply === undefined) return
    const reply = this.ports.livePages?.dress(exchange, exchange.reply) ?? exchange.reply
    exchange.reply = undefined
    if (response.destroyed) return reply.release?.()
    const { status, body, release } = reply
    const fields = reply.headers.slice()
    const bodiless = status === 204 || status === 304
    if (!bodiless) fields.push("content-length", String(body?.length ?? 0))
    fields.push("x-request-id", exchange.requestId)
    if (this.isDraining) fields.push("connection", "close")
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
      accessLog.note(exchange.method, exchange.fullPath, status, exchange.requestId, this.ports.nowMs() - exchange.nowMs)
  }
}

const isRead = ({ method }: Exchange): boolean => method === "GET" || method === "HEAD"

function decoded(path: string): string {
  if (!path.includes("%")) return path
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}
