#!/usr/bin/env node
// The `planck` command from a checkout, in any folder: through the launcher, which finds the Node this project is built for.
process.argv.splice(2, 0, "src/Main.ts")
await import("../scripts/run.mjs")
