/*
 * The imports of the engine itself, answered here, so that the merged module imports nothing but module "planck". The linker resolves the
 * engine's imports against these exports by name and type.
 */
#include "glue.h"

#define EBADF 8
#define ENOSYS 52

typedef struct {
  const uint8_t *bytes;
  uint32_t length;
} Vector;

EXPORT(clock_time_get) int32_t clock_time_get(int32_t clock, int64_t precision, uint64_t *nanoseconds) {
  *nanoseconds = 0;
  if (phase == PHASE_EVALUATING) note_build_time("the clock");
  if (phase == PHASE_SERVING) *nanoseconds = (uint64_t)(host_now() * 1e6);
  return 0;
}

EXPORT(random_get) int32_t random_get(uint8_t *into, uint32_t length) {
  if (phase == PHASE_SERVING) host_random(into, length);
  else memset(into, 0, length);
  return 0;
}

/* Output of the engine itself, for example of a failed assertion. */
EXPORT(fd_write) int32_t fd_write(int32_t file, const Vector *vectors, uint32_t count, uint32_t *written) {
  *written = 0;
  for (uint32_t i = 0; i < count; i++) *written += vectors[i].length;
  if (phase != PHASE_SERVING) return 0;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t start = encode_begin();
    if (start == UINT32_MAX) return 0;
    encode_text("message", (const char *)vectors[i].bytes, vectors[i].length);
    if (encode_end(start) == 0) host_log(2, output.bytes + start, output.length - start);
    output.length = start;
  }
  return 0;
}

EXPORT(fd_close) int32_t fd_close(int32_t file) { return EBADF; }
EXPORT(fd_fdstat_get) int32_t fd_fdstat_get(int32_t file, void *status) { return EBADF; }
EXPORT(fd_seek) int32_t fd_seek(int32_t file, int64_t offset, int32_t whence, void *position) { return EBADF; }

/* A service runs in UTC. */
EXPORT(host_get_timezone_offset) int32_t host_get_timezone_offset(int32_t high, int32_t low) { return 0; }

/* The engine's own wrappers for handlers, rejections, modules and host functions are not used: the glue has its own. */
EXPORT(host_interrupt) int32_t host_interrupt(void) { return host_tick(); }
EXPORT(host_promise_rejection) void host_promise_rejection(void *promise, void *reason, int32_t handled) {}
EXPORT(host_module_normalize) void *host_module_normalize(const char *base, const char *name) { return NULL; }
EXPORT(host_module_load) void *host_module_load(const char *name, void *length) { return NULL; }
EXPORT(host_call) void *host_function(const char *name, int32_t length, void *receiver, int32_t count, void *arguments) { return NULL; }
