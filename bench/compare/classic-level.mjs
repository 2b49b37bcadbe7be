// LevelDB by npm's classic-level: as much cache as Planck has (an eighth of the machine's memory, at least 256 MiB), no compression, since the values do not compress. It compacts in a thread of its own and does
// not say when that is done: when the process has stopped working.
import { totalmem } from "node:os"
import { ClassicLevel } from "classic-level"

const CACHE_BYTES = Math.max(256 * 1024 * 1024, totalmem() / 8)
const POLL_MS = 20
const IDLE_MICROS = 4000

async function untilIdle() {
  for (;;) {
    const before = process.cpuUsage()
    await new Promise((done) => setTimeout(done, POLL_MS))
    const { user, system } = process.cpuUsage(before)
    if (user + system < IDLE_MICROS) return
  }
}

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
    settle: untilIdle,
    compact: () => level.compactRange(first, last),
    close: () => level.close()
  }
}
