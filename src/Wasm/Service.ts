/**
 * A loaded module at work: a request goes in, an answer comes out, in one synchronous step.
 *
 * Invariants
 * - One call is one transaction: a reply commits it, everything else rolls it back. A handler that only reads has a durable snapshot and no transaction.
 * - Nothing leaves before it is durable: `waitLsn` of a writing handler's answer is its commit, or, when nothing was committed, the newest commit it may
 *   have seen (an answer 404 rests on data as much as a 200). An answer from the snapshot waits for nothing.
 * - The answer is complete before the commit: behind the commit nothing can fail any more.
 * - `handle` never throws. What goes wrong inside is a problem answer for the client and a line in the log; only in development do details go out.
 * - Whatever leaves the guest as an exception, or had to be stopped, costs the instance: the pool's spare serves the next request.
 */
import { validate, type ValidateLimits } from "../Bson/Validate.ts"
import { encode, type Value } from "../Bson/Value.ts"
import { Executor } from "../Query/Executor.ts"
import type { QueryLimits } from "../Query/Reasons.ts"
import type { StatementLog } from "../Query/StatementLog.ts"
import { seenLsn } from "../Storage/Admission.ts"
import type { ChangeTable } from "../Storage/ChangeTable.ts"
import { Footprint } from "../Storage/Footprint.ts"
import type { Reader, Snapshot, Store, Transaction } from "../Storage/Reader.ts"
import type { Answer, Request } from "./Answer.ts"
import { AnswerCache } from "./AnswerCache.ts"
import { Answers, ServiceAnswer } from "./Answers.ts"
import type { Asset } from "./Assets.ts"
import { ConfigValues, type ConfigSource } from "./ConfigValues.ts"
import { ERROR_CODES } from "./ErrorCodes.ts"
import { type Failure, failureOf, failureOfGuest, type GuestFailure } from "./ErrorDocument.ts"
import { SOURCE_FILE } from "./Evaluation.ts"
import { Host, type HostPorts } from "./Host.ts"
import type { Instance } from "./Instance.ts"
import { DEFAULT_LIMITS, type Limits } from "./Limits.ts"
import { GuestLog, type LogPort } from "./Log.ts"
import type { Manifest, Method } from "./Manifest.ts"
import type { Module } from "./Module.ts"
import { Operations } from "./Operations.ts"
import { Pool, type Schedule } from "./Pool.ts"
import { problem } from "./Problem.ts"
import { callFault, isCallFault } from "./Reasons.ts"
import { Reply } from "./Reply.ts"
import { RequestDocument, type RouteReader } from "./RequestDocument.ts"
import { type RoutePattern, parsePattern, isPatternProblem } from "./RoutePattern.ts"
import { readTemplates } from "./Templates.ts"
import { SourceMap } from "./SourceMap.ts"

/** What a service needs of the engine below it. */
export interface ServiceEngine {
  readonly durableLsn: number
  readonly awaitedLsn: number
  readonly store: (name: string) => Store | undefined
  readonly changes: ChangeTable
  readonly snapshot: (footprint?: Footprint) => Snapshot
  readonly transact: () => Transaction
  readonly share: { readonly budget: { readonly databases: number } }
}

/** What a service takes from outside. */
export interface ServicePorts extends HostPorts {
  readonly log: LogPort
  readonly schedule: Schedule
}

/** How a service is set up. */
export interface ServiceOptions {
  readonly module: Module
  readonly engine: ServiceEngine
  readonly ports: ServicePorts
  readonly config?: ConfigSource
  /** The path that its own paths are below. */
  readonly mountPath?: string
  readonly limits?: Partial<Limits>
  readonly queryLimits?: Partial<QueryLimits>
  /** Where the cost of statements is noted. */
  readonly statementLog?: StatementLog
  /** What cursors are signed with; see `ExecutorOptions`. */
  readonly cursorSecret?: Uint8Array
  /** Whether details of a failure go into the answer. */
  readonly development?: boolean
  /** Whether every call gets an instance that has served none: then what a handler leaves in a variable shows at once to be no state. */
  readonly freshInstances?: boolean
}

/** A route, as the gateway matches it. Its place in `Service.routes` is its index. */
export interface ServiceRoute {
  readonly method: Method
  readonly pattern: RoutePattern
  readonly writes: boolean
}

interface BoundRoute extends ServiceRoute, RouteReader {
  readonly handlerName: string
  readonly handler: number
  /** Whether its answers may be kept: it only reads, and what it is told is in the request's target. */
  readonly isKeepable: boolean
}

