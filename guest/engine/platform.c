/*
 * What guest code sees of the world: randomness, log, text encoding. Everything comes from the host, so that a call can be repeated and a
 * build gives the same bytes. At build time there is no clock, no randomness and no store.
 */
#include "glue.h"

/* The first use of something at build time that could not be refused on the spot. */
static Value note = VALUE_UNDEFINED;

Value throw_build_time(const char *what) {
  return JS_ThrowTypeError(context, "%s cannot be used at the top level of a service, which runs when the service is built: use it inside a handler", what);
}

void note_build_time(const char *what) {
  if (!value_is_undefined(note)) return;
  throw_build_time(what);
  note = JS_GetException(context);
}

int take_build_time_note(void) {
  if (value_is_undefined(note)) return 0;
  JS_Throw(context, note);
  note = VALUE_UNDEFINED;
  return -1;
}

/* Math.random: 53 bits from the host. */
static Value math_random(Context *of, Value receiver, int argument_count, Value *arguments, int magic) {
  if (phase != PHASE_SERVING) return throw_build_time("Math.random()");
  uint64_t bits;
  host_random((uint8_t *)&bits, sizeof bits);
  return JS_NewNumber(context, (double)(bits >> 11) * 0x1p-53);
}

/* random(into: Uint8Array): fills it. */
static Value native_random(Context *of, Value receiver, int argument_count, Value *arguments, int magic) {
  if (phase != PHASE_SERVING) return throw_build_time("randomness");
  size_t length;
  uint8_t *bytes = JS_GetUint8Array(context, &length, arguments[0]);
  if (!bytes) return JS_HasException(context) ? VALUE_EXCEPTION : VALUE_UNDEFINED;
  host_random(bytes, (uint32_t)length);
  return VALUE_UNDEFINED;
}

/* log(level, document). */
static Value native_log(Context *of, Value receiver, int argument_count, Value *arguments, int magic) {
  int32_t level;
  if (JS_ToInt32(context, &level, arguments[0]) < 0) return VALUE_EXCEPTION;
  uint32_t start = output.length;
  int status = encode_document(arguments[1]);
  if (status == 0) host_log(level, output.bytes + start, output.length - start);
  output.length = start;
  return status < 0 ? VALUE_EXCEPTION : VALUE_UNDEFINED;
}

/* encodeText(text): UTF-8 bytes. */
static Value native_encode_text(Context *of, Value receiver, int argument_count, Value *arguments, int magic) {
  uint32_t start = output.length;
  size_t length;
  const char *text = JS_ToCStringLen2(context, &length, arguments[0], 0);
  if (!text) return VALUE_EXCEPTION;
  encode_text("", text, (uint32_t)length);
  JS_FreeCString(context, text);
  if (JS_HasException(context)) {
    output.length = start;
    return VALUE_EXCEPTION;
  }
  const uint8_t *bytes = output.bytes + start + 6; /* type, empty name, length */
  Value array = JS_NewUint8ArrayCopy(context, bytes, output.length - start - 7);
  output.length = start;
  return array;
}

/* decodeText(bytes: Uint8Array): text; malformed UTF-8 becomes U+FFFD. */
static Value native_decode_text(Context *of, Value receiver, int argument_count, Value *arguments, int magic) {
  size_t length = 0;
  const uint8_t *bytes = JS_GetUint8Array(context, &length, arguments[0]);
  if (!bytes && JS_HasException(context)) return VALUE_EXCEPTION;
  return JS_NewStringLen(context, (const char *)bytes, length);
}

/* building(): whether this is the top level at build time. */
static Value native_building(Context *of, Value receiver, int argument_count, Value *arguments, int magic) {
  return VALUE_BOOL(phase != PHASE_SERVING);
}

void define_function(Value object, const char *name, NativeFunction *function, int arity, int magic) {
  Value value = JS_NewCFunction2(context, function, name, arity, NATIVE_MAGIC, magic);
  JS_DefinePropertyValueStr(context, object, name, value, PROPERTY_ALL & ~4);
}

void platform_define(Value native) {
  define_function(native, "random", native_random, 1, 0);
  define_function(native, "log", native_log, 2, 0);
  define_function(native, "encodeText", native_encode_text, 1, 0);
  define_function(native, "decodeText", native_decode_text, 1, 0);
  define_function(native, "building", native_building, 0, 0);
  Value global = JS_GetGlobalObject(context);
  Value math = JS_GetPropertyStr(context, global, "Math");
  define_function(math, "random", math_random, 0, 0);
  JS_FreeValue(context, math);
  JS_FreeValue(context, global);
}
