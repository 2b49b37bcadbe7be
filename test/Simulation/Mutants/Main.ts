/**
 * `npm run test:mutants`: breaks the engine on purpose, one patch of this folder at a time, in a copy of the sources, and lets the
 * simulation find it, or what the patch names in its first line. A mutant that survives, or a patch that does not apply any more, fails the command.
 *
 *     --runs M       runs within which each has to be found (default 2000)
 *     --seed N       the first seed (default 1)
 *     --only TEXT    only the patches whose names contain it
 *     --jobs J       so many at a time (default 1): for a machine that has nothing else to do
 */
import { spawn, spawnSync } from "node:child_process"
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { parseArgs } from "node:util"

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "2000" },
    seed: { type: "string", default: "1" },
    only: { type: "string", default: "" },
    jobs: { type: "string", default: "1" }
  }
})

const root = resolve(import.meta.dirname, "../../..")
/** What a simulation prints when a promise is broken; anything else that ends it is no finding. */
const FOUND = /^seed (\d+): (.*)$/m

/** The machines that find mutants, and what they are run with besides seed and runs. */
const FINDERS: Readonly<Record<string, ReadonlyArray<string>>> = {
  "test/Simulation": ["--uncovered", "--unshrunk"],
  "test/Trace": ["--images", "50"]
}
const FOUND_BY = /^Found by (\S+)\.$/m

const names = readdirSync(import.meta.dirname).filter((name) => name.endsWith(".patch") && name.includes(values.only))
const waiting = names.slice()
const startMs = Date.now()
const survivors = (await Promise.all(Array.from({ length: Math.max(1, Number(values.jobs)) }, work))).flat()
console.log(`${names.length - survivors.length} of ${names.length} mutants found, ${Math.round((Date.now() - startMs) / 1000)} s`)
if (survivors.length > 0) console.error(`not found: ${survivors.join(", ")}`)
process.exitCode = survivors.length === 0 && names.length > 0 ? 0 : 1

/** Takes patches as long as there are any, one after the other, in a copy of its own; gives those whose mutants were not found. */
async function work(): Promise<ReadonlyArray<string>> {
  const survivors: Array<string> = []
  const copy = mkdtempSync(join(tmpdir(), "planck-mutants-"))
  try {
    for (const part of ["src", "test", "guest", "package.json"]) cpSync(join(root, part), join(copy, part), { recursive: true })
    symlinkSync(join(root, "node_modules"), join(copy, "node_modules"))
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) if (!(await isFound(copy, name))) survivors.push(name)
  } finally {
    rmSync(copy, { recursive: true })
  }
  return survivors
}

async function isFound(copy: string, name: string): Promise<boolean> {
  const patch = join(import.meta.dirname, name)
  const applied = spawnSync("git", ["apply", patch], { cwd: copy, encoding: "utf8" })
  if (applied.status !== 0) {
    console.error(`${name} does not apply: ${applied.stderr.trim()}`)
    return false
  }
  const startMs = Date.now()
  const finder = FOUND_BY.exec(readFileSync(patch, "utf8"))?.[1] ?? "test/Simulation"
  const argv = [`${finder}/Main.ts`, "--seed", values.seed, "--runs", values.runs, ...FINDERS[finder]!]
  const { isWhole, stderr } = await ended(copy, argv)
  spawnSync("git", ["apply", "-R", patch], { cwd: copy })
  const found = FOUND.exec(stderr)
  const runs = found === null ? Number(values.runs) : Number(found[1]) - Number(values.seed) + 1
  const outcome = found !== null ? "found" : isWhole ? "SURVIVED" : "NOT RUN TO THE END"
  console.log(
    `${outcome} ${name.replace(/\.patch$/, "")}: ${runs} runs, ${Math.round((Date.now() - startMs) / 1000)} s\n` +
      `  ${found?.[2]?.slice(0, 200) ?? stderr.slice(-500)}`
  )
  return found !== null
}

/** What a machine says in the end, and whether it came to it by itself. */
function ended(copy: string, argv: ReadonlyArray<string>): Promise<{ readonly isWhole: boolean; readonly stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...process.execArgv, ...argv], { cwd: copy, stdio: ["ignore", "ignore", "pipe"] })
    let stderr = ""
    child.stderr.setEncoding("utf8").on("data", (part: string) => (stderr += part))
    child.on("error", reject)
    child.on("close", (code) => resolve({ isWhole: code === 0, stderr }))
  })
}
