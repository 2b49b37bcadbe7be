/** docs/mistakes.md: every mistake is made, and prints what the page says. */
import { assert, describe, it } from "@effect/vitest"
import { expectText } from "./Console.ts"
import { make, mistakes } from "./Mistakes.ts"
import { withFolder } from "./Served.ts"

describe("docs/mistakes.md", () => {
  it("has the twenty mistakes and more, each with a command", () => {
    assert.isAtLeast(mistakes.length, 20)
    for (const { commands, title } of mistakes) assert.isNotEmpty(commands, title)
  })

  for (const mistake of mistakes) {
    it(mistake.title, () =>
      withFolder(async (folder) => {
        const printed = await make(folder, mistake)
        mistake.commands.forEach(({ expected, line }, index) =>
          expectText(printed[index] ?? "", expected, `${mistake.title}, line ${line}`)
        )
      })
    )
  }
})
