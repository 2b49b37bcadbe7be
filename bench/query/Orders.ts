/** The orders and customers every peer is filled with; the same for the same number. */

export const CUSTOMERS = 1000
const STATUSES = ["pending", "paid", "shipped", "cancelled"] as const

export interface Order {
  readonly _id: string
  readonly customer: string
  readonly status: string
  readonly total: number
  readonly quantity: number
  readonly placedAt: string
  readonly note: string
}

export const orderId = (n: number): string => `018c${n.toString(16).padStart(8, "0")}70008000000000000000`

/** Order number `n`. Its key ascends with `n`, its moment is its own. */
export function order(n: number): Order {
  const mixed = Math.imul(n + 1, 0x9e3779b1) >>> 0
  return {
    _id: orderId(n),
    customer: customer(mixed % CUSTOMERS),
    status: STATUSES[(mixed >>> 12) % STATUSES.length] ?? "pending",
    total: (mixed >>> 8) % 1000,
    quantity: (mixed >>> 20) % 10,
    placedAt: new Date(1_700_000_000_000 + n * 1000).toISOString(),
    note: `Order number ${n} was packed with care and left at the door, as the customer had asked for in a note.`
  }
}

export const customer = (n: number): string => `customer-${String(n).padStart(4, "0")}`

export interface Customer {
  readonly _id: string
  readonly name: string
  readonly city: string
}

export const customerDocument = (n: number): Customer => ({ _id: customer(n), name: `Customer number ${n}`, city: `City ${n % 50}` })

/** What one peer can do. Everything is asked for by number, so that all peers get the same questions. */
export interface QueryPeer {
  readonly name: string
  /** The 20 newest orders of a customer with a status, as JSON. */
  readonly list?: (n: number) => Buffer | Promise<Buffer>
  /** How many orders have a quantity above and a total below: two fields without an index. */
  readonly scan?: (quantity: number, total: number) => number | Promise<number>
  /** The sum of totals for each customer, as JSON. */
  readonly group?: () => string | Promise<string>
  /** One order as JSON. */
  readonly get?: (n: number) => Buffer | Promise<Buffer>
  /** Gives an order another status, on disk before it returns. */
  readonly update?: (n: number, status: string) => void | Promise<void>
  /** The 20 oldest orders from `n` on with their customers, as JSON. */
  readonly lookup?: (n: number) => Buffer | Promise<Buffer>
  /** Called when a work is over. */
  readonly rest?: () => void
  readonly close: () => void | Promise<void>
}

export const listKey = (n: number): { readonly customer: string; readonly status: string } => ({
  customer: customer(n % CUSTOMERS),
  status: STATUSES[n % STATUSES.length] ?? "pending"
})
