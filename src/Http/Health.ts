/** What `/_planck/health` says: whether this process takes requests that write. */
import type { Engine } from "../Storage/Engine.ts"
import type { Reply } from "./Exchange.ts"
import type { Site } from "./Sites.ts"

/** `read_only`: the disk is full. `poisoned`: a write failed, and only a restart can tell what is on disk. Reads go on in both. */
export type EngineState = "ok" | "read_only" | "poisoned" | "closed"

/** The state of an engine, as its health is told to the outside. Writers that have to wait a moment are no illness. */
export function engineState(engine: Pick<Engine, "admission">): EngineState {
  const admission = engine.admission()
  if (admission === "full") return "read_only"
  return admission === "poisoned" || admission === "closed" ? admission : "ok"
}

/** The health of one service, or of several: what the first says that is not well, and what each says. */
export interface Health {
  readonly status: EngineState | "no_service"
  readonly services?: Readonly<Record<string, EngineState | "no_service">>
}

export const healthOfOne = (site: Site): Health => ({ status: site.served?.data.health() ?? "no_service" })

export function healthOfAll(sites: ReadonlyArray<Site>): Health {
  const services = Object.fromEntries(sites.map((site) => [site.name, healthOfOne(site).status]))
  return { status: Object.values(services).find((state) => state !== "ok") ?? "ok", services }
}

export const healthAnswer = (health: Health): Omit<Reply, "release"> => ({
  status: health.status === "ok" ? 200 : 503,
  headers: ["content-type", "application/json", "cache-control", "no-store"],
  body: JSON.stringify(health)
})
