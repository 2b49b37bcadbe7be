import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Planck from "../../src/Planck.ts"
import type { InspectedDirectory } from "../../src/Storage/Inspect.ts"
import type { InspectedFile } from "../../src/Storage/InspectFile.ts"
import { Folder } from "../Build/Folder.ts"
import { json, planck } from "./Command.ts"
import { fill } from "./Orders.ts"
import { rot } from "./Rot.ts"

describe("planck inspect, of data", () => {
  it("shows files, stores and trees of a directory", async () => {
    using data = new Folder({})
    await fill(data.path, "shop")
    const { code, err, out } = await planck("inspect", data.path)
    assert.deepStrictEqual({ code, err }, { code: 0, err: "" })
    assert.match(out, /index file and value log at LSN 2\n/)
    assert.match(out, /^ {2}values\/00000001\.values {2}\d+ bytes$/m)
    assert.match(out, /^ {2}wal\/\S+\.wal .*from LSN 1$/m)
    assert.match(out, /orders: 6 entries in 1 page, 1 root\n.*orders\.byCustomer: 6 entries/)
    const found = json<InspectedDirectory>((await planck("inspect", data.path, "--json")).out)
    assert.deepStrictEqual(
      found.trees.map((it) => [it.name, it.entries]),
      [
        ["orders", 6],
        ["orders.byCustomer", 6]
      ]
    )
  })

  it("shows the parts of a file, from where it is told and as many as it is told", async () => {
    using data = new Folder({})
    await fill(data.path, "shop")
    const shop = join(data.path, "services/shop")
    const inspect = async (name: string, ...rest: ReadonlyArray<string>): Promise<InspectedFile> =>
      json<InspectedFile>((await planck("inspect", join(shop, name), "--json", ...rest)).out)
    const whats = ({ parts }: InspectedFile): ReadonlyArray<string> => parts.map((it) => it.what)
    const wal = readdirSync(join(shop, "wal")).find((name) => name.endsWith(".wal"))!
    const log = await inspect(`wal/${wal}`)
    assert.deepStrictEqual(whats(log), ["header", "definition", "transaction", "footer"])
    assert.deepInclude(log.parts[2]!.fields, { lsn: 2, puts: 6, deletes: 0 })
    const values = await inspect("values/00000001.values", "--limit", "3")
    assert.deepStrictEqual(whats(values), ["header", "put", "put"])
    assert.isDefined(values.next)
    assert.deepStrictEqual(whats(await inspect("values/00000001.values", "--at", String(values.next))), ["put", "put", "put", "put"])
    const index = await inspect("index.planck")
    assert.deepStrictEqual(whats(index).slice(0, 2), ["meta", "meta"])
    assert.includeMembers([...whats(index)], ["leaf"])
    assert.isTrue(index.parts.every((it) => it.problem === undefined))
    rot(join(shop, "values/00000001.values"), 64 + 50)
    const spoiled = (await inspect("values/00000001.values")).parts
    assert.deepStrictEqual([spoiled.length, spoiled[1]?.offset], [2, 64])
    assert.match(spoiled[1]?.problem ?? "", /damage/)
  })

  it("names the owner of a directory that is in use, for its files too, and knows what is none of its files", async () => {
    using data = new Folder({})
    await fill(data.path, "shop")
    const directory = join(data.path, "services/shop")
    for (const path of [directory, join(directory, "index.planck"), join(directory, "values/00000001.values")]) {
      const refused = Effect.promise(() => planck("inspect", path)).pipe(Effect.provide(Planck.layer({ directory })))
      assert.include((await Effect.runPromise(refused)).err, `${directory} is in use by process ${process.pid} on `, path)
    }
    writeFileSync(join(data.path, "letter.txt"), "mine")
    assert.strictEqual((await planck("inspect", join(data.path, "letter.txt"))).code, 1)
    assert.match((await planck("inspect", join(data.path, "nowhere"))).err, /nowhere/)
  })
})
