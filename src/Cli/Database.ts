/** Which database a verb is about. */
import * as Effect from "effect/Effect"
import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { Failure } from "./Failure.ts"

/** Whether a database lies in the directory, a damaged one included. */
const isDatabase = (path: string): boolean => ["index.planck", "wal", "values"].some((name) => existsSync(join(path, name)))

/** The database's own directory: the one given, or the only (or the named) service below it. */
export function findDatabase(directory: string, service: string | undefined): Effect.Effect<string, Failure> {
  if (service === undefined && isDatabase(directory)) return Effect.succeed(directory)
  const services = join(directory, "services")
  const names = existsSync(services) ? readdirSync(services).filter((name) => isDatabase(join(services, name))) : []
  const name = service ?? (names.length === 1 ? names[0] : undefined)
  if (name !== undefined && names.includes(name)) return Effect.succeed(join(services, name))
  const found = names.length === 0 ? "there is no database" : `it holds ${names.join(", ")}: name one with --service`
  return Effect.fail(new Failure({ code: "NoDatabase", message: `${directory}: ${found}` }))
}
