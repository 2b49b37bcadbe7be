const form = document.querySelector("#order")
const list = document.querySelector("#orders")
const message = document.querySelector("#message")

/** Asks the service; a problem becomes an error with what it says. */
async function ask(path, options) {
  const answer = await fetch(path, options)
  const body = await answer.json()
  if (answer.ok) return body
  throw new Error([body.title, ...(body.issues ?? []).map((issue) => `${issue.pointer} ${issue.message}`)].join(": "))
}

async function show() {
  const orders = await ask("/api/orders")
  list.replaceChildren(
    ...orders.map(({ customer, item, price, status }) => {
      const row = document.createElement("li")
      row.textContent = `${customer}: ${item}, ${price} (${status})`
      return row
    })
  )
}

form.addEventListener("submit", async (event) => {
  event.preventDefault()
  message.textContent = ""
  try {
    const body = JSON.stringify(Object.fromEntries(new FormData(form)))
    await ask("/api/orders", { method: "POST", headers: { "content-type": "application/json" }, body })
    form.reset()
    await show()
  } catch (error) {
    message.textContent = error.message
  }
})

await show()
