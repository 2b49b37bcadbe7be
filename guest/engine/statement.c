/*
 * Steps of a query, natively: a query is built anew for every call, and copying small objects is what the interpreter is slowest at.
 */
#include "glue.h"

/* Copies the own enumerable properties of an object into another: 0, or -1 after a throw. `visit` may change a value or leave it out. */
static int copy_properties(Value from, Value into, int (*visit)(Atom, Value *, void *), void *with) {
  PropertyName *properties;
  uint32_t count;
  if (JS_GetOwnPropertyNames(context, &properties, &count, from, NAMES_STRING | NAMES_ENUMERABLE) < 0) return -1;
  int status = 0;
  for (uint32_t i = 0; i < count && status >= 0; i++) {
    Value value = JS_GetProperty(context, from, properties[i].atom);
    status = value_is_exception(value) ? -1 : visit ? visit(properties[i].atom, &value, with) : 1;
    if (status > 0) status = JS_DefinePropertyValue(context, into, properties[i].atom, value, PROPERTY_ALL) < 0 ? -1 : 0;
    else JS_FreeValue(context, value);
  }
  JS_FreePropertyEnum(context, properties, count);
  return status;
}

/* extend(statement, name, value): a copy of the statement with one more part. */
static Value native_extend(Context *of, Value receiver, int argument_count, Value *arguments, int magic) {
  Value made = JS_NewObject(context);
  Atom name = JS_ValueToAtom(context, arguments[1]);
  int status = name ? copy_properties(arguments[0], made, NULL, NULL) : -1;
  if (status >= 0) status = JS_DefinePropertyValue(context, made, name, JS_DupValue(context, arguments[2]), PROPERTY_ALL);
  JS_FreeAtom(context, name);
  if (status >= 0) return made;
  JS_FreeValue(context, made);
  return VALUE_EXCEPTION;
}

typedef struct {
  Value from_text;
  Value skipped;
  uint32_t kept;
} Conditions;

static int throw_with_path(const char *code, const char *format, Atom path) {
  size_t length;
  const char *text = JS_AtomToCStringLen(context, &length, path);
  JS_ThrowTypeError(context, format, text ? text : "?");
  JS_FreeCString(context, text);
  Value error = JS_GetException(context);
  if (value_is_object(error)) JS_DefinePropertyValueStr(context, error, "code", JS_NewStringLen(context, code, strlen(code)), PROPERTY_ALL);
  JS_Throw(context, error);
  return -1;
}

/* The value that a text stands for, where a field holds no text. */
static int parse_text(Atom path, Value *value, Value from_text) {
  Value parse = JS_GetProperty(context, from_text, path);
  if (!JS_IsFunction(context, parse)) {
    JS_FreeValue(context, parse);
    return value_is_exception(parse) ? -1 : 1;
  }
  Value parsed = JS_Call(context, parse, VALUE_UNDEFINED, 1, value);
  JS_FreeValue(context, parse);
  if (value_is_exception(parsed)) return -1;
  if (value_is_undefined(parsed)) return throw_with_path("bad_argument", "the text that %s is compared with is not what the field holds", path);
  JS_FreeValue(context, *value);
  *value = parsed;
  return 1;
}

/* { $eq: value }, so that a document is a value to be equal to and no list of operators. */
static int wrap_document(Value *value) {
  Value wrapped = JS_NewObject(context);
  if (value_is_exception(wrapped)) return -1;
  JS_DefinePropertyValueStr(context, wrapped, "$eq", *value, PROPERTY_ALL);
  *value = wrapped;
  return 1;
}

static int visit_condition(Atom path, Value *value, void *with) {
  Conditions *conditions = with;
  enum ValueKind kind;
  if (*value == conditions->skipped) return 0;
  if (value_is_undefined(*value))
    return throw_with_path("undefined_value", "the value for %s in a filter is undefined; to leave a condition out on purpose, write optional(value)", path);
  conditions->kept++;
  if (value_is_string(*value)) return parse_text(path, value, conditions->from_text);
  return value_is_object(*value) && !value_bytes(*value, &kind) ? wrap_document(value) : 1;
}

/* conditions(paths and values, fromText, skipped): the filter document; undefined when every condition was left out. */
static Value native_conditions(Context *of, Value receiver, int argument_count, Value *arguments, int magic) {
  if (!value_is_object(arguments[0])) return JS_ThrowTypeError(context, "a filter is an object of paths and values, or path, operator and value");
  Conditions conditions = {arguments[1], arguments[2], 0};
  Value filter = JS_NewObject(context);
  int status = copy_properties(arguments[0], filter, visit_condition, &conditions);
  if (status >= 0 && conditions.kept) return filter;
  JS_FreeValue(context, filter);
  return status < 0 ? VALUE_EXCEPTION : VALUE_UNDEFINED;
}

void statement_define(Value native) {
  define_function(native, "extend", native_extend, 3, 0);
  define_function(native, "conditions", native_conditions, 3, 0);
}
