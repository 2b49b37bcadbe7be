/** The service that the crash tests run: every write leaves a mark in a second store, in the same transaction. */
import { notFound, PlanckError, problem, s, service, status, store } from "@planckdb/planck/guest"

const PAGE_ROWS = 200

const entries = store(
  "entries",
  { _id: s.int(), version: s.int(), label: s.string({ maxLength: 40 }), text: s.string() },
  { indexes: [{ on: ["label"], unique: true }, { on: ["version", "-label"] }] }
)
/** The version of the newest write of an entry, a deletion included. */
const marks = store("marks", { _id: s.int(), version: s.int() })
const claims = store("claims", { _id: s.int(), name: s.string({ maxLength: 40 }) }, { indexes: [{ on: ["name"], unique: true }] })
const registers = store("registers", { _id: s.int(), value: s.int() })

const id = { params: { id: s.int() } }
const page = { query: { after: s.int() } }
const change = s.struct({ version: s.int(), label: s.string({ maxLength: 40 }), text: s.string() })

export default service({ name: "ledger", version: "1.0.0" }, (app) => {
  app.get("/entries/:id", id, ({ params }) => entries.get(params.id) ?? notFound())

  /** The same, by a handler that may write: it sees commits that are not durable yet. */
  app.post("/entries/:id/look", id, ({ params }) => entries.get(params.id) ?? notFound())

  app.put("/entries/:id", { ...id, body: change }, ({ params, body }) => {
    entries.upsert({ _id: params.id, ...body })
    marks.upsert({ _id: params.id, version: body.version })
    return status(200, { version: body.version })
  })

  app.delete("/entries/:id", { ...id, query: { version: s.int() } }, ({ params, query }) => {
    entries.delete(params.id)
    marks.upsert({ _id: params.id, version: query.version })
    return status(200, { version: query.version })
  })

  /** Writes everything and then thinks better of it. */
  app.post("/entries/:id/refused", { ...id, body: change }, ({ params, body }) => {
    entries.upsert({ _id: params.id, ...body })
    marks.upsert({ _id: params.id, version: body.version })
    return problem({ status: 422, title: "Refused" })
  })

  app.post("/claims", { body: s.struct({ id: s.int(), name: s.string({ maxLength: 40 }) }) }, ({ body }) => {
    try {
      claims.insert({ _id: body.id, name: body.name })
      return status(201, { name: body.name })
    } catch (error) {
      if (error instanceof PlanckError && error.code === "unique_violation") return problem({ status: 409, title: "Taken" })
      throw error
    }
  })

  app.get("/registers/:id", id, ({ params }) => ({ value: registers.get(params.id)?.value ?? 0 }))

  app.post("/registers/:id/read", id, ({ params }) => ({ value: registers.get(params.id)?.value ?? 0 }))

  app.put("/registers/:id", { ...id, body: s.struct({ value: s.int() }) }, ({ params, body }) => {
    registers.upsert({ _id: params.id, value: body.value })
    return { value: body.value }
  })

  app.post("/registers/:id/swap", { ...id, body: s.struct({ expected: s.int(), value: s.int() }) }, ({ params, body }) => {
    const current = registers.get(params.id)?.value ?? 0
    if (current !== body.expected) return { swapped: false, value: current }
    registers.upsert({ _id: params.id, value: body.value })
    return { swapped: true, value: body.value }
  })

  app.get("/entries", page, ({ query }) => entries.filter("_id", ">", query.after).orderBy("_id").limit(PAGE_ROWS))

  app.get("/marks", page, ({ query }) => marks.filter("_id", ">", query.after).orderBy("_id").limit(PAGE_ROWS))

  app.get("/claims", page, ({ query }) => claims.filter("_id", ">", query.after).orderBy("_id").limit(PAGE_ROWS))
})
