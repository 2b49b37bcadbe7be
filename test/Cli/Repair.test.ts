import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Planck from "../../src/Planck.ts"
import type { RepairReport } from "../../src/Storage/RepairReport.ts"
import { Folder } from "../Build/Folder.ts"
import { json, planck, told } from "./Command.ts"
import { fill } from "./Orders.ts"
import { rot } from "./Rot.ts"

interface Outcome {
  readonly isDone: boolean
  readonly report: RepairReport
}

describe("planck repair", () => {
  it("has nothing to do where nothing is wrong", async () => {
    using data = new Folder({})
    await fill(data.path, "shop")
    const { code, out } = await planck("repair", data.path, "--yes")
    assert.strictEqual(code, 0)
    assert.match(out, /no problem found, nothing to repair\n$/)
  })

  it("says what is lost, and changes nothing unless somebody says yes", async () => {
    using data = new Folder({})
    await fill(data.path, "shop")
    const directory = join(data.path, "services/shop")
    rot(join(directory, "values/00000001.values"), 64 + 50)
    const { code, err, out } = await planck("repair", data.path)
    assert.strictEqual(code, 1)
    assert.match(out, /store orders: 5 documents\n {2}lost: [0-9a-f]{32}, at \S+00000001\.values:64\n/)
    assert.match(out, /00000001\.values:64: \d+ bytes of the value log cannot be read: /)
    assert.match(out, /nothing was changed\n$/)
    assert.match(err, /is still damaged: repair it with --yes\n$/)
    const dry = await planck("repair", data.path, "--dry-run", "--json")
    assert.strictEqual(dry.code, 0)
    const { isDone, report } = json<Outcome>(dry.out)
    assert.isFalse(isDone)
    assert.strictEqual(report.stores[0]!.lost.count, 1)
    assert.deepStrictEqual(
      readdirSync(directory, { recursive: true }).filter((name) => /damaged|uncertain|new|repair/.test(String(name))),
      []
    )
  })

  it("repairs, keeps the damaged files aside and leaves a sound database that goes on", async () => {
    using data = new Folder({})
    await fill(data.path, "shop")
    const directory = join(data.path, "services/shop")
    rmSync(join(directory, "index.planck"))
    const { code, err, out } = await planck("repair", data.path, "--yes")
    assert.deepStrictEqual({ code, err }, { code: 0, err: "" })
    assert.match(out, /definitions|store orders: 6 documents, found in value log and log\n/)
    assert.match(out, /nothing is lost\n/)
    assert.match(out, /repaired \S+: 6 documents, no problem found; the damaged files stay as \*\.damaged-1 until you remove them\n$/)
    assert.isNotEmpty(readdirSync(join(directory, "wal")).filter((name) => name.endsWith(".wal.damaged-1")))
    const asked = await planck("query", data.path, 'orders.filter(customer = "ada").count()', "--json")
    assert.deepStrictEqual(json(asked.out), { count: 3 })
    const checked = await planck("verify", data.path)
    assert.match(checked.out, /left by a repair: \S+\.wal\.damaged-1\n/)
    assert.match(checked.out, /index byCustomer 6 entries/)
  })

  it("ends what an earlier one has begun, which nobody opens before", async () => {
    using data = new Folder({})
    await fill(data.path, "shop")
    const directory = join(data.path, "services/shop")
    writeFileSync(join(directory, "repair.json"), JSON.stringify({ planckRepair: 1, renames: [], oldIndex: "index.planck.damaged-1" }))
    const refused = await planck("query", data.path, "orders.count()")
    assert.match(refused.err, /repair\.json.*has begun and not ended: repair it again/)
    assert.strictEqual((await planck("repair", data.path, "--yes")).code, 0)
    assert.isFalse(existsSync(join(directory, "repair.json")))
    assert.strictEqual((await planck("query", data.path, "orders.count()")).code, 0)
  })

  it("is refused while somebody has the directory open, who is named", async () => {
    using data = new Folder({})
    await fill(data.path, "shop")
    const directory = join(data.path, "services/shop")
    const refused = Effect.promise(() => planck("repair", data.path, "--yes", "--json")).pipe(Effect.provide(Planck.layer({ directory })))
    const { code, err } = await Effect.runPromise(refused)
    assert.strictEqual(code, 1)
    assert.include(told(err).message, `${directory} is in use by process ${process.pid} on `)
  })
})
