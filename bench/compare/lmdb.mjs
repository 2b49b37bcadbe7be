// LMDB by npm's lmdb. With NOSYNC its commits wait for no disk, which is its better row for everything but synced writes.
import { open as openLmdb } from "lmdb"

const MAP_BYTES = 16 * 1024 * 1024 * 1024

export const open = async (directory) => {
  const noSync = process.env.NOSYNC === "1"
  const database = openLmdb({ path: directory, keyEncoding: "binary", encoding: "binary", compression: false, mapSize: MAP_BYTES, noSync })
  return {
    putBatch: (keys, values) =>
      database.transaction(() => {
        for (let index = 0; index < keys.length; index++) database.put(keys[index], values[index])
      }),
    putSynced: (key, value) => database.put(key, value),
    get: (key) => database.getBinary(key),
    scan: (key, count) => {
      let bytes = 0
      for (const entry of database.getRange({ start: key, limit: count })) bytes += entry.key.length + entry.value.length
      return bytes
    },
    settle: () => database.flushed,
    compact: () => {},
    close: () => database.close()
  }
}
