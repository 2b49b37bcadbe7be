// Fastify over node:sqlite, every insert on disk before its answer (synchronous=FULL).
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import fastify from "fastify"
import {
  DIRECTORY,
  PORT,
  SEED,
  categoriesFragment,
  hexId,
  isOrder,
  loadCategories,
  numberId,
  order,
  ordersPage,
  ready
} from "./workload.mjs"

const database = new DatabaseSync(join(DIRECTORY, "peer.db"))
database.exec("pragma journal_mode=WAL; pragma synchronous=FULL; pragma cache_size=-65536; pragma mmap_size=268435456")
database.exec(
  "create table if not exists orders(id integer primary key, customer text not null, status text not null, document text not null)"
)
database.exec("create table if not exists categories(id integer primary key, name text not null, description text not null)")
const insert = database.prepare("insert into orders(customer, status, document) values(?, ?, ?)")
if (process.env.FILL === "1") {
  database.exec("begin")
  for (let index = 0; index < SEED; index++) {
    const document = order(index)
    insert.run(document.customer, document.status, JSON.stringify(document))
  }
  const add = database.prepare("insert into categories values(?, ?, ?)")
  for (const { _id, name, description } of await loadCategories()) add.run(_id, name, description)
  database.exec("commit; create index orders_by_customer on orders(customer, status)")
}
const get = database.prepare("select id, document from orders where id = ?")
const list = database.prepare("select id, document from orders where customer = ? and status = ? order by id desc limit 20")
const categories = database.prepare("select id as _id, name, description from categories order by id limit 100")
const document = (row) => ({ _id: hexId(row.id), ...JSON.parse(row.document) })

const app = fastify({ logger: false })
const HTML_TYPE = "text/html; charset=utf-8"
app.get("/orders/page", async (request, reply) => {
  reply.type(HTML_TYPE)
  return ordersPage(list.all(request.query.customer, request.query.status).map(document))
})
app.get("/orders", async (request) => list.all(request.query.customer, request.query.status).map(document))
app.get("/orders/:id", async (request, reply) => {
  const row = get.get(numberId(request.params.id) || -1)
  return row === undefined ? reply.code(404).send({ error: "not found" }) : document(row)
})
app.get("/categories", async (_request, reply) => {
  reply.type(HTML_TYPE)
  return categoriesFragment(categories.all())
})
app.post("/orders", async (request, reply) => {
  const { body } = request
  if (!isOrder(body)) return reply.code(400).send({ error: "invalid" })
  const { lastInsertRowid } = insert.run(body.customer, body.status, JSON.stringify(body))
  reply.code(201)
  return { _id: hexId(Number(lastInsertRowid)) }
})
await app.listen({ port: PORT, host: "127.0.0.1" })
ready()
