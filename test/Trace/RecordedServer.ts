/**
 * The real server, in this process, on a real disk that is recorded, with real clients on real connections. Requests and answers go into the
 * same trace: a request when its head is read, an answer when the first of its bytes is about to be handed to the socket.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { subscribe, unsubscribe } from "node:diagnostics_channel"
import type { IncomingMessage, ServerResponse } from "node:http"
import { Disk } from "../../src/Disk/Disk.ts"
import { NodeVolume } from "../../src/Disk/NodeVolume.ts"
import * as Planck from "../../src/Planck.ts"
import { Connection } from "../Crash/Connection.ts"
import { SERVICE, SMALL_LIMITS, testSettings } from "../Crash/Small.ts"
import { type Ask, Drawing, isGivenUp, messageOf, type Numbers, type WorkloadOptions } from "../Crash/Workload.ts"
import { RecordingVolume, Trace } from "./RecordingVolume.ts"

export interface RecordedLife {
  readonly trace: Trace
  /** What each request of the trace asked for. */
  readonly asks: ReadonlyMap<string, Ask>
}

export interface LifeOptions {
  readonly module: Uint8Array
  /** Directory of all data, which exists. */
  readonly data: string
  readonly seed: number
  readonly requests: number
  readonly workload: WorkloadOptions
  readonly numbers: Numbers
  /** The newest version of each entry. */
  readonly versionOf: (id: number) => number
  readonly limits?: Planck.ServerOptions["storage"]
}

const CHANNEL = "http.server.request.start"

/** Serves, lets clients ask so many things, and ends in the middle of what else the server does. */
export async function recordLife(options: LifeOptions): Promise<RecordedLife> {
  const trace = new Trace()
  const asks = new Map<string, Ask>()
  const volume = new RecordingVolume(new NodeVolume(), trace)
  const server = Planck.Server.layer({
    directory: options.data,
    service: SERVICE,
    settings: testSettings,
    storage: { ...SMALL_LIMITS, ...options.limits }
  })
  const listener = (message: unknown): void => {
    const { request, response } = message as { readonly request: IncomingMessage; readonly response: ServerResponse }
    const id = request.headers["x-request-id"]
    if (typeof id === "string" && asks.has(id)) recordAnswer(trace, id, response)
  }
  subscribe(CHANNEL, listener)
  try {
    const program = Effect.gen(function* () {
      const { deploy, port } = yield* Planck.Server
      yield* deploy(options.module)
      yield* Effect.promise(() => loadAll(port, options, asks))
      // What comes later is the orderly end, which is a life too, but another one.
      return trace.events.length
    }).pipe(Effect.provide(server.pipe(Layer.provide(Layer.succeed(Disk, Disk.over(volume))), Layer.provideMerge(Logger.layer([])))))
    trace.events.length = await Effect.runPromise(program)
    return { trace, asks }
  } finally {
    unsubscribe(CHANNEL, listener)
  }
}

/** Notes the request, and its answer before the socket gets any of it. */
function recordAnswer(trace: Trace, id: string, response: ServerResponse): void {
  trace.add({ kind: "request", id })
  const end = response.end.bind(response) as (...rest: ReadonlyArray<unknown>) => ServerResponse
  response.end = (...rest: ReadonlyArray<unknown>): ServerResponse => {
    const [body] = rest
    const text = typeof body === "string" ? body : body instanceof Uint8Array ? Buffer.from(body).toString() : ""
    trace.add({ kind: "answer", id, status: response.statusCode, body: text })
    return end(...rest)
  }
}

async function loadAll(port: number, options: LifeOptions, asks: Map<string, Ask>): Promise<void> {
  const { numbers, requests, seed, workload } = options
  let left = requests
  const clients = Array.from({ length: workload.clients }, async (_, client) => {
    const versions = new Map<number, number>()
    const drawing = new Drawing(seed, client, workload, numbers, (id) => (versions.get(id) ?? options.versionOf(id)) + 1)
    const connection = new Connection(port)
    try {
      while (left-- > 0) {
        const ask = drawing.next()
        if (ask.kind === "put" || ask.kind === "delete") versions.set(ask.id, ask.version)
        const id = `${client}-${asks.size}`
        asks.set(id, ask)
        const answer = await connection.send(messageOf(ask), id)
        if (answer === undefined) throw new Error(`${JSON.stringify(ask)} got no answer`)
        if (isGivenUp(answer) && (ask.kind === "put" || ask.kind === "delete")) versions.set(ask.id, ask.version - 1)
      }
    } finally {
      connection.close()
    }
  })
  await Promise.all(clients)
}
