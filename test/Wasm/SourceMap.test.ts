import { assert, describe, it } from "@effect/vitest"
import { buildSync } from "esbuild"
import { SourceMap } from "../../src/Wasm/SourceMap.ts"

const author = `export function first() {
  return 1
}

export function second(): number {
  throw new Error("boom")
}
`

const bundle = (): { readonly code: string; readonly map: SourceMap } => {
  const result = buildSync({
    stdin: { contents: author, sourcefile: "service.ts", loader: "ts" },
    bundle: true,
    write: false,
    minify: true,
    format: "esm",
    sourcemap: "external",
    outfile: "out/service.js"
  })
  const file = (ending: string): Uint8Array =>
    result.outputFiles.find((output) => output.path.endsWith(ending))?.contents ?? new Uint8Array(0)
  const map = SourceMap.read(file(".map"))
  if (map === undefined) throw new Error("no map")
  return { code: new TextDecoder().decode(file(".js")), map }
}

describe("a source map", () => {
  it("finds the author's line of a place in the bundle", () => {
    const { code, map } = bundle()
    const column = code.split("\n")[0]?.indexOf("throw") ?? -1
    const found = map.find(1, column + 1)
    assert.strictEqual(found?.line, 6)
    assert.include(found?.file, "service.ts")
  })

  it("rewrites the positions of a stack and nothing else", () => {
    const { code, map } = bundle()
    const column = (code.split("\n")[0]?.indexOf("throw") ?? -1) + 1
    const stack = map.mapStack(
      `Error: boom\n    at second (service.js:1:${column})\n    at other.js:1:1\n    at service.js:99:1`,
      "service.js"
    )
    assert.match(stack, /at second \(.*service\.ts:6:\d+\)/)
    assert.include(stack, "at other.js:1:1")
    assert.include(stack, "at service.js:99:1")
  })

  it.each([
    "",
    "{",
    "null",
    "{}",
    '{"mappings":1,"sources":[]}',
    '{"mappings":"A!","sources":["a"]}',
    '{"mappings":"gggggggggggggA","sources":["a"]}'
  ])("that is broken (%s) is none", (text) => {
    const map = SourceMap.read(new TextEncoder().encode(text))
    assert.isUndefined(map)
  })
})
