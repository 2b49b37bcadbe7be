import { assert, describe, it } from "@effect/vitest"
import { WriteHold } from "../../src/Storage/Admission.ts"

describe("a hold on writers", () => {
  it("is over when all who have begun it have ended it, each once", () => {
    let ends = 0
    const hold = new WriteHold(() => ends++)
    assert.isFalse(hold.isOn)
    const [first, second] = [hold.begin(), hold.begin()]
    first()
    first()
    assert.isTrue(hold.isOn)
    assert.strictEqual(ends, 0)
    second()
    assert.isFalse(hold.isOn)
    assert.strictEqual(ends, 1)
  })
})
