/**
 * `prepack`: makes `dist`, which is what the package runs.
 *
 * - The library: every module that an export of package.json reaches, as JavaScript with declarations.
 * - The command: one bundle a verb, with everything but the packages that have files of their own, so that it starts quickly and asks nothing of the
 *   packages that only it needs.
 */
import * as esbuild from "esbuild"
import { execFileSync } from "node:child_process"
import { rmSync } from "node:fs"
import { join, resolve } from "node:path"

const root = resolve(import.meta.dirname, "..")

/** Packages with files that are found beside their own code. */
const WITH_FILES = ["esbuild", "quickjs-wasi", "re2js", "typescript"]

rmSync(join(root, "dist"), { recursive: true, force: true })
execFileSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", join(root, "tsconfig.dist.json")], {
  stdio: "inherit"
})
await esbuild.build({
  absWorkingDir: root,
  // Two folders below the root, as the sources are: files of the package are found from there.
  entryPoints: { planck: "src/Main.ts" },
  outdir: "dist/command",
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node24",
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: "linked",
  external: WITH_FILES,
  logLevel: "warning"
})
