/* Growing byte buffers, taken from the C heap: they do not count against the engine's memory limit and have MESSAGE_BYTES_MAX instead. */
#include "glue.h"

Buffer output;

int buffer_reserve(Buffer *buffer, uint32_t more) {
  if (more <= buffer->capacity - buffer->length) return 0;
  if (more > MESSAGE_BYTES_MAX || buffer->length > MESSAGE_BYTES_MAX - more) return -1;
  uint32_t needed = buffer->length + more;
  uint32_t capacity = buffer->capacity < BUFFER_FIRST_BYTES ? BUFFER_FIRST_BYTES : buffer->capacity;
  while (capacity < needed) capacity *= 2;
  uint8_t *bytes = realloc(buffer->bytes, capacity);
  if (!bytes) return -1;
  buffer->bytes = bytes;
  buffer->capacity = capacity;
  return 0;
}

void buffer_trim(Buffer *buffer) {
  buffer->length = 0;
  if (buffer->capacity <= BUFFER_KEPT_BYTES) return;
  free(buffer->bytes);
  buffer->bytes = NULL;
  buffer->capacity = 0;
}
