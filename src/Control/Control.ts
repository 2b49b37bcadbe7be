/**
 * The door of a running server for its operator: a Unix socket in the locked directory, through which the command asks for what only the
 * owner of the directory can do.
 *
 * One request a connection, a line of JSON; the answer is lines of JSON: any number of `{ "progress": … }`, then `{ "result": … }` or
 * `{ "error": { code, message, details } }`.
 *
 * Invariants
 * - Whoever may enter the directory may ask, nobody else: the directory is its owner's alone (mode 700), and there is no other door.
 * - A client that goes away interrupts what it asked for.
 * - A leftover socket is removed before listening: only the holder of the directory's lock listens there.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { connect, createServer, type Server, type Socket } from "node:net"
import type { Volume } from "../Disk/Volume.ts"
import { ControlError } from "./Errors.ts"

export const SOCKET_NAME = "control.sock"
/** What the system takes as the path of a socket, in bytes. */
export const SOCKET_PATH_BYTES_MAX = 100
/** Of a request's line. */
const REQUEST_BYTES_MAX = 64 * 1024

/** What can be asked for. */
export type ControlRequest =
  | { readonly verb: "backup"; /** An absolute path. */ readonly target: string }
  | { readonly verb: "compact" }
  /** Where the database is, and what keeps space. */
  | { readonly verb: "status" }
  /** What statements cost, and which indexes they miss. */
  | { readonly verb: "advise" }
  /** The definitions of all stores. */
  | { readonly verb: "stores" }
  /** A statement in PQL that reads, with the values of its parameters as JSON. */
  | { readonly verb: "query"; readonly statement: string; readonly parameters: Readonly<Record<string, unknown>> }

/** How far a request is. */
export interface ControlProgress {
  readonly doneBytes: number
  readonly totalBytes: number
}

/** Answers a request. */
export type ControlHandler = (
  request: ControlRequest,
  onProgress: (progress: ControlProgress) => void
) => Effect.Effect<unknown, { readonly message: string; readonly reason: { readonly _tag: string } }>

/** Listens in `directory` for the scope. Where it cannot (a long path, a disk that is no file system), it says so in the log and does not. */
export const listen = (volume: Volume, directory: string, handler: ControlHandler): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const path = `${directory}/${SOCKET_NAME}`
    if (Buffer.byteLength(path) > SOCKET_PATH_BYTES_MAX) {
      return yield* Effect.logWarning("the directory's path is too long for a control socket: planck backup needs a stop", { path })
    }
    const run = Effect.runForkWith(yield* Effect.context<never>())
    const open = Effect.callback<Server | undefined>((resume) => {
      if (volume.exists(path)) volume.remove(path)
      const server = createServer((socket) => serve(socket, handler, run))
      server.once("error", () => resume(Effect.succeed(undefined)))
      server.listen(path, () => resume(Effect.succeed(server)))
    })
    const server = yield* Effect.acquireRelease(open, (server) => Effect.sync(() => server?.close()))
    if (server === undefined) yield* Effect.logDebug("there is no control socket", { path })
  })

type Run = <A>(effect: Effect.Effect<A>) => Fiber.Fiber<A>

function serve(socket: Socket, handler: ControlHandler, run: Run): void {
  let text = ""
  let fiber: Fiber.Fiber<void> | undefined
  const send = (value: unknown): void => {
    if (socket.writable) socket.write(`${JSON.stringify(value)}\n`)
  }
  socket.setEncoding("utf8")
  socket.on("error", () => socket.destroy())
  socket.on("close", () => fiber?.interruptUnsafe())
  socket.on("data", (chunk: string) => {
    if (fiber !== undefined) return
    text += chunk
    if (text.length > REQUEST_BYTES_MAX) return void socket.destroy()
    const end = text.indexOf("\n")
    if (end < 0) return
    const request = parseRequest(text.slice(0, end))
    if (request === undefined)
      return void socket.end(`${JSON.stringify({ error: { code: "UnknownRequest", message: "this server does not know the request" } })}\n`)
    fiber = run(
      Effect.exit(handler(request, (progress) => send({ progress }))).pipe(
        Effect.map((exit) => {
          send(Exit.isSuccess(exit) ? { result: exit.value } : { error: errorOf(exit.cause) })
          socket.end()
        })
      )
    )
  })
}

function parseRequest(line: string): ControlRequest | undefined {
  try {
    const { parameters, statement, target, verb } = JSON.parse(line) as Readonly<Record<string, unknown>>
    if (verb === "compact" || verb === "status" || verb === "advise" || verb === "stores") return { verb }
    if (verb === "query") {
      const values = typeof parameters === "object" && parameters !== null ? (parameters as Readonly<Record<string, unknown>>) : {}
      return typeof statement === "string" ? { verb, statement, parameters: values } : undefined
    }
    return verb === "backup" && typeof target === "string" && target.startsWith("/") ? { verb, target } : undefined
  } catch {
    return undefined
  }
}

function errorOf(cause: Cause.Cause<{ readonly message: string; readonly reason: { readonly _tag: string } }>): unknown {
  const error = Cause.squash(cause) as { readonly message?: string; readonly reason?: { readonly _tag: string } }
  return { code: error.reason?._tag ?? "Unexpected", message: error.message ?? String(error), details: error.reason ?? {} }
}

/** Asks the server that has `directory`; fails with ControlError when none listens there, or with what it answers. */
export const ask = (
  directory: string,
  request: ControlRequest,
  onProgress: (progress: ControlProgress) => void
): Effect.Effect<unknown, ControlError> =>
  Effect.callback<unknown, ControlError>((resume) => {
    const socket = connect(`${directory}/${SOCKET_NAME}`)
    let text = ""
    const fail = (code: string, message: string, details: Readonly<Record<string, unknown>> = {}): void =>
      resume(Effect.fail(new ControlError({ code, message, details })))
    socket.setEncoding("utf8")
    socket.on("connect", () => socket.write(`${JSON.stringify(request)}\n`))
    socket.on("error", (error) => fail("NoControl", `the process that has ${directory} cannot be asked: ${error.message}`))
    socket.on("close", () => fail("NoControl", `the process that has ${directory} went away`))
    socket.on("data", (chunk: string) => {
      text += chunk
      for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
        const line = JSON.parse(text.slice(0, end)) as Answer
        text = text.slice(end + 1)
        if (line.progress !== undefined) onProgress(line.progress)
        else if (line.error !== undefined) fail(line.error.code, line.error.message, line.error.details)
        else resume(Effect.succeed(line.result))
      }
    })
    return Effect.sync(() => socket.destroy())
  })

interface Answer {
  readonly progress?: ControlProgress
  readonly result?: unknown
  readonly error?: { readonly code: string; readonly message: string; readonly details?: Readonly<Record<string, unknown>> }
}
