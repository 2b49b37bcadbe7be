import { assert, describe, it } from "vitest"
import { isFault } from "../../src/Fault/Fault.ts"
import { admitTemplates } from "../../src/Template/Template.ts"
import { compiled } from "./Shop.ts"

function refusal(data: unknown): string {
  try {
    admitTemplates(data)
  } catch (error) {
    if (!isFault(error, "InvalidTemplateSet")) throw error
    return String(error.reason.message)
  }
  return "admitted"
}

const literal = { op: "literal", value: 1 }
const template = (body: unknown, parameters: ReadonlyArray<unknown> = []) => ({
  version: 1,
  templates: [{ name: "a.zsx", parameters, body }]
})
const print = (value: unknown) => template([{ node: "print", value }])
const parameter = { name: "x", type: "int", required: true, list: false }

describe("a set from a module", () => {
  it("passes when the compiler made it", () => {
    assert.strictEqual(
      refusal(
        JSON.parse(JSON.stringify(compiled("{param x: int[]}{for n, i in x}{let m = n + i}<p class={a, b: m > 1} id={m}>{m}</p>{/for}")))
      ),
      "admitted"
    )
    assert.strictEqual(refusal({ version: 1, templates: [] }), "admitted")
  })

  const table: ReadonlyArray<readonly [string, unknown, string]> = [
    ["no object", null, "templates: expected an object"],
    ["a list", [], "templates: expected an object"],
    ["another version", { version: 3, templates: [] }, "version: this host renders versions 1 and 2, not 3"],
    ["a missing member", { version: 1 }, 'templates: "templates" is missing'],
    ["an unknown member", { version: 1, templates: [], more: 1 }, 'templates: unknown member "more"'],
    [
      "two templates of one name",
      { version: 1, templates: [...template([]).templates, ...template([]).templates] },
      "templates[1].name: a name is empty or used twice"
    ],
    ["an unknown node", template([{ node: "raw", value: literal }]), 'templates[0].body[0]: unknown node "raw"'],
    ["an unknown expression", print({ op: "call" }), 'templates[0].body[0].value: unknown expression "call"'],
    [
      "an unknown operator",
      print({ op: "binary", operator: "power", left: literal, right: literal }),
      "templates[0].body[0].value.operator: unknown operator"
    ],
    [
      "an inherited name as a pipe",
      print({ op: "pipe", pipe: "constructor", of: literal, arguments: [] }),
      "templates[0].body[0].value.pipe: unknown pipe"
    ],
    [
      "decimals that are computed",
      print({ op: "pipe", pipe: "number", of: literal, arguments: [{ op: "unary", operator: "negate", of: literal }] }),
      "templates[0].body[0].value.arguments[0]: decimals are a literal whole number from 0 to 20"
    ],
    [
      "decimals beyond the limit",
      print({ op: "pipe", pipe: "number", of: literal, arguments: [{ op: "literal", value: 200 }] }),
      "templates[0].body[0].value.arguments[0]: decimals are a literal whole number from 0 to 20"
    ],
    [
      "a variable that does not exist",
      print({ op: "variable", variable: 0 }),
      "templates[0].body[0].value.variable: there is no such variable here"
    ],
    [
      "a variable out of its loop",
      template([
        { node: "for", item: 1, list: literal, body: [], otherwise: [] },
        { node: "print", value: { op: "variable", variable: 1 } }
      ]),
      "templates[0].body[1].value.variable: there is no such variable here"
    ],
    [
      "a variable that is used twice",
      template([{ node: "let", variable: 0, value: literal }], [parameter]),
      "templates[0].body[0].variable: a variable is a number that is used once"
    ],
    [
      "a variable that is no number",
      template([{ node: "let", variable: "0; alert()", value: literal }]),
      "templates[0].body[0].variable: a variable is a number that is used once"
    ],
    [
      "an attribute that ends its tag",
      template([{ node: "attribute", name: "a><b", value: literal }]),
      "templates[0].body[0].name: this cannot be an attribute's name"
    ],
    [
      "a component in an address",
      template([{ node: "url", parts: [{ node: "slot", otherwise: [] }] }]),
      "templates[0].body[0].parts[0]: an address is made of texts and values only"
    ],
    [
      "an unknown component",
      template([{ node: "component", template: "b.zsx", arguments: [] }]),
      'templates[0].body[0].template: there is no template "b.zsx"'
    ],
    [
      "a template that calls itself",
      template([{ node: "component", template: "a.zsx", arguments: [] }]),
      "templates: templates call each other in a circle: a.zsx → a.zsx"
    ],
    [
      "too few arguments",
      template([{ node: "component", template: "a.zsx", arguments: [] }], [parameter]),
      "templates[0].body[0].arguments: a.zsx takes 1 arguments, not 0"
    ],
    [
      "a literal that is no value",
      print({ op: "literal", value: {} }),
      "templates[0].body[0].value.value: a literal is a text, number, boolean or null"
    ],
    ["a text with half a character", template([{ node: "text", text: "\ud800" }]), "templates[0].body[0].text: expected text"],
    [
      "a field's name with a NUL",
      print({ op: "field", of: literal, name: "a\0" }),
      "templates[0].body[0].value.name: a field's name holds no NUL"
    ]
  ]
  for (const [what, data, message] of table) it(`is refused with ${what}`, () => assert.strictEqual(refusal(data), message))

  it("is refused when it is nested too deep, too large or calls in too long a chain", () => {
    let expression: unknown = literal
    for (let depth = 0; depth < 5000; depth++) expression = { op: "unary", operator: "not", of: expression }
    assert.match(refusal(print(expression)), /nested deeper than 500$/)
    let nodes: ReadonlyArray<unknown> = []
    for (let depth = 0; depth < 5000; depth++) nodes = [{ node: "slot", otherwise: nodes }]
    assert.match(refusal(template(nodes)), /nested deeper than 200$/)
    assert.match(refusal(template(Array.from({ length: 200_001 }, () => ({ node: "text", text: "" })))), /more than 200000/)
    const chain = Array.from({ length: 70 }, (_, index) => ({
      name: `t${index}`,
      parameters: [],
      body: index === 69 ? [] : [{ node: "component", template: `t${index + 1}`, arguments: [] }]
    }))
    assert.match(refusal({ version: 1, templates: chain }), /more than 64 templates call one another in a chain$/)
  })
})
