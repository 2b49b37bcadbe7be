/** The launcher under the real npm, with the lines of the real package.json. */
import { assert, describe, it } from "@effect/vitest"
import { existsSync } from "node:fs"
import { join } from "node:path"
import packageFile from "../../package.json" with { type: "json" }
import { Child } from "../Cli/Child.ts"
import { Skeleton } from "./Skeleton.ts"

/** What stands in for the shop: says when it serves, and cleans up when it is asked to stop. */
const PROGRAM = `import { writeFileSync } from "node:fs"
process.on("SIGTERM", () => setTimeout(() => { writeFileSync("stopped", ""); process.exit(0) }, 200))
setInterval(() => {}, 1000)
console.log("serving as", process.pid)`

const started = async (use: (npm: Child, project: Skeleton) => Promise<void>): Promise<void> => {
  using project = new Skeleton({ "examples/pizzahub/start.ts": PROGRAM })
  project.write("package.json", JSON.stringify({ type: "module", scripts: { start: packageFile.scripts.start } }))
  // Installed once with the npm that pretends, so that the real one only starts.
  project.write("hello.mjs", "")
  await using install = project.start(["hello.mjs"])
  await install.ended
  project.pin()
  await using npm = new Child("npm", ["start"], { cwd: project.path })
  await npm.shows(/serving as \d+/)
  await use(npm, project)
}

describe("npm start", () => {
  it("at SIGTERM lets the program finish, and exits 0", () =>
    started(async (npm, project) => {
      npm.signal("SIGTERM")
      assert.deepStrictEqual(await npm.ended, { code: 0, signal: null })
      assert.isTrue(existsSync(join(project.path, "stopped")))
    }))

  it("killed outright, leaves nobody behind", () =>
    started(async (npm, project) => {
      npm.signal("SIGKILL")
      await npm.ended
      assert.isTrue(existsSync(join(project.path, "stopped")))
    }))
})