/** A share of its memory limit beyond which an instance is replaced after a call: a guest's memory never shrinks. */
export const RETIRE_SHARE = 0.5
/** The one status whose answers are kept. */
const STATUS_OK = 200

export class Service {
  readonly manifest: Manifest
  /** SHA-256 of the module's file. */
  readonly hash: string
  readonly routes: ReadonlyArray<ServiceRoute>
  /** Static files by decoded path, which starts with `/`. */
  readonly assets: ReadonlyMap<string, Asset>

  private readonly bound: ReadonlyArray<BoundRoute>
  private readonly engine: ServiceEngine
  private readonly host: Host
  private readonly log: GuestLog
  private readonly pool: Pool
  private readonly operations: Operations
  private readonly answers: Answers
  private readonly reply = new Reply()
  private readonly document = new RequestDocument()
  private readonly cache: AnswerCache | undefined
  private readonly footprint = new Footprint()
  private readonly replyLimits: ValidateLimits
  private readonly retireBytes: number
  private readonly development: boolean
  private readonly sourcemap: () => SourceMap | undefined

  /**
   * Sets a module up on an engine that has its stores. Throws a Fault with a `WasmReason`: `InvalidConfiguration`, `InvalidSection` (templates) or
   * `StartFailed`.
   */
  constructor(options: ServiceOptions) {
    const { module, engine, ports } = options
    const { manifest } = module
    const limits = limitsOf(manifest, options.limits)
    const config = ConfigValues.read(manifest, options.config ?? {})
    const stores = new Set(manifest.stores.map((store) => store.name))
    this.manifest = manifest
    this.hash = module.hash
    this.assets = module.assets
    this.engine = engine
    this.development = options.development ?? false
    this.replyLimits = { documentBytesMax: limits.replyBytesMax }
    this.retireBytes = options.freshInstances === true ? 0 : limits.memoryBytes * RETIRE_SHARE
    this.answers = new Answers(limits)
    this.log = new GuestLog(ports.log, manifest.name, limits.logLinesMax, (text) => config.redact(text))
    this.host = new Host(ports, this.log, limits)
    this.cache = limits.answerCacheBytesMax === 0 ? undefined : new AnswerCache(engine.changes, limits.answerCacheBytesMax)
    this.operations = new Operations({
      executor: new Executor({
        store: (name) => (stores.has(name) ? engine.store(name) : undefined),
        sharers: () => engine.share.budget.databases,
        now: ports.monotonicMs,
        ...(options.statementLog === undefined ? {} : { log: options.statementLog }),
        ...(options.cursorSecret === undefined ? {} : { cursorSecret: options.cursorSecret }),
        ...(options.queryLimits === undefined ? {} : { limits: options.queryLimits }),
        ...(this.development ? { onUnbounded: (advice: string) => this.log.write("warning", advice, { code: "no_index" }) } : {})
      }),
      renderer: readTemplates(module.templates, limits.answerBytesMax, options.mountPath ?? ""),
      config,
      mountPath: options.mountPath ?? "",
      answers: this.answers
    })
    this.bound = bindRoutes(manifest)
    this.routes = this.bound
    this.sourcemap = lazily(() => (module.sourcemap === undefined ? undefined : SourceMap.read(module.sourcemap)))
    this.pool = new Pool(
      module.compiled,
      manifest.handlers.map((handler) => handler.export),
      this.host,
      limits.memoryBytes,
      ports.schedule
    )
  }

  /** Instances that had to be replaced so far. */
  get replacedInstances(): number {
    return this.pool.replaced
  }

  /**
   * Runs the handler of a route to its answer, in one synchronous step. Never throws.
   * Keep the answer until `waitLsn` is durable, send it, then `release` it.
   */
  handle(routeIndex: number, request: Request): Answer {
    try {
      const route = this.bound[routeIndex]
      if (route === undefined) throw new RangeError(`no route ${routeIndex}`)
      this.log.begin(route.handlerName, request.requestId)
      const answer = this.answer(route, request)
      this.log.end()
      return answer
    } catch (error) {
      return this.failed(failureOf(error), request, seenLsn(this.engine), undefined)
    }
  }

  /** The answer to a GET for this target (path and query, without a body) that was given before and still holds, if there is one. */
  kept(target: string): Answer | undefined {
    return this.cache?.find(target)
  }

