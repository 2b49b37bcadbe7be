// `npm run lint`: the linter, then the formatter in its checking mode.
import { runSteps } from "./steps.mjs"

runSteps([
  ["oxlint", "--deny-warnings"],
  ["oxfmt", "--check", "."]
])
