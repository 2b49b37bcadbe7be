import { defineConfig } from "vitest/config"

/** Tests that need a real Chromium; `npm run test:browser`. */
export default defineConfig({
  test: { include: ["test/Browser/**/*.test.ts"], testTimeout: 120_000, hookTimeout: 120_000 }
})
