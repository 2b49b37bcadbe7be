// Runs the named tools one after another and fails with the first that fails.
import { spawnSync } from "node:child_process"
import { join } from "node:path"

const root = join(import.meta.dirname, "..")

/** Runs `steps` ([tool, ...arguments] of node_modules/.bin) from the root of the project. */
export function runSteps(steps) {
  for (const [tool, ...rest] of steps) {
    const result = spawnSync(join(root, "node_modules", ".bin", tool), rest, { cwd: root, stdio: "inherit" })
    if (result.status !== 0) {
      process.stderr.write(`failed: ${tool} ${rest.join(" ")}\n`)
      process.exit(result.status ?? 1)
    }
  }
}
