// The ceiling: plain node:http with constant bytes of the same sizes.
import { createServer } from "node:http"
import { PORT, categoriesFragment, hexId, loadCategories, order, ordersPage, ready } from "./workload.mjs"

const orders = Array.from({ length: 20 }, (_, index) => ({ _id: hexId(index * 4000 + 1), ...order(index * 4000) }))
const one = Buffer.from(JSON.stringify(orders[0]))
const list = Buffer.from(JSON.stringify(orders))
const page = Buffer.from(ordersPage(orders))
const categories = Buffer.from(categoriesFragment(await loadCategories()))
const created = Buffer.from(JSON.stringify({ _id: hexId(100_001) }))

const JSON_TYPE = "application/json"
const HTML_TYPE = "text/html; charset=utf-8"
const send = (response, status, type, body) => {
  response.writeHead(status, { "content-type": type, "content-length": body.length })
  response.end(body)
}

createServer((request, response) => {
  if (request.method === "POST") {
    request.on("data", () => {})
    request.on("end", () => send(response, 201, JSON_TYPE, created))
    return
  }
  const { url } = request
  if (url.startsWith("/orders/page")) send(response, 200, HTML_TYPE, page)
  else if (url.startsWith("/orders?")) send(response, 200, JSON_TYPE, list)
  else if (url === "/categories") send(response, 200, HTML_TYPE, categories)
  else send(response, 200, JSON_TYPE, one)
}).listen(PORT, "127.0.0.1", ready)