  /** Gives back an answer whose bytes are with the socket. */
  release(answer: Answer): void {
    this.answers.release(answer)
  }

  /** Lets go of the instances. Answers that are still out stay valid. */
  close(): void {
    this.pool.close()
  }

  private answer(route: BoundRoute, request: Request): Answer {
    try {
      this.document.write(route, request)
    } catch (error) {
      return this.failed(failureOf(error), request, 0, undefined)
    }
    return route.writes ? this.writing(route, request) : this.reading(route, request)
  }

  private reading(route: BoundRoute, request: Request): Answer {
    const isKeepable = route.isKeepable && request.method === "GET" && request.body === undefined
    const cache = isKeepable && this.cache?.admits(targetOf(request)) === true ? this.cache : undefined
    const { footprint } = this
    footprint.reset()
    let snapshot: Snapshot
    try {
      snapshot = this.engine.snapshot(cache && footprint)
    } catch (error) {
      return this.failed(failureOf(error), request, 0, undefined)
    }
    try {
      const answer = this.call(route, request, snapshot, undefined)
      if (answer.status === STATUS_OK && this.host.isRepeatable) cache?.keep(targetOf(request), answer, snapshot.lsn, footprint)
      return answer
    } finally {
      snapshot.close()
    }
  }

  private writing(route: BoundRoute, request: Request): Answer {
    let transaction: Transaction
    try {
      transaction = this.engine.transact()
    } catch (error) {
      return this.failed(failureOf(error), request, seenLsn(this.engine), undefined)
    }
    return this.call(route, request, transaction, transaction)
  }

  /** Calls the guest, and ends the transaction if there is one. */
  private call(route: BoundRoute, request: Request, reader: Reader, transaction: Transaction | undefined): Answer {
    const { host, operations, answers, reply } = this
    let instance: Instance | undefined
    let pending = transaction
    try {
      instance = this.pool.take()
      operations.begin(reader, transaction)
      host.begin(operations, request.nowMs)
      const at = instance.run(route.handler, this.document.bytes, this.document.length)
      host.end()
      const memory = instance.memory()
      if (host.fatal !== undefined || at === 0) return this.unfinished(request, pending)
      this.readReply(memory, at)
      const answer = answers.answer(reply, memory, 0)
      if (transaction !== undefined) {
        pending = undefined
        this.settle(transaction, answer, reply.rollsBack)
      }
      this.afterReply(instance)
      return answer
    } catch (error) {
      return this.broken(error, request, pending, transaction !== undefined)
    } finally {
      host.end()
      operations.end()
    }
  }

  private readReply(memory: Uint8Array, at: number): void {
    try {
      validate(memory, at, memory.length, this.replyLimits)
    } catch (error) {
      if (failureOf(error).code !== "bad_argument") throw error
      throw callFault("bad_reply", `the reply is no document: ${error instanceof Error ? error.message : String(error)}`)
    }
    this.reply.read(memory, at)
  }

  /** Ends the transaction of a call that answered. An answer that cannot be committed is given back. */
  private settle(transaction: Transaction, answer: ServiceAnswer, rollsBack: boolean): void {
    try {
      if (rollsBack) transaction.rollback()
      else transaction.commit()
      answer.waitLsn = seenLsn(this.engine)
    } catch (error) {
      this.answers.release(answer)
      throw error
    }
  }

  /** The guest came back without a reply, or with one that does not count. */
  private unfinished(request: Request, transaction: Transaction | undefined): Answer {
    transaction?.rollback()
    const waitLsn = transaction === undefined ? 0 : seenLsn(this.engine)
    const { fatal, failure } = this.host
    if (fatal !== undefined || failure?.code === "out_of_memory" || failure?.code === "stack_overflow") this.pool.replace()
    if (fatal !== undefined) return this.failed(fatal, request, waitLsn, failure)
    if (failure === undefined) {
      return this.failed(
        { code: "handler_failed", message: "the handler returned 0 without saying why", fields: {} },
        request,
        waitLsn,
        undefined
      )
    }
    const thrown = failure.code === "problem" ? this.thrownProblem(failure, waitLsn) : undefined
    return thrown ?? this.failed(failureOfGuest(failure), request, waitLsn, failure)
  }

