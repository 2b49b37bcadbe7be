/*
 * Values to BSON, appended to `output`.
 *
 * Invariants
 * - A value is written as the type that reads back as the same value: integral numbers that fit as int32, other numbers as double, bigint as
 *   int64, and so on. The schema on the host has the last word.
 * - What has no such type (functions, symbols, Map, an invalid Date …) throws a TypeError that names its path. `undefined` fields are left out;
 *   in an array undefined becomes null, as in JSON.
 * - Text is valid UTF-8: a lone surrogate becomes U+FFFD.
 */
#include "glue.h"

#define UINT8_ARRAY 2 /* JS_GetTypedArrayType of a Uint8Array */

/* Where the names of the fields that are being written stand in `output`, outermost first. */
static struct {
  uint32_t at;
  uint32_t length;
} path[DEPTH_MAX + 2];
static uint32_t path_depth;

static ClassId object_class, array_class;
static Value object_prototype;

static int too_large(void) {
  throw_coded("reply_too_large", "the document is larger than the host takes");
  return -1;
}

static int reserve(uint32_t more) { return buffer_reserve(&output, more) < 0 ? too_large() : 0; }

static void put(const void *bytes, uint32_t length) {
  memcpy(output.bytes + output.length, bytes, length);
  output.length += length;
}

static void put32(uint32_t value) {
  __builtin_memcpy(output.bytes + output.length, &value, 4);
  output.length += 4;
}

static void put64(const void *value) {
  __builtin_memcpy(output.bytes + output.length, value, 8);
  output.length += 8;
}

/* Type and name of an element, with room for a value of fixed size behind it. */
static int put_name(uint8_t type, const char *name, uint32_t length) {
  if (reserve(length + 32) < 0) return -1;
  output.bytes[output.length++] = type;
  uint8_t *into = output.bytes + output.length;
  for (uint32_t i = 0; i < length; i++) into[i] = (uint8_t)name[i];
  into[length] = 0;
  path[path_depth].at = output.length;
  path[path_depth].length = length;
  output.length += length + 1;
  return 0;
}

/* Throws "<what> (at lines.0.price)". */
static int refuse(const char *what) {
  static char message[400];
  uint32_t length = 0;
  for (; what[length] && length < 120; length++) message[length] = what[length];
  const char *join = " (at ";
  for (uint32_t depth = 0; depth <= path_depth; depth++) {
    while (*join) message[length++] = *join++;
    for (uint32_t i = 0; i < path[depth].length && length < 380; i++) message[length++] = (char)output.bytes[path[depth].at + i];
    if (length >= 380) break;
    join = ".";
  }
  message[length++] = ')';
  message[length] = 0;
  throw_coded("unsupported_value", message);
  return -1;
}

/* Replaces lone surrogates, which the engine writes as three bytes ED A0..BF xx, by U+FFFD. */
static void repair(uint8_t *text, uint32_t length) {
  uint32_t i = 0;
  for (uint64_t eight; i + 8 <= length; i += 8) {
    __builtin_memcpy(&eight, text + i, 8);
    if (eight & 0x8080808080808080ull) break;
  }
  for (; i + 2 < length; i++)
    if (text[i] == 0xed && text[i + 1] >= 0xa0) {
      text[i] = 0xef;
      text[i + 1] = 0xbf;
      text[i + 2] = 0xbd;
    }
}

/* Length, text and NUL of a string value. */
static int put_text(const char *text, uint32_t length) {
  if (reserve(length + 5) < 0) return -1;
  put32(length + 1);
  uint8_t *into = output.bytes + output.length;
  memcpy(into, text, length);
  repair(into, length);
  into[length] = 0;
  output.length += length + 1;
  return 0;
}

void encode_text(const char *name, const char *text, uint32_t length) {
  if (put_name(BSON_STRING, name, (uint32_t)strlen(name)) == 0) put_text(text, length);
}

static int encode_string(const char *name, uint32_t name_length, Value value) {
  size_t length;
  const char *text = JS_ToCStringLen2(context, &length, value, 0);
  if (!text) return -1;
  int status = put_name(BSON_STRING, name, name_length);
  if (status == 0) status = length > MESSAGE_BYTES_MAX ? too_large() : put_text(text, (uint32_t)length);
  JS_FreeCString(context, text);
  return status;
}

static int encode_number(const char *name, uint32_t name_length, double number) {
  int fits = number >= -2147483648.0 && number <= 2147483647.0;
  int32_t integer = fits ? (int32_t)number : 0;
  int integral = fits && (double)integer == number && !(integer == 0 && __builtin_signbit(number));
  if (put_name(integral ? BSON_INT32 : BSON_DOUBLE, name, name_length) < 0) return -1;
  if (integral) put32((uint32_t)integer);
  else put64(&number);
  return 0;
}

