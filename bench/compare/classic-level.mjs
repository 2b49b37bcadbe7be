// LevelDB by npm's classic-level: 64 MiB of cache, no compression, since the values do not compress.
import { ClassicLevel } from "classic-level"

const CACHE_BYTES = 64 * 1024 * 1024

export const open = async (directory) => {
  const options = { keyEncoding: "buffer", valueEncoding: "buffer", cacheSize: CACHE_BYTES, compression: false }
  const level = new ClassicLevel(directory, options)
  await level.open()
  const first = Buffer.alloc(16)
  const last = Buffer.alloc(16, 0xff)
  return {
    putBatch: (keys, values) => level.batch(keys.map((key, index) => ({ type: "put", key, value: values[index] }))),
    putSynced: (key, value) => level.put(key, value, { sync: true }),
    get: (key) => level.getSync(key),
    scan: async (key, count) => {
      const found = await level.iterator({ gte: key, limit: count }).all()
      return found.reduce((bytes, [foundKey, value]) => bytes + foundKey.length + value.length, 0)
    },
    settle: () => {},
    compact: () => level.compactRange(first, last),
    close: () => level.close()
  }
}
