/** A folder with a service in it, for one test. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { Builder, type BuiltService } from "../../src/Build/Builder.ts"
import { issuesOf } from "../../src/Build/Failure.ts"
import type { BuildIssue } from "../../src/Build/Issue.ts"

export class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "planck-service-"))

  constructor(files: Readonly<Record<string, string>>) {
    for (const [name, text] of Object.entries(files)) this.write(name, text)
  }

  write(name: string, text: string): void {
    const path = join(this.path, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}

/** Builds a service from texts. */
export async function buildFiles(files: Readonly<Record<string, string>>): Promise<BuiltService> {
  using folder = new Folder(files)
  const builder = await Builder.open(folder.path)
  try {
    return await builder.build()
  } finally {
    await builder.close()
  }
}

/** The mistakes of a service that does not build. */
export async function issuesOfFiles(files: Readonly<Record<string, string>>): Promise<ReadonlyArray<BuildIssue>> {
  try {
    await buildFiles(files)
  } catch (error) {
    const issues = issuesOf(error)
    if (issues !== undefined) return issues
    throw error
  }
  throw new Error("it builds")
}

/** A service of one file: `body` is what its declaration function does. */
export function serviceText(body: string, imports = "", before = ""): string {
  return `import { ${["service", imports].filter((name) => name !== "").join(", ")} } from "@planckdb/planck/guest"\n${before}\nexport default service({ name: "test", version: "1.0.0" }, (app) => {\n${body}\n})\n`
}
