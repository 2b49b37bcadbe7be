/** One connection of one client to the ledger. */
import { Agent, request } from "node:http"
import type { Entry, Found } from "./Journal.ts"
import type { Answered, Message } from "./Workload.ts"

export class Connection {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 })
  readonly #port: number

  constructor(port: number) {
    this.#port = port
  }

  /** Sends a request; undefined when no whole answer came back, so that nobody knows what became of it. */
  send(message: Message, requestId?: string): Promise<Answered | undefined> {
    const body = message.body === undefined ? undefined : Buffer.from(JSON.stringify(message.body))
    const headers = {
      ...(body === undefined ? {} : { "content-type": "application/json", "content-length": body.length }),
      ...(requestId === undefined ? {} : { "x-request-id": requestId })
    }
    return new Promise((resolve) => {
      const { method, path } = message
      const sent = request({ host: "127.0.0.1", port: this.#port, agent: this.#agent, method, path, headers }, (response) => {
        const chunks: Array<Buffer> = []
        response.on("data", (chunk: Buffer) => chunks.push(chunk))
        response.on("error", () => resolve(undefined))
        response.on("close", () =>
          resolve(response.complete ? { status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() } : undefined)
        )
      })
      sent.on("error", () => resolve(undefined))
      sent.end(body)
    })
  }

  close(): void {
    this.#agent.destroy()
  }

  /** Everything that the ledger has; undefined when it ended meanwhile. */
  async everything(): Promise<Found | undefined> {
    const entries = await this.#pages<Entry>("/entries")
    const marks = await this.#pages<Found["marks"][number]>("/marks")
    const claims = await this.#pages<Found["claims"][number]>("/claims")
    return entries === undefined || marks === undefined || claims === undefined ? undefined : { entries, marks, claims }
  }

  async #pages<A extends { readonly _id: number }>(path: string): Promise<ReadonlyArray<A> | undefined> {
    const rows: Array<A> = []
    for (;;) {
      const message = { method: "GET", path: `${path}?after=${rows.at(-1)?._id ?? -1}` }
      // A machine that stood still may have let the idle connection end: reading once more changes nothing.
      const answer = (await this.send(message)) ?? (await this.send(message))
      if (answer === undefined) return undefined
      if (answer.status !== 200) throw new Error(`${path} was answered ${answer.status} ${answer.body.slice(0, 300)}`)
      const page = JSON.parse(answer.body) as ReadonlyArray<A>
      if (page.length === 0) return rows
      rows.push(...page)
    }
  }
}
