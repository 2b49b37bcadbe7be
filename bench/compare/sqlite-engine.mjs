// SQLite by node:sqlite: write-ahead log; FULL where a write has to be on disk, NORMAL where it does not.
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"

export const open = async (directory) => {
  mkdirSync(directory, { recursive: true })
  const database = new DatabaseSync(join(directory, "entries.sqlite"))
  database.exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-65536; PRAGMA mmap_size=268435456")
  database.exec("CREATE TABLE IF NOT EXISTS entries (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID")
  const put = database.prepare("INSERT INTO entries VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value")
  const get = database.prepare("SELECT value FROM entries WHERE key = ?")
  const scan = database.prepare("SELECT key, value FROM entries WHERE key >= ? ORDER BY key LIMIT ?")
  let isSynced = false
  const synced = (wanted) => {
    if (isSynced !== wanted) database.exec(`PRAGMA synchronous=${wanted ? "FULL" : "NORMAL"}`)
    isSynced = wanted
  }
  return {
    putBatch: (keys, values) => {
      synced(false)
      database.exec("BEGIN")
      for (let index = 0; index < keys.length; index++) put.run(keys[index], values[index])
      database.exec("COMMIT")
    },
    putSynced: (key, value) => {
      synced(true)
      put.run(key, value)
    },
    get: (key) => get.get(key)?.value,
    scan: (key, count) => scan.all(key, count).reduce((bytes, row) => bytes + row.key.length + row.value.length, 0),
    settle: () => database.exec("PRAGMA wal_checkpoint(TRUNCATE)"),
    compact: () => database.exec("VACUUM"),
    close: () => database.close()
  }
}
