import { assert, describe, it } from "vitest"
import { ByteSink } from "../../src/Bson/ByteSink.ts"
import { isFault } from "../../src/Fault/Fault.ts"
import { prepare, type RenderOptions } from "../../src/Template/Template.ts"
import { bindings, compiled, type Data, rows } from "./Shop.ts"

/** The reason of the Fault that a rendering ends with, the same for both ways to render; the sink has to be as before. */
function failure(source: Parameters<typeof compiled>[0], data: Data, options: RenderOptions = {}, sinkBytesMax?: number): string {
  const set = compiled(source)
  const found = [true, false].map((codeGeneration) => {
    const sink = new ByteSink(64, sinkBytesMax)
    sink.ascii("before")
    try {
      prepare(set, { ...options, codeGeneration }).render(typeof source === "string" ? "page.zsx" : source[0]!.path, bindings(data), sink)
    } catch (error) {
      if (!isFault(error)) throw error
      assert.strictEqual(sink.toText(), "before")
      return error.message
    }
    return sink.toText()
  })
  assert.strictEqual(found[1], found[0])
  return found[0]!
}

describe("a rendering", () => {
  it("has at most so many bytes", () => {
    const source = "{param x: string[]}{for a in x}{a}{/for}"
    const data = { x: Array.from({ length: 100 }, () => "y".repeat(100)) }
    assert.strictEqual(
      failure(source, data, { outputBytesMax: 9_999 }),
      "RenderLimit: page.zsx: a rendering has at most 9999 bytes of output"
    )
    assert.lengthOf(failure(source, data, { outputBytesMax: 10_000 }), 10_006)
    assert.match(failure(source, { x: ["<".repeat(4_300_000)] }), /at most 16777216 bytes of output/)
  })

  it("does not outgrow its sink", () => {
    assert.match(failure("{param x: string}{x}", { x: "y".repeat(5000) }, {}, 1000), /^TooLarge/)
  })

  it("has at most so many steps, however little it prints", () => {
    const source = "{param x: int[]}{for a in x}{for b in x}{for c in x}{/for}{/for}{/for}"
    assert.strictEqual(
      failure(source, { x: Array.from({ length: 175 }, () => 1) }),
      "RenderLimit: page.zsx: a rendering has at most 5000000 steps"
    )
    assert.strictEqual(
      failure(
        "{param x: int[]}{for a in x}{x.length}{x[99]}{x | count}{/for}",
        { x: Array.from({ length: 100 }, () => 1) },
        { stepsMax: 20_000 }
      ),
      "RenderLimit: page.zsx: a rendering has at most 20000 steps"
    )
    const pages = Array.from({ length: 30 }, (_, index) => ({
      path: `t${index}.zsx`,
      source: index === 29 ? "" : `{import N from "./t${index + 1}.zsx"}<N/><N/>`
    }))
    assert.strictEqual(failure(pages, {}, { stepsMax: 100_000 }), "RenderLimit: t0.zsx: a rendering has at most 100000 steps")
  })

  it("builds no text beyond its limit", () => {
    const doubled = Array.from({ length: 30 }, (_, index) => `{let x${index + 1} = x${index} + x${index}}`).join("")
    assert.strictEqual(
      failure(`{param x0: string}${doubled}{x30}`, { x0: "0123456789" }),
      "RenderLimit: page.zsx: a rendering has at most 1048576 characters in one text"
    )
  })

  it("needs its parameters, knows no others, and takes lists where it loops", () => {
    const source = "{param x: int[]}{param y?: string}{x.length}{y}"
    assert.strictEqual(failure(source, {}), 'InvalidBinding: page.zsx: "x" is missing')
    assert.strictEqual(failure(source, { x: null }), 'InvalidBinding: page.zsx: "x" is missing')
    assert.strictEqual(failure(source, { x: 5 }), 'InvalidBinding: page.zsx: "x" is a list (int[])')
    assert.strictEqual(failure(source, { x: [], z: 1 }), 'InvalidBinding: page.zsx: "z" is no parameter of it')
    assert.strictEqual(failure(source, { x: rows() }), "before0")
  })

  it("is of a template that exists", () => {
    const renderer = prepare(compiled("x"))
    assert.deepEqual(renderer.names, ["page.zsx"])
    assert.isUndefined(renderer.parameters("constructor"))
    assert.throws(() => renderer.render("other.zsx", {}, new ByteSink()), "there is no template other.zsx")
  })
})
