/*
 * Exceptions to error documents, and error documents to exceptions.
 *
 * An error document is { code, message, stack?, …own fields of the error }. Building it runs as little of the service's code as it can and
 * never fails: what cannot be read is left out, and a fixed document stands in when there is no memory left.
 */
#include "glue.h"

static Value host_error_class = VALUE_UNDEFINED;

static void drop_exception(void) { JS_FreeValue(context, JS_GetException(context)); }

static int equal(const char *left, size_t length, const char *right) { return strlen(right) == length && memcmp(left, right, length) == 0; }

Value throw_coded(const char *code, const char *message) {
  JS_ThrowTypeError(context, "%s", message);
  Value error = JS_GetException(context);
  if (value_is_object(error))
    JS_DefinePropertyValueStr(context, error, "code", JS_NewStringLen(context, code, strlen(code)), PROPERTY_ALL);
  return JS_Throw(context, error);
}

Value throw_host_error(Value document) {
  if (value_is_exception(document)) return document;
  Value error = value_is_undefined(host_error_class) ? document : JS_CallConstructor(context, host_error_class, 1, &document);
  if (error != document) JS_FreeValue(context, document);
  return value_is_exception(error) ? error : JS_Throw(context, error);
}

/* hostError(class): errors of host operations are made by `new class(document)`. */
static Value native_host_error(Context *of, Value receiver, int argument_count, Value *arguments, int magic) {
  JS_FreeValue(context, host_error_class);
  host_error_class = JS_DupValue(context, arguments[0]);
  return VALUE_UNDEFINED;
}

void failure_define(Value native) { define_function(native, "hostError", native_host_error, 1, 0); }

static void send(uint32_t start) {
  if (encode_end(start) == 0) host_fail(output.bytes + start, output.length - start);
  else drop_exception();
  output.length = start;
}

void fail_with(const char *code, const char *message) {
  uint32_t start = encode_begin();
  if (start == UINT32_MAX) {
    drop_exception();
    static const uint8_t exhausted[] = "\x2b\0\0\0\x02" "code\0\x0e\0\0\0out_of_memory\0\x02" "message\0\x01\0\0\0\0\0";
    host_fail(exhausted, *(const int32_t *)(const void *)exhausted);
    return;
  }
  encode_text("code", code, (uint32_t)strlen(code));
  encode_text("message", message, (uint32_t)strlen(message));
  send(start);
}

/* A property as text, or NULL. The text is freed by the caller. */
static const char *property_text(Value object, const char *name, size_t *length) {
  Value value = JS_GetPropertyStr(context, object, name);
  const char *text = value_is_string(value) ? JS_ToCStringLen2(context, length, value, 0) : NULL;
  if (value_is_exception(value)) drop_exception();
  JS_FreeValue(context, value);
  return text;
}

/* The code of an error that has none of its own. */
static const char *code_of(Value error, const char *message, size_t length) {
  if (JS_IsUncatchableError(error)) return "deadline_exceeded";
  size_t name_length;
  const char *name = property_text(error, "name", &name_length);
  if (!name) return "handler_failed";
  const char *code = "handler_failed";
  if (equal(name, name_length, "InternalError") && message && equal(message, length, "out of memory")) code = "out_of_memory";
  if (equal(name, name_length, "RangeError") && message && equal(message, length, "Maximum call stack size exceeded")) code = "stack_overflow";
  JS_FreeCString(context, name);
  return code;
}

static uint32_t at_most(size_t length, uint32_t limit) { return length > limit ? limit : (uint32_t)length; }

/* Own enumerable fields besides code, message and stack; one that cannot be encoded is left out. */
static void encode_own_fields(Value error) {
  PropertyName *properties;
  uint32_t count;
  if (JS_GetOwnPropertyNames(context, &properties, &count, error, NAMES_STRING | NAMES_ENUMERABLE) < 0) {
    drop_exception();
    return;
  }
  for (uint32_t i = 0; i < count; i++) {
    const Name *name = name_of(properties[i].atom);
    if (!name || equal(name->text, name->length, "code") || equal(name->text, name->length, "message") || equal(name->text, name->length, "stack")) continue;
    uint32_t before = output.length;
    Value value = JS_GetProperty(context, error, properties[i].atom);
    if (value_is_exception(value) || encode_field(name->text, name->length, value) < 0) {
      output.length = before;
      drop_exception();
    }
    JS_FreeValue(context, value);
  }
  JS_FreePropertyEnum(context, properties, count);
}

/* An error object: its own code, message, stack and fields. */
static void fail_with_object(Value error) {
  uint32_t start = encode_begin();
  if (start == UINT32_MAX) {
    drop_exception();
    fail_with("out_of_memory", "no memory left to describe the failure");
    return;
  }
  size_t code_length, message_length = 0, stack_length;
  const char *message = property_text(error, "message", &message_length);
  const char *own = JS_IsUncatchableError(error) ? NULL : property_text(error, "code", &code_length);
  const char *code = own ? own : code_of(error, message, message_length);
  encode_text("code", code, at_most(strlen(code), 100));
  encode_text("message", message ? message : "", at_most(message_length, ERROR_MESSAGE_BYTES_MAX));
  const char *stack = property_text(error, "stack", &stack_length);
  if (stack) encode_text("stack", stack, at_most(stack_length, ERROR_STACK_BYTES_MAX));
  if (!JS_IsUncatchableError(error)) encode_own_fields(error);
  JS_FreeCString(context, message);
  JS_FreeCString(context, own);
  JS_FreeCString(context, stack);
  send(start);
}

void fail_with_value(Value thrown) {
  if (value_is_object(thrown)) fail_with_object(thrown);
  else {
    size_t length;
    const char *text = value_tag(thrown) == TAG_SYMBOL ? NULL : JS_ToCStringLen2(context, &length, thrown, 0);
    fail_with("handler_failed", text ? text : "something was thrown that is no error");
    JS_FreeCString(context, text);
  }
  JS_FreeValue(context, thrown);
}

void fail_with_exception(void) { fail_with_value(JS_GetException(context)); }
