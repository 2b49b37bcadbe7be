/**
 * Where a service is found among several of one process: below a path, at a host, or at a path of a host.
 *
 * Invariant: `path` is empty or begins with "/" and does not end with it, so that it can stand in front of the path of a route.
 */

/** A place for a service. */
export interface Mount {
  /** The name that the request's `Host` has to have, in small letters, without a port; undefined takes any. */
  readonly host: string | undefined
  /** What the paths of the service are below: `""` or `/orders`. */
  readonly path: string
}

/** Everything on every host: where the one service of a process is. */
export const ROOT: Mount = { host: undefined, path: "" }
export const MOUNT_EXPECTED = "a path like /orders, a host like orders.example.com, or both like example.com/orders"

const HOST = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/
const PATH = /^(?:\/[A-Za-z0-9._~-]+)*\/?$/
const LENGTH_MAX = 255

/**
 * Reads a mount; undefined when it is none. `/_planck` is the process's own.
 *
 * @example
 * ```ts
 * import { parseMount } from "../src/Config/Mount.ts"
 *
 * console.log(parseMount("/orders/"), parseMount("Shop.example"), parseMount("or ders"))
 * // => { host: undefined, path: '/orders' } { host: 'shop.example', path: '' } undefined
 * ```
 */
export function parseMount(text: string): Mount | undefined {
  const slash = text.indexOf("/")
  const host = (slash < 0 ? text : text.slice(0, slash)).toLowerCase()
  const path = slash < 0 ? "" : text.slice(slash)
  if (text === "" || text.length > LENGTH_MAX || !PATH.test(path) || (host !== "" && !HOST.test(host))) return undefined
  const segments = path.split("/").filter((segment) => segment !== "")
  if (segments[0] === "_planck" || segments.some((segment) => segment === "." || segment === "..")) return undefined
  return { host: host === "" ? undefined : host, path: segments.map((segment) => `/${segment}`).join("") }
}

/** As it is written in the configuration. */
export const formatMount = ({ host = "", path }: Mount): string => `${host}${path}` || "/"
