/**
 * The functions that the engine's glue gives to this SDK (guest/engine). Only the SDK sees them: it takes them from the global object before a
 * line of the service runs.
 */

/** Kinds of values that JavaScript has no type for, by the glue's numbers. */
export const Kind = { key: 0, uuid: 1, objectId: 2, decimal: 3 } as const

/** Host operations, by the numbers of the ABI. */
export const Operation = {
  get: 1,
  getMany: 2,
  insert: 3,
  insertMany: 4,
  replace: 5,
  update: 6,
  upsert: 7,
  delete: 8,
  query: 9,
  queryPage: 10,
  aggregate: 11,
  count: 12,
  json: 13,
  render: 14,
  renderQuery: 15,
  config: 19,
  explain: 21,
  mount: 22
} as const

/** A value whose bytes the engine holds: a Key, Uuid, ObjectId or Decimal. */
export interface NativeValue {
  readonly constructor: Function
}

export interface Native {
  /** Runs a host operation; throws what `hostError` makes of an error document. */
  call(operation: number, argument: object): Reply
  /**
   * The document with this id, which stays bytes until somebody looks at it; undefined when there is none. A text becomes a value of `kind` first, when
   * that is at least 0; a text that is none has no document.
   */
  get(store: string, id: unknown, kind: number): object | undefined
  /**
   * Says what the service is; `handlers` in the order of its routes. Of what a handler returns, plain values become JSON by themselves, objects with the
   * prototype `answer` give their property `reply`, those with `query` are run by the host, and `replyOf` makes a reply of anything else.
   */
  define(
    definition: object,
    handlers: ReadonlyArray<(request: never) => unknown>,
    answer: object,
    query: object,
    replyOf: (result: never) => object
  ): void
  /** A copy of an object with one more property. */
  extend<Of extends object>(statement: Of, name: keyof Of, value: unknown): Of
  /** The filter document of paths and values, undefined when all were left out; `fromText` makes values of texts where a field holds no text. */
  conditions(values: object, fromText: object, skipped: object): Record<string, unknown> | undefined
  /** Objects of a kind get this prototype. */
  adopt(kind: number, prototype: object): void
  make(kind: number, bytes: Uint8Array): NativeValue
  /** A value from hexadecimal text; undefined when it is none. */
  parse(kind: number, text: string): NativeValue | undefined
  bytes(value: NativeValue): Uint8Array
  text(value: NativeValue): string
  /** The kind of a value, -1 when it is none of these. */
  kind(value: unknown): number
  compare(left: NativeValue, right: NativeValue): number
  hostError(constructor: new (document: { code: string; message: string }) => Error): void
  random(into: Uint8Array): void
  log(level: number, line: object): void
  encodeText(text: string): Uint8Array
  decodeText(bytes: Uint8Array): string
  /** Whether this is the top level, at build time. */
  building(): boolean
}

/** What host operations answer. Each one fills its own fields. */
export interface Reply {
  readonly document?: object
  readonly documents?: ReadonlyArray<object | null>
  readonly key?: unknown
  readonly keys?: ReadonlyArray<unknown>
  readonly rows?: ReadonlyArray<object>
  readonly next?: string
  readonly matched?: number
  readonly modified?: number
  readonly deleted?: number
  readonly count?: number
  readonly answer?: number
  readonly value?: unknown
  readonly explanation?: object
  readonly path?: string
}

const scope = globalThis as { __planck?: Native }

/** Whether this is the engine. Elsewhere the SDK may be imported too, so that schemas and stores can be looked at. */
export const inEngine = scope.__planck !== undefined

/** The glue. */
export const native: Native = scope.__planck ?? outside()
delete scope.__planck

function outside(): Native {
  const refuse = (): never => {
    throw new Error("this works inside a Planck service only")
  }
  const values = {
    make: refuse,
    parse: refuse,
    bytes: refuse,
    text: refuse,
    compare: refuse,
    random: refuse,
    encodeText: refuse,
    decodeText: refuse
  }
  return {
    ...values,
    call: refuse,
    extend: (statement: object, name: PropertyKey, value: unknown) => ({ ...statement, [name]: value }) as never,
    conditions: refuse,
    get: refuse,
    define: refuse,
    adopt: () => {},
    kind: () => -1,
    hostError: () => {},
    log: refuse,
    building: () => true
  }
}
