/**
 * The door of this folder: `@planckdb/planck/persistence`. Planck as what `effect/persistence` keeps its things in, beside the stores of the program and
 * in the same directory.
 *
 * Each layer takes a database (`Planck.layer` and its siblings) and defines one store of its own in it. A write succeeds when it is on disk.
 */
export { layerKeyValueStore } from "./KeyValue.ts"
export { layerBackingPersistence } from "./Backing.ts"
export { layerPersistedQueueStore } from "./QueueStore.ts"
