/**
 * Migrations that are functions of a service: a document of one version goes in, one of the next comes out.
 *
 * Invariants
 * - A migration sees its document, the time at which the migration began, and nothing else: no store, no configuration. So it may be run again, for
 *   the same document or another, in whatever order.
 * - Nothing is thrown at the engine: whatever goes wrong inside is a reason why this one document cannot be converted.
 * - What leaves the guest as an exception, or had to be stopped, costs the instance.
 */
import * as Type from "../Bson/Type.ts"
import { validate } from "../Bson/Validate.ts"
import { fieldName, findElement, skipValue, valueOffset } from "../Bson/View.ts"
import { Writer } from "../Bson/Writer.ts"
import type { Issue } from "../Schema/Issue.ts"
import type { MigrationHandler } from "../Storage/Conversion.ts"
import { failureOf, type GuestFailure } from "./ErrorDocument.ts"
import { SOURCE_FILE } from "./Evaluation.ts"
import { Host, type OperationRunner } from "./Host.ts"
import type { Limits } from "./Limits.ts"
import { GuestLog } from "./Log.ts"
import type { Module } from "./Module.ts"
import { Pool } from "./Pool.ts"
import { callFault } from "./Reasons.ts"
import { REQUEST_BYTES_MAX } from "./RequestDocument.ts"
import { limitsOf, RETIRE_SHARE, type ServicePorts } from "./Service.ts"
import { SourceMap } from "./SourceMap.ts"

/** How migrations are run. */
export interface MigrationCallsOptions {
  readonly ports: ServicePorts
  readonly limits?: Partial<Limits>
  /** Milliseconds since 1970 at which the migrations begin. */
  readonly nowMs: number
}

const NO_OPERATIONS: OperationRunner = {
  run: () => {
    throw callFault("unknown_operation", "a migration sees its document and nothing else: operations exist in the handlers of routes only")
  }
}
const BODY = fieldName("body")

export class MigrationCalls {
  /** The handlers of kind `migration`, by their names. */
  readonly handlers: ReadonlyMap<string, MigrationHandler>
  readonly #host: Host
  readonly #log: GuestLog
  readonly #pool: Pool
  readonly #limits: Limits
  readonly #nowMs: number
  readonly #sourcemap: SourceMap | undefined
  readonly #request = new Writer(undefined, REQUEST_BYTES_MAX)

  /** Starts the module apart from what serves it. Throws a Fault `StartFailed`. */
  constructor({ compiled, manifest, sourcemap }: Module, { limits, nowMs, ports }: MigrationCallsOptions) {
    this.#limits = limitsOf(manifest, limits)
    this.#nowMs = nowMs
    this.#sourcemap = sourcemap === undefined ? undefined : SourceMap.read(sourcemap)
    this.#log = new GuestLog(ports.log, manifest.name, this.#limits.logLinesMax, (text) => text)
    this.#host = new Host(ports, this.#log, this.#limits)
    const exported = manifest.handlers.map((handler) => handler.export)
    this.#pool = new Pool(compiled, exported, this.#host, this.#limits.memoryBytes, ports.schedule)
    this.handlers = new Map(
      manifest.handlers.flatMap(({ kind, name }, index): Array<[string, MigrationHandler]> =>
        kind === "migration" ? [[name, (document) => this.#convert(index, name, document)]] : []
      )
    )
  }

  /** Lets go of the instances. */
  close(): void {
    this.#pool.close()
  }

  #convert(handler: number, name: string, document: Uint8Array): Uint8Array | Issue {
    const [host, log, pool] = [this.#host, this.#log, this.#pool]
    log.begin(name, "")
    try {
      this.#write(document)
      const instance = pool.take()
      host.begin(NO_OPERATIONS, this.#nowMs)
      const at = instance.run(handler, this.#request.bytes, this.#request.length)
      host.end()
      if (host.fatal !== undefined || at === 0) return this.#unfinished()
      const made = this.#bodyOf(instance.memory(), at)
      instance.reset()
      if (instance.memoryBytes > this.#limits.memoryBytes * RETIRE_SHARE) pool.replace()
      return made
    } catch (error) {
      pool.replace()
      return issueOf((host.fatal ?? failureOf(error)).message)
    } finally {
      host.end()
      log.end()
    }
  }

  #write(document: Uint8Array): void {
    const writer = this.#request
    writer.reset()
    const start = writer.beginDocument()
    writer.name(Type.DOCUMENT, "body")
    writer.raw(document, 0, document.length)
    writer.endDocument(start)
  }

  /** A copy of the document that the guest replied. */
  #bodyOf(memory: Uint8Array, at: number): Uint8Array | Issue {
    validate(memory, at, memory.length, { documentBytesMax: this.#limits.replyBytesMax })
    const element = findElement(memory, at, BODY)
    if (element < 0 || memory[element] !== Type.DOCUMENT) return issueOf("the migration gave no document")
    const from = valueOffset(memory, element)
    return memory.slice(from, skipValue(memory, Type.DOCUMENT, from))
  }

  /** The guest came back without a reply. */
  #unfinished(): Issue {
    const [host, pool] = [this.#host, this.#pool]
    const { failure, fatal } = host
    if (fatal !== undefined || failure?.code === "out_of_memory" || failure?.code === "stack_overflow") pool.replace()
    if (fatal !== undefined) return issueOf(fatal.message)
    return issueOf(failure === undefined ? "the migration returned 0 without saying why" : this.#messageOf(failure))
  }

  /** What the guest threw, and the author's line it was thrown at. */
  #messageOf({ message, stack }: GuestFailure): string {
    const lines = stack === undefined ? [] : (this.#sourcemap?.mapStack(stack, SOURCE_FILE) ?? stack).split("\n")
    const first = lines.find((line) => line.trim() !== "")?.trim()
    return first === undefined ? message : `${message} (${first})`
  }
}

const issueOf = (message: string): Issue => ({ pointer: "", code: "invalid", message })
