/*
 * BSON to values.
 *
 * Invariants
 * - No byte at or after `end` of the enclosing document is read, whatever the lengths inside it say.
 * - What is malformed, too deep or of a type that has no value here throws a TypeError with a code; nothing is guessed or left out.
 */
#include "glue.h"

typedef struct {
  const uint8_t *at;
  const uint8_t *end; /* of the document, its closing NUL included */
} Reader;

static uint32_t read32(const uint8_t *bytes) {
  uint32_t value;
  __builtin_memcpy(&value, bytes, 4);
  return value;
}

static Value malformed(void) { return throw_coded("malformed_document", "the bytes are not a BSON document"); }

static Value decode_fields(const uint8_t *bytes, uint32_t room, int depth);
static Value decode_elements(const uint8_t *bytes, uint32_t room, int depth);

/* Opens a document: 0, or -1 when its length does not fit. */
static int open_document(Reader *reader, const uint8_t *bytes, uint32_t room) {
  if (room < 5) return -1;
  uint32_t length = read32(bytes);
  if (length < 5 || length > room || bytes[length - 1] != 0) return -1;
  reader->at = bytes + 4;
  reader->end = bytes + length;
  return 0;
}

static Value decode_binary(Reader *reader) {
  if (reader->end - reader->at < 5) return malformed();
  uint32_t length = read32(reader->at);
  uint8_t subtype = reader->at[4];
  const uint8_t *bytes = reader->at + 5;
  if (length >= (uint32_t)(reader->end - bytes)) return malformed();
  reader->at = bytes + length;
  if (subtype == SUBTYPE_KEY && length == 16) return value_make(KIND_KEY, bytes);
  if (subtype == SUBTYPE_UUID && length == 16) return value_make(KIND_UUID, bytes);
  Value array = JS_NewUint8ArrayCopy(context, bytes, length);
  if (subtype != SUBTYPE_GENERIC && !value_is_exception(array))
    JS_DefinePropertyValueStr(context, array, "subtype", VALUE_INT(subtype), 0);
  return array;
}

static Value decode_string(Reader *reader) {
  if (reader->end - reader->at < 5) return malformed();
  uint32_t length = read32(reader->at);
  const uint8_t *text = reader->at + 4;
  if (length == 0 || length >= (uint32_t)(reader->end - text) || text[length - 1] != 0) return malformed();
  reader->at = text + length;
  return JS_NewStringLen(context, (const char *)text, length - 1);
}

static Value decode_nested(Reader *reader, uint8_t type, int depth) {
  if (depth >= DEPTH_MAX) return throw_coded("too_deep", "the document is nested deeper than 100 levels");
  uint32_t room = (uint32_t)(reader->end - reader->at) - 1;
  Value value = type == BSON_ARRAY ? decode_elements(reader->at, room, depth + 1) : decode_fields(reader->at, room, depth + 1);
  if (!value_is_exception(value)) reader->at += read32(reader->at);
  return value;
}

/* The bytes of a value of fixed size, or NULL when the document ends before. */
static const uint8_t *take(Reader *reader, uint32_t size) {
  if ((uint32_t)(reader->end - reader->at) <= size) return NULL;
  const uint8_t *bytes = reader->at;
  reader->at += size;
  return bytes;
}

static Value decode_fixed(Reader *reader, uint8_t type) {
  const uint8_t *bytes;
  double number;
  int64_t integer;
  switch (type) {
    case BSON_DOUBLE:
      if (!(bytes = take(reader, 8))) return malformed();
      __builtin_memcpy(&number, bytes, 8);
      return JS_NewNumber(context, number);
    case BSON_INT64:
    case BSON_DATE:
      if (!(bytes = take(reader, 8))) return malformed();
      __builtin_memcpy(&integer, bytes, 8);
      return type == BSON_DATE ? JS_NewDate(context, (double)integer) : JS_NewBigInt64(context, integer);
    case BSON_OBJECT_ID:
      return (bytes = take(reader, 12)) ? value_make(KIND_OBJECT_ID, bytes) : malformed();
    case BSON_DECIMAL128:
      return (bytes = take(reader, 16)) ? value_make(KIND_DECIMAL, bytes) : malformed();
    default:
      return throw_coded("unsupported_type", "the document holds a BSON type that a service cannot read");
  }
}

static Value decode_value(Reader *reader, uint8_t type, int depth) {
  const uint8_t *bytes;
  switch (type) {
    case BSON_STRING:
      return decode_string(reader);
    case BSON_INT32:
      return (bytes = take(reader, 4)) ? VALUE_INT(read32(bytes)) : malformed();
    case BSON_BOOLEAN:
      return (bytes = take(reader, 1)) ? VALUE_BOOL(*bytes) : malformed();
    case BSON_NULL:
      return VALUE_NULL;
    case BSON_UNDEFINED:
      return VALUE_UNDEFINED;
    case BSON_DOCUMENT:
    case BSON_ARRAY:
      return decode_nested(reader, type, depth);
    case BSON_BINARY:
      return decode_binary(reader);
    default:
      return decode_fixed(reader, type);
  }
}

