/** Random templates that compile, and random data for them: right, incomplete and of wrong types. */
import { Decimal128, Key, ObjectId, UUID, type Value } from "../../src/Bson/Value.ts"
import type { RowList } from "../../src/Template/Template.ts"
import { rows } from "./Shop.ts"

export type Random = () => number

const pick = <T>(random: Random, from: ReadonlyArray<T>): T => from[Math.floor(random() * from.length)]!

/** Names in scope by what they hold. */
interface Names {
  readonly orders: ReadonlyArray<string>
  readonly lines: ReadonlyArray<string>
  readonly numbers: ReadonlyArray<string>
  readonly texts: ReadonlyArray<string>
}

const literals = ['"<b>&\'"', '""', '"x y"', '"é😀"', '"javascript:x"']

export class TemplateText {
  private readonly random: Random
  private names = 0

  constructor(random: Random) {
    this.random = random
  }

  /** A page over `orders`, `order` and `title` that calls a component for lines. */
  page(): string {
    const names: Names = { orders: ["orders"], lines: [], numbers: ["amount"], texts: ["title"] }
    const header =
      '{param orders: Doc<orders>[]}{param order?: Doc<orders>}{param title: string = "none"}{param amount: number?}\n{import Line from "./line.zsx"}\n'
    return header + this.nodes({ ...names }, 3)
  }

  /** A component over a line, with children. */
  component(): string {
    const names: Names = { orders: [], lines: ["line"], numbers: ["n"], texts: ["label"] }
    return `{param line: any}{param n: int = 7}{param label?: string}<i>${this.nodes(names, 1)}<slot>${this.nodes(names, 0)}</slot><b><slot name="end">e</slot></b></i>`
  }

  private pick<T>(from: ReadonlyArray<T>): T {
    return pick(this.random, from)
  }

  private name(): string {
    return `v${this.names++}`
  }

  private nodes(names: Names, depth: number): string {
    let text = ""
    let scope = names
    for (let count = 1 + Math.floor(this.random() * 4); count > 0; count--) {
      if (this.random() < 0.12) {
        const name = this.name()
        const path = this.random() < 0.5 && scope.orders.length > 1
        text += `{let ${name} = ${path ? this.pick(scope.orders.slice(1)) : this.text(scope, 1)}}`
        scope = path ? { ...scope, orders: [...scope.orders, name] } : { ...scope, texts: [...scope.texts, name] }
      } else text += this.node(scope, depth)
    }
    return text
  }

  private node(names: Names, depth: number): string {
    const kind = Math.floor(this.random() * (depth > 0 ? 12 : 4))
    if (kind === 0) return this.pick([" text ", "\n  ", "a < b &amp; ", "<br>", "é", "x".repeat(250), "<!-- c -->", "{# c #}"])
    if (kind <= 2) return `{${this.text(names, 2)}}`
    if (kind === 3) return `<p ${this.attributes(names)}>${this.pick(["", "x"])}</p>`
    if (kind === 4)
      return `{if ${this.test(names, 2)}}${this.nodes(names, depth - 1)}{else if ${this.test(names, 1)}}y{else}${this.nodes(names, depth - 1)}{/if}`
    if (kind <= 7) return this.loop(names, depth)
    if (kind === 10) return this.switch(names, depth)
    if (kind === 11) return this.random() < 0.7 ? this.fragment(names, depth) : `{raw ${this.text(names, 1)}}`
    if (kind === 8) return `<div>\n  ${this.nodes(names, depth - 1)}\n</div>`
    return this.call(names, depth)
  }

  private loop(names: Names, depth: number): string {
    const item = this.name()
    const index = this.random() < 0.4 ? this.name() : undefined
    const numbers = index === undefined ? names.numbers : [...names.numbers, index]
    const head = index === undefined ? item : `${item}, ${index}`
    const list = this.pick(["orders", "lines", "tags"])
    if (list === "orders" && names.orders.length > 0) {
      return `{for ${head} in orders}${this.nodes({ ...names, numbers, orders: [...names.orders, item] }, depth - 1)}{else}none{/for}`
    }
    const order = names.orders.at(-1)
    if (order === undefined || order === "orders") return "-"
    const inner =
      list === "tags" ? { ...names, numbers, texts: [...names.texts, item] } : { ...names, numbers, lines: [...names.lines, item] }
    return `{for ${head} in ${order}.${list === "tags" ? "tags" : "lines"}}${this.nodes(inner, depth - 1)}{else}0{/for}`
  }

  private switch(names: Names, depth: number): string {
    const order = this.order(names)
    const first = this.pick(['"paid"', '"pending", "cancelled"'])
    const otherwise = this.random() < 0.5 ? `{else}${this.nodes(names, depth - 1)}` : ""
    const count = `{switch ${order}.count}{case 1, 2 + 1}few{case ${order}.serial}same${otherwise}{/switch}`
    return this.random() < 0.5 ? count : `{switch ${order}.status}{case ${first}}${this.nodes(names, depth - 1)}${otherwise}{/switch}`
  }

