import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Config, resolvePath } from "../../src/Config/Config.ts"
import type { Configuration } from "../../src/Config/Configuration.ts"
import { readConfiguration } from "../../src/Config/Configuration.ts"
import { configurationPage } from "../../scripts/ConfigurationPage.ts"
import { namedSettings } from "../../src/Config/Settings.ts"

const read = (text: string, environment: Record<string, string> = {}) =>
  readConfiguration({ file: { name: "planck.yaml", text }, environment })

const accepted = (text: string, environment: Record<string, string> = {}): Configuration => {
  const result = read(text, environment)
  if (!("settings" in result)) return assert.fail(result.map((reason) => reason.message).join("\n"))
  return result
}

const refused = (text: string, environment: Record<string, string> = {}): ReadonlyArray<string> => {
  const result = read(text, environment)
  if ("settings" in result) return assert.fail("was accepted")
  return result.map((reason) => reason.message)
}

describe("configuration", () => {
  it("is whole when nothing is written", () => {
    const { settings } = accepted("")
    assert.strictEqual(settings.http.port, 3000)
    assert.strictEqual(settings.dir, "data")
    assert.strictEqual(settings.storage.memtableBytesMax, 32 * 1024 * 1024)
  })

  it("takes the environment before the file and the file before the default", () => {
    const { settings } = accepted("http:\n  port: 8080\n  host: 0.0.0.0\n", { PLANCK_HTTP_PORT: "9000", PLANCK_DIR: "shop" })
    assert.strictEqual(settings.http.port, 9000)
    assert.strictEqual(settings.http.host, "0.0.0.0")
    assert.strictEqual(settings.dir, "shop")
  })

  it("reads sizes and times with their units", () => {
    const { settings } = accepted("storage:\n  memtableBytesMax: 64MiB\nhttp:\n  drainTimeoutMs: 5s\n  bodyTimeoutMs: 1500\n")
    assert.strictEqual(settings.storage.memtableBytesMax, 64 * 1024 * 1024)
    assert.strictEqual(settings.http.drainTimeoutMs, 5000)
    assert.strictEqual(settings.http.bodyTimeoutMs, 1500)
  })

  it("names file, line, key and what was meant for a wrong key", () => {
    assert.deepStrictEqual(refused("dir: shop\nhttp:\n  prot: 8080\n"), [
      'planck.yaml:3: unknown key "http.prot"; expected "http.port"? Known here: host, port, bodyBytesMax, headerBytesMax, targetBytesMax, headerTimeoutMs, bodyTimeoutMs, keepAliveTimeoutMs, connectionsMax, requestsInFlightMax, answersHeldMax, drainTimeoutMs'
    ])
  })

  it("names what is expected for a wrong value, in the file and in the environment", () => {
    assert.deepStrictEqual(refused("http:\n  port: 70000\n"), ["planck.yaml:2: http.port is 70000; expected an integer from 0 to 65535"])
    assert.deepStrictEqual(refused("", { PLANCK_LOG_LEVEL: "loud" }), [
      'environment variable PLANCK_LOG_LEVEL: log.level is "loud"; expected one of debug, info, warn, error'
    ])
    assert.deepStrictEqual(refused("http: 3000\n").length, 1)
  })

  it("reports everything that is wrong at once", () => {
    assert.strictEqual(refused("dri: x\nhttp:\n  port: no\n", { PLANCK_GUEST_DEADLINE_MS: "-1" }).length, 3)
  })

  it("refuses what is no YAML and what is no map", () => {
    assert.match(refused("http: [1")[0] ?? "", /^planck\.yaml: /)
    assert.deepStrictEqual(refused("- a\n"), ["planck.yaml: expected a map of settings at the top"])
  })

  it("holds the services with their values, and refuses keys a service has not", () => {
    const { services } = accepted(
      "services:\n  shop:\n    source: ./shop.wasm\n    mount: /shop\n    config:\n      taxRate: 0.19\n  bare: {}\n"
    )
    assert.deepStrictEqual(services, [
      { name: "shop", source: "./shop.wasm", mount: { host: undefined, path: "/shop" }, config: { taxRate: 0.19 } },
      { name: "bare", source: undefined, mount: undefined, config: {} }
    ])
    assert.deepStrictEqual(refused("services:\n  shop:\n    sorce: a\n"), [
      'planck.yaml:3: unknown key "services.shop.sorce"; expected "services.shop.source"? Known here: source, mount, config'
    ])
    assert.deepStrictEqual(refused("services:\n  shop:\n    mount: my shop\n"), [
      'planck.yaml:3: services.shop.mount is "my shop"; expected a path like /orders, a host like orders.example.com, or both like example.com/orders'
    ])
  })

  it("keeps variables that name no setting for the services' own values", () => {
    assert.deepStrictEqual(accepted("", { PLANCK_SHOP_TAX_RATE: "0.2", HOME: "/root" }).otherVariables, { PLANCK_SHOP_TAX_RATE: "0.2" })
  })

  it("gives every setting a default within its own bounds and a variable of its own", () => {
    for (const { key, setting } of namedSettings) assert.deepStrictEqual(setting.read(setting.default), setting.default, key)
    assert.strictEqual(new Set(namedSettings.map((named) => named.variable)).size, namedSettings.length)
  })
})

describe("Config.layer", () => {
  const inFolder = <A, E>(text: string | undefined, use: (directory: string) => Effect.Effect<A, E>) =>
    Effect.acquireUseRelease(
      Effect.sync(() => {
        const directory = mkdtempSync(join(tmpdir(), "planck-config-"))
        if (text !== undefined) writeFileSync(join(directory, "planck.yaml"), text)
        return directory
      }),
      use,
      (directory) => Effect.sync(() => rmSync(directory, { recursive: true }))
    )

  it.effect("reads planck.yaml of the folder and resolves paths from there", () =>
    inFolder("dir: shop\n", (directory) =>
      Effect.gen(function* () {
        const configuration = yield* Config
        assert.strictEqual(resolvePath(configuration, configuration.settings.dir), join(directory, "shop"))
      }).pipe(Effect.provide(Config.layer({ directory, environment: {} })))
    )
  )

  it.effect("does without a file, but not without a file that was named", () =>
    inFolder(undefined, (directory) =>
      Effect.gen(function* () {
        const configuration = yield* Config.pipe(Effect.provide(Config.layer({ directory, environment: {} })))
        assert.isUndefined(configuration.file)
        const error = yield* Config.pipe(Effect.provide(Config.layer({ directory, file: "other.yaml", environment: {} })), Effect.flip)
        assert.strictEqual(error.message, `${join(directory, "other.yaml")}: cannot be read (ENOENT)`)
      })
    )
  )
})

describe("docs/configuration.md", () => {
  it("is what the table of settings says", () => {
    assert.strictEqual(readFileSync(join(import.meta.dirname, "../../docs/configuration.md"), "utf8"), configurationPage())
  })
})
