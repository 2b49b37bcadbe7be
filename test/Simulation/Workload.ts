/** What the databases of a simulation hold: stores, documents and the indexes that come and go. */
import { BSON } from "bson"
import { keyOf } from "../../src/Bson/Key.ts"
import { valueOffset } from "../../src/Bson/View.ts"
import type { Random } from "../../src/Disk/Random.ts"
import type { IndexDefinition, StoreDefinition } from "../../src/Schema/Definition.ts"
import type { StoredDocument } from "./Model.ts"
import { SHAPES } from "./Shapes.ts"
import { BILLS, someBill } from "./Versions.ts"

/** The store in which a database notes what it saw of another one. */
export const SIGHTINGS: StoreDefinition = {
  name: "sightings",
  idKind: "string",
  schema: { lsn: { type: "long" }, digest: { type: "string" } },
  indexes: []
}

const LEVELS: ReadonlyArray<StoreDefinition["durability"]> = [undefined, undefined, "fsync", "interval", "memory", "memory"]

/** A note that the database `name` was seen at `lsn`. */
export function sighting(name: string, lsn: number, digest: string): StoredDocument {
  return stored(SIGHTINGS, { _id: name, lsn, digest })
}

/** Definitions of some of the stores, each with any of its indexes, and at times with a field that is new. */
export function someDefinitions(random: Random, known: (store: string) => StoreDefinition | undefined): ReadonlyArray<StoreDefinition> {
  const shapes = SHAPES.filter(() => random.chance(0.6))
  return (shapes.length === 0 ? SHAPES.slice(0, 1) : shapes).map(({ definition, indexes }) => {
    const schema = known(definition.name)?.schema ?? definition.schema
    const field = `added${Object.keys(schema).length}`
    return {
      ...definition,
      ...someLevel(known(definition.name), random),
      schema: random.chance(0.1) ? { ...schema, [field]: { type: "string", optional: true } } : schema,
      indexes: someIndexes(indexes, random)
    }
  })
}

/** What its answers wait for: most often what they waited for before. */
function someLevel(known: StoreDefinition | undefined, random: Random): Pick<StoreDefinition, "durability"> {
  if (known !== undefined && random.chance(0.8)) return known.durability === undefined ? {} : { durability: known.durability }
  const durability = LEVELS[random.below(LEVELS.length)]
  return durability === undefined ? {} : { durability }
}

/** Any of them, in their order; of one name the last that was drawn. */
function someIndexes(indexes: ReadonlyArray<IndexDefinition>, random: Random): ReadonlyArray<IndexDefinition> {
  const drawn = new Map<string, IndexDefinition>()
  for (const index of indexes) if (random.chance(0.4)) drawn.set(index.name, index)
  return [...drawn.values()]
}

/** Stores to begin with. */
export function firstDefinitions(random: Random): ReadonlyArray<StoreDefinition> {
  return [...someDefinitions(random, () => undefined), SIGHTINGS]
}

/** A document for the store. */
export function someDocument(definition: StoreDefinition, random: Random): StoredDocument {
  if (definition.name === BILLS) return someBill(definition, random)
  const shape = SHAPES.find((it) => it.definition.name === definition.name)!
  return stored(definition, shape.document(random))
}

/** Whether it is one that may be dropped and made again at any time. */
export const isOfShape = (name: string): boolean => SHAPES.some((it) => it.definition.name === name)

/** Whether documents are made for it: not those that have a purpose of their own. */
export const isFilledAtRandom = (name: string): boolean => name === BILLS || isOfShape(name)

function stored(definition: StoreDefinition, fields: Readonly<Record<string, unknown>>): StoredDocument {
  const bytes = BSON.serialize(fields)
  // The key is what a client hands in beside the document.
  return { key: keyOf(definition.idKind, bytes[4]!, bytes, valueOffset(bytes, 4)), bytes, fields }
}
