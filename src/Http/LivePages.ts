/**
 * Pages that follow the build, under `planck dev`: a whole HTML document that a browser navigates to gets a script, which loads it again when
 * another build is live and shows what is wrong when one fails.
 *
 * Invariants
 * - Only the answer on its way out is changed, never one that is kept: the same answer goes out as it is to a program, to htmx and to a frame of
 *   another page's script.
 * - Whether an answer is changed depends on the request's header fields and on the answer, not on the method: HEAD says the length that GET sends.
 * - A changed document is not stored by the browser, so that no copy of it outlives the build.
 * - At most `CLIENTS_MAX` pages listen, and every one of them is let go when the server drains.
 */
import type { ServerResponse } from "node:http"
import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from "node:zlib"
import { formatMount } from "../Config/Mount.ts"
import type { Asset } from "../Wasm/Assets.ts"
import type { ErrorCodeName } from "../Wasm/ErrorCodes.ts"
import { problem } from "../Wasm/Problem.ts"
import { answerAsset, type AssetAnswer } from "./Assets.ts"
import type { Exchange, Reply } from "./Exchange.ts"
import { documentHead } from "./HtmlDocument.ts"
import { widenPolicies } from "./LivePolicy.ts"
import { LIVE_SCRIPT } from "./LiveScript.ts"
import type { Site } from "./Sites.ts"

/** What the pages are told: which build is live, and what keeps a newer one from being it. */
export interface BuildNews {
  /** Another text for another build; empty while there is none. */
  readonly build: string
  /** One line over the mistakes. */
  readonly title: string
  /** As the terminal shows them; empty when the build is well. */
  readonly mistakes: ReadonlyArray<string>
}

/** Pages that listen to the build at once, under `planck dev`. */
export const CLIENTS_MAX = 200
/** The largest document that is unpacked to be changed, in bytes. */
const DOCUMENT_BYTES_MAX = 16 * 1024 * 1024
/** A page that takes in so little, in bytes, is let go; it comes back. */
const UNSENT_BYTES_MAX = 4 * 1024 * 1024
/** Time after which a page asks again, in milliseconds. */
const RETRY_MS = 500

const FOLDER = "/_planck/dev/"
const SCRIPT_PATH = `${FOLDER}client.js`
const EVENTS_PATH = `${FOLDER}events`
const DOCUMENT_DESTINATIONS: ReadonlySet<string> = new Set(["document", "iframe", "frame"])
/** What says something about the bytes as they were. */
const DROPPED: ReadonlySet<string> = new Set([
  "cache-control",
  "content-digest",
  "content-encoding",
  "digest",
  "etag",
  "last-modified",
  "repr-digest"
])
const POLICIES: ReadonlySet<string> = new Set(["content-security-policy", "content-security-policy-report-only"])
const HOST = /^[a-z0-9.-]+(:\d+)?$/i
const UNPACK: Readonly<Record<string, (bytes: Uint8Array, options: { readonly maxOutputLength: number }) => Buffer>> = {
  gzip: gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
  zstd: zstdDecompressSync
}

export class LivePages {
  private news: BuildNews = { build: "", title: "", mistakes: [] }
  private readonly clients = new Set<ServerResponse>()
  private isOver = false
  private readonly makeNonce: () => string

  /** `makeNonce` gives a text that cannot be guessed, of letters and digits. */
  constructor(makeNonce: () => string) {
    this.makeNonce = makeNonce
  }

  /** Tells every page. */
  tell(news: BuildNews): void {
    this.news = news
    for (const client of this.clients) {
      if (client.writableLength > UNSENT_BYTES_MAX) client.destroy()
      else client.write(this.event())
    }
  }

  /** Lets every page go, and takes no other. */
  end(): void {
    this.isOver = true
    for (const client of this.clients) client.end()
  }

  owns(path: string): boolean {
    return path.startsWith(FOLDER)
  }

  /** The answer to a request for a path of ours; undefined when the connection stays open. */
  answer(exchange: Exchange): Omit<Reply, "release"> | undefined {
    if (exchange.method !== "GET" && exchange.method !== "HEAD") return refused("method_not_allowed", ["allow", "GET, HEAD"])
    if (exchange.path === SCRIPT_PATH) {
      const headers = ["content-type", "text/javascript; charset=utf-8", "cache-control", "no-store", "x-content-type-options", "nosniff"]
      return { status: 200, headers, body: LIVE_SCRIPT }
    }
    if (exchange.path !== EVENTS_PATH || exchange.method !== "GET") return refused("route_not_found")
    if (this.isOver || this.clients.size >= CLIENTS_MAX) return refused("overloaded")
    this.listen(exchange.response)
    return undefined
  }

  /** A static document as it is, without a word about copies of it; undefined for anything else. */
  asset(exchange: Exchange, asset: Asset): AssetAnswer | undefined {
    return asset.type.startsWith("text/html") && wantsDocument(exchange) ? answerAsset(asset, {}) : undefined
  }

