/** Prints docs/configuration.md from the table of settings: `node scripts/run.mjs scripts/configuration.ts > docs/configuration.md`. */
import { configurationPage } from "./ConfigurationPage.ts"

process.stdout.write(configurationPage())
