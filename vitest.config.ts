import { defaultServerConditions } from "vite"
import { defineConfig } from "vitest/config"

export default defineConfig({
  ssr: { resolve: { conditions: ["planck-source", ...defaultServerConditions] } },
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/Browser/**", "test/Package/Journey.test.ts", "test/Fixtures/**", "**/node_modules/**"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2
  }
})