  /** The answer of a problem that a handler threw; undefined when it is none. */
  private thrownProblem(failure: GuestFailure, waitLsn: number): Answer | undefined {
    try {
      const { problem, headers } = failure.document
      const bytes = encode({ kind: "problem", problem: problem as Value, ...(headers === undefined ? {} : { headers }) })
      this.reply.read(bytes, 0)
      return this.answers.answer(this.reply, bytes, waitLsn)
    } catch {
      return undefined
    }
  }

  /** Something threw: a trap, a nonsense reply, a refused commit, or a bug. */
  private broken(error: unknown, request: Request, pending: Transaction | undefined, writing: boolean): Answer {
    pending?.rollback()
    const { fatal } = this.host
    const failure = fatal ?? failureOfTrap(error)
    if (fatal !== undefined || isGuestFrame(error)) this.pool.replace()
    return this.failed(failure, request, writing ? seenLsn(this.engine) : 0, this.host.failure)
  }

  private afterReply(instance: Instance): void {
    try {
      instance.reset()
    } catch (error) {
      this.log.write("error", "the guest failed after its reply", { cause: String(error) })
      this.pool.replace()
      return
    }
    if (instance.memoryBytes > this.retireBytes) this.pool.replace()
  }

  /** The problem answer of a failure, and its line in the log. */
  private failed(failure: Failure, request: Request, waitLsn: number, guest: GuestFailure | undefined): Answer {
    const { status } = ERROR_CODES[failure.code]
    const stack = guest?.stack === undefined ? undefined : this.mapStack(guest.stack)
    const open = status < 500 || this.development
    if (status >= 500 || guest !== undefined) {
      this.log.write(status >= 500 ? "error" : "warning", failure.message, {
        code: failure.code,
        ...failure.fields,
        ...(stack === undefined ? {} : { stack }),
        ...(failure.cause === undefined ? {} : { cause: describe(failure.cause) })
      })
    }
    const { headers, body } = problem(failure.code, open ? failure.message : undefined, {
      requestId: request.requestId,
      fields: this.development && stack !== undefined ? { ...failure.fields, stack } : open ? failure.fields : {}
    })
    return new ServiceAnswer(status, headers, body, waitLsn)
  }

  private mapStack(stack: string): ReadonlyArray<string> {
    const mapped = this.sourcemap()?.mapStack(stack, SOURCE_FILE) ?? stack
    return mapped.split("\n").flatMap((line) => (line.trim() === "" ? [] : [line.trim()]))
  }
}

/** What the host allows a module, which may ask for less. */
export function limitsOf(manifest: Manifest, given: Partial<Limits> | undefined): Limits {
  const limits = { ...DEFAULT_LIMITS, ...given }
  return {
    ...limits,
    deadlineMs: Math.min(limits.deadlineMs, manifest.limits.deadlineMs ?? limits.deadlineMs),
    memoryBytes: Math.min(limits.memoryBytes, manifest.limits.memoryBytes ?? limits.memoryBytes)
  }
}

function bindRoutes(manifest: Manifest): ReadonlyArray<BoundRoute> {
  return manifest.routes.map((route) => {
    const pattern = parsePattern(route.pattern)
    if (isPatternProblem(pattern)) throw callFault("internal", pattern.message)
    return {
      method: route.method,
      pattern,
      writes: route.writes,
      handlerName: route.handler,
      handler: manifest.handlers.findIndex((handler) => handler.name === route.handler),
      isKeepable: route.method === "GET" && !route.writes && route.input?.headers === undefined,
      ...RequestDocument.prepare(route, pattern)
    }
  })
}

const targetOf = ({ path, query }: Request): string => (query === "" ? path : `${path}?${query}`)

/** What an exception that came out of a call means. */
function failureOfTrap(error: unknown): Failure {
  if (error instanceof WebAssembly.RuntimeError)
    return { code: "guest_trapped", message: `the guest trapped: ${error.message}`, fields: {} }
  if (error instanceof RangeError && error.message.includes("call stack"))
    return { code: "stack_overflow", message: "the guest overflowed the stack", fields: {} }
  return failureOf(error)
}

/** Whether an exception has (or may have) crossed the guest's frames; a nonsense reply or a refused commit has not. */
function isGuestFrame(error: unknown): boolean {
  return !isCallFault(error)
    ? failureOf(error).code === "internal"
    : error.reason.code !== "bad_reply" && error.reason.code !== "answer_too_large"
}

function describe(cause: unknown): string {
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
}

function lazily<A>(make: () => A): () => A {
  let made: { readonly value: A } | undefined
  return () => (made ??= { value: make() }).value
}
