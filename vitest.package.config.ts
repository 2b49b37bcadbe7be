import { defineConfig } from "vitest/config"

/** The packed package as a newcomer has it; `npm run test:package`. */
export default defineConfig({
  test: { include: ["test/Package/*.test.ts"], testTimeout: 120_000, hookTimeout: 300_000, maxWorkers: 1, fileParallelism: false }
})
