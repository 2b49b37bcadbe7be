import { notFound, s, service, store, text } from "@planckdb/planck/guest"
import greetings from "./templates/greetings.zsx"

const visitors = store(
  "visitors",
  { name: s.string({ minLength: 1, maxLength: 80 }), visits: s.int({ min: 1 }), lastVisit: s.date() },
  { indexes: [{ on: ["name"] }, { on: ["-lastVisit"] }] }
)

export default service({ name: "hello", version: "1.0.0" }, (app) => {
  app.get("/", () => greetings.render({ visitors: visitors.orderBy("lastVisit", "desc").limit(20) }))

  app.get("/hello/:name", ({ params }) => text(`Hello ${params.name}`))

  app.get("/visitors", { query: { name: s.string().optional() } }, ({ query }) =>
    query.name === undefined ? visitors.all().limit(20) : visitors.filter({ name: query.name }).limit(20)
  )

  app.get("/visitors/:id", ({ params }) => visitors.get(params.id) ?? notFound())

  app.post("/visitors", { body: s.struct({ name: s.string({ minLength: 1, maxLength: 80 }) }) }, ({ body }) => {
    const known = visitors.filter({ name: body.name }).first()
    if (known === undefined) return { id: visitors.insert({ name: body.name, visits: 1, lastVisit: new Date() }) }
    visitors.filter({ _id: known._id }).update({ inc: { visits: 1 }, set: { lastVisit: new Date() } })
    return { id: known._id }
  })
})
