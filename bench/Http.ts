/**
 * Suite `http`: the orders workload and the categories fragment, served by Planck and by the stacks a user would pick instead.
 * Peers are measured in turn within each round, so that whatever else the machine does meets all of them; medians over rounds, of
 * rates and of ratios.
 */
import { execFileSync, spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Measured, Work } from "./Load.ts"
import { load, tool } from "./Load.ts"
import type { PeerDefinition } from "./Peer.ts"
import { Peer } from "./Peer.ts"
import { startPostgres } from "./Postgres.ts"
import type { Report, Row } from "./Report.ts"
import { median, medianRatio } from "./Report.ts"

const SEED = 100_000
const CUSTOMERS = 1000
const CONNECTIONS = 32
const compare = join(import.meta.dirname, "compare")
const newOrder =
  '{"customer":"c0007","status":"pending","total":12.25,"currency":"EUR","items":[{"sku":"SKU-00012","quantity":2,"price":19.99},{"sku":"SKU-00345","quantity":1,"price":5.5}],"note":"leave at the door","createdAt":1700000000000}'

const hexId = (id: number): string => id.toString(16).padStart(32, "0")
const customer = (number: number): string => `c${String(number).padStart(4, "0")}`

const works: ReadonlyArray<Work> = [
  {
    name: "get",
    method: "GET",
    lua: `"/orders/" .. string.format("%032x", random(${SEED}) + 1)`,
    target: (random) => `/orders/${hexId(random(SEED) + 1)}`
  },
  {
    name: "list",
    method: "GET",
    lua: `string.format("/orders?customer=c%04d&status=pending", random(${CUSTOMERS}))`,
    target: (random) => `/orders?customer=${customer(random(CUSTOMERS))}&status=pending`
  },
  {
    name: "page",
    method: "GET",
    lua: `string.format("/orders/page?customer=c%04d&status=pending", random(${CUSTOMERS}))`,
    target: (random) => `/orders/page?customer=${customer(random(CUSTOMERS))}&status=pending`
  },
  { name: "insert", method: "POST", lua: '"/orders"', target: () => "/orders", body: newOrder },
  { name: "categories", method: "GET", lua: '"/categories"', target: () => "/categories" }
]

const ORDER_READS = ["get", "list", "page"]
const ORDER_WORKS = [...ORDER_READS, "insert"]
/** Planck as it is, and with every answer made anew, so that one sees what keeping them does and what a first answer costs. */
const PLANCK = "planck"
const PLANCK_KEEPING_NOTHING = "planck, keeping no answers"

interface Options {
  readonly quick: boolean
  readonly say: (line: string) => void
}

