import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { rmSync } from "node:fs"
import { join } from "node:path"
import * as Planck from "../../src/Planck.ts"
import type { StorageReport } from "../../src/Storage/Verify.ts"
import { Folder } from "../Build/Folder.ts"
import { json, planck, told } from "./Command.ts"
import { fill } from "./Orders.ts"
import { rot } from "./Rot.ts"

describe("planck verify", () => {
  it("says what a sound database holds and where its bytes are, for people and for programs", async () => {
    using data = new Folder({})
    await fill(data.path, "shop")
    const { code, err, out } = await planck("verify", data.path)
    assert.deepStrictEqual({ code, err }, { code: 0, err: "" })
    assert.match(out, /^\S+\/services\/shop at LSN 2\n/)
    assert.match(out, /^store orders: 6 documents, \d+ bytes; index byCustomer 6 entries$/m)
    assert.match(out, /no problem found\n$/)
    const report = json<StorageReport>((await planck("verify", data.path, "--json")).out)
    assert.deepInclude(report, { documents: 6, indexEntries: 6, problemCount: 0, lastLsn: 2 })
    assert.deepStrictEqual(report.space.strangers, [])
  })

  it("names file and offset of what is wrong, and ends with 1", async () => {
    using data = new Folder({})
    await fill(data.path, "shop")
    const values = join(data.path, "services/shop/values/00000001.values")
    rot(values, 64 + 50)
    const { code, err, out } = await planck("verify", data.path)
    assert.strictEqual(code, 1)
    assert.include(err, `${values}:64: the value fails its checksum\n`)
    assert.match(err, /planck: \S+ is damaged: 2 problems\n$/)
    assert.notInclude(out, "no problem")
    const failed = await planck("verify", data.path, "--json")
    assert.strictEqual(failed.code, 1)
    assert.deepInclude(told(failed.err), { code: "Damaged", details: { problemCount: 2 } })
    assert.strictEqual(json<StorageReport>(failed.out).problemCount, 2)
  })

  it("says so when the index file is gone", async () => {
    using data = new Folder({})
    await fill(data.path, "shop")
    rmSync(join(data.path, "services/shop/index.planck"))
    const { code, err } = await planck("verify", data.path)
    assert.strictEqual(code, 1)
    assert.match(err, /index\.planck:0: the index file is missing\n/)
  })

  it("is refused while somebody has the directory open, who is named, and where there is no database", async () => {
    using data = new Folder({})
    await fill(data.path, "shop")
    const directory = join(data.path, "services/shop")
    const refused = Effect.promise(() => planck("verify", data.path)).pipe(Effect.provide(Planck.layer({ directory })))
    const { code, err } = await Effect.runPromise(refused)
    assert.strictEqual(code, 1)
    assert.include(err, `${directory} is in use by process ${process.pid} on `)
    assert.match((await planck("verify", join(data.path, "nowhere"))).err, /nowhere: there is no database/)
  })
})
