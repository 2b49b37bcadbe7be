import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Folder } from "../Build/Folder.ts"
import { json, planck, told } from "./Command.ts"
import { fill } from "./Orders.ts"

const MAIN = join(import.meta.dirname, "../../src/Main.ts")

describe("planck dump and load", () => {
  it("bring the data into another directory, over a folder", async () => {
    using data = new Folder({})
    await fill(data.path, "shop")
    const [dump, copy] = [join(data.path, "dump"), join(data.path, "copy")]
    const { code, err, out } = await planck("dump", data.path, dump)
    assert.deepStrictEqual({ code, err }, { code: 0, err: "" })
    assert.match(out, /^orders: 6 documents, \d+ bytes in orders\.ndjson\ndumped at LSN 2 into /)
    assert.include(readFileSync(join(dump, "orders.ndjson"), "utf8"), '{"_id":1,"customer":"ada","total":10}\n')
    assert.strictEqual((await planck("load", copy, dump)).out, "orders: 6 rows, 6 inserted\n")
    assert.strictEqual((await planck("query", copy, 'orders.filter(customer = "ada").count()')).out, "count 3\n")
    const again = json<{ readonly stores: Record<string, unknown> }>((await planck("load", copy, dump, "--json")).out)
    assert.deepInclude(again.stores["orders"], { rows: 6, inserted: 0, same: 6 })
  })

  it("bring one store through a pipe", async () => {
    using data = new Folder({})
    await fill(data.path, "shop")
    const run = (words: ReadonlyArray<string>, input = "") => spawnSync(process.execPath, [MAIN, ...words], { encoding: "utf8", input })
    const out = run(["dump", data.path, "--store", "orders", "--format", "csv"]).stdout
    assert.match(out, /^_id,customer,total\n/)
    assert.include(out, "\n1,ada,10\n")
    const loaded = run(
      ["load", data.path, "-", "--store", "orders", "--format", "csv", "--replace"],
      `${out.replace("1,ada,10", "1,ada,11")}7,zoe,70\n`
    )
    assert.strictEqual(loaded.stdout, "orders: 7 rows, 1 inserted, 1 replaced, 5 were there already\n")
  })

  it("say line and field of a bad row, and go on behind it when it was mended or set aside", async () => {
    using data = new Folder({})
    await fill(data.path, "shop")
    const file = join(data.path, "more.ndjson")
    const rows = ['{"_id":7,"customer":"x","total":1}', '{"_id":8,"customer":"y","total":"many"}', '{"_id":9,"customer":"z","total":3}']
    writeFileSync(file, rows.join("\n"))
    const { code, err } = await planck("load", data.path, file, "--store", "orders", "--json")
    assert.strictEqual(code, 1)
    assert.deepInclude(told(err), { code: "BadRow" })
    assert.deepInclude(told(err).details, { line: 2, field: "/total", source: file })
    const rejects = join(data.path, "rejects.ndjson")
    const { out } = await planck("load", data.path, file, "--store", "orders", "--rejects", rejects)
    assert.match(out, /^orders: 3 rows, 2 inserted, 1 rejected; went on at byte \d+\n$/)
    assert.deepInclude(json<object>(readFileSync(rejects, "utf8")), { line: 2, field: "/total", row: rows[1] })
    assert.strictEqual((await planck("query", data.path, "orders.count()")).out, "count 8\n")
  })

  it("refuse what they cannot do, with a reason", async () => {
    using data = new Folder({ "plain.txt": "x" })
    await fill(data.path, "shop")
    const refused = async (...words: ReadonlyArray<string>): Promise<string> => {
      const { code, err } = await planck(...words)
      assert.strictEqual(code, 1, words.join(" "))
      return err
    }
    assert.match(await refused("dump", data.path), /--store for standard output/)
    assert.match(await refused("dump", data.path, "--store", "nope"), /no store nope/)
    assert.match(await refused("load", data.path, join(data.path, "plain.txt"), "--store", "orders"), /--format/)
    assert.match(await refused("load", data.path, join(data.path, "plain.txt")), /--store/)
    assert.match(await refused("load", data.path, join(data.path, "none.csv"), "--store", "orders"), /no such file/)
    assert.match(await refused("load", data.path, data.path), /no dump in this folder/)
  })
})
