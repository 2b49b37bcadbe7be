import { problem } from "@planckdb/planck/guest"
import { articles } from "./store.ts"

/** Takes articles off the shelf, in the transaction of whoever calls; what they cost each. Too few of them undo all of it. */
export function take(sku: string, quantity: number) {
  const article = articles.get(sku)
  if (article === undefined || article.onShelf < quantity) {
    throw problem({ status: 409, title: "Not enough on the shelf", sku, onShelf: article?.onShelf ?? 0 })
  }
  articles.filter({ _id: sku }).inc({ onShelf: -quantity })
  return article.price
}
