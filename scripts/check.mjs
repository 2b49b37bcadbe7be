// `npm run check`: the types of the product and, apart, those of guest code, which sees neither Node nor the DOM.
import { existsSync } from "node:fs"
import { join } from "node:path"
import { runSteps } from "./steps.mjs"

const projects = ["tsconfig.json", "guest/typescript/tsconfig.json"]
const present = projects.filter((project) => existsSync(join(import.meta.dirname, "..", project)))
runSteps(present.map((project) => ["tsc", "-p", project]))
