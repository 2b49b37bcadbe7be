/** An instance of an image with a host of the test's own: what a handler asks for is answered from a table, everything it does is kept. */
import { decode, encode, type Value } from "../../src/Bson/Value.ts"
import { STACK_BYTES } from "../../src/Wasm/Image.ts"
import type { Manifest } from "../../src/Wasm/Manifest.ts"

export type Plain = Record<string, Value>

export interface Call {
  readonly operation: number
  readonly argument: Plain
}

export interface GuestExports {
  readonly memory: WebAssembly.Memory
  readonly planck_alloc: (length: number) => number
  readonly planck_reset: () => void
  readonly planck_arm: (memoryBytes: number, stackBytes: number) => void
  readonly [handler: string]: unknown
}

/** Answers one host operation: a reply document, or an Error whose fields become the error document. */
export type Answers = (call: Call) => Plain | HostFailure

export class HostFailure {
  readonly document: Plain
  constructor(document: Plain) {
    this.document = document
  }
}

export class GuestInstance {
  readonly exports: GuestExports
  readonly calls: Call[] = []
  readonly lines: { level: number; message: string }[] = []
  failure: Plain | undefined
  now = 1_700_000_000_000
  /** How often the guest may ask whether to go on before it is told to stop. */
  ticks = 100
  answers: Answers
  private parked: Uint8Array = new Uint8Array(0)
  private readonly manifest: Manifest | undefined

  constructor(file: Uint8Array, answers: Answers = () => ({}), manifest?: Manifest, memoryBytes = 32 << 20) {
    this.answers = answers
    this.manifest = manifest
    const instance = new WebAssembly.Instance(new WebAssembly.Module(file as Uint8Array<ArrayBuffer>), { planck: this.imports() })
    this.exports = instance.exports as unknown as GuestExports
    this.exports.planck_arm(memoryBytes, STACK_BYTES)
  }

  /** Calls a handler by its number, or by `"GET /orders/:id"`. The reply document, or undefined when it failed: `failure` says why. */
  call(handler: number | string, request: Plain = {}): Plain | undefined {
    return this.callBytes(handler, encode({ method: "GET", path: "/", params: {}, query: {}, headers: {}, requestId: "r-1", ...request }))
  }

  /** The reply to raw request bytes. */
  callBytes(handler: number | string, request: Uint8Array): Plain | undefined {
    const reply = this.replyBytes(handler, request)
    return reply === undefined ? undefined : decode(reply)
  }

  /** The bytes of the reply to raw request bytes. */
  replyBytes(handler: number | string, request: Uint8Array): Uint8Array | undefined {
    const index = typeof handler === "number" ? handler : (this.manifest?.handlers.findIndex(({ name }) => name === handler) ?? -1)
    const invoke = this.exports[`handle_${index}`] as (request: number) => number
    this.failure = undefined
    const at = this.exports.planck_alloc(request.length)
    if (at === 0) return undefined
    this.bytes().set(request, at)
    const reply = invoke(at)
    const bytes = this.bytes()
    const copy = reply === 0 ? undefined : bytes.slice(reply, reply + new DataView(bytes.buffer).getInt32(reply, true))
    this.exports.planck_reset()
    return copy
  }

  bytes(): Uint8Array {
    return new Uint8Array(this.exports.memory.buffer)
  }

  private imports(): WebAssembly.ModuleImports {
    const document = (at: number, length: number): Plain => decode(this.bytes().slice(at, at + length))
    return {
      call: (operation: number, at: number, length: number) => {
        const call = { operation, argument: document(at, length) }
        this.calls.push(call)
        const answer = this.answers(call)
        this.parked = encode(answer instanceof HostFailure ? answer.document : answer)
        return answer instanceof HostFailure ? -this.parked.length : this.parked.length
      },
      read: (at: number) => this.bytes().set(this.parked, at),
      fail: (at: number, length: number) => (this.failure ??= document(at, length)),
      log: (level: number, at: number, length: number) => this.lines.push({ level, message: String(document(at, length)["message"]) }),
      now: () => this.now,
      random: (at: number, length: number) => this.bytes().fill(0x5a, at, at + length),
      tick: () => (--this.ticks < 0 ? 1 : 0)
    }
  }
}

/** A bundle without the SDK: `handlers` is the text of an object of functions that get the request. */
export function rawService(handlers: string, before = ""): string {
  return `const planck = __planck; delete globalThis.__planck; ${before}
const handlers = ${handlers}
planck.define(
  { name: "raw", version: "1.0.0", stores: [], routes: Object.keys(handlers).map((name) => ({ method: "GET", pattern: "/" + name, writes: false })), config: {}, limits: {}, capabilities: [] },
  Object.values(handlers), {}, {}, () => ({}))`
}
