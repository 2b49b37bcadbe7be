/*
 * Key, Uuid, ObjectId and Decimal: BSON values that JavaScript has no type for. Each is a class whose objects own the value's bytes;
 * the SDK gives the class its prototype and does everything that is not bytes or hexadecimal text.
 */
#include "glue.h"

static ClassId classes[KINDS];
static const uint32_t sizes[KINDS] = {16, 16, 12, 16};
static const char *const class_names[KINDS] = {"Key", "Uuid", "ObjectId", "Decimal"};

uint32_t value_size(enum ValueKind kind) { return sizes[kind]; }

static void finalize(Runtime *of, Value value) {
  ClassId class;
  js_free_rt(of, JS_GetAnyOpaque(value, &class));
}

int values_start(void) {
  for (int kind = 0; kind < KINDS; kind++) {
    ClassDefinition definition = {class_names[kind], finalize, NULL, NULL, NULL};
    classes[kind] = JS_NewClassID(runtime, &classes[kind]);
    if (JS_NewClass(runtime, classes[kind], &definition) < 0) return -1;
    JS_SetClassProto(context, classes[kind], JS_NewObject(context));
  }
  return 0;
}

Value value_make(enum ValueKind kind, const uint8_t *bytes) {
  Value value = JS_NewObjectClass(context, classes[kind]);
  if (value_is_exception(value)) return value;
  uint8_t *own = js_malloc(context, sizes[kind]);
  if (!own) {
    JS_FreeValue(context, value);
    return VALUE_EXCEPTION;
  }
  memcpy(own, bytes, sizes[kind]);
  JS_SetOpaque(value, own);
  return value;
}

const uint8_t *value_bytes(Value value, enum ValueKind *kind) {
  if (!value_is_object(value)) return NULL;
  ClassId class = JS_GetClassID(value);
  uint32_t index = class - classes[0];
  if (index >= KINDS) return NULL;
  *kind = (enum ValueKind)index;
  return JS_GetOpaque(value, class);
}

static int hex_digit(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

/* make(kind, bytes): a value of that kind. */
static Value native_make(Context *of, Value receiver, int argument_count, Value *arguments, int magic) {
  int32_t kind;
  size_t length;
  if (JS_ToInt32(context, &kind, arguments[0]) < 0) return VALUE_EXCEPTION;
  uint8_t *bytes = JS_GetUint8Array(context, &length, arguments[1]);
  if (!bytes) return VALUE_EXCEPTION;
  if (kind < 0 || kind >= KINDS || length != sizes[kind]) return JS_ThrowRangeError(context, "these are not the bytes of such a value");
  return value_make((enum ValueKind)kind, bytes);
}

Value value_parse(enum ValueKind kind, Value from) {
  size_t length;
  const char *text = JS_ToCStringLen2(context, &length, from, 0);
  if (!text) return VALUE_EXCEPTION;
  uint8_t bytes[16];
  uint32_t digits = 0;
  int valid = length <= 36;
  for (size_t i = 0; valid && i < length; i++) {
    if (text[i] == '-' && (i == 8 || i == 13 || i == 18 || i == 23) && length == 36 && kind != KIND_OBJECT_ID) continue;
    int digit = hex_digit(text[i]);
    valid = digit >= 0 && digits < sizes[kind] * 2;
    if (valid) bytes[digits / 2] = (uint8_t)(digits % 2 ? bytes[digits / 2] | digit : digit << 4);
    digits++;
  }
  JS_FreeCString(context, text);
  return valid && digits == sizes[kind] * 2 ? value_make(kind, bytes) : VALUE_UNDEFINED;
}

/* parse(kind, text): a value from hexadecimal text, dashes of a UUID allowed; undefined when it is none. */
static Value native_parse(Context *of, Value receiver, int argument_count, Value *arguments, int magic) {
  int32_t kind;
  if (JS_ToInt32(context, &kind, arguments[0]) < 0) return VALUE_EXCEPTION;
  if (kind < 0 || kind >= KINDS) return JS_ThrowRangeError(context, "no such kind");
  return value_parse((enum ValueKind)kind, arguments[1]);
}

static const uint8_t *own_bytes(Value value, enum ValueKind *kind) {
  const uint8_t *bytes = value_bytes(value, kind);
  if (!bytes) JS_ThrowTypeError(context, "this is not a Key, Uuid, ObjectId or Decimal");
  return bytes;
}

/* bytes(value): a copy of the value's bytes. */
static Value native_bytes(Context *of, Value receiver, int argument_count, Value *arguments, int magic) {
  enum ValueKind kind;
  const uint8_t *bytes = own_bytes(arguments[0], &kind);
  return bytes ? JS_NewUint8ArrayCopy(context, bytes, sizes[kind]) : VALUE_EXCEPTION;
}

/* text(value): hexadecimal; a Uuid with dashes. */
static Value native_text(Context *of, Value receiver, int argument_count, Value *arguments, int magic) {
  enum ValueKind kind;
  const uint8_t *bytes = own_bytes(arguments[0], &kind);
  if (!bytes) return VALUE_EXCEPTION;
  char text[36];
  uint32_t length = 0;
  for (uint32_t i = 0; i < sizes[kind]; i++) {
    if (kind == KIND_UUID && (i == 4 || i == 6 || i == 8 || i == 10)) text[length++] = '-';
    text[length++] = "0123456789abcdef"[bytes[i] >> 4];
    text[length++] = "0123456789abcdef"[bytes[i] & 15];
  }
  return JS_NewStringLen(context, text, length);
}

/* kind(value): number of its kind, -1 for anything else. */
static Value native_kind(Context *of, Value receiver, int argument_count, Value *arguments, int magic) {
  enum ValueKind kind;
  return value_bytes(arguments[0], &kind) ? VALUE_INT(kind) : VALUE_INT(-1);
}

/* compare(left, right): below, equal to or above 0 by bytes; both of one kind. */
static Value native_compare(Context *of, Value receiver, int argument_count, Value *arguments, int magic) {
  enum ValueKind left_kind, right_kind;
  const uint8_t *left = own_bytes(arguments[0], &left_kind);
  const uint8_t *right = left ? own_bytes(arguments[1], &right_kind) : NULL;
  if (!right) return VALUE_EXCEPTION;
  if (left_kind != right_kind) return JS_ThrowTypeError(context, "values of two kinds are not compared");
  return VALUE_INT(memcmp(left, right, sizes[left_kind]));
}

/* adopt(kind, prototype): objects of the kind get this prototype. */
static Value native_adopt(Context *of, Value receiver, int argument_count, Value *arguments, int magic) {
  int32_t kind;
  if (JS_ToInt32(context, &kind, arguments[0]) < 0) return VALUE_EXCEPTION;
  if (kind < 0 || kind >= KINDS) return JS_ThrowRangeError(context, "no such kind");
  JS_SetClassProto(context, classes[kind], JS_DupValue(context, arguments[1]));
  return VALUE_UNDEFINED;
}

void values_define(Value native) {
  define_function(native, "make", native_make, 2, 0);
  define_function(native, "parse", native_parse, 2, 0);
  define_function(native, "bytes", native_bytes, 1, 0);
  define_function(native, "text", native_text, 1, 0);
  define_function(native, "kind", native_kind, 1, 0);
  define_function(native, "compare", native_compare, 2, 0);
  define_function(native, "adopt", native_adopt, 2, 0);
}