/* Reads a name up to its NUL: its length, or -1 when there is no NUL before the end of the document. */
static int32_t read_name(Reader *reader) {
  const uint8_t *start = reader->at, *at = start;
  for (uint64_t eight; at + 8 < reader->end; at += 8) {
    __builtin_memcpy(&eight, at, 8);
    uint64_t zeros = (eight - 0x0101010101010101ull) & ~eight & 0x8080808080808080ull;
    if (zeros == 0) continue;
    at += __builtin_ctzll(zeros) / 8;
    reader->at = at + 1;
    return (int32_t)(at - start);
  }
  for (; at < reader->end - 1; at++) {
    if (*at) continue;
    reader->at = at + 1;
    return (int32_t)(at - start);
  }
  return -1;
}

/* Passes over a value: 0, or -1 when it does not fit. */
static int skip_value(Reader *reader, uint8_t type) {
  static const uint8_t sizes[20] = {[1] = 8, [7] = 12, [8] = 1, [9] = 8, [16] = 4, [17] = 8, [18] = 8, [19] = 16};
  uint32_t room = (uint32_t)(reader->end - reader->at);
  uint32_t size = type < sizeof sizes ? sizes[type] : 0;
  if (type == BSON_STRING || type == BSON_DOCUMENT || type == BSON_ARRAY || type == BSON_BINARY) {
    if (room < 5) return -1;
    uint32_t length = read32(reader->at);
    if (length > room) return -1;
    size = type == BSON_STRING ? length + 4 : type == BSON_BINARY ? length + 5 : length;
  } else if (size == 0 && type != BSON_NULL && type != BSON_UNDEFINED) return -1;
  if (size >= room) return -1;
  reader->at += size;
  return 0;
}

/* Reads one field into the object: 1, 0 at the end of the document, -1 after a throw. Fields are defined, never set: `__proto__` is a name like others. */
static int decode_field(Reader *reader, Value object, int depth) {
  uint8_t type = *reader->at++;
  if (type == 0 && reader->at == reader->end) return 0;
  const char *name = (const char *)reader->at;
  int32_t name_length = type == 0 ? -1 : read_name(reader);
  if (name_length < 0) {
    malformed();
    return -1;
  }
  Value value = decode_value(reader, type, depth);
  if (value_is_exception(value)) return -1;
  int owned;
  Atom atom = name_atom(name, (uint32_t)name_length, &owned);
  if (!atom) {
    JS_FreeValue(context, value);
    return -1;
  }
  int status = JS_DefinePropertyValue(context, object, atom, value, PROPERTY_ALL);
  if (owned) JS_FreeAtom(context, atom);
  return status < 0 ? -1 : 1;
}

static Value decode_fields(const uint8_t *bytes, uint32_t room, int depth) {
  Reader reader;
  if (open_document(&reader, bytes, room) < 0) return malformed();
  Value object = JS_NewObject(context);
  if (value_is_exception(object)) return object;
  int more;
  while ((more = decode_field(&reader, object, depth)) > 0);
  if (more == 0) return object;
  JS_FreeValue(context, object);
  return VALUE_EXCEPTION;
}

static Value decode_elements(const uint8_t *bytes, uint32_t room, int depth) {
  Reader reader;
  if (open_document(&reader, bytes, room) < 0) return malformed();
  Value array = JS_NewArray(context);
  uint32_t index = 0;
  while (!value_is_exception(array)) {
    uint8_t type = *reader.at++;
    if (type == 0 && reader.at == reader.end) return array;
    Value value = type == 0 || read_name(&reader) < 0 ? malformed() : decode_value(&reader, type, depth);
    if (!value_is_exception(value) && JS_SetPropertyUint32(context, array, index++, value) >= 0) continue;
    JS_FreeValue(context, array);
    array = VALUE_EXCEPTION;
  }
  return array;
}

Value decode_document(const uint8_t *bytes, uint32_t length) { return decode_fields(bytes, length, 0); }

const uint8_t *find_field(const uint8_t *bytes, uint32_t length, const char *name, uint32_t wanted, uint32_t *room) {
  Reader reader;
  if (open_document(&reader, bytes, length) < 0) return NULL;
  while (*reader.at) {
    const uint8_t *element = reader.at++;
    int32_t name_length = read_name(&reader);
    if (name_length < 0) return NULL;
    if ((uint32_t)name_length == wanted && memcmp(element + 1, name, wanted) == 0) {
      *room = (uint32_t)(reader.end - element);
      return element;
    }
    if (skip_value(&reader, *element) < 0) return NULL;
  }
  return NULL;
}

Value decode_element(const uint8_t *element, uint32_t room) {
  Reader reader = {element + 1, element + room};
  if (read_name(&reader) < 0) return malformed();
  return decode_value(&reader, *element, 0);
}

Value decode_lazily(const uint8_t *element, uint32_t room) {
  Reader reader = {element + 1, element + room};
  if (read_name(&reader) < 0 || reader.end - reader.at < 6) return malformed();
  uint32_t length = read32(reader.at);
  if (length < 5 || length >= (uint32_t)(reader.end - reader.at) || reader.at[length - 1] != 0) return malformed();
  return lazy_make(reader.at, length);
}
