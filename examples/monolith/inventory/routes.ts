import { redirect, s, type App } from "@planckdb/planck/guest"
import page from "./page.zsx"
import { articles } from "./store.ts"

const delivered = {
  sku: s.string({ minLength: 1, maxLength: 40 }),
  name: s.string({ minLength: 1, maxLength: 120 }),
  price: s.decimal(),
  onShelf: s.int({ min: 0, max: 100_000 })
}

export const inventoryRoutes = (app: App) => {
  app.get("/inventory", () => page.render({ articles: articles.orderBy("_id").limit(200) }))

  app.post("/inventory", { form: delivered }, ({ body: { sku, ...article } }) => {
    articles.upsert({ _id: sku, ...article })
    return redirect("/inventory")
  })
}