static int encode_bigint(const char *name, uint32_t name_length, Value value) {
  int64_t integer;
  if (put_name(BSON_INT64, name, name_length) < 0 || JS_ToBigInt64(context, &integer, value) < 0) return -1;
  Value back = JS_NewBigInt64(context, integer); /* the conversion wraps: what comes back differently did not fit */
  int same = JS_IsStrictEqual(context, value, back);
  JS_FreeValue(context, back);
  if (!same) return refuse("a bigint of more than 64 bits cannot be stored");
  put64(&integer);
  return 0;
}

static int put_binary(const uint8_t *bytes, size_t length, uint8_t subtype) {
  if (length > MESSAGE_BYTES_MAX || reserve((uint32_t)length + 5) < 0) return too_large();
  put32((uint32_t)length);
  output.bytes[output.length++] = subtype;
  put(bytes, (uint32_t)length);
  return 0;
}

static int encode_special(const char *name, uint32_t name_length, enum ValueKind kind, const uint8_t *bytes) {
  static const uint8_t types[KINDS] = {BSON_BINARY, BSON_BINARY, BSON_OBJECT_ID, BSON_DECIMAL128};
  if (put_name(types[kind], name, name_length) < 0) return -1;
  if (kind == KIND_KEY || kind == KIND_UUID) return put_binary(bytes, 16, kind == KIND_KEY ? SUBTYPE_KEY : SUBTYPE_UUID);
  put(bytes, value_size(kind));
  return 0;
}

static int encode_date(const char *name, uint32_t name_length, Value value) {
  double milliseconds;
  if (put_name(BSON_DATE, name, name_length) < 0 || JS_ToFloat64(context, &milliseconds, value) < 0) return -1;
  if (!(milliseconds >= -8.64e15 && milliseconds <= 8.64e15)) return refuse("an invalid Date cannot be stored");
  int64_t integer = (int64_t)milliseconds;
  put64(&integer);
  return 0;
}

static int encode_bytes(const char *name, uint32_t name_length, Value value) {
  Value mark = JS_GetPropertyStr(context, value, "subtype"); /* before the bytes: it may run code that detaches them */
  if (value_is_exception(mark)) return -1;
  int32_t subtype = value_tag(mark) == TAG_INT && value_int(mark) > 0 && value_int(mark) < 256 ? value_int(mark) : SUBTYPE_GENERIC;
  JS_FreeValue(context, mark);
  size_t length = 0;
  const uint8_t *bytes = JS_GetUint8Array(context, &length, value);
  if (!bytes && JS_HasException(context)) return -1;
  if (put_name(BSON_BINARY, name, name_length) < 0) return -1;
  return put_binary(bytes, length, (uint8_t)subtype);
}

static int encode_fields(Value object);
static int encode_elements(Value array);

/* Whether an object's prototype is Object.prototype or null: an instance of a class would lose its meaning. */
static int is_plain(Value object) {
  Value prototype = JS_GetPrototype(context, object);
  JS_FreeValue(context, prototype);
  return prototype == object_prototype || value_tag(prototype) == TAG_NULL;
}

int encode_is_data(Value object) {
  enum ValueKind kind;
  ClassId class = JS_GetClassID(object);
  if (class == object_class) return is_plain(object);
  return class == array_class || lazy_is(class) || value_bytes(object, &kind) || JS_IsDate(object) || JS_GetTypedArrayType(object) == UINT8_ARRAY;
}

static int put_document(const uint8_t *bytes, uint32_t length) {
  if (reserve(length) < 0) return -1;
  put(bytes, length);
  return 0;
}

/* A document nobody has looked at goes out as the bytes it came in. */
static int encode_lazy(const char *name, uint32_t name_length, Value value) {
  uint32_t length;
  const uint8_t *bytes = lazy_bytes(value, &length);
  if (!bytes) return encode_field(name, name_length, lazy_object(value));
  return put_name(BSON_DOCUMENT, name, name_length) < 0 ? -1 : put_document(bytes, length);
}

static int encode_object(const char *name, uint32_t name_length, Value value) {
  ClassId class = JS_GetClassID(value);
  enum ValueKind kind;
  const uint8_t *bytes;
  if (class != object_class && class != array_class) {
    if (lazy_is(class)) return encode_lazy(name, name_length, value);
    if ((bytes = value_bytes(value, &kind))) return encode_special(name, name_length, kind, bytes);
    if (JS_IsDate(value)) return encode_date(name, name_length, value);
    if (JS_GetTypedArrayType(value) == UINT8_ARRAY) return encode_bytes(name, name_length, value);
    if (put_name(BSON_NULL, name, name_length) < 0) return -1;
    if (JS_IsFunction(context, value)) return refuse("a function cannot be stored");
    if (JS_IsPromise(value)) return refuse("a promise cannot be stored: is an await missing?");
    return refuse("an object of this class cannot be stored");
  }
  if (put_name(class == array_class ? BSON_ARRAY : BSON_DOCUMENT, name, name_length) < 0) return -1;
  if (class == object_class && !is_plain(value)) return refuse("an object of this class cannot be stored");
  if (path_depth >= DEPTH_MAX) return refuse("the document is nested deeper than 100 levels, or contains itself");
  path_depth++;
  path[path_depth].length = 0;
  int status = class == array_class ? encode_elements(value) : encode_fields(value);
  path_depth--;
  return status;
}

