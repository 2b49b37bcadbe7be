/**
 * Compiled schemas: checking documents, and bringing them into the form in which they are stored.
 *
 * Invariants
 * - Bytes have passed `validate`. Nothing is allocated for a document that already is as it should be: `normalise` copies it.
 * - A normalised document has the schema's fields in the schema's order, each in the schema's encoding, defaults filled in.
 *   Normalising it again changes nothing.
 * - A document with issues leaves the writer as it was.
 */
import * as Type from "../Bson/Type.ts"
import { documentLength } from "../Bson/View.ts"
import type { Writer } from "../Bson/Writer.ts"
import { buildStruct } from "./Build.ts"
import { checkFields, checkStore } from "./Check.ts"
import type { Field, Fields, IdKind, StoreDefinition } from "./Definition.ts"
import { invalidSchema } from "./Errors.ts"
import type { Issue } from "./Issue.ts"
import { BAD, Context, SAME, type SchemaNode, STRICT } from "./Node.ts"

const NO_ISSUES: ReadonlyArray<Issue> = Object.freeze([])

/** Checks and normalises documents of one schema. May not be used from within its own calls. */
export class Validator {
  private readonly root: SchemaNode
  private readonly context = new Context()

  constructor(root: SchemaNode) {
    this.root = root
  }

  /** The issues of the document at `at`; none when it is, or can be normalised to, what the schema says. */
  check(bytes: Uint8Array, at: number): ReadonlyArray<Issue> {
    return this.verdict(bytes, at) === BAD ? this.context.issues : NO_ISSUES
  }

  /** Appends the document at `at` in its stored form. With issues nothing is written. Faults with TooLarge (the writer's limit). */
  normalise(bytes: Uint8Array, at: number, writer: Writer): ReadonlyArray<Issue> {
    const verdict = this.verdict(bytes, at)
    if (verdict === BAD) return this.context.issues
    if (verdict === SAME) writer.raw(bytes, at, documentLength(bytes, at))
    else this.root.write(this.context, writer, bytes, Type.DOCUMENT, at)
    return NO_ISSUES
  }

  private verdict(bytes: Uint8Array, at: number): number {
    this.context.begin(bytes, STRICT)
    return this.root.check(this.context, bytes, Type.DOCUMENT, at)
  }
}

/**
 * A validator of documents with exactly these fields. Faults with InvalidSchema.
 *
 * @example
 * ```ts
 * const validator = compileStruct({ name: { type: "string", maxLength: 80 }, price: { type: "number" } })
 * const issues = validator.normalise(encode({ name: "Margherita", price: 8 }), 0, writer) // price is a double now
 * ```
 */
export function compileStruct(fields: Fields): Validator {
  const issues = checkFields(fields)
  if (issues.length > 0) throw invalidSchema(issues)
  return new Validator(buildStruct(fields))
}

/** A validator of a store's documents: `_id` of the store's id kind in front, then its fields. Faults with InvalidSchema. */
export function compileStore(definition: StoreDefinition): Validator {
  const issues = checkStore(definition)
  if (issues.length > 0) throw invalidSchema(issues)
  return new Validator(buildStruct(storeFields(definition)))
}

/** All fields of a store's documents, `_id` first. */
export function storeFields(definition: StoreDefinition): Fields {
  return { _id: idField(definition.idKind), ...definition.schema }
}

/** The field that an `_id` of a kind is. */
export function idField(idKind: IdKind): Field {
  return { type: idKind }
}
