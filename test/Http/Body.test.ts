/** Bodies as they come over real connections: in pieces, several in one, and those that nobody collects. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { createServer } from "node:http"
import { connect } from "node:net"
import { Incoming } from "../../src/Http/Body.ts"

const BYTES_MAX = 20

/** What a server answered that echoes bodies at `/echo` and reads none elsewhere, to packets sent one by one, and its requests. */
const converse = (packets: ReadonlyArray<string>) =>
  Effect.promise(async () => {
    const requests: Array<Incoming> = []
    const server = createServer({ IncomingMessage: Incoming, optimizeEmptyRequests: true }, (request, response) => {
      requests.push(request)
      if (request.url !== "/echo") return void response.end("none")
      request.collect(Number(request.headers["content-length"] ?? Number.NaN), BYTES_MAX, {
        complete: (body) => response.end(`got ${Buffer.from(body).toString()}`),
        tooLarge: () => response.end("too large")
      })
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const address = server.address()
    const socket = connect(typeof address === "object" && address !== null ? address.port : 0, "127.0.0.1").setNoDelay()
    let received = ""
    socket.on("data", (chunk) => (received += chunk.toString()))
    const closed = new Promise((resolve) => socket.on("close", resolve))
    for (const packet of packets) {
      socket.write(packet)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    socket.end()
    await closed
    await new Promise((resolve) => server.close(resolve))
    return { bodies: received.match(/(?:got [a-z-]*|too large|none)/g) ?? [], requests }
  })

const post = (path: string, body: string) => `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n\r\n${body}`
const chunked = (pieces: ReadonlyArray<string>) =>
  `POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n${[...pieces, ""].map((it) => `${it.length.toString(16)}\r\n${it}\r\n`).join("")}`

describe("Incoming", () => {
  it.live("collects a body that comes in one packet, in several, and in chunks", () =>
    Effect.gen(function* () {
      const whole = post("/echo", "one-and-two")
      const { bodies, requests } = yield* converse([
        whole,
        whole.slice(0, -6),
        whole.slice(-6, -3),
        whole.slice(-3),
        chunked(["three-", "four"])
      ])
      assert.deepStrictEqual(bodies, ["got one-and-two", "got one-and-two", "got three-four"])
      assert.deepStrictEqual(
        requests.map((it) => it.readableEnded),
        [true, true, true]
      )
    })
  )

  it.live("collects each of several that come in one packet, an empty one among them", () =>
    Effect.gen(function* () {
      const { bodies } = yield* converse([
        post("/echo", "one") + post("/echo", "") + "GET / HTTP/1.1\r\nhost: a\r\n\r\n" + post("/echo", "two")
      ])
      assert.deepStrictEqual(bodies, ["got one", "got ", "none", "got two"])
    })
  )

  it.live("says once that a body is too large, declared or not, and the connection goes on behind it", () =>
    Effect.gen(function* () {
      const long = "abcdefghijkl"
      const { bodies } = yield* converse([post("/echo", long + long) + chunked([long, long, long]), post("/echo", "two")])
      assert.deepStrictEqual(bodies, ["too large", "too large", "got two"])
    })
  )

  it.live("is read away when nobody collects it, whether the answer comes before or behind it", () =>
    Effect.gen(function* () {
      const ignored = post("/other", "never read")
      const { bodies, requests } = yield* converse([
        ignored + post("/echo", "two"),
        ignored.slice(0, -5),
        ignored.slice(-5),
        post("/echo", "four")
      ])
      assert.deepStrictEqual(bodies, ["none", "got two", "none", "got four"])
      assert.isTrue(requests.every((it) => it.readableEnded))
    })
  )
})
