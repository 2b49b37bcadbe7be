import { join } from "node:path"
import { defineConfig } from "vitest/config"

const source = (name: string): string => join(import.meta.dirname, "src", name)

/** `npm test`. The package that tests and examples import is this checkout. */
export default defineConfig({
  // The settings of the examples extend a package that is installed where they are used, and here is this checkout itself.
  tsconfig: "tsconfig.json",
  resolve: {
    alias: [
      { find: /^@planckdb\/planck$/, replacement: source("Planck.ts") },
      { find: /^@planckdb\/planck\/testing$/, replacement: source("Testing/Testing.ts") }
    ]
  },
  test: {
    include: ["test/**/*.test.ts", "examples/**/test/*.test.ts"],
    exclude: ["test/Browser/**", "test/Package/Journey.test.ts", "test/Fixtures/**", "**/node_modules/**"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2
  }
})
