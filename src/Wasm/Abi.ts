/**
 * Guest ABI 1 as data: what a module may import, what it must export, which operations there are. `docs/abi.md` says the same in words, and a
 * test compares the two. Numbers are fixed for ever.
 */

/** The version of the ABI this host speaks. */
export const ABI_VERSION = 1

/** Host operations by name. Numbers that are missing belong to operations that do not exist yet. */
export const Operation = {
  get: 1,
  getMany: 2,
  insert: 3,
  insertMany: 4,
  replace: 5,
  update: 6,
  upsert: 7,
  delete: 8,
  query: 9,
  queryPage: 10,
  aggregate: 11,
  count: 12,
  json: 13,
  render: 14,
  renderQuery: 15,
  config: 19,
  explain: 21,
  mount: 22
} as const

/** The name of a host operation. */
export type OperationName = keyof typeof Operation

/** The imports of module `planck` with their types. */
export const PLANCK_IMPORTS: Readonly<Record<string, string>> = {
  call: "(i32, i32, i32) -> i32",
  read: "(i32) -> ()",
  fail: "(i32, i32) -> ()",
  log: "(i32, i32, i32) -> ()",
  now: "() -> f64",
  random: "(i32, i32) -> ()",
  tick: "() -> i32"
}

/** The functions of `wasi_snapshot_preview1` that the shim answers, with their types. */
export const WASI_IMPORTS: Readonly<Record<string, string>> = {
  args_get: "(i32, i32) -> i32",
  args_sizes_get: "(i32, i32) -> i32",
  clock_time_get: "(i32, i64, i32) -> i32",
  environ_get: "(i32, i32) -> i32",
  environ_sizes_get: "(i32, i32) -> i32",
  fd_close: "(i32) -> i32",
  fd_fdstat_get: "(i32, i32) -> i32",
  fd_fdstat_set_flags: "(i32, i32) -> i32",
  fd_prestat_dir_name: "(i32, i32, i32) -> i32",
  fd_prestat_get: "(i32, i32) -> i32",
  fd_read: "(i32, i32, i32, i32) -> i32",
  fd_seek: "(i32, i64, i32, i32) -> i32",
  fd_write: "(i32, i32, i32, i32) -> i32",
  path_open: "(i32, i32, i32, i32, i32, i64, i64, i32, i32) -> i32",
  proc_exit: "(i32) -> ()",
  random_get: "(i32, i32) -> i32",
  sched_yield: "() -> i32"
}

/** The function of module `env`, which AssemblyScript calls to stop. */
export const ENV_IMPORTS: Readonly<Record<string, string>> = { abort: "(i32, i32, i32, i32) -> ()" }

/** Everything that can be imported: module, then function, then its type. */
export const IMPORTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  planck: PLANCK_IMPORTS,
  wasi_snapshot_preview1: WASI_IMPORTS,
  env: ENV_IMPORTS
}

/** The exports of every module. Those with `optional` may be missing. Handlers are named by the manifest and have the type `HANDLER_SIGNATURE`. */
export const EXPORTS: Readonly<Record<string, { readonly signature: string; readonly optional?: true }>> = {
  planck_alloc: { signature: "(i32) -> i32" },
  planck_reset: { signature: "() -> ()", optional: true },
  planck_arm: { signature: "(i32, i32) -> ()", optional: true },
  _initialize: { signature: "() -> ()", optional: true }
}

/** The type of a handler's export. */
export const HANDLER_SIGNATURE = "(i32) -> i32"

/** Levels of a log line, by the number a guest gives. */
export const LOG_LEVELS = ["debug", "info", "warning", "error"] as const

/** Names of the custom sections. */
export const Section = {
  manifest: "planck.manifest",
  templates: "planck.templates",
  assets: "planck.assets",
  answers: "planck.answers",
  source: "planck.source",
  sourcemap: "planck.sourcemap"
} as const
