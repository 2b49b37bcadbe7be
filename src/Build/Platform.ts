/**
 * What a service does not have: Node's modules and the globals of browsers and Node. Each has a message that says what to use instead.
 *
 * A global is recognised by scope, not by text: esbuild renames only names that nothing declares (`define`), so a local `process` is left alone. The
 * renamed names are then looked for in the bundle. `typeof name` is allowed: it is how packages ask.
 */
import { builtinModules } from "node:module"

/** Put before the name of a global that does not exist, in the bundle. */
const ABSENT_PREFIX = "absent$"

const BUILTINS = new Set(builtinModules)

const FILES = "a service has no files: static ones go into `assets`, data into a store"
const NETWORK = "a service cannot call out: other services reach it by events, its own data is in its stores"
const LATER = "a service runs only while it is called: there is nothing that could run later"
const BROWSER = "a service runs in Planck, not in a browser"

const MODULE_ADVICE: Readonly<Record<string, string>> = {
  fs: FILES,
  "fs/promises": FILES,
  http: NETWORK,
  https: NETWORK,
  net: NETWORK,
  dns: NETWORK,
  tls: NETWORK,
  crypto: "use the global crypto.randomUUID() or crypto.getRandomValues()",
  util: "use structuredClone, TextEncoder and TextDecoder, which are global",
  buffer: "use Uint8Array, TextEncoder and TextDecoder",
  process: "read settings with app.config(…)",
  timers: LATER,
  child_process: "a service runs no programs",
  worker_threads: "a service runs in one thread"
}

const GLOBAL_ADVICE: Readonly<Record<string, string>> = {
  fetch: NETWORK,
  XMLHttpRequest: NETWORK,
  WebSocket: NETWORK,
  EventSource: NETWORK,
  setTimeout: LATER,
  setInterval: LATER,
  setImmediate: LATER,
  clearTimeout: LATER,
  clearInterval: LATER,
  requestAnimationFrame: LATER,
  process: "read settings with app.config({ … }) inside a handler",
  Buffer: "use Uint8Array, TextEncoder and TextDecoder, atob and btoa",
  __dirname: FILES,
  __filename: FILES,
  performance: "use new Date(), which is fixed for the length of a call",
  window: BROWSER,
  document: BROWSER,
  navigator: BROWSER,
  location: `${BROWSER}: the request has its path`,
  localStorage: "keep data in a store",
  sessionStorage: "keep data in a store",
  indexedDB: "keep data in a store",
  alert: `${BROWSER}: use console.log`,
  Worker: "a service runs in one thread",
  Intl: "format in the template (money, date, number), or by hand: the engine has no locales",
  WebAssembly: "a service is one module already",
  SharedArrayBuffer: "a service runs in one thread",
  Atomics: "a service runs in one thread",
  WeakRef: "what outlives a call is a cache: use a Map with a bound",
  FinalizationRegistry: "nothing has to be released by hand",
  Request: "the handler's argument is the request",
  Response: "return a value, html(…), text(…), json(…) or redirect(…)",
  Headers: "give header fields as an object",
  FormData: "declare `form: { … }` on the route",
  File: FILES,
  Blob: "use Uint8Array",
  ReadableStream: "return the whole answer",
  AbortController: LATER,
  URL: "use app.url(…) for addresses of this service",
  URLSearchParams: "declare `query: { … }` on the route; app.url(…) writes addresses"
}

/** What esbuild replaces: each absent global by its name with the prefix. */
export function absentDefinitions(): Record<string, string> {
  return Object.fromEntries(Object.keys(GLOBAL_ADVICE).map((name) => [name, ABSENT_PREFIX + name]))
}

/** Whether an import means one of Node's own modules. */
export function isNodeModule(specifier: string): boolean {
  return specifier.startsWith("node:") || BUILTINS.has(specifier)
}

/** The message for an import of a Node module, by the package that does it. */
export function nodeModuleMessage(specifier: string, importer: string): string {
  const name = specifier.replace(/^node:/, "")
  const advice = MODULE_ADVICE[name] ?? "a service has JavaScript itself and what @planckdb/planck/guest exports"
  return `${subject(importer)} Node's module "${name}", which does not exist in a service: ${advice}`
}

/** The message for the use of a global that does not exist. */
export function absentGlobalMessage(name: string, file: string): string {
  return `${subject(file)} the global "${name}", which does not exist in a service: ${GLOBAL_ADVICE[name] ?? "it is not part of JavaScript itself"}`
}

/** `the package "left-pad" uses`, or `this uses` for the author's own files. */
function subject(file: string): string {
  const name = packageOf(file)
  return name === undefined ? "this uses" : `the package "${name}" uses`
}

/** The package a file belongs to; undefined for a file of the author. */
export function packageOf(file: string): string | undefined {
  const parts = file.split(/[\\/]/)
  const at = parts.lastIndexOf("node_modules")
  const [first, second] = parts.slice(at + 1)
  if (at < 0 || first === undefined) return undefined
  return first.startsWith("@") && second !== undefined ? `${first}/${second}` : first
}
