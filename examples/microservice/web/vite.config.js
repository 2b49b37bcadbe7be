import { defineConfig } from "vite"

/** While developing, the service is asked through the page's own server; later, put both behind one address. */
export default defineConfig({
  build: { outDir: "../dist/web", emptyOutDir: true, target: "es2024" },
  server: { proxy: { "/api": "http://localhost:3000" } }
})
