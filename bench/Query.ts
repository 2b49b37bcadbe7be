/**
 * Suite `query`: documents asked and changed, in one process, beside SQLite with JSON columns, mingo on ready objects and, where it is
 * installed, PostgreSQL. Peers take turns within each round; before timing all of them have to give the same answers.
 */
import { CUSTOMERS, type QueryPeer } from "./query/Orders.ts"
import { mingoPeer, type PlanckPeer, planckPeer, sqlitePeer } from "./query/Peers.ts"
import { postgresPeer } from "./query/Postgres.ts"
import { median, medianRatio, type Report, type Row } from "./Report.ts"

interface Options {
  readonly quick: boolean
  readonly say: (line: string) => void
}

const CLIENTS = 64
const REFERENCE = "node:sqlite"
const PLAN_MICROS_MAX = 3
/** Until compilers and caches have what a process that runs for hours has: longer where there is more to be kept. */
const WARM_UP_MS = 2000
const WARM_UP_MANY_MS = 8000
const MANY_ORDERS = 1_000_000
/** Rounds that every work has. One that takes longer than its turns has no further ones after `LATE` times the time of all turns. */
const ROUNDS_MIN = 5
const LATE = 2
const NOTES = [
  "ratio: times faster than node:sqlite, median of the rounds (JSON text, the same index over expressions, WAL, synchronous FULL); plan: 3 µs over what it takes",
  "mingo tests objects that are there already; PostgreSQL is asked over a socket; answers are compared before timing",
  "update: 64 clients at once, each change on disk before its client goes on"
]

interface Work {
  readonly name: string
  /** Asks a peer once, for turn `n`; undefined when it does not take part. */
  readonly ask: (peer: QueryPeer) => ((n: number) => unknown) | undefined
  /** What is compared before timing; without it answers are not compared. */
  readonly answer?: (given: unknown) => string
  readonly clients?: number
}

interface Turns {
  readonly warmUpMs: number
  readonly rounds: number
  readonly roundMs: number
}

/** Runs the suite. */
export async function runQuery(options: Options): Promise<Report> {
  const counts = options.quick ? [100_000] : [100_000, 1_000_000]
  const rows: Array<Row> = []
  for (const count of counts) rows.push(...(await runCount(count, options)))
  return { suite: "query", notes: NOTES, rows }
}

async function runCount(count: number, { quick, say }: Options): Promise<ReadonlyArray<Row>> {
  say(`filling the peers with ${count} orders`)
  const planck = await planckPeer(count)
  const postgres = await postgresPeer(count, CLIENTS)
  if (postgres === undefined) say("PostgreSQL is left out: its server or its driver (npm ci in bench/compare) is not installed")
  const peers: ReadonlyArray<QueryPeer> = [
    planck,
    planck.anew,
    sqlitePeer(count),
    mingoPeer(count),
    ...(postgres === undefined ? [] : [postgres])
  ]
  const size = `${count / 1000}k`
  const warmUpMs = count < MANY_ORDERS ? WARM_UP_MS : WARM_UP_MANY_MS
  try {
    const rows: Array<Row> = []
    for (const work of worksOf(count)) {
      await compareAnswers(work, peers)
      rows.push(...(await measure(work, size, peers, { warmUpMs, rounds: quick ? 5 : 20, roundMs: quick ? 200 : 500 })))
      for (const peer of peers) peer.rest?.()
      say(`${size} ${work.name} done`)
    }
    return [...rows, planRow(size, planck)]
  } finally {
    for (const peer of peers) await peer.close()
  }
}

const text = (given: unknown): string => String(given)