  /** A fragment of what is in scope. */
  private fragment(names: Names, depth: number): string {
    if (!names.orders.includes("orders")) return "_"
    const all = [...names.orders, ...names.lines, ...names.numbers, ...names.texts]
    return `{fragment ${this.name()}(${all.join(", ")})}${this.nodes(names, depth - 1)}{/fragment}`
  }

  private call(names: Names, depth: number): string {
    if (!names.orders.includes("orders")) return "."
    const line = names.lines.at(-1) ?? "orders[0]"
    const extra = this.random() < 0.5 ? ` n={${Math.floor(this.random() * 9)}}` : ` label="l \${${this.text(names, 1)}}"`
    return this.random() < 0.5
      ? `<Line line={${line}}${extra}/>`
      : `<Line line={${line}}>${this.nodes(names, depth - 1)}<u slot="end">${this.nodes(names, 0)}</u></Line>`
  }

  private attributes(names: Names): string {
    const all = [
      `title="a \${${this.text(names, 1)}} b"`,
      `lang={${this.text(names, 1)}}`,
      `hidden={not ${this.test(names, 1)}}`,
      `class={a, b-c: ${this.test(names, 1)}, (${this.text(names, 0)})}`,
      `href={${this.text(names, 1)}}`,
      `cite="\${${this.text(names, 1)}}\${${this.text(names, 0)}}"`,
      `action="/x/\${${this.text(names, 1)}}"`,
      `style="width: \${${this.text(names, 1)}}"`,
      `onclick="f(\${${this.text(names, 1)}}, '\${${this.text(names, 0)}}')"`,
      `srcdoc={${this.text(names, 0)}}`,
      `{...${this.order(names)}.labels}`
    ]
    return all.filter(() => this.random() < 0.3).join(" ")
  }

  /** The beginning of a path that ends in an order. */
  private order(names: Names): string {
    return names.orders.length > 1
      ? this.pick(names.orders.slice(1))
      : names.orders.length === 1
        ? `orders[${this.pick(["0", "1", "9"])}]`
        : "line"
  }

  /** An expression that can be printed. */
  private text(names: Names, depth: number): string {
    const order = this.order(names)
    const simple = [
      ...names.texts,
      ...names.numbers,
      ...literals,
      `${order}.customer`,
      `${order}._id`,
      `${order}.status`,
      `${order}.total`,
      `${order}.weight`,
      `${order}.count`,
      `${order}.serial`,
      `${order}.express`,
      `${order}.placedAt`,
      `${order}.address.city`,
      `${order}.address.street`,
      `${order}.labels.en`,
      `${order}.lines[0].sku`,
      `${order}.lines.length`,
      ...names.lines.flatMap((line) => [`${line}.sku`, `${line}.quantity`, `${line}.note`])
    ]
    if (depth === 0 || this.random() < 0.4) return this.pick(simple)
    const text = () => this.text(names, depth - 1)
    return this.pick([
      () => `(${this.test(names, depth - 1)} ? ${text()} : ${text()})`,
      () => `(${text()} ?? ${text()})`,
      () => `("" + ${text()} + ${text()})`,
      () => `(${text()} | upper | ${this.pick(["lower", "trim", "url", "upper"])})`,
      () => `(${order}.total | money(${this.pick(['"EUR"', '"JPY"', "", `${order}.customer`])}))`,
      () =>
        `(${order}.${this.pick(["weight", "total", "count", "serial"])} | number${this.pick(["", "(2)", "(0)", '(3, ",")', '(1, ".", ",")'])})`,
      () => `(${order}.placedAt | date${this.pick(["", '("D MMM YYYY HH:mm:ss.SSS")'])})`,
      () => `(${order}.${this.pick(["labels", "lines", "extra", "customer"])} | json)`,
      () => `(${text()} | default(${text()}))`,
      () => `(${order}.tags | join(${this.pick(["", '"<"'])}))`,
      () => `(${order}.lines | count)`,
      () => `(${this.number(names)} ${this.pick(["+", "-", "*", "/", "%"])} ${this.number(names)})`,
      () => `(not ${this.test(names, depth - 1)})`
    ])()
  }

  private number(names: Names): string {
    return this.pick([
      ...(names.orders.length > 0 ? names.numbers.filter((name) => name !== "n") : []),
      "3",
      "0",
      "-1.5",
      ...(names.orders.length > 0 ? [`${this.order(names)}.count`, `${this.order(names)}.serial`] : [])
    ])
  }

