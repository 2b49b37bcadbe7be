/** Prints docs/configuration.md from the table of settings: `node scripts/run.mjs scripts/configuration.ts > docs/configuration.md`. */
import { configurationPage } from "../src/Config/Page.ts"

process.stdout.write(configurationPage())
