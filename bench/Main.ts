/** `npm run -s bench -- <suite> [--quick] [--json]`; `engine` takes `--plan=N` too, for one of its five plans alone, or for Planck's own figures (6). */
import { runBuild } from "./Build.ts"
import { runHttp } from "./Http.ts"
import { runEngine } from "./Engine.ts"
import { runQuery } from "./Query.ts"
import { table } from "./Report.ts"
import { runTemplate } from "./Template.ts"

const [suite, ...flags] = process.argv.slice(2)
const quick = flags.includes("--quick")
const json = flags.includes("--json")
const PLAN = /^--plan=([1-6])$/
const plan = suite === "engine" && !quick ? flags.map((flag) => PLAN.exec(flag)?.[1]).find((number) => number !== undefined) : undefined
const suites: Record<string, typeof runHttp> = { http: runHttp, engine: runEngine, query: runQuery, template: runTemplate, build: runBuild }
const run = suite === undefined ? undefined : suites[suite]
if (run === undefined || flags.some((flag) => flag !== "--quick" && flag !== "--json" && (plan === undefined || !PLAN.test(flag)))) {
  console.error(
    `usage: npm run -s bench -- <suite> [--quick | --plan=1…6] [--json]\n--plan: of engine\nsuites: ${Object.keys(suites).join(", ")}`
  )
  process.exit(2)
}
const report = await run({ quick, ...(plan === undefined ? {} : { plan: Number(plan) }), say: (line) => console.error(`bench: ${line}`) })
console.log(json ? JSON.stringify(report) : table(report))
