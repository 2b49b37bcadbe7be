/*
 * The request as a handler sees it: an object whose parts stay bytes until the handler asks for them. Most handlers ask for one.
 *
 * Invariants
 * - A request belongs to its call. Kept for longer it still has the parts that were read, and throws for any other: it never shows another request's.
 * - It cannot be changed.
 */
#include "glue.h"

typedef struct {
  uint32_t call; /* the call it belongs to */
  Value parts;   /* a plain object: what has been read */
} Request;

Buffer request;
static uint32_t current_call;
static ClassId class;

static Request *request_of(Value value) { return JS_GetOpaque(value, class); }

static void finalize(Runtime *of, Value value) {
  Request *own = request_of(value);
  if (!own) return;
  JS_FreeValueRT(of, own->parts);
  js_free_rt(of, own);
}

static void mark(Runtime *of, Value value, MarkFunction *visit) {
  Request *own = request_of(value);
  if (own) JS_MarkValue(of, own->parts, visit);
}

/* The host may give an answer again, except one that rests on the moment. The request's id is of the moment, and asking for the time says so. */
static void rest_on_moment(void) { host_now(); }

/* Reads a part from the bytes: undefined when the request has no such part. A body stays bytes for longer: often it is only passed on to the store. */
static Value read_part(const Request *own, const char *name, uint32_t name_length) {
  if (own->call != current_call) return JS_ThrowTypeError(context, "this request is over: it is there only while its handler runs");
  uint32_t room;
  const uint8_t *element = find_field(request.bytes, request.capacity, name, name_length, &room);
  if (!element) return VALUE_UNDEFINED;
  if (name_length == 9 && memcmp(name, "requestId", 9) == 0) rest_on_moment();
  int body = name_length == 4 && memcmp(name, "body", 4) == 0;
  return body && *element == BSON_DOCUMENT ? decode_lazily(element, room) : decode_element(element, room);
}

static Value get_property(Context *of, Value value, Atom atom, Value receiver) {
  Request *own = request_of(value);
  Value known = JS_GetProperty(context, own->parts, atom);
  if (!value_is_undefined(known)) return known;
  const Name *name = name_of(atom);
  if (!name) return VALUE_UNDEFINED;
  Value part = read_part(own, name->text, name->length);
  if (value_is_exception(part) || value_is_undefined(part)) return part;
  if (JS_DefinePropertyValue(context, own->parts, atom, JS_DupValue(context, part), PROPERTY_ALL) >= 0) return part;
  JS_FreeValue(context, part);
  return VALUE_EXCEPTION;
}

static int get_own_property(Context *of, PropertyDescriptor *descriptor, Value value, Atom atom) {
  Value part = get_property(of, value, atom, value);
  if (value_is_exception(part)) return -1;
  if (value_is_undefined(part)) return 0;
  if (descriptor) *descriptor = (PropertyDescriptor){PROPERTY_ALL & ~2, part, VALUE_UNDEFINED, VALUE_UNDEFINED};
  else JS_FreeValue(context, part);
  return 1;
}

static int get_own_property_names(Context *of, PropertyName **names, uint32_t *count, Value value) {
  Request *own = request_of(value);
  if (own->call == current_call) {
    rest_on_moment();
    Value all = decode_document(request.bytes, request.capacity);
    if (value_is_exception(all)) return -1;
    JS_FreeValue(context, own->parts);
    own->parts = all;
  }
  return JS_GetOwnPropertyNames(context, names, count, own->parts, NAMES_STRING);
}

static int has_property(Context *of, Value value, Atom atom) { return get_own_property(of, NULL, value, atom); }

static int refuse_change(void) {
  JS_ThrowTypeError(context, "a request cannot be changed");
  return -1;
}

static int delete_property(Context *of, Value value, Atom atom) { return refuse_change(); }
static int define_own_property(Context *of, Value value, Atom atom, Value property, Value getter, Value setter, int flags) { return refuse_change(); }
static int set_property(Context *of, Value value, Atom atom, Value property, Value receiver, int flags) { return refuse_change(); }

static const ExoticMethods methods = {get_own_property, get_own_property_names, delete_property, define_own_property, has_property, get_property, set_property};

int request_start(void) {
  ClassDefinition definition = {"Request", finalize, mark, NULL, &methods};
  class = JS_NewClassID(runtime, &class);
  if (JS_NewClass(runtime, class, &definition) < 0) return -1;
  JS_SetClassProto(context, class, JS_NewObject(context));
  return 0;
}

Value request_begin(void) {
  Value value = JS_NewObjectClass(context, class);
  if (value_is_exception(value)) return value;
  Request *own = js_malloc(context, sizeof *own);
  Value parts = own ? JS_NewObject(context) : VALUE_EXCEPTION;
  if (value_is_exception(parts)) {
    js_free_rt(runtime, own);
    JS_FreeValue(context, value);
    return VALUE_EXCEPTION;
  }
  *own = (Request){++current_call, parts};
  JS_SetOpaque(value, own);
  return value;
}

void request_end(void) { current_call++; }
