/*
 * What the host gives a guest (ABI 1, docs/abi.md). These are the only imports of the merged engine.
 */
#ifndef PLANCK_HOST_H
#define PLANCK_HOST_H

#include <stdint.h>

#define HOST(name) __attribute__((import_module("planck"), import_name(#name))) extern
#define EXPORT(name) __attribute__((export_name(#name)))

/* Runs an operation on a BSON document. At least 0: length of the parked reply; below 0: minus the length of a parked error document. */
HOST(call) int32_t host_call(int32_t operation, const uint8_t *bytes, uint32_t length);
/* Copies the parked reply. */
HOST(read) void host_read(uint8_t *into);
/* Records an error document; the handler returns 0 afterwards. */
HOST(fail) void host_fail(const uint8_t *bytes, uint32_t length);
/* Writes a log line: a BSON document { message, ...fields }. */
HOST(log) void host_log(int32_t level, const uint8_t *bytes, uint32_t length);
/* Milliseconds since 1970, fixed for the length of a call. */
HOST(now) double host_now(void);
HOST(random) void host_random(uint8_t *into, uint32_t length);
/* Not 0: stop as soon as possible. */
HOST(tick) int32_t host_tick(void);

#endif
