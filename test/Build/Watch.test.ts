import { assert, describe, it } from "@effect/vitest"
import { join } from "node:path"
import { type WatchEvent, watchFolder } from "../../src/Build/Watch.ts"
import { Folder, serviceText } from "./Folder.ts"

/** Collects events and lets a test wait for the next one of a kind. */
class Events {
  readonly seen: WatchEvent[] = []
  private waiting: (() => void) | undefined
  private taken = 0

  readonly report = (event: WatchEvent): void => {
    this.seen.push(event)
    this.waiting?.()
  }

  async next<Tag extends WatchEvent["_tag"]>(tag: Tag): Promise<Extract<WatchEvent, { _tag: Tag }>> {
    for (;;) {
      while (this.taken < this.seen.length) {
        const event = this.seen[this.taken++]
        if (event?._tag === tag) return event as Extract<WatchEvent, { _tag: Tag }>
      }
      await new Promise<void>((resolve) => (this.waiting = resolve))
    }
  }
}

const service = (body: string): string => serviceText(body, "text")

describe("watching a folder", () => {
  it("builds at once and after every change; a failed build is an event, and the next good one follows", async () => {
    using folder = new Folder({ "service.ts": service('app.get("/one", () => text("1"))') })
    const events = new Events()
    const watch = await watchFolder(folder.path, {}, () => performance.now(), events.report)
    assert.deepStrictEqual(
      (await events.next("Built")).service.manifest.routes.map(({ pattern }) => pattern),
      ["/one"]
    )

    folder.write("service.ts", service('app.get("/two", () => text(2))'))
    assert.deepStrictEqual(
      (await events.next("Built")).service.manifest.routes.map(({ pattern }) => pattern),
      ["/two"]
    )
    const types = await events.next("TypesChecked")
    assert.match(types.issues[0]?.message ?? "", /number.*string/)

    folder.write("service.ts", "export default {")
    assert.match((await events.next("Failed")).issues[0]?.message ?? "", /Unexpected end of file|Expected/)

    folder.write("service.ts", service('app.get("/three", () => text("3"))'))
    assert.deepStrictEqual(
      (await events.next("Built")).service.manifest.routes.map(({ pattern }) => pattern),
      ["/three"]
    )
    assert.deepStrictEqual((await events.next("TypesChecked")).issues, [])
    await watch.close()
  })

  it("follows templates, imported files and new folders, and leaves its own output alone", async () => {
    using folder = new Folder({
      "service.ts": serviceText(
        'app.get("/", () => page.render())\napp.get("/x", () => x)',
        "",
        'import page from "./t/page.zsx"\nimport { x } from "./lib/x.ts"'
      ),
      "t/page.zsx": "<p>one</p>\n",
      "lib/x.ts": "export const x = 1\n"
    })
    const events = new Events()
    const watch = await watchFolder(folder.path, {}, () => performance.now(), events.report)
    const first = await events.next("Built")
    folder.write("t/page.zsx", "<p>two</p>\n")
    const second = await events.next("Built")
    assert.notDeepEqual(second.service.file, first.service.file)
    folder.write("lib/x.ts", "export const x = 2\n")
    assert.notDeepEqual((await events.next("Built")).service.file, second.service.file)
    await events.next("TypesChecked")
    const builds = (): number => events.seen.filter(({ _tag }) => _tag === "Built").length
    const before = builds()
    folder.write(".planck/types/own.d.ts", "export {}\n")
    folder.write("t/page.zsx", "<p>three</p>\n")
    await events.next("Built")
    assert.strictEqual(builds(), before + 1)
    await watch.close()
  })

  it("takes no notice of folders it was told to ignore", async () => {
    using folder = new Folder({ "service.ts": service('app.get("/", () => text("1"))'), "data/wal/1": "" })
    const events = new Events()
    const watch = await watchFolder(folder.path, { ignored: [join(folder.path, "data")] }, () => performance.now(), events.report)
    await events.next("Built")
    folder.write("data/wal/2", "x")
    folder.write("database.ts", "export {}\n")
    await events.next("Built")
    folder.write("data/wal/3", "x")
    await events.next("TypesChecked")
    assert.lengthOf(
      events.seen.filter(({ _tag }) => _tag === "Built"),
      2
    )
    await watch.close()
  })

  it("reports nothing after it was closed", async () => {
    using folder = new Folder({ "service.ts": service('app.get("/", () => text("1"))') })
    const events = new Events()
    const watch = await watchFolder(folder.path, {}, () => performance.now(), events.report)
    await watch.close()
    const before = events.seen.length
    folder.write("service.ts", service('app.get("/other", () => text("1"))'))
    await new Promise((resolve) => setTimeout(resolve, 150))
    assert.strictEqual(events.seen.length, before)
  })
})