  /** A page in place of a service that is not there yet. */
  unserved(exchange: Exchange): Omit<Reply, "release"> | undefined {
    return wantsDocument(exchange)
      ? page(503, "Nothing is built yet", "<p>The page comes by itself as soon as the service builds.</p>")
      : undefined
  }

  /** A page with the places of the services, in place of one that is at none of them. */
  nowhere(exchange: Exchange, sites: ReadonlyArray<Site>): Omit<Reply, "release"> | undefined {
    if (!wantsDocument(exchange)) return undefined
    if (sites.length === 0) return this.unserved(exchange)
    const links = sites.map(({ mount, name }) => {
      const address = mount.host === undefined ? `${mount.path}/` : `//${formatMount(mount)}/`
      return `<li><a href="${address}">${name}</a></li>`
    })
    return page(404, "No service is here", `<p>There are:</p><ul>${links.join("")}</ul>`)
  }

  /** The reply with the script in it, when it is a document for a browser. */
  dress(exchange: Exchange, reply: Reply): Reply {
    const { body, headers, status } = reply
    if (status === 204 || status === 304 || body === undefined || !isHtml(headers) || !wantsDocument(exchange)) return reply
    const bytes = unpacked(headers, typeof body === "string" ? Buffer.from(body, "latin1") : body)
    if (bytes === undefined) return reply
    const at = documentHead(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1"))
    if (at < 0) return reply
    const nonce = this.makeNonce()
    const build = exchange.method === "GET" || exchange.method === "HEAD" ? this.news.build : ""
    const tag = Buffer.from(`<script src="${SCRIPT_PATH}" data-build="${build}" nonce="${nonce}"></script>`, "latin1")
    return {
      ...reply,
      headers: dressedHeaders(headers, hostOf(exchange), nonce),
      body: Buffer.concat([bytes.subarray(0, at), tag, bytes.subarray(at)])
    }
  }

  private listen(response: ServerResponse): void {
    this.clients.add(response)
    response.on("close", () => void this.clients.delete(response))
    response.writeHead(200, ["content-type", "text/event-stream", "cache-control", "no-store", "x-accel-buffering", "no"])
    response.write(`retry: ${RETRY_MS}\n${this.event()}`)
  }

  private event(): string {
    return `data: ${JSON.stringify(this.news)}\n\n`
  }
}

/** Whether a browser is about to show the answer: it says so, or, where it does not, takes HTML and is not a script of a page. */
function wantsDocument({ headers }: Exchange): boolean {
  const destination = headers["sec-fetch-dest"]
  if (typeof destination === "string") return DOCUMENT_DESTINATIONS.has(destination)
  if (headers["hx-request"] !== undefined || headers["x-requested-with"] !== undefined) return false
  return typeof headers["accept"] === "string" && headers["accept"].includes("text/html")
}

const isHtml = (headers: ReadonlyArray<string>): boolean => /^text\/html\s*(?:;|$)/i.test(field(headers, "content-type") ?? "")

function field(headers: ReadonlyArray<string>, name: string): string | undefined {
  for (let index = 0; index + 1 < headers.length; index += 2) if (headers[index]?.toLowerCase() === name) return headers[index + 1]
  return undefined
}

/** The bytes without their packing; undefined when nobody knows it. */
function unpacked(headers: ReadonlyArray<string>, bytes: Uint8Array): Uint8Array | undefined {
  const encoding = (field(headers, "content-encoding") ?? "identity").trim().toLowerCase()
  if (encoding === "identity") return bytes
  try {
    return UNPACK[encoding]?.(bytes, { maxOutputLength: DOCUMENT_BYTES_MAX })
  } catch {
    return undefined
  }
}

function dressedHeaders(headers: ReadonlyArray<string>, host: string | undefined, nonce: string): ReadonlyArray<string> {
  const room = {
    script: host === undefined ? "'self'" : `${host}${SCRIPT_PATH}`,
    events: host === undefined ? "'self'" : `${host}${EVENTS_PATH}`,
    nonce
  }
  const dressed = ["cache-control", "no-store"]
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index] ?? ""
    const value = headers[index + 1] ?? ""
    const key = name.toLowerCase()
    if (!DROPPED.has(key)) dressed.push(name, POLICIES.has(key) ? widenPolicies(value, room) : value)
  }
  return dressed
}

/** As a policy can name it; it cannot name an IPv6 address. */
const hostOf = ({ host }: Exchange): string | undefined => (host !== undefined && HOST.test(host) ? host : undefined)

const refused = (code: ErrorCodeName, extra: ReadonlyArray<string> = []): Omit<Reply, "release"> => {
  const { body, headers, status } = problem(code)
  return { status, headers: [...headers, ...extra], body }
}

const page = (status: number, title: string, body: string): Omit<Reply, "release"> => ({
  status,
  headers: ["content-type", "text/html; charset=utf-8"],
  body: `<!doctype html><html lang="en"><head><title>${title}</title></head><body><h1>${title}</h1>${body}</body></html>`
})
