/*
 * What a handler returned, as a reply document. A plain value is JSON, and needs no line of the SDK; an answer holds its reply; everything else (a
 * query, a problem) is turned into one by the SDK.
 */
#include "glue.h"

static Value answer_prototype = VALUE_UNDEFINED;
static Value reply_function = VALUE_UNDEFINED;

void reply_define(Value prototype, Value function) {
  JS_FreeValue(context, answer_prototype);
  JS_FreeValue(context, reply_function);
  answer_prototype = JS_DupValue(context, prototype);
  reply_function = JS_DupValue(context, function);
}

/* { kind, body } */
static int encode_kind(const char *kind, Value body) {
  uint32_t start = encode_begin();
  if (start == UINT32_MAX) return -1;
  encode_text("kind", kind, (uint32_t)strlen(kind));
  return encode_field("body", 4, body) < 0 ? -1 : encode_end(start);
}

/* Encodes what `replyOf` or an answer's `reply` gave. Takes the value. */
static int encode_made(Value reply) {
  int status = value_is_exception(reply) ? -1 : encode_document(reply);
  JS_FreeValue(context, reply);
  return status;
}

int encode_reply(Value result) {
  output.length = 0;
  if (value_is_undefined(result)) return encode_kind("empty", VALUE_UNDEFINED);
  if (!value_is_object(result) || encode_is_data(result)) return encode_kind("json", result);
  Value prototype = JS_GetPrototype(context, result);
  JS_FreeValue(context, prototype);
  if (prototype == answer_prototype) return encode_made(JS_GetPropertyStr(context, result, "reply"));
  return encode_made(JS_Call(context, reply_function, VALUE_UNDEFINED, 1, &result));
}
