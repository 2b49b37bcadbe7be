import type { Answer, Request } from "../Wasm/Answer.ts"
import type { Asset } from "../Wasm/Assets.ts"
import type { TableRoute } from "./RouteTable.ts"

/** A route of a served module; its place in the list is its index. */
export interface GatewayRoute extends TableRoute {
  /** Whether its handler may write: then the engine has to have room before it is called. */
  readonly writes: boolean
}

/** What the gateway needs of a loaded module. */
export interface GatewayService {
  readonly routes: ReadonlyArray<GatewayRoute>
  /** Static files by decoded path (`/style.css`). */
  readonly assets: ReadonlyMap<string, Asset>
  /** Runs the handler of a route to its answer, in one tick. Never throws. */
  readonly handle: (routeIndex: number, request: Request) => Answer
  /** The answer to a GET for this target that was given before and still holds, if there is one. */
  readonly kept: (target: string) => Answer | undefined
  /** Gives back an answer whose bytes are with the socket. */
  readonly release: (answer: Answer) => void
}
