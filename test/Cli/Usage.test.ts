import { assert, describe, it } from "@effect/vitest"
import { planck, told } from "./Command.ts"

const verbs = [
  "new",
  "build",
  "dev",
  "client",
  "test",
  "fmt",
  "serve",
  "inspect",
  "query",
  "shell",
  "advise",
  "verify",
  "dump",
  "load",
  "backup",
  "restore",
  "compact",
  "migrate",
  "repair"
]

describe("planck", () => {
  it("lists its verbs with --help", async () => {
    const { code, err, out } = await planck("--help")
    assert.strictEqual(code, 0)
    assert.strictEqual(err, "")
    for (const verb of verbs) assert.match(out, new RegExp(`^  ${verb} +[A-Z]`, "m"))
  })

  it("explains each verb with --help", async () => {
    for (const verb of verbs) {
      const { code, out } = await planck(verb, "--help")
      assert.strictEqual(code, 0)
      assert.match(out, new RegExp(`planck ${verb} \\[flags\\]`))
    }
  })

  it("says its version", async () => {
    const { code, out } = await planck("--version")
    assert.strictEqual(code, 0)
    assert.match(out, /^planck v\d+\.\d+\.\d+/)
  })

  const wrong: ReadonlyArray<readonly [ReadonlyArray<string>, RegExp]> = [
    [[], /a verb is missing/],
    [["srve"], /srve/],
    [["build", "--nope"], /--nope/],
    [["inspect"], /file/],
    [["query", "data"], /pql/],
    [["serve", "--port", "many"], /--port.*many/],
    [["build", "one", "two"], /two/]
  ]
  for (const [argv, names] of wrong) {
    it(`refuses "planck ${argv.join(" ")}" with exit code 2, and names what is wrong`, async () => {
      const { code, err, out } = await planck(...argv)
      assert.strictEqual(code, 2)
      assert.strictEqual(out, "")
      assert.match(err, names)
      assert.match(err, /See planck.* --help/)
    })

    it(`says so in one JSON value with --json: planck ${argv.join(" ")}`, async () => {
      const { code, err, out } = await planck(...argv, "--json")
      assert.strictEqual(code, 2)
      assert.strictEqual(out, "")
      const { code: kind, message } = told(err)
      assert.strictEqual(kind, "WrongUsage")
      assert.match(message, names)
    })
  }
})
