/** The shell of several self-contained systems: where they are, and nothing of what they show. Which there are is configuration, not code. */
import { redirect, s, service } from "@planckdb/planck/guest"
import page from "./page.zsx"

const area = s.struct({ name: s.string({ maxLength: 40 }), address: s.string({ pattern: /^https?:\/\// }) })

export default service({ name: "shell", version: "1.0.0" }, (app) => {
  const config = app.config({ title: s.string().default("Shop"), areas: s.array(area, { minItems: 1, maxItems: 20 }) })

  app.get("/", () => page.render({ title: config.title, areas: config.areas }))

  app.get("/first", () => redirect(config.areas[0]?.address ?? "/"))
})
