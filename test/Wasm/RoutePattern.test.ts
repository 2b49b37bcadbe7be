import { assert, describe, it } from "@effect/vitest"
import {
  comparePatterns,
  isPatternProblem,
  parsePattern,
  PATTERN_LENGTH_MAX,
  patternsOverlap,
  type RoutePattern
} from "../../src/Wasm/RoutePattern.ts"

const parsed = (source: string): RoutePattern => {
  const pattern = parsePattern(source)
  if (isPatternProblem(pattern)) throw new Error(`${source}: ${pattern.message}`)
  return pattern
}

describe("a route pattern", () => {
  it("is made of text, parameters and a last wildcard", () => {
    assert.deepStrictEqual(parsed("/a/:b/*rest").segments, [
      { kind: "static", text: "a" },
      { kind: "parameter", name: "b" },
      { kind: "wildcard", name: "rest" }
    ])
    assert.deepStrictEqual(parsed("/a/:b/*rest").names, ["b", "rest"])
    assert.deepStrictEqual(parsed("/").segments, [])
  })

  it("keeps static text as it stands on the wire", () => {
    assert.deepStrictEqual(parsed("/bücher").segments, [{ kind: "static", text: "b%C3%BCcher" }])
    assert.deepStrictEqual(parsed("/a%2Fb").segments, [{ kind: "static", text: "a%2Fb" }])
  })

  it.each([
    ["", 0, "starts with /"],
    ["a", 0, "starts with /"],
    ["//", 1, "empty segment"],
    ["/a/", 3, "empty segment"],
    ["/a/:", 3, "needs a name"],
    ["/:1a", 1, "needs a name"],
    ["/*rest/a", 7, "must be the last"],
    ["/:a/x/:a", 6, "stands twice"],
    ["/_planck/x", 1, "reserved"],
    ["/a b", 1, "cannot have"],
    ["/100%", 1, "cannot have"],
    ["/a?b", 1, "cannot have"],
    ["/a/..", 3, "never reaches"],
    [`/${"a".repeat(PATTERN_LENGTH_MAX)}`, PATTERN_LENGTH_MAX, "longer than"]
  ])("%s is refused at offset %i", (source, offset, message) => {
    const problem = parsePattern(source)
    assert.isTrue(isPatternProblem(problem))
    if (!isPatternProblem(problem)) return
    assert.strictEqual(problem.offset, offset)
    assert.include(problem.message, message)
  })

  it("overlaps another of the same shape only", () => {
    assert.isTrue(patternsOverlap(parsed("/a/:b"), parsed("/a/:c")))
    assert.isTrue(patternsOverlap(parsed("/*a"), parsed("/*b")))
    assert.isFalse(patternsOverlap(parsed("/a/:b"), parsed("/a/b")))
    assert.isFalse(patternsOverlap(parsed("/a/:b"), parsed("/a/*b")))
    assert.isFalse(patternsOverlap(parsed("/a"), parsed("/a/*b")))
    assert.isFalse(patternsOverlap(parsed("/:a/x"), parsed("/y/:b")))
  })

  it("is tried in the order static, parameter, wildcard", () => {
    const order = ["/*rest", "/:a", "/a/:b", "/a", "/a/*rest", "/a/b", "/"].map(parsed).toSorted(comparePatterns)
    assert.deepStrictEqual(
      order.map((pattern) => pattern.source),
      ["/a/b", "/a/:b", "/a/*rest", "/a", "/:a", "/*rest", "/"]
    )
  })
})
