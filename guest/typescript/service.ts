/** The service: its name, its routes, its configuration. */
import { Answer, type Answerable, replyOf } from "./answers.ts"
import { native, Operation } from "./native.ts"
import { Query } from "./query.ts"
import { type AnySchema, definitions, type Document, type FieldDefinition, type Fields, type Infer, type Schema } from "./schema.ts"
import { declaredStores, migrationPrograms, type StoreDefinition, storeOrigins } from "./store.ts"

export interface ServiceOptions {
  readonly name: string
  /** A semantic version. */
  readonly version: string
  /** Static files: path in the service → folder or file of the project, or `npm:package/file`. `{ "/": "public" }` */
  readonly assets?: Readonly<Record<string, string>>
  /** Less than the host's own limits. */
  readonly limits?: { readonly deadlineMs?: number; readonly memoryBytes?: number }
}

/** Names in a pattern: `/orders/:id/*rest` has `id` and `rest`. */
type NamesIn<Pattern extends string> = Pattern extends `${infer Segment}/${infer Rest}` ? NameOf<Segment> | NamesIn<Rest> : NameOf<Pattern>
type NameOf<Segment extends string> = Segment extends `:${infer Name}` ? Name : Segment extends `*${infer Name}` ? Name : never

/** What a route takes besides its path. Each part is checked and converted before the handler runs; what does not fit is answered with 400. */
export interface RouteInput {
  readonly params?: Fields
  readonly query?: Fields
  readonly headers?: Fields
  /** A JSON body. */
  readonly body?: AnySchema
  /** A form body (`application/x-www-form-urlencoded`): its fields. */
  readonly form?: Fields
  /** The body as it comes. */
  readonly bytes?: true
  /** Whether the handler may write. GET and HEAD may not unless this says so; all others may unless it says no. */
  readonly writes?: boolean
}

type Part<Input, Name extends string> = Input extends { readonly [Key in Name]: infer Shape }
  ? Shape extends Fields
    ? Document<Shape>
    : {}
  : {}

/** The request as a handler sees it. */
export interface HandlerRequest<Pattern extends string, Input> {
  readonly method: string
  readonly path: string
  readonly requestId: string
  readonly params: Omit<{ readonly [Name in NamesIn<Pattern>]: string }, keyof Part<Input, "params">> & Part<Input, "params">
  readonly query: Part<Input, "query">
  readonly headers: Part<Input, "headers">
  readonly body: Input extends { readonly bytes: true }
    ? Uint8Array
    : Input extends { readonly form: infer Shape }
      ? Document<Shape>
      : Input extends { readonly body: infer Body }
        ? Infer<Body>
        : undefined
}

export type Handler<Pattern extends string, Input> = (request: HandlerRequest<Pattern, Input>) => Answerable | Promise<Answerable>

/** A handler of any route. */
type RouteHandler = (request: never) => Answerable | Promise<Answerable>

/** Declares routes of one method. */
export interface RouteMaker {
  <const Pattern extends string>(pattern: Pattern, handler: Handler<Pattern, {}>): void
  <const Pattern extends string, const Input extends RouteInput>(pattern: Pattern, input: Input, handler: Handler<Pattern, Input>): void
}

/** Values from the configuration. Read them inside handlers. */
export type Config<Shape extends Fields> = { readonly [Name in keyof Shape]: Infer<Shape[Name]> }

interface RouteDefinition {
  readonly method: string
  readonly pattern: string
  readonly writes: boolean
  readonly input?: { readonly [part: string]: FieldDefinition | Record<string, FieldDefinition> }
  readonly bodyKind?: "json" | "form" | "any"
}

/** What the build takes from a service. `origins` and `storeOrigins` are stacks of the declarations, so that mistakes found later have a place. */
export interface ServiceDefinition {
  readonly name: string
  readonly version: string
  readonly stores: ReadonlyArray<StoreDefinition>
  readonly routes: ReadonlyArray<RouteDefinition>
  readonly config: Record<string, FieldDefinition>
  readonly limits: object
  readonly capabilities: ReadonlyArray<string>
  readonly assets: Readonly<Record<string, string>>
  readonly origins: ReadonlyArray<string>
  readonly storeOrigins: ReadonlyArray<string>
}

/** A declared service: the default export of the entry file. */
export class Service {
  readonly definition: ServiceDefinition
  /** Those of the routes, then those of migrations: in the order in which the manifest has them. */
  readonly handlers: ReadonlyArray<RouteHandler>

  constructor(definition: ServiceDefinition, handlers: ReadonlyArray<RouteHandler>) {
    this.definition = definition
    this.handlers = handlers
  }
}

/** Where routes and configuration are declared. */
export class App {
  readonly routes: RouteDefinition[] = []
  readonly handlers: RouteHandler[] = []
  readonly origins: string[] = []
  readonly #config: Record<string, FieldDefinition> = {}

  readonly get: RouteMaker = this.#maker("GET", false)
  readonly head: RouteMaker = this.#maker("HEAD", false)
  readonly post: RouteMaker = this.#maker("POST", true)
  readonly put: RouteMaker = this.#maker("PUT", true)
  readonly patch: RouteMaker = this.#maker("PATCH", true)
  readonly delete: RouteMaker = this.#maker("DELETE", true)

