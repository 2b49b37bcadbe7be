/** A small service's stores and ways to compile and render templates over them, for the tests of this folder. */
import { assert } from "vitest"
import { ByteSink } from "../../src/Bson/ByteSink.ts"
import { encode, encodeValue, type Value } from "../../src/Bson/Value.ts"
import type { StoreDefinition } from "../../src/Schema/Definition.ts"
import {
  admitTemplates,
  type Binding,
  compileTemplates,
  formatIssue,
  prepare,
  type RenderOptions,
  type RowList,
  type TemplateFile,
  type TemplateSet
} from "../../src/Template/Template.ts"

export const stores: ReadonlyArray<StoreDefinition> = [
  {
    name: "orders",
    idKind: "key",
    indexes: [],
    schema: {
      customer: { type: "string" },
      status: { type: "literals", values: ["pending", "paid", "cancelled"] },
      total: { type: "decimal" },
      weight: { type: "number", optional: true },
      count: { type: "int" },
      serial: { type: "long" },
      express: { type: "boolean", optional: true },
      placedAt: { type: "date" },
      address: { type: "struct", fields: { city: { type: "string" }, street: { type: "string", nullable: true } }, optional: true },
      lines: {
        type: "array",
        items: { type: "struct", fields: { sku: { type: "string" }, quantity: { type: "int" }, note: { type: "string", optional: true } } }
      },
      tags: { type: "array", items: { type: "string" }, optional: true },
      labels: { type: "record", values: { type: "string" }, optional: true },
      extra: { type: "any", optional: true }
    }
  },
  { name: "carts", idKind: "string", indexes: [], schema: { owner: { type: "key", store: "orders" } } }
]

/** Compiles one template, or several with the first as the main one, and fails the test on any mistake. */
export function compiled(source: string | ReadonlyArray<TemplateFile>): TemplateSet {
  const files = typeof source === "string" ? [{ path: "page.zsx", source }] : source
  const { set, issues } = compileTemplates(files, stores)
  assert.deepEqual(issues.map(formatIssue), [])
  return admitTemplates(JSON.parse(JSON.stringify(set)))
}

/** `line:column message` of every mistake in a template. */
export function mistakes(source: string | ReadonlyArray<TemplateFile>): Array<string> {
  const files = typeof source === "string" ? [{ path: "page.zsx", source }] : source
  const { issues } = compileTemplates(files, stores)
  return issues.map((issue) => `${files.length > 1 ? `${issue.file}:` : ""}${issue.line}:${issue.column} ${issue.message}`)
}

export type Data = Readonly<Record<string, Value | RowList | undefined>>

export function bindings(data: Data): Record<string, Binding> {
  const result: Record<string, Binding> = {}
  for (const [name, value] of Object.entries(data)) if (value !== undefined) result[name] = isRowList(value) ? value : encodeValue(value)
  return result
}

function isRowList(value: Value | RowList): value is RowList {
  return typeof value === "object" && value !== null && "bytes" in value && typeof value.bytes === "function"
}

/** The rows of a query. */
export function rows(...documents: ReadonlyArray<Record<string, Value> | undefined>): RowList {
  const encoded = documents.map((document) => (document === undefined ? new Uint8Array(0) : encode(document)))
  const list: RowList = {
    count: documents.length,
    bytes: (index) => encoded[index]!,
    at: (index) => (documents[index] === undefined ? -1 : 0)
  }
  sources.set(list, documents)
  return list
}

const sources = new WeakMap<object, ReadonlyArray<Record<string, Value> | undefined>>()

/** The documents that rows were made of; undefined for what is no such list. */
export function documentsOf(list: unknown): ReadonlyArray<Record<string, Value> | undefined> | undefined {
  return typeof list === "object" && list !== null ? sources.get(list) : undefined
}

/** Prepares templates once; the result renders the first of them with generated code and with closures, which have to agree. */
export function renderer(source: string | ReadonlyArray<TemplateFile>, options: RenderOptions = {}): (data?: Data) => string {
  const set = compiled(source)
  const name = typeof source === "string" ? "page.zsx" : source[0]!.path
  const generated = prepare(set, { ...options, codeGeneration: true })
  const interpreted = prepare(set, { ...options, codeGeneration: false })
  const sink = new ByteSink()
  return (data = {}) => {
    const [first, second] = [generated, interpreted].map((renderer) => {
      sink.reset()
      renderer.render(name, bindings(data), sink)
      return sink.toText()
    })
    assert.strictEqual(second, first)
    return first!
  }
}

export function render(source: string | ReadonlyArray<TemplateFile>, data: Data = {}): string {
  return renderer(source)(data)
}

/** A stream of numbers in [0, 1) that depends on the seed only. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}