  private test(names: Names, depth: number): string {
    const order = this.order(names)
    const simple = [
      `${order}.express`,
      `${order}.customer`,
      `${order}.lines`,
      `${order}.extra`,
      `${order}.total`,
      `${order}.address`,
      `${order}.status == "paid"`,
      `${order}.count == 3`,
      `${order}.customer != "x"`,
      `${order}.weight > 1`,
      `${order}.total <= 12.5`,
      `${order}.serial >= ${order}.count`,
      `${order}.placedAt < ${order}.placedAt`,
      `${order}.customer < ${order}.address.city`,
      `${order}.address.street == null`,
      `${order}.lines.length == 0`,
      "true",
      "0"
    ]
    if (depth === 0 || this.random() < 0.5) return `(${this.pick(simple)})`
    const test = () => this.test(names, depth - 1)
    return this.pick([
      () => `not (${test()})`,
      () => `((${test()}) and (${test()}))`,
      () => `((${test()}) or (${test()}))`,
      () => `(${test()})`
    ])()
  }
}

/** Any value, most often of the type that a field of this name should have. */
function fieldValue(random: Random, right: () => Value): Value | undefined {
  const chance = random()
  if (chance < 0.75) return right()
  if (chance < 0.87) return undefined
  return anyValue(random, 2)
}

function anyValue(random: Random, depth: number): Value {
  const simple: ReadonlyArray<() => Value> = [
    () => null,
    () => random() < 0.5,
    () => Math.floor(random() * 2_000_000) - 1_000_000,
    () => pick(random, [0.5, -0.005, 1.005, 123456.789, 1e21, -0, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, 0.1 + 0.2, 4.35, 99.995]),
    () => pick(random, [0n, 9007199254740993n, -9223372036854775808n, 12n]),
    () => pick(random, ["", "x", "<b>&\"'", "javascript:alert(1)", "/a?b", "é日😀", "paid", "a".repeat(60), "b<".repeat(40)]),
    () => new Date(Math.floor(random() * 4e12) - 2e12),
    () =>
      Decimal128.fromString(
        pick(random, ["0", "0.00", "12.345", "-7.5", "1E+3", "0.0000001", "NaN", "Infinity", "9999999999999999999999999999999999", "12.5"])
      ),
    () => new Key(Uint8Array.from({ length: 16 }, () => Math.floor(random() * 256))),
    () => new UUID("0123456789abcdef0123456789abcdef"),
    () => new ObjectId("0123456789abcdef01234567")
  ]
  const chance = random()
  if (depth > 0 && chance < 0.1) return Array.from({ length: Math.floor(random() * 4) }, () => anyValue(random, depth - 1))
  if (depth > 0 && chance < 0.2) return { sku: anyValue(random, depth - 1), city: anyValue(random, depth - 1), length: 3 }
  return pick(random, simple)()
}

export function randomOrder(random: Random): Record<string, Value> {
  const line = (): Value => ({
    sku: pick(random, ["A-1", "<B>", ""]),
    quantity: Math.floor(random() * 20),
    ...(random() < 0.3 ? { note: "n'" } : {})
  })
  const fields: Record<string, () => Value> = {
    _id: () => new Key(Uint8Array.from({ length: 16 }, () => Math.floor(random() * 256))),
    customer: () => pick(random, ["Ann & Bob", "x", "Zoë", "O'Neil <3"]),
    status: () => pick(random, ["pending", "paid", "cancelled"]),
    total: () => Decimal128.fromString(pick(random, ["12.50", "0.00", "1234.565", "-3"])),
    weight: () => pick(random, [1.5, 2, -0.25, 1e-7, 12345.678]),
    count: () => Math.floor(random() * 5),
    serial: () => pick(random, [1n, 9007199254740993n]),
    express: () => random() < 0.5,
    placedAt: () => new Date(Math.floor(random() * 2e12)),
    address: () => ({ city: pick(random, ["Zürich", "Ulm"]), street: random() < 0.5 ? null : "Main St" }),
    lines: () => Array.from({ length: Math.floor(random() * 4) }, line),
    tags: () => Array.from({ length: Math.floor(random() * 3) }, () => pick(random, ["a", "<t>", "long tag name"])),
    labels: () => ({ en: "order", de: "<Best>" }),
    extra: () => anyValue(random, 2)
  }
  const names = Object.keys(fields)
  if (random() < 0.15) names.sort(() => random() - 0.5)
  const order: Record<string, Value> = {}
  for (const name of names) {
    const value = fieldValue(random, fields[name]!)
    if (value !== undefined) order[name] = value
    if (random() < 0.03) order[`zz${name}`] = 1
  }
  return order
}

export function randomData(random: Random): Record<string, Value | RowList | undefined> {
  const orders = Array.from({ length: Math.floor(random() * 5) }, () => randomOrder(random))
  return {
    orders: random() < 0.6 ? rows(...orders, ...(random() < 0.2 ? [undefined] : [])) : orders,
    order: random() < 0.5 ? randomOrder(random) : undefined,
    title: random() < 0.5 ? "T<i>tle" : undefined,
    amount: random() < 0.7 ? (anyValue(random, 1) as Value) : undefined
  }
}
