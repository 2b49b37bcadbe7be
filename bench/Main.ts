/** `npm run -s bench -- <suite> [--quick] [--json]` */
import { runBuild } from "./Build.ts"
import { runHttp } from "./Http.ts"
import { runEngine } from "./Engine.ts"
import { runQuery } from "./Query.ts"
import { table } from "./Report.ts"
import { runTemplate } from "./Template.ts"

const [suite, ...flags] = process.argv.slice(2)
const quick = flags.includes("--quick")
const json = flags.includes("--json")
const suites: Record<string, typeof runHttp> = { http: runHttp, engine: runEngine, query: runQuery, template: runTemplate, build: runBuild }
const run = suite === undefined ? undefined : suites[suite]
if (run === undefined || flags.some((flag) => flag !== "--quick" && flag !== "--json")) {
  console.error(`usage: npm run -s bench -- <suite> [--quick] [--json]\nsuites: ${Object.keys(suites).join(", ")}`)
  process.exit(2)
}
const report = await run({ quick, say: (line) => console.error(`bench: ${line}`) })
console.log(json ? JSON.stringify(report) : table(report))
