/** PostgreSQL with JSON columns and the same indexes, where the server and the driver of bench/compare are installed. */
import { existsSync } from "node:fs"
import { createRequire } from "node:module"
import { join } from "node:path"
import { startPostgres } from "../Postgres.ts"
import { CUSTOMERS, customerDocument, listKey, order, orderId, type QueryPeer } from "./Orders.ts"

interface Client {
  connect(): Promise<void>
  query(
    query: string | { readonly name: string; readonly text: string; readonly values: ReadonlyArray<unknown> },
    values?: ReadonlyArray<unknown>
  ): Promise<{ readonly rows: ReadonlyArray<Record<string, unknown>> }>
  end(): Promise<void>
}

const BATCH = 1000
const compare = join(import.meta.dirname, "../compare")

/** Undefined when there is no server or no driver. Updates go through 64 connections, as many as there are clients. */
export async function postgresPeer(count: number, clients: number): Promise<QueryPeer | undefined> {
  if (!existsSync(join(compare, "node_modules/pg"))) return undefined
  const cluster = await startPostgres()
  if (cluster === undefined) return undefined
  const { Client } = createRequire(join(compare, "package.json"))("pg") as { readonly Client: new (options: object) => Client }
  const open = async (): Promise<Client> => {
    const client = new Client({ host: cluster.socket, port: cluster.port, user: "postgres", database: "postgres" })
    await client.connect()
    return client
  }
  const client = await open()
  await client.query(
    'CREATE TABLE orders (id text COLLATE "C" PRIMARY KEY, doc json NOT NULL); CREATE TABLE customers (id text COLLATE "C" PRIMARY KEY, doc json NOT NULL)'
  )
  for (let n = 0; n < count; n += BATCH) {
    const documents = Array.from({ length: Math.min(BATCH, count - n) }, (_, index) => JSON.stringify(order(n + index)))
    await client.query("INSERT INTO orders SELECT doc->>'_id', doc FROM unnest($1::json[]) AS doc", [documents])
  }
  await client.query("INSERT INTO customers SELECT doc->>'_id', doc FROM unnest($1::json[]) AS doc", [
    Array.from({ length: CUSTOMERS }, (_, n) => JSON.stringify(customerDocument(n)))
  ])
  await client.query("CREATE INDEX ON orders ((doc->>'customer'), (doc->>'status'), (doc->>'placedAt') DESC); ANALYZE")
  const writers = await Promise.all(Array.from({ length: clients }, open))
  const rowsOf = async (name: string, text: string, values: ReadonlyArray<unknown>) => (await client.query({ name, text, values })).rows
  const docs = (rows: ReadonlyArray<Record<string, unknown>>): Buffer => Buffer.from(`[${rows.map((row) => String(row["doc"])).join(",")}]`)
  return {
    name: "postgres",
    list: async (n) =>
      docs(
        await rowsOf(
          "list",
          "SELECT doc::text FROM orders WHERE doc->>'customer' = $1 AND doc->>'status' = $2 ORDER BY doc->>'placedAt' DESC LIMIT 20",
          [listKey(n).customer, listKey(n).status]
        )
      ),
    scan: async (quantity, total) =>
      Number(
        (
          await rowsOf("scan", "SELECT count(*) AS found FROM orders WHERE (doc->>'quantity')::int > $1 AND (doc->>'total')::int < $2", [
            quantity,
            total
          ])
        )[0]?.["found"]
      ),
    group: async () =>
      JSON.stringify(
        (
          await rowsOf(
            "group",
            "SELECT doc->>'customer' AS customer, sum((doc->>'total')::int)::int AS total FROM orders GROUP BY 1 ORDER BY min(doc->>'customer') COLLATE \"C\"",
            []
          )
        ).map((row) => ({ ...row }))
      ),
    get: async (n) => Buffer.from(String((await rowsOf("get", "SELECT doc::text FROM orders WHERE id = $1", [orderId(n)]))[0]?.["doc"])),
    update: async (n, status) => {
      const text = "UPDATE orders SET doc = jsonb_set(doc::jsonb, '{status}', to_jsonb($1::text))::json WHERE id = $2"
      await writers[n % clients]?.query({ name: "update", text, values: [status, orderId(n)] })
    },
    close: async () => {
      for (const one of [client, ...writers]) await one.end()
      await cluster.stop()
    }
  }
}
