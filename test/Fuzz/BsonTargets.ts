/** Documents and the rows of dumps. */
import { ByteSink } from "../../src/Bson/ByteSink.ts"
import { parseExtendedJson, writeExtendedJson } from "../../src/Bson/ExtendedJson.ts"
import { writeJson } from "../../src/Bson/Json.ts"
import * as Type from "../../src/Bson/Type.ts"
import { validate } from "../../src/Bson/Validate.ts"
import { decode, encode, Key } from "../../src/Bson/Value.ts"
import { Writer } from "../../src/Bson/Writer.ts"
import { Random } from "../../src/Disk/Random.ts"
import type { Format } from "../../src/Exchange/Format.ts"
import { RowReader } from "../../src/Exchange/RowReader.ts"
import { splitterOf } from "../../src/Exchange/Splitter.ts"
import type { StoreDefinition } from "../../src/Schema/Definition.ts"
import { Generator } from "../Bson/Generate.ts"
import type { Target } from "./Target.ts"

const THINGS: StoreDefinition = {
  name: "things",
  idKind: "key",
  schema: {
    name: { type: "string", maxLength: 40 },
    count: { type: "int" },
    price: { type: "decimal", optional: true },
    at: { type: "date", optional: true },
    tags: { type: "array", items: { type: "string" }, optional: true }
  },
  indexes: []
}
const PUSHED_BYTES_MAX = 64

const text = (line: string): Uint8Array => new TextEncoder().encode(line)

export function bsonTargets(): ReadonlyArray<Target> {
  const key = new Uint8Array(16).fill(7)
  const things = [
    { _id: new Key(key), name: "a", count: 1 },
    { name: "b", count: -5, at: new Date(0), tags: ["x", "y"] }
  ].map((thing) => encode(thing))
  const documents = [...things, ...Array.from({ length: 20 }, (_, seed) => encode(new Generator(seed).document()))]
  const sink = new ByteSink()
  return [
    {
      name: "BSON",
      weight: 300,
      samples: documents,
      read: (bytes) => {
        if (bytes.length < 5) return false
        const length = validate(bytes, 0, bytes.length)
        // What passes may be read by everything that reads documents.
        sink.reset()
        writeJson(sink, bytes, Type.DOCUMENT, 0)
        sink.reset()
        writeExtendedJson(sink, bytes, 0)
        decode(bytes, 0)
        return length <= bytes.length
      }
    },
    {
      name: "Extended JSON",
      weight: 300,
      samples: [
        text('{"_id":{"$oid":"0198f0c2a3b47d8e9f001122"},"n":{"$numberLong":"5"},"d":{"$date":"2026-01-01T00:00:00Z"}}'),
        text(
          '{"a":[1,2.5e-3,null,true,{"$binary":{"base64":"AAEC","subType":"00"}}],"r":{"$regularExpression":{"pattern":"a","options":"i"}}}'
        ),
        text('{"t":{"$timestamp":{"t":1,"i":2}},"m":{"$minKey":1},"x":{"$numberDecimal":"1.50"},"u":"\\u00e9\\ud83d\\ude00"}')
      ],
      read: (bytes) => {
        parseExtendedJson(bytes, new Writer())
        return true
      }
    },
    rowTarget("ndjson", [text('{"name":"a","count":1}\n{"name":"b","count":2,"tags":["x"]}\n')]),
    rowTarget("bson", [concat(things), things[0]!]),
    rowTarget("csv", [text('name,count,at\na,1,2026-01-01T00:00:00Z\n"b ""c""",2,\n'), text("count,name\r\n5,x\r\n")])
  ]
}

/** Cuts a stream that comes in pieces into rows and reads each, to its end or to the first that is none. */
function rowTarget(format: Format, samples: ReadonlyArray<Uint8Array>): Target {
  return {
    name: `rows of ${format}`,
    weight: 150,
    samples,
    read: (bytes) => {
      const splitter = splitterOf(format)
      const reader = new RowReader(format, THINGS)
      // How the stream is cut follows from it, so that an input is the same each time.
      const random = new Random(bytes.length)
      let pushed = 0
      // Every row takes at least a byte, and every piece too.
      for (let turns = 0; turns < 4 * bytes.length + 8; turns++) {
        const found = splitter.next()
        if (found === "end" || found === "bad") return found === "end"
        if (found === "row") {
          const problem = reader.wantsHeader
            ? reader.readHeader(splitter.bytes, splitter.start, splitter.end)
            : reader.read(splitter.bytes, splitter.start, splitter.end)
          if (problem !== undefined && reader.wantsHeader) return false
        } else if (pushed === bytes.length) splitter.finish()
        else {
          const piece = bytes.subarray(pushed, pushed + 1 + random.below(PUSHED_BYTES_MAX))
          pushed += piece.length
          splitter.push(piece)
        }
      }
      throw new Error("the rows do not end")
    }
  }
}

function concat(parts: ReadonlyArray<Uint8Array>): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}
