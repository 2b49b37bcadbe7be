/** For the build's own entry only: hands a service to the engine. */
export { register } from "./service.ts"
