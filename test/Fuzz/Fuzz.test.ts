/** A short run of `npm run test:fuzz`, and what the guard of it would find. */
import { assert, describe, it } from "@effect/vitest"
import { Fault } from "../../src/Fault/Fault.ts"
import { Fuzzer } from "./Fuzzer.ts"
import { TooMuch, volumeOf } from "./Guard.ts"
import { fuzz } from "./Run.ts"
import type { Target } from "./Target.ts"

const target = (read: Target["read"]): Target => ({ name: "it", weight: 1, samples: [Uint8Array.of(1, 2, 3)], read })

describe("every reader of bytes from a disk", () => {
  it("refuses what nobody wrote with a reason, and asks for no more than it is worth", { timeout: 240_000 }, async () => {
    // The same inputs every time: new ones are for the command, whose findings become tests.
    const { counts, findings } = await fuzz({ seed: 1, inputs: 15_000, seconds: 60 })
    assert.deepStrictEqual(findings, [])
    // A busy machine may get less far; the readers of whole databases are rare.
    assert.isAbove(counts.filter(([, inputs]) => inputs > 0).length, 15)
  })
})

describe("the fuzzer", () => {
  it("takes a reason for an answer, and anything else for a finding that can be repeated", async () => {
    const reason = new Fuzzer(
      [
        target(() => {
          throw new Fault({ _tag: "Refused" })
        })
      ],
      1
    )
    assert.isUndefined(await reason.give(0))
    const accident = new Fuzzer(
      [
        target(() => {
          throw new TypeError("oops")
        })
      ],
      1
    )
    const finding = await accident.give(5)
    assert.deepInclude(finding, { target: "it", input: 5 })
    assert.deepStrictEqual((await accident.give(5))?.bytes, finding?.bytes)
  })

  it("ends a reader that asks the disk without end", () => {
    const file = volumeOf({ "data/file": new Uint8Array(100) }).open("data/file", "read")
    assert.throws(() => {
      for (;;) file.readAt(0, new Uint8Array(1))
    }, TooMuch)
  })
})
