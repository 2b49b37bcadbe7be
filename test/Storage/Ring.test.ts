import { assert, describe, it } from "@effect/vitest"
import { Ring } from "../../src/Storage/Ring.ts"

class Named extends Ring {
  readonly name: string
  constructor(name: string) {
    super()
    this.name = name
  }
}

const names = (list: Ring): string => {
  let found = ""
  for (let member = list.next; member !== list; member = member.next) found += (member as Named).name
  return found
}

describe("a ring", () => {
  it("keeps the order in which its members entered, whoever leaves", () => {
    const list = new Ring()
    const [a, b, c] = [new Named("a"), new Named("b"), new Named("c")]
    for (const member of [a, b, c]) member.enter(list)
    assert.strictEqual(names(list), "abc")
    b.leave()
    assert.strictEqual(names(list), "ac")
    b.enter(list)
    assert.strictEqual(names(list), "acb")
    a.leave()
    b.leave()
    c.leave()
    assert.strictEqual(names(list), "")
    assert.strictEqual(list.previous, list)
  })

  it("lets a member leave twice", () => {
    const list = new Ring()
    const [a, b] = [new Named("a"), new Named("b")]
    a.enter(list)
    b.enter(list)
    a.leave()
    a.leave()
    assert.strictEqual(names(list), "b")
  })
})
