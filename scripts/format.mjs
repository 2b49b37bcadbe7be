// `npm run format`: writes the formatter's layout and the linter's safe fixes.
import { runSteps } from "./steps.mjs"

runSteps([
  ["oxlint", "--fix", "--quiet"],
  ["oxfmt", "."]
])