/** Runs the suite. Starts, checks, measures and stops every peer. */
export async function runHttp(options: Options): Promise<Report> {
  if (!existsSync(join(compare, "node_modules"))) {
    options.say("installing the peers of bench/compare")
    execFileSync("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: compare, stdio: ["ignore", "ignore", "inherit"] })
  }
  const folder = mkdtempSync(join(tmpdir(), "planck-bench-http-"))
  const notes = [`load: ${tool}, ${CONNECTIONS} connections, client and servers on the same machine`]
  const postgres = await startPostgres()
  if (postgres === undefined) notes.push("PostgreSQL is not installed here: express+postgres was not measured")
  const environment = postgres === undefined ? {} : { PGSOCKET: postgres.socket, PGPORT: String(postgres.port) }
  const all = peers(folder, environment, postgres !== undefined)
  // What keeping answers does is for the long run to show: a quick one has two minutes.
  const definitions = options.quick ? all.filter((peer) => peer.name !== PLANCK_KEEPING_NOTHING) : all
  const running: Array<Peer> = []
  try {
    options.say(`starting ${definitions.map(({ name }) => name).join(", ")}`)
    const starts = await Promise.allSettled(definitions.map((definition) => Peer.start(definition)))
    for (const start of starts) if (start.status === "fulfilled") running.push(start.value)
    for (const start of starts) if (start.status === "rejected") throw start.reason
    await checkEqual(running, options)
    const rows = await measure(running, options)
    notes.push(await recount(running, rows.acknowledged))
    return { suite: "http", notes, rows: rows.rows }
  } finally {
    for (const peer of running) await peer.stop("SIGKILL")
    await postgres?.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

function peers(folder: string, postgres: Readonly<Record<string, string>>, hasPostgres: boolean): ReadonlyArray<PeerDefinition> {
  const common = { DIRECTORY: folder, SEED: String(SEED), FILL: "1" }
  const planck = (name: string, port: number, service: string, works: ReadonlyArray<string>): PeerDefinition => ({
    name,
    file: join(import.meta.dirname, "PlanckServer.ts"),
    port,
    environment: {
      ...common,
      DIRECTORY: join(folder, `${service}-${port}`),
      SERVICE: service,
      ...(name === PLANCK_KEEPING_NOTHING ? { ANSWER_CACHE_BYTES_MAX: "0" } : {})
    },
    works
  })
  return [
    { name: "raw", file: join(compare, "raw.mjs"), port: 4100, environment: common },
    planck(PLANCK, 4101, "orders", ORDER_WORKS),
    planck(PLANCK, 4102, "pizzahub", ["categories"]),
    planck(PLANCK_KEEPING_NOTHING, 4105, "orders", ORDER_READS),
    planck(PLANCK_KEEPING_NOTHING, 4106, "pizzahub", ["categories"]),
    { name: "fastify+sqlite", file: join(compare, "fastify-sqlite.mjs"), port: 4103, environment: common },
    ...(hasPostgres
      ? [{ name: "express+postgres", file: join(compare, "express-postgres.mjs"), port: 4104, environment: { ...common, ...postgres } }]
      : [])
  ]
}

/** Every peer but `raw`, whose bytes are constant, has to answer the same bytes. */
async function checkEqual(running: ReadonlyArray<Peer>, options: Options): Promise<void> {
  const targets = [hexId(1), hexId(77), hexId(SEED)].map((id) => ({ work: "get", path: `/orders/${id}` }))
  for (const number of [0, 7, 999]) {
    targets.push({ work: "list", path: `/orders?customer=${customer(number)}&status=pending` })
    targets.push({ work: "page", path: `/orders/page?customer=${customer(number)}&status=paid` })
  }
  targets.push({ work: "categories", path: "/categories" })
  for (const { work, path } of targets) {
    const bodies = new Map<string, string>()
    for (const peer of running.filter((candidate) => candidate.takesPartIn(work) && candidate.definition.name !== "raw")) {
      const response = await fetch(peer.url + path)
      if (response.status !== 200) throw new Error(`${peer.definition.name} answers ${response.status} to ${path}`)
      bodies.set(peer.definition.name, await response.text())
    }
    const [first, ...others] = [...bodies]
    for (const [name, body] of others) {
      if (body !== first?.[1])
        throw new Error(`${name} and ${first?.[0]} differ at ${path}:\n${body.slice(0, 600)}\n${first?.[1].slice(0, 600)}`)
    }
  }
  options.say(`the peers' bodies are equal on ${targets.length} targets`)
}

interface Sample extends Measured {
  readonly cpuMicros: number | undefined
}

async function measure(running: ReadonlyArray<Peer>, options: Options): Promise<{ rows: ReadonlyArray<Row>; acknowledged: number }> {
  const rounds = options.quick ? 2 : 12
  const seconds = options.quick ? 1 : 2
  // Peers run in a just-in-time compiler: what is measured before it is done is the compiler.
  const warmSeconds = options.quick ? 2 : 10
  const samples = new Map<string, Array<Sample>>()
  const syncs = new Map<Peer, number | undefined>()
  let acknowledged = 0
  for (const peer of running) {
    for (const work of works.filter((candidate) => peer.takesPartIn(candidate.name))) {
      const warm = await load(peer.url, { ...work, name: `warm-${work.name}` }, warmSeconds)
      if (counts(peer, work)) acknowledged += warm.requests
    }
  }
  for (let round = 0; round < rounds; round++) {
    for (const work of works) {
      for (const peer of running.filter((candidate) => candidate.takesPartIn(work.name))) {
        const before = peer.cpuMicros()
        const measured = await load(peer.url, work, seconds)
        const after = peer.cpuMicros()
        if (measured.errors > 0) throw new Error(`${peer.definition.name} failed ${measured.errors} times in ${work.name}`)
        if (counts(peer, work)) acknowledged += measured.requests
        const cpuMicros = before === undefined || after === undefined ? undefined : (after - before) / measured.requests
        const key = `${work.name} ${peer.definition.name}`
        samples.set(key, [...(samples.get(key) ?? []), { ...measured, cpuMicros }])
      }
    }
    options.say(`round ${round + 1} of ${rounds} is done`)
  }
  const insert = works.find((work) => work.name === "insert")
  for (const peer of running.filter((candidate) => candidate.takesPartIn("insert"))) {
    if (insert === undefined) continue
    syncs.set(
      peer,
      await peer.countSyncs(async () => {
        const measured = await load(peer.url, insert, 1)
        if (counts(peer, insert)) acknowledged += measured.requests
      })
    )
  }
  return { rows: rowsOf(running, samples, syncs), acknowledged }
}

const counts = (peer: Peer, work: Work): boolean => peer.definition.name === PLANCK && work.name === "insert"

function rowsOf(
  running: ReadonlyArray<Peer>,
  samples: ReadonlyMap<string, ReadonlyArray<Sample>>,
  syncs: ReadonlyMap<Peer, number | undefined>
): ReadonlyArray<Row> {
  return works.flatMap((work) => {
    const raw = (samples.get(`${work.name} raw`) ?? []).map((sample) => sample.perSecond)
    return running
      .filter((peer) => peer.takesPartIn(work.name))
      .map((peer): Row => {
        const own = samples.get(`${work.name} ${peer.definition.name}`) ?? []
        const cpu = own.map((sample) => sample.cpuMicros).filter((value) => value !== undefined)
        return {
          work: work.name,
          peer: peer.definition.name,
          perSecond: median(own.map((sample) => sample.perSecond)),
          p50Ms: median(own.map((sample) => sample.p50Ms)),
          p99Ms: median(own.map((sample) => sample.p99Ms)),
          cpuMicros: cpu.length === 0 ? null : median(cpu),
          syncsPerSecond: work.name === "insert" ? (syncs.get(peer) ?? null) : null,
          ratio: medianRatio(
            own.map((sample) => sample.perSecond),
            raw
          )
        }
      })
  })
}

/** Kills Planck as a crash would, opens its directory again and counts: every acknowledged order has to be there. */
async function recount(running: ReadonlyArray<Peer>, acknowledged: number): Promise<string> {
  const planck = running.find((peer) => peer.definition.name === PLANCK && peer.takesPartIn("insert"))
  if (planck === undefined) throw new Error("no peer has taken inserts")
  await planck.stop("SIGKILL")
  const directory = planck.definition.environment["DIRECTORY"] ?? ""
  const main = join(import.meta.dirname, "..", "src", "Main.ts")
  const result = spawnSync(process.execPath, [main, "query", directory, "orders.count()", "--json"], { encoding: "utf8" })
  const found = /"count":\s*(\d+)/.exec(result.stdout)
  if (found === null) throw new Error(`the directory could not be counted: ${result.stdout}${result.stderr}`)
  const count = Number(found[1])
  const extra = count - SEED - acknowledged
  if (extra < 0) throw new Error(`${-extra} acknowledged orders are missing after kill -9`)
  return `after kill -9 the directory holds ${count} orders: ${SEED} seeded, ${acknowledged} acknowledged to the client, ${extra} committed without the client having read the answer`
}
