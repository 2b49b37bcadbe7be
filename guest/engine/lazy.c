/*
 * Documents that stay bytes until somebody looks at them. A document that a handler only passes on, from the store to its answer, is never
 * turned into an object: that is the most frequent handler there is.
 *
 * Invariants
 * - A lazy document holds its bytes, or, from the first look on, the plain object they became; never both.
 * - To JavaScript there is no difference: every way to see or change a property ends at the plain object.
 */
#include "glue.h"

typedef struct {
  uint8_t *bytes; /* NULL once it has been looked at */
  uint32_t length;
  Value object;
} Lazy;

static ClassId class;

int lazy_is(ClassId other) { return other == class && class != 0; }

static Lazy *lazy_of(Value value) { return JS_GetOpaque(value, class); }

/* The plain object; decoded now if it was not before. Borrowed. */
static Value look(Value value) {
  Lazy *lazy = lazy_of(value);
  if (!lazy->bytes) return lazy->object;
  Value object = decode_document(lazy->bytes, lazy->length);
  if (value_is_exception(object)) return object;
  js_free_rt(runtime, lazy->bytes);
  lazy->bytes = NULL;
  return lazy->object = object;
}

Value lazy_object(Value value) { return look(value); }

const uint8_t *lazy_bytes(Value value, uint32_t *length) {
  Lazy *lazy = lazy_of(value);
  *length = lazy->length;
  return lazy->bytes;
}

static void finalize(Runtime *of, Value value) {
  Lazy *lazy = lazy_of(value);
  if (!lazy) return;
  JS_FreeValueRT(of, lazy->object);
  js_free_rt(of, lazy->bytes);
  js_free_rt(of, lazy);
}

static void mark(Runtime *of, Value value, MarkFunction *visit) {
  Lazy *lazy = lazy_of(value);
  if (lazy) JS_MarkValue(of, lazy->object, visit);
}

static int get_own_property(Context *of, PropertyDescriptor *descriptor, Value value, Atom name) {
  Value object = look(value);
  return value_is_exception(object) ? -1 : JS_GetOwnProperty(context, descriptor, object, name);
}

static int get_own_property_names(Context *of, PropertyName **names, uint32_t *count, Value value) {
  Value object = look(value);
  return value_is_exception(object) ? -1 : JS_GetOwnPropertyNames(context, names, count, object, NAMES_STRING | NAMES_SYMBOL);
}

static int delete_property(Context *of, Value value, Atom name) {
  Value object = look(value);
  return value_is_exception(object) ? -1 : JS_DeleteProperty(context, object, name, 0);
}

static int define_own_property(Context *of, Value value, Atom name, Value property, Value getter, Value setter, int flags) {
  Value object = look(value);
  return value_is_exception(object) ? -1 : JS_DefineProperty(context, object, name, property, getter, setter, flags);
}

static int has_property(Context *of, Value value, Atom name) {
  Value object = look(value);
  return value_is_exception(object) ? -1 : JS_HasProperty(context, object, name);
}

static Value get_property(Context *of, Value value, Atom name, Value receiver) {
  Value object = look(value);
  return value_is_exception(object) ? object : JS_GetProperty(context, object, name);
}

static int set_property(Context *of, Value value, Atom name, Value property, Value receiver, int flags) {
  Value object = look(value);
  return value_is_exception(object) ? -1 : JS_SetProperty(context, object, name, JS_DupValue(context, property));
}

static const ExoticMethods methods = {get_own_property, get_own_property_names, delete_property, define_own_property, has_property, get_property, set_property};

int lazy_start(void) {
  ClassDefinition definition = {"Object", finalize, mark, NULL, &methods};
  class = JS_NewClassID(runtime, &class);
  if (JS_NewClass(runtime, class, &definition) < 0) return -1;
  Value plain = JS_NewObject(context);
  JS_SetClassProto(context, class, JS_GetPrototype(context, plain));
  JS_FreeValue(context, plain);
  return 0;
}

Value lazy_make(const uint8_t *document, uint32_t length) {
  Value value = JS_NewObjectClass(context, class);
  if (value_is_exception(value)) return value;
  Lazy *lazy = js_malloc(context, sizeof *lazy);
  uint8_t *bytes = lazy ? js_malloc(context, length) : NULL;
  if (!bytes) {
    js_free_rt(runtime, lazy);
    JS_FreeValue(context, value);
    return VALUE_EXCEPTION;
  }
  memcpy(bytes, document, length);
  *lazy = (Lazy){bytes, length, VALUE_UNDEFINED};
  JS_SetOpaque(value, lazy);
  return value;
}
