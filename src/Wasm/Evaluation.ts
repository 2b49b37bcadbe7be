/**
 * Runs the bundle of a service once, at build time, inside the engine: its top level declares stores and routes and leaves behind the memory that
 * becomes the image.
 *
 * Invariants
 * - Deterministic: there is no clock, no randomness, no store and no configuration; how long it may run is counted in ticks of the engine, not in time.
 * - A top level that throws, never ends or declares nothing throws a Fault `EvaluationFailed`; nothing is left of it.
 */
import { decode, type Value } from "../Bson/Value.ts"
import { Fault } from "../Fault/Fault.ts"
import type { Engine } from "./Engine.ts"

/** What a service's top level failed with. `stack` names lines and columns of the bundle (`service.js:12:5`). */
export interface EvaluationFailed {
  readonly _tag: "EvaluationFailed"
  readonly code: string
  readonly message: string
  readonly stack: string
  readonly fields: Readonly<Record<string, Value>>
}

/** A line the top level wrote to the console. Levels as in the ABI: 0 debug, 1 info, 2 warning, 3 error. */
export interface EvaluationLine {
  readonly level: number
  readonly message: string
}

/** An evaluated service: what it declared, and the memory it left. */
export interface Evaluation {
  readonly source: string
  readonly engine: Engine
  readonly definition: Readonly<Record<string, Value>>
  readonly lines: ReadonlyArray<EvaluationLine>
  readonly memory: Uint8Array
  /** Everything below is stack, and free. */
  readonly stackPointer: number
}

/** The name of the bundle in stacks. */
export const SOURCE_FILE = "service.js"
/** Bytes of the largest bundle. */
export const SOURCE_BYTES_MAX = 32 * 1024 * 1024
/** Log lines of one evaluation; what is beyond is dropped. */
const LINES_MAX = 1000
/** How often the engine asks whether to go on: each tick stands for 10 000 calls or turns of a loop, so this is about a second. */
const TICKS_MAX = 5_000
const MEMORY_BYTES_MAX = 64 * 1024 * 1024
/** Stack of the engine. Its own is 1 MiB, V8's is what bounds it: 256 KiB of the one are about half of the other. */
export const STACK_BYTES = 256 * 1024

interface EngineExports {
  readonly memory: WebAssembly.Memory
  readonly __stack_pointer: WebAssembly.Global<"i32">
  readonly malloc: (size: number) => number
  readonly free: (address: number) => void
  readonly _initialize: () => void
  readonly planck_boot: () => number
  readonly planck_arm: (memoryBytes: number, stackBytes: number) => void
  readonly planck_evaluate: (source: number, length: number, file: number) => number
  readonly planck_seal: () => void
}

/** Evaluates a bundle. Throws a Fault `EvaluationFailed`. */
export function evaluateSource(engine: Engine, source: string): Evaluation {
  const encoded = new TextEncoder().encode(source)
  if (encoded.length > SOURCE_BYTES_MAX)
    throw failed("source_too_large", `the bundle has ${encoded.length} bytes, a service has at most ${SOURCE_BYTES_MAX}`)
  const build = new BuildHost()
  const exports = new WebAssembly.Instance(engine.compiled, { planck: build.imports }).exports as unknown as EngineExports // the engine is ours
  build.memory = exports.memory
  exports._initialize()
  if (exports.planck_boot() !== 0) throw failed("internal", "the engine does not start")
  exports.planck_arm(MEMORY_BYTES_MAX, STACK_BYTES)
  const definition = run(exports, build, encoded)
  exports.planck_seal()
  return {
    source,
    engine,
    definition,
    lines: build.lines,
    memory: new Uint8Array(exports.memory.buffer),
    stackPointer: exports.__stack_pointer.value
  }
}

function run(exports: EngineExports, build: BuildHost, source: Uint8Array): Readonly<Record<string, Value>> {
  const file = place(exports, new TextEncoder().encode(SOURCE_FILE))
  const text = place(exports, source)
  let address = 0
  try {
    address = exports.planck_evaluate(text, source.length, file)
  } catch (error) {
    throw failed("guest_trapped", error instanceof Error ? error.message : String(error))
  }
  if (build.failure !== undefined) throw new Fault(build.failure)
  if (address === 0) throw failed("internal", "the engine failed without a reason")
  const definition = decode(new Uint8Array(exports.memory.buffer), address)
  exports.free(text)
  exports.free(file)
  return definition
}

/** Copies bytes and a NUL into the engine's memory. */
function place(exports: EngineExports, bytes: Uint8Array): number {
  const address = exports.malloc(bytes.length + 1)
  if (address === 0) throw failed("out_of_memory", "the engine has no room for the bundle")
  const memory = new Uint8Array(exports.memory.buffer)
  memory.set(bytes, address)
  memory[address + bytes.length] = 0
  return address
}

/** The host of a build: it has nothing but a log. */
class BuildHost {
  memory: WebAssembly.Memory | undefined
  failure: EvaluationFailed | undefined
  readonly lines: EvaluationLine[] = []
  private ticks = 0

  readonly imports = {
    call: () => 0,
    read: () => {},
    fail: (address: number, length: number) => this.recordFailure(address, length),
    log: (level: number, address: number, length: number) => this.line(level, address, length),
    now: () => 0,
    random: () => {},
    tick: () => (++this.ticks > TICKS_MAX ? 1 : 0)
  }

  private document(address: number, length: number): Record<string, Value> {
    return decode(new Uint8Array(this.memory?.buffer ?? new ArrayBuffer(0), address, length).slice(), 0)
  }

  private recordFailure(address: number, length: number): void {
    const { code, message, stack, ...fields } = this.document(address, length)
    const timeout = code === "deadline_exceeded"
    this.failure ??= {
      _tag: "EvaluationFailed",
      code: String(code),
      message: timeout ? "the top level of the service does not end" : String(message),
      stack: typeof stack === "string" ? stack : "",
      fields
    }
  }

  private line(level: number, address: number, length: number): void {
    if (this.lines.length < LINES_MAX) this.lines.push({ level, message: String(this.document(address, length)["message"] ?? "") })
  }
}

function failed(code: string, message: string): Fault<EvaluationFailed> {
  return new Fault<EvaluationFailed>({ _tag: "EvaluationFailed", code, message, stack: "", fields: {} })
}
