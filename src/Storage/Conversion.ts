/**
 * From a document of one version of a store to one of another: every migration between the two, one after the other, then the check by the schema
 * it has to fit.
 *
 * Invariants
 * - A document that cannot be converted is told with the reason, and nothing is made of it. `_id` stays as it is.
 */
import { equalBytes, fieldName, findElement, firstElement, nextElement } from "../Bson/View.ts"
import { Writer } from "../Bson/Writer.ts"
import type { MigrationWay, StoreDefinition } from "../Schema/Definition.ts"
import type { Issue } from "../Schema/Issue.ts"
import { keptDefinition, migrate, waysBetween } from "../Schema/Migration.ts"
import { compileStore, type Validator } from "../Schema/Validator.ts"
import type { DocumentView } from "./Reader.ts"
import { storageFault } from "./Reasons.ts"

/** Converts a document, BSON in memory of its own: the handler of a migration that is a program. It must not throw. */
export type MigrationHandler = (document: Uint8Array) => Uint8Array | Issue

/** The programs that migrations name, and where the ways back are said. */
export interface MigrationPrograms {
  readonly handlers: ReadonlyMap<string, MigrationHandler>
  /** Definitions of a later version of the program, whose migrations say how documents get back to an earlier one. */
  readonly newer?: ReadonlyArray<StoreDefinition>
}

export class Conversion {
  readonly #ways: ReadonlyArray<MigrationWay>
  readonly #handlers: ReadonlyMap<string, MigrationHandler>
  readonly #validator: Validator
  readonly #writer = new Writer()

  /** From documents of `from` to those of `to`. Faults with InvalidStore when a handler is missing, or a way back. */
  constructor(from: StoreDefinition, to: StoreDefinition, programs: MigrationPrograms) {
    const found = waysBetween(
      from,
      to,
      programs.newer?.find((it) => it.name === to.name)
    )
    if ("missing" in found) throw storageFault({ _tag: "InvalidStore", path: to.name, message: found.missing })
    this.#ways = found.ways
    this.#handlers = programs.handlers
    for (const { handler } of this.#ways) {
      if (handler === undefined || this.#handlers.has(handler)) continue
      throw storageFault({ _tag: "InvalidStore", path: to.name, message: `its migration has no handler ${handler}` })
    }
    this.#validator = compileStore(keptDefinition(to))
  }

  /** The document of the other version, in memory of its own, or why there is none. */
  convert({ at, bytes, length }: DocumentView): Uint8Array | Issue {
    const before = bytes.slice(at, at + length)
    let made: Uint8Array | Issue = before
    for (const { handler, steps } of this.#ways) {
      made = handler === undefined ? migrate(steps ?? [], made, 0) : this.#handlers.get(handler)!(made)
      if (!(made instanceof Uint8Array)) return made
    }
    if (!isSameId(before, made)) return { pointer: "/_id", code: "invalid", message: "a migration leaves _id as it is" }
    const writer = this.#writer
    writer.reset()
    const [issue] = this.#validator.normalise(made, 0, writer)
    return issue ?? writer.toBytes()
  }
}

const ID = fieldName("_id")

function isSameId(before: Uint8Array, after: Uint8Array): boolean {
  const other = findElement(after, 0, ID)
  if (other < 0) return false
  const own = firstElement(0)
  const length = nextElement(before, own) - own
  return nextElement(after, other) - other === length && equalBytes(before, own, after, other, length)
}