int encode_field(const char *name, uint32_t name_length, Value value) {
  if (value_is_float64(value)) return encode_number(name, name_length, value_float64(value));
  switch (value_tag(value)) {
    case TAG_INT:
      if (put_name(BSON_INT32, name, name_length) < 0) return -1;
      put32((uint32_t)value_int(value));
      return 0;
    case TAG_BOOL:
      if (put_name(BSON_BOOLEAN, name, name_length) < 0) return -1;
      output.bytes[output.length++] = (uint8_t)value_int(value);
      return 0;
    case TAG_NULL:
      return put_name(BSON_NULL, name, name_length);
    case TAG_UNDEFINED:
      return 0;
    case TAG_STRING:
    case TAG_STRING_ROPE:
      return encode_string(name, name_length, value);
    case TAG_OBJECT:
      return encode_object(name, name_length, value);
    case TAG_BIG_INT:
    case TAG_SHORT_BIG_INT:
      return encode_bigint(name, name_length, value);
    default:
      if (put_name(BSON_NULL, name, name_length) < 0) return -1;
      return refuse("a symbol cannot be stored");
  }
}

uint32_t encode_begin(void) {
  if (reserve(16) < 0) return UINT32_MAX;
  output.length += 4;
  return output.length - 4;
}

int encode_end(uint32_t start) {
  if (reserve(16) < 0) return -1;
  output.bytes[output.length++] = 0;
  uint32_t length = output.length - start;
  __builtin_memcpy(output.bytes + start, &length, 4);
  return 0;
}

static int has_nul(const char *text, size_t length) {
  for (size_t i = 0; i < length; i++)
    if (!text[i]) return 1;
  return 0;
}

/* A field whose name is not in the table of names. */
static int encode_long_name(Atom atom, Value value) {
  size_t length;
  const char *text = JS_AtomToCStringLen(context, &length, atom);
  if (!text) return -1;
  int status = has_nul(text, length) ? refuse("the name of a field contains U+0000") : encode_field(text, (uint32_t)length, value);
  JS_FreeCString(context, text);
  return status;
}

static int encode_property(Value object, Atom atom) {
  Value value = JS_GetProperty(context, object, atom);
  if (value_is_exception(value)) return -1;
  const Name *name = name_of(atom);
  int plain = name && !has_nul(name->text, name->length);
  int status = plain ? encode_field(name->text, name->length, value) : encode_long_name(atom, value);
  JS_FreeValue(context, value);
  return status;
}

static int encode_fields(Value object) {
  PropertyName *properties;
  uint32_t count;
  uint32_t start = encode_begin();
  if (start == UINT32_MAX) return -1;
  if (JS_GetOwnPropertyNames(context, &properties, &count, object, NAMES_STRING | NAMES_ENUMERABLE) < 0) return -1;
  int status = 0;
  for (uint32_t i = 0; i < count && status == 0; i++) status = encode_property(object, properties[i].atom);
  JS_FreePropertyEnum(context, properties, count);
  return status < 0 ? -1 : encode_end(start);
}

static uint32_t decimal(char *into, uint32_t number) {
  char reversed[10];
  uint32_t digits = 0, length = 0;
  do reversed[digits++] = (char)('0' + number % 10);
  while (number /= 10);
  while (digits) into[length++] = reversed[--digits];
  return length;
}

static int encode_elements(Value array) {
  int64_t length;
  uint32_t start = encode_begin();
  if (start == UINT32_MAX || JS_GetLength(context, array, &length) < 0) return -1;
  for (int64_t i = 0; i < length; i++) {
    char index[10];
    Value value = JS_GetPropertyUint32(context, array, (uint32_t)i);
    if (value_is_exception(value)) return -1;
    int status = encode_field(index, decimal(index, (uint32_t)i), value_is_undefined(value) ? VALUE_NULL : value);
    JS_FreeValue(context, value);
    if (status < 0) return -1;
  }
  return encode_end(start);
}

void encode_start(void) {
  Value plain = JS_NewObject(context), array = JS_NewArray(context);
  object_class = JS_GetClassID(plain);
  array_class = JS_GetClassID(array);
  object_prototype = JS_GetPrototype(context, plain);
  JS_FreeValue(context, plain);
  JS_FreeValue(context, array);
}

int encode_document(Value object) {
  uint32_t outer = path_depth;
  path_depth = 0;
  path[0].length = 0;
  int status = -1;
  uint32_t length;
  ClassId class = value_is_object(object) ? JS_GetClassID(object) : 0;
  const uint8_t *bytes = lazy_is(class) ? lazy_bytes(object, &length) : NULL;
  Value plain = lazy_is(class) && !bytes ? lazy_object(object) : object;
  if (bytes) status = put_document(bytes, length);
  else if (class == 0 || JS_GetClassID(plain) != object_class || !is_plain(plain)) throw_coded("unsupported_value", "a document has to be a plain object");
  else status = encode_fields(plain);
  path_depth = outer;
  return status;
}
