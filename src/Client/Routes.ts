/** What the documents made from a manifest have in common: names of operations and parameters of paths. */
import type { Field } from "../Schema/Definition.ts"
import type { ManifestRoute } from "../Wasm/Manifest.ts"

/** A name for each route, in their order: `getOrdersById` for `GET /orders/:id`. */
export function operationNames(routes: ReadonlyArray<ManifestRoute>): ReadonlyArray<string> {
  const taken = new Map<string, number>()
  return routes.map(({ method, pattern }) => {
    const words = pattern.split("/").map((segment) => {
      const word = segment.replaceAll(/[^A-Za-z0-9]+(.)?/g, (_match, next: string | undefined) => (next ?? "").toUpperCase())
      return (/^[:*]/.test(segment) ? "By" : "") + word.charAt(0).toUpperCase() + word.slice(1)
    })
    const name = method.toLowerCase() + (words.join("") === "" ? "Root" : words.join(""))
    const count = (taken.get(name) ?? 0) + 1
    taken.set(name, count)
    return count === 1 ? name : `${name}${count}`
  })
}

/** The parameters of a route's path, in its order; one without a schema is text. */
export function parametersOf({ input, pattern }: ManifestRoute): ReadonlyArray<readonly [name: string, field: Field]> {
  return [...pattern.matchAll(/\/[:*](\w+)/g)].map(([, name = ""]) => [name, input?.params?.[name] ?? { type: "string" }] as const)
}
