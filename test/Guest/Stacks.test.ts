/** Where a failure of a service is: every stack names the author's file and line, whatever way the failure took. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { PlanckTest } from "../../src/Testing/Testing.ts"
import { buildFiles, issuesOfFiles } from "../Build/Folder.ts"

const SERVICE = `import { s, service, store } from "@planckdb/planck/guest"
import { atMost } from "./rules/limit.ts"
import page from "./templates/page.zsx"
const notes = store("notes", { text: s.string({ maxLength: 5 }) })

const later = async (): Promise<number> => {
  await Promise.resolve()
  throw new Error("later") // rejects
}

export default service({ name: "stacks", version: "1.0.0" }, (app) => {
  app.get("/now", () => {
    throw new Error("now") // throws
  })
  app.get("/behind", async () => {
    await Promise.resolve()
    throw new Error("behind an await") // behind
  })
  app.get("/awaited", async () => 1 + (await later()))
  app.get("/then", () => later().then((value) => value + 1))
  app.post("/rule", () => atMost(7, 5)) // asks
  app.post("/store", () => void notes.insert({ text: "too long" })) // inserts
  app.get("/large", () => page.render({ list: Array.from({ length: 3000 }, (_, index) => index) })) // renders
  app.get("/mistyped", () => page.render({ list: "none" as never })) // mistypes
})
`

const RULES = `/** A rule of the business. */
export function atMost(value: number, limit: number): number {
  if (value > limit) throw new RangeError(\`over the limit by \${value - limit}\`) // refuses
  return value
}
`

const PAGE = "{param list: int[]}\n<p>{for a in list}{for b in list}{for c in list}{a}{/for}{/for}{/for}</p>\n"

/** \`service.ts:8\`, by the comment on the line. */
const placeOf = (file: string, text: string, mark: string): string =>
  `${file}:${text.split("\n").findIndex((line) => line.endsWith(`// ${mark}`)) + 1}`
const inService = (mark: string): string => placeOf("service.ts", SERVICE, mark)
const inRules = placeOf("rules/limit.ts", RULES, "refuses")

/** Files and lines of the author in a stack, from the inside. */
const authorPlaces = (stack: ReadonlyArray<string>): ReadonlyArray<string> =>
  stack.flatMap((line) => /\(?((?:service|rules\/limit)\.ts:\d+):\d+\)?$/.exec(line)?.[1] ?? [])

const built = Layer.unwrap(
  Effect.map(
    Effect.promise(() => buildFiles({ "service.ts": SERVICE, "rules/limit.ts": RULES, "templates/page.zsx": PAGE })),
    ({ file }) => PlanckTest.layer(file)
  )
)

describe("the stack of a failure", () => {
  it.layer(built, { timeout: 60_000 })((it) => {
    const cases: ReadonlyArray<readonly [what: string, request: string, message: RegExp, places: ReadonlyArray<string>]> = [
      ["that is thrown", "GET /now", /^now$/, [inService("throws")]],
      ["behind an await", "GET /behind", /^behind an await$/, [inService("behind")]],
      ["of a promise that is awaited", "GET /awaited", /^later$/, [inService("rejects")]],
      ["of a promise that is returned", "GET /then", /^later$/, [inService("rejects")]],
      ["in a rule of another file", "POST /rule", /^over the limit by 2$/, [inRules, inService("asks")]],
      ["of a store", "POST /store", /\/text: must have at most 5 characters$/, [inService("inserts")]],
      ["of a template that goes too far", "GET /large", /^templates\/page\.zsx: /, [inService("renders")]],
      ["of a template that gets something else", "GET /mistyped", /^templates\/page\.zsx: "list" is a list/, [inService("mistypes")]]
    ]
    for (const [what, request, message, places] of cases) {
      it.effect(`${what} names the author's lines, in the log and under planck dev in the answer`, () =>
        Effect.gen(function* () {
          const planck = yield* PlanckTest
          const [method = "", path = ""] = request.split(" ")
          const answer = yield* planck.request(path, { method })
          const { detail, stack } = answer.json<{ readonly detail: string; readonly stack: ReadonlyArray<string> }>()
          assert.match(detail, message)
          assert.deepStrictEqual(authorPlaces(stack), places)
          assert.deepStrictEqual(planck.log.at(-1)?.fields["stack"], stack)
        })
      )
    }
  })

  it("at the top level is a mistake of the build, with its line", async () => {
    const [issue] = await issuesOfFiles({
      "service.ts": SERVICE.replace("const later", "const limit = atMost(7, 5) // top\nconst later"),
      "rules/limit.ts": RULES,
      "templates/page.zsx": PAGE
    })
    assert.strictEqual(`${issue?.file}:${issue?.line}`, inRules)
    assert.strictEqual(issue?.message, "over the limit by 2")
    assert.include(issue?.frame, "// refuses")
  })

  it("of a promise at the top level, too", async () => {
    const [issue] = await issuesOfFiles({
      "service.ts": SERVICE.replace("export default", "void later()\n\nexport default"),
      "rules/limit.ts": RULES,
      "templates/page.zsx": PAGE
    })
    assert.strictEqual(`${issue?.file}:${issue?.line}`, inService("rejects"))
    assert.strictEqual(issue?.message, "later")
  })
})