function worksOf(count: number): ReadonlyArray<Work> {
  const { get, group, list, lookup, scan, update } = {
    list: (peer: QueryPeer) => peer.list,
    scan: (peer: QueryPeer) => peer.scan,
    group: (peer: QueryPeer) => peer.group,
    get: (peer: QueryPeer) => peer.get,
    lookup: (peer: QueryPeer) => peer.lookup,
    update: (peer: QueryPeer) => peer.update
  }
  const numbered = (method: (peer: QueryPeer) => ((n: number) => unknown) | undefined) => (peer: QueryPeer) => {
    const ask = method(peer)
    return ask === undefined ? undefined : (n: number) => ask(Math.imul(n, 0x9e3779b1) >>> 0)
  }
  const within = (method: (peer: QueryPeer) => ((n: number) => unknown) | undefined, below: number) => (peer: QueryPeer) => {
    const ask = numbered(method)(peer)
    return ask === undefined ? undefined : (n: number) => method(peer)?.((Math.imul(n, 0x9e3779b1) >>> 0) % below)
  }
  return [
    { name: "indexed-list", ask: within(list, CUSTOMERS * 4), answer: text },
    { name: "scan-filter", ask: (peer) => scan(peer) && ((n) => scan(peer)?.(n % 8, 100 + (n % 500))), answer: text },
    { name: "group-by", ask: (peer) => group(peer) && (() => group(peer)?.()), answer: text },
    { name: "get-json", ask: within(get, count), answer: text },
    { name: "lookup", ask: within(lookup, count - 20), answer: text },
    {
      name: "update-durable",
      ask: (peer) => update(peer) && ((n) => update(peer)?.(n % count, n % 2 === 0 ? "paid" : "shipped")),
      clients: CLIENTS
    }
  ]
}

async function compareAnswers({ answer, ask, name }: Work, peers: ReadonlyArray<QueryPeer>): Promise<void> {
  if (answer === undefined) return
  for (const n of [0, 1, 7, 123]) {
    let expected: string | undefined
    for (const peer of peers) {
      const asked = ask(peer)
      if (asked === undefined) continue
      const given = answer(await asked(n))
      expected ??= given
      if (given !== expected)
        throw new Error(`${name}: ${peer.name} answers\n${given.slice(0, 500)}\nand another peer\n${expected.slice(0, 500)}`)
    }
  }
}

async function measure(
  work: Work,
  size: string,
  peers: ReadonlyArray<QueryPeer>,
  { roundMs, rounds, warmUpMs }: Turns
): Promise<ReadonlyArray<Row>> {
  const taking = peers.filter((peer) => work.ask(peer) !== undefined)
  const rates = new Map(taking.map((peer) => [peer.name, [] as Array<number>]))
  const cpus = new Map(taking.map((peer) => [peer.name, [] as Array<number>]))
  for (const peer of taking) await timed(work, peer, warmUpMs)
  const lateMs = performance.now() + LATE * rounds * roundMs * taking.length
  for (let round = 0; round < rounds && (round < ROUNDS_MIN || performance.now() < lateMs); round++) {
    for (const peer of taking) {
      const { cpuMicros, perSecond } = await timed(work, peer, roundMs)
      rates.get(peer.name)?.push(perSecond)
      cpus.get(peer.name)?.push(cpuMicros)
    }
  }
  const reference = rates.get(REFERENCE) ?? []
  return taking.map((peer) => {
    const perSecond = median(rates.get(peer.name) ?? [])
    return {
      work: `${work.name} ${size}`,
      peer: peer.name,
      perSecond,
      p50Ms: 1000 / perSecond,
      p99Ms: null,
      cpuMicros: peer.name === "postgres" ? null : median(cpus.get(peer.name) ?? []),
      syncsPerSecond: null,
      ratio: medianRatio(rates.get(peer.name) ?? [], reference)
    }
  })
}

let turn = 0

/** Asks for a while, by as many clients as the work has. */
async function timed(work: Work, peer: QueryPeer, forMs: number): Promise<{ readonly perSecond: number; readonly cpuMicros: number }> {
  const ask = work.ask(peer)!
  const startedMs = performance.now()
  const cpu = process.cpuUsage()
  let done = 0
  const client = async (): Promise<void> => {
    do {
      const given = ask(turn++)
      if (given instanceof Promise) await given
      done++
    } while (performance.now() - startedMs < forMs)
  }
  await Promise.all(Array.from({ length: work.clients ?? 1 }, client))
  const { system, user } = process.cpuUsage(cpu)
  return { perSecond: (done * 1000) / (performance.now() - startedMs), cpuMicros: (system + user) / done }
}

function planRow(size: string, planck: PlanckPeer): Row {
  const micros = median([planck.planMicros(), planck.planMicros(), planck.planMicros()])
  return {
    work: `plan ${size}`,
    peer: planck.name,
    perSecond: 1e6 / micros,
    p50Ms: micros / 1000,
    p99Ms: null,
    cpuMicros: micros,
    syncsPerSecond: null,
    ratio: PLAN_MICROS_MAX / micros
  }
}
