/** The ledger's module, built once for all servers of a run. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Builder } from "../../src/Build/Builder.ts"
import { SERVICE_FOLDER } from "./Small.ts"

export interface LedgerModule extends Disposable {
  /** The built file. */
  readonly path: string
}

/** Builds it into a folder of its own, which goes with it. */
export async function buildLedger(): Promise<LedgerModule> {
  const folder = mkdtempSync(join(tmpdir(), "planck-ledger-"))
  const builder = await Builder.open(SERVICE_FOLDER)
  try {
    const { file } = await builder.build()
    const path = join(folder, "ledger.wasm")
    writeFileSync(path, file)
    return { path, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) }
  } finally {
    await builder.close()
  }
}
