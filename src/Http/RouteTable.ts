/**
 * From method and path to a route, for one service.
 *
 * Invariants
 * - Segment by segment from the left, static text wins over a parameter, a parameter over a wildcard; where the better branch leads nowhere
 *   the next one is tried. The manifest refuses two routes that this order does not decide.
 * - Segments are compared raw, as they came over the wire; parameters are handed out raw too.
 * - A lookup makes no object but the list of parameters.
 */
import type { RoutePattern } from "../Wasm/RoutePattern.ts"

/** A route as the table needs it; its place in the list is its index. */
export interface TableRoute {
  readonly method: string
  readonly pattern: RoutePattern
}

/** The routes that end at one node, by method, and what `Allow` says there. */
interface Endpoint {
  readonly routes: Map<string, number>
  allow: string
}

interface Node {
  readonly children: Map<string, Node>
  parameter: Node | undefined
  wildcard: Endpoint | undefined
  endpoint: Endpoint | undefined
}

/** What a lookup found: a route index, or why there is none. */
export const NO_SUCH_PATH = -1
export const NO_SUCH_METHOD = -2

const NO_PARAMETERS: ReadonlyArray<string> = []

/**
 * The routes of one service, ready for lookup. `params` and `allow` hold the details of the last lookup.
 *
 * @example
 * ```ts
 * import { RouteTable } from "../src/Http/RouteTable.ts"
 * import { parsePattern } from "../src/Wasm/RoutePattern.ts"
 *
 * const pattern = parsePattern("/orders/:id")
 * if ("segments" in pattern) {
 *   const table = new RouteTable([{ method: "GET", pattern }])
 *   console.log(table.find("GET", "/orders/7"), table.params) // => 0 [ '7' ]
 * }
 * ```
 */
export class RouteTable {
  params: ReadonlyArray<string> = NO_PARAMETERS
  allow = ""
  private readonly root = emptyNode()
  private readonly fixed = new Map<string, Endpoint>()

  constructor(routes: ReadonlyArray<TableRoute>) {
    for (const [index, route] of routes.entries()) this.add(route, index)
  }

  /** The route's index, `NO_SUCH_PATH`, or `NO_SUCH_METHOD` (then `allow` says which methods there are). HEAD falls back to GET. */
  find(method: string, path: string): number {
    const exact = this.fixed.get(path)
    if (exact !== undefined) {
      this.params = NO_PARAMETERS
      return this.choose(exact, method)
    }
    const captured: Array<string> = []
    const endpoint = walk(this.root, path, 1, captured)
    if (endpoint === undefined) return NO_SUCH_PATH
    this.params = captured
    return this.choose(endpoint, method)
  }

  /** Whether a route without parameters stands at this path. */
  hasFixed(path: string): boolean {
    return this.fixed.has(path)
  }

  private choose(endpoint: Endpoint, method: string): number {
    const index = endpoint.routes.get(method) ?? (method === "HEAD" ? endpoint.routes.get("GET") : undefined)
    if (index !== undefined) return index
    this.allow = endpoint.allow
    return NO_SUCH_METHOD
  }

  private add(route: TableRoute, index: number): void {
    let node = this.root
    for (const segment of route.pattern.segments) {
      if (segment.kind === "wildcard") {
        node.wildcard = register(node.wildcard, route.method, index)
        return
      }
      if (segment.kind === "parameter") node = node.parameter ??= emptyNode()
      else {
        const child = node.children.get(segment.text) ?? emptyNode()
        node.children.set(segment.text, child)
        node = child
      }
    }
    node.endpoint = register(node.endpoint, route.method, index)
    if (route.pattern.names.length === 0) this.fixed.set(`/${route.pattern.segments.map(textOf).join("/")}`, node.endpoint)
  }
}

const textOf = (segment: RoutePattern["segments"][number]): string => (segment.kind === "static" ? segment.text : "")

const emptyNode = (): Node => ({ children: new Map(), parameter: undefined, wildcard: undefined, endpoint: undefined })

function register(endpoint: Endpoint | undefined, method: string, index: number): Endpoint {
  const result = endpoint ?? { routes: new Map<string, number>(), allow: "" }
  result.routes.set(method, index)
  const methods = new Set(result.routes.keys())
  if (methods.has("GET")) methods.add("HEAD")
  methods.add("OPTIONS")
  result.allow = [...methods].toSorted().join(", ")
  return result
}

/** Walks the segments of `path` from offset `start`; a pattern is at most a few segments deep, and so is the recursion. */
function walk(node: Node, path: string, start: number, captured: Array<string>): Endpoint | undefined {
  if (start > path.length) return node.endpoint
  const slash = path.indexOf("/", start)
  const end = slash < 0 ? path.length : slash
  const segment = path.slice(start, end)
  const child = node.children.get(segment)
  if (child !== undefined) {
    const found = walk(child, path, end + 1, captured)
    if (found !== undefined) return found
  }
  if (node.parameter !== undefined && segment !== "") {
    captured.push(segment)
    const found = walk(node.parameter, path, end + 1, captured)
    if (found !== undefined) return found
    captured.pop()
  }
  if (node.wildcard === undefined || start >= path.length) return undefined
  captured.push(path.slice(start))
  return node.wildcard
}
