/**
 * The door of this folder: `@planckdb/planck/testing`. A service as its users get it (the real `.wasm`, gateway, engine) on a disk that exists only for the
 * test, which can lose its power at any moment.
 */
export { BuildError } from "../Build/Build.ts"
export { Disk } from "../Disk/Disk.ts"
export { SimulatedVolume, type SimulatedOperation, type SimulatedOptions } from "../Disk/SimulatedVolume.ts"
export { QueryError } from "../Query/Errors.ts"
export { StorageError } from "../Storage/Errors.ts"
export { TestError } from "./Errors.ts"
export type { TestAnswer, TestRequest } from "./Exchange.ts"
export { type StartError, type TestLogLine } from "./Machine.ts"
export { type TestedService } from "./Module.ts"
export { openService, type OpenService, type OpenStore } from "./OpenService.ts"
export { PlanckTest, type TestOptions } from "./PlanckTest.ts"
export type { Json, TestStore } from "./TestStore.ts"
