/** Limits and times of the gateway; the configuration's `http` section has the same names. Sizes in bytes, times in milliseconds. */
export interface HttpOptions {
  readonly host: string
  /** 0 takes a free port. */
  readonly port: number
  readonly bodyBytesMax: number
  readonly headerBytesMax: number
  readonly targetBytesMax: number
  readonly headerTimeoutMs: number
  readonly bodyTimeoutMs: number
  readonly keepAliveTimeoutMs: number
  readonly connectionsMax: number
  readonly requestsInFlightMax: number
  /** How many answers may be held to be sent together, within one turn of the event loop; 1 sends each at once. */
  readonly answersHeldMax: number
  readonly drainTimeoutMs: number
  /** Which requests are logged: none, those answered with 500 or more, or all. Lines are written in batches. */
  readonly accessLog: "off" | "errors" | "all"
  /** Whether HTML documents follow the build, which `Http.tell` tells them: for `planck dev`. Default: no. */
  readonly livePages?: boolean
}
