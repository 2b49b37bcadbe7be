/** The `planck` command: arguments in, exit code out. Everything else is in src/Cli. */
import { main } from "./Cli/Cli.ts"

main(process.argv.slice(2))
