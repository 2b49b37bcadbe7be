/**
 * The services of a process and their places: which of them a request is for.
 *
 * Invariants
 * - A place that names a host wins over one that takes any; then the longer path wins. No two services have the same place.
 * - With one service at the root nothing of a request is looked at: that is the usual process.
 */
import type { Effect } from "effect/Effect"
import { formatMount, type Mount } from "../Config/Mount.ts"
import type { StorageError } from "../Storage/Errors.ts"
import type { EngineState } from "./Health.ts"
import { RouteTable } from "./RouteTable.ts"
import type { GatewayService } from "./Service.ts"

/** What the gateway asks of the database below a service. */
export interface DataPorts {
  /** Calls back, once, when the LSN is on disk, or with the error when that can no longer be known. */
  readonly whenDurable: (lsn: number, settled: (error: StorageError | undefined) => void) => void
  /** Whether a writer may begin in this turn. */
  readonly hasRoom: () => boolean
  /** Waits until one may. */
  readonly admitWrite: Effect<void, StorageError>
  readonly health: () => EngineState
}

/** A place with what is served there; requests under way keep the one they began with. */
export interface Site {
  readonly name: string
  readonly mount: Mount
  served: Served | undefined
}

/** A module with the table of its routes, and the database it runs on. */
export interface Served {
  readonly service: GatewayService
  readonly table: RouteTable
  readonly data: DataPorts
}

/** Services of one process. */
export const SITES_MAX = 1000

export class Sites {
  /** In the order in which they are asked. */
  private list: ReadonlyArray<Site> = []
  /** The only one, at the root. */
  private only: Site | undefined
  private hasHosts = false

  /** Adds a service; gives back the one that has its place already, or undefined. */
  add(site: Site): Site | undefined {
    const place = formatMount(site.mount)
    const taken = this.list.find((other) => formatMount(other.mount) === place)
    if (taken === undefined) this.set([...this.list, site])
    return taken
  }

  remove(site: Site): void {
    this.set(this.list.filter((other) => other !== site))
  }

  get all(): ReadonlyArray<Site> {
    return this.list
  }

  /** Whether paths below `/_planck/` are those of the process, not those of its one service. */
  get isShared(): boolean {
    return this.only === undefined && this.list.length > 0
  }

  /** Whose request this is. Its host is asked for only when a place needs it. */
  find(request: { readonly path: string; readonly host: string | undefined }): Site | undefined {
    if (this.only !== undefined) return this.only
    const asked = this.hasHosts ? nameOf(request.host) : undefined
    const { path } = request
    return this.list.find(({ mount }) => (mount.host === undefined || mount.host === asked) && isBelow(path, mount.path))
  }

  private set(sites: ReadonlyArray<Site>): void {
    this.list = sites.toSorted((left, right) => rank(right) - rank(left))
    const [first] = sites
    this.only = sites.length === 1 && first?.mount.path === "" && first.mount.host === undefined ? first : undefined
    this.hasHosts = sites.some(({ mount }) => mount.host !== undefined)
  }
}

/** From here on this module answers there. */
export function serveAt(site: Site, service: GatewayService, data: DataPorts): void {
  site.served = { service, data, table: new RouteTable(service.routes) }
}

/** Hosts before none, then by length: a mount has at most 255 characters. */
const rank = ({ mount }: Site): number => (mount.host === undefined ? 0 : 1000) + mount.path.length

const isBelow = (path: string, mount: string): boolean =>
  path.startsWith(mount) && (path.length === mount.length || path.charCodeAt(mount.length) === 47 || mount === "")

/** The name in a `Host` field, in small letters. */
const nameOf = (host: string | undefined): string | undefined => host?.toLowerCase().replace(/:\d+$/, "")
