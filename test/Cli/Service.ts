/** A small service that the tests of the command build, serve and change. */
import { Folder } from "../Build/Folder.ts"

const NOTES = `const notes = store("notes", { text: s.string({ maxLength: 100 }) })`

/** The text of the service: its greeting, and optionally another shape of its store. */
export const notesService = (
  greeting: string,
  notes = NOTES
): string => `import { s, service, status, store, text } from "@planckdb/planck/guest"
${notes}

export default service({ name: "notes", version: "1.0.0" }, (app) => {
  app.get("/", () => text("${greeting}"))
  app.get("/notes", () => notes.orderBy("_id").limit(100))
  app.post("/notes", { body: notes.input }, ({ body }) => status(201, { _id: notes.insert(body) }))
})
`

/** A folder with the service in it, its data beside it. */
export const notesFolder = (files: Readonly<Record<string, string>> = {}): Folder =>
  new Folder({ "service.ts": notesService("hello"), ...files })

export const postNote = async (url: string, text: string): Promise<number> => {
  const answer = await fetch(`${url}/notes`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ text })
  })
  await answer.arrayBuffer()
  return answer.status
}

/** The texts of the notes, oldest first. */
export const readNotes = async (url: string): Promise<ReadonlyArray<string>> => {
  const rows = (await (await fetch(`${url}/notes`)).json()) as ReadonlyArray<{ readonly text: string }>
  return rows.map(({ text }) => text)
}
