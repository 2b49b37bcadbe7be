/** Services as their authors write them: TypeScript against the SDK, bundled and made into an image by the host's own engine. */
import { buildSync } from "esbuild"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { loadEngine } from "../../src/Wasm/Engine.ts"
import { SOURCE_FILE } from "../../src/Wasm/Evaluation.ts"
import { type Attachments, makeImage } from "../../src/Wasm/Image.ts"

const sdk = resolve(import.meta.dirname, "../../guest/typescript")

/** Bundles a service's text (file `orders.ts`), with the source map beside it. */
export function bundle(text: string): { readonly source: string; readonly sourcemap: Uint8Array } {
  const folder = mkdtempSync(join(tmpdir(), "planck-author-"))
  try {
    writeFileSync(join(folder, "orders.ts"), text)
    const result = buildSync({
      stdin: {
        contents: `import exported from "./orders.ts"\nimport { register } from "${sdk}/register.ts"\nregister(exported)`,
        resolveDir: folder
      },
      absWorkingDir: folder,
      alias: { "@planckdb/planck/guest": `${sdk}/index.ts` },
      bundle: true,
      write: false,
      minify: true,
      format: "iife",
      target: "es2023",
      sourcemap: "external",
      outfile: join(folder, SOURCE_FILE)
    })
    const [map, code] = result.outputFiles
    return { source: code?.text ?? "", sourcemap: map?.contents ?? new Uint8Array(0) }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** The image of a service's text. */
export function image(text: string, attachments: Attachments = {}): Uint8Array {
  const { source, sourcemap } = bundle(text)
  return makeImage(loadEngine(), source, { sourcemap, ...attachments }).file
}
