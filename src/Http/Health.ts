/** What `/_planck/health` says: whether this process takes requests that write. */
import type { Engine } from "../Storage/Engine.ts"

/** `read_only`: the disk is full. `poisoned`: a write failed, and only a restart can tell what is on disk. Reads go on in both. */
export type EngineState = "ok" | "read_only" | "poisoned" | "closed"

/** The state of an engine, as its health is told to the outside. Writers that have to wait a moment are no illness. */
export function engineState(engine: Pick<Engine, "admission">): EngineState {
  const admission = engine.admission()
  if (admission === "full") return "read_only"
  return admission === "poisoned" || admission === "closed" ? admission : "ok"
}
