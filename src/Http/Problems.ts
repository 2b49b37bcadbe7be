/** The problem of a code as bytes of a whole HTTP/1.1 answer, for a connection whose request could not be parsed. */
import { type ErrorCodeName } from "../Wasm/ErrorCodes.ts"
import { problem } from "../Wasm/Problem.ts"

export function rawProblem(code: ErrorCodeName): string {
  const { status, headers, body } = problem(code)
  const fields = [`content-length: ${body.length}`, "connection: close"]
  for (let index = 0; index + 1 < headers.length; index += 2) fields.push(`${headers[index]}: ${headers[index + 1]}`)
  return `HTTP/1.1 ${status} ${code}\r\n${fields.join("\r\n")}\r\n\r\n${Buffer.from(body).toString("latin1")}`
}