  /**
   * Declares what the service needs from outside: `planck.yaml`, the environment. The values are there inside handlers.
   *
   * @example
   * ```ts
   * const config = app.config({ taxRate: s.number().default(0.19), stripeKey: s.secret() })
   * ```
   */
  config<const Shape extends Fields>(fields: Shape): Config<Shape> {
    const values: object = {}
    for (const [name, definition] of Object.entries(definitions(fields))) {
      if (name in this.#config) throw new TypeError(`the configuration "${name}" is declared twice`)
      this.#config[name] = definition
      Object.defineProperty(values, name, { enumerable: true, get: () => configured(name) })
    }
    return values as Config<Shape>
  }

  /**
   * The address of a route with its parameters filled in, below the place that the service has among others. To be used inside handlers, for the place is
   * not known before.
   *
   * @example
   * ```ts
   * app.url("/orders/:id", { id }, { tab: "lines" }) // => "/orders/0198f0c2a3b47d8e9f00112233445566?tab=lines"
   * ```
   */
  url<const Pattern extends string>(
    pattern: Pattern,
    ...[params, query]: [NamesIn<Pattern>] extends [never]
      ? [params?: {}, query?: Readonly<Record<string, UrlValue>>]
      : [params: { readonly [Name in NamesIn<Pattern>]: UrlValue }, query?: Readonly<Record<string, UrlValue>>]
  ): string {
    if (native.building())
      throw new TypeError(
        `the address of "${pattern}" is not known at the top level, which runs when the service is built: make it inside a handler`
      )
    const values = (params ?? {}) as Readonly<Record<string, UrlValue>>
    const path = pattern.replaceAll(/\/([:*])([A-Za-z_]\w*)/g, (_match, kind: string, name: string) => {
      const value = String(values[name] ?? missing(pattern, name))
      return `/${kind === "*" ? value.split("/").map(encodeURIComponent).join("/") : encodeURIComponent(value)}`
    })
    const pairs = Object.entries(query ?? {}).map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`)
    const place = (mountPath ??= native.call(Operation.mount, {}).path ?? "")
    return pairs.length === 0 ? place + path : `${place}${path}?${pairs.join("&")}`
  }

  /** What was declared by `config`. */
  configuration(): Record<string, FieldDefinition> {
    return this.#config
  }

  #maker(method: string, writes: boolean): RouteMaker {
    return (pattern: string, ...[first, second]: readonly [unknown, unknown?]) => {
      const input = second === undefined ? {} : (first as RouteInput)
      const handler = (second ?? first) as RouteHandler
      if (typeof handler !== "function") throw new TypeError(`the route ${method} ${pattern} has no handler`)
      this.routes.push(routeDefinition(method, pattern, input, input.writes ?? writes))
      this.handlers.push(handler)
      this.origins.push(new Error(method).stack ?? "")
    }
  }
}

/** What an address can hold. */
export type UrlValue = string | number | bigint | boolean | { toString(): string }

/**
 * Declares the service: the default export of its entry file.
 *
 * @example
 * ```ts
 * export default service({ name: "hello", version: "1.0.0" }, (app) => {
 *   app.get("/hello/:name", ({ params }) => text(`Hello ${params.name}`))
 * })
 * ```
 */
export function service(options: ServiceOptions, declare: (app: App) => void): Service {
  const app = new App()
  declare(app)
  const { name, version, assets = {}, limits = {} } = options
  const definition = {
    name,
    version,
    stores: declaredStores,
    routes: app.routes,
    config: app.configuration(),
    limits,
    capabilities: [],
    assets,
    origins: app.origins,
    storeOrigins
  }
  return new Service(definition, [...app.handlers, ...migrationPrograms.map(({ run }) => run as RouteHandler)])
}

/** Hands the entry file's default export to the engine. Called by the build's own entry. */
export function register(exported: unknown): void {
  if (exported instanceof Service) native.define(exported.definition, exported.handlers, Answer.prototype, Query.prototype, replyOf)
}

function routeDefinition(method: string, pattern: string, input: RouteInput, writes: boolean): RouteDefinition {
  const parts: Record<string, FieldDefinition | Record<string, FieldDefinition>> = {}
  if (input.params !== undefined) parts["params"] = definitions(input.params)
  if (input.query !== undefined) parts["query"] = definitions(input.query)
  if (input.headers !== undefined) parts["headers"] = definitions(input.headers)
  if (input.form !== undefined) parts["body"] = { type: "struct", fields: definitions(input.form) }
  if (input.body !== undefined) parts["body"] = (input.body as Schema<unknown>).definition
  const bodies = [input.body, input.form, input.bytes].filter((body) => body !== undefined)
  if (bodies.length > 1) throw new TypeError(`the route ${method} ${pattern} takes more than one of body, form and bytes`)
  const bodyKind = input.bytes === true ? "any" : input.form !== undefined ? "form" : input.body !== undefined ? "json" : undefined
  return { method, pattern, writes, ...(Object.keys(parts).length > 0 && { input: parts }), ...(bodyKind !== undefined && { bodyKind }) }
}

function missing(pattern: string, name: string): never {
  throw new TypeError(`the address ${pattern} needs ${name}`)
}

/** Where the service is, once the host was asked. */
let mountPath: string | undefined

const read = new Map<string, unknown>()

/** A configured value; the host is asked once. */
function configured(name: string): unknown {
  if (native.building())
    throw new TypeError(
      `the configuration "${name}" is not known at the top level, which runs when the service is built: read it inside a handler`
    )
  if (!read.has(name)) read.set(name, native.call(Operation.config, { name }).value)
  return read.get(name)
}
