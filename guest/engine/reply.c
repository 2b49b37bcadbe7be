/*
 * What a handler returned, as a reply document. A plain value is JSON, an answer holds its reply, and a query's rows are written by the host: none of
 * these needs a line of the SDK. Anything else (a problem) is turned into a reply by the SDK.
 */
#include "glue.h"

#define OPERATION_JSON 13

static Value answer_prototype = VALUE_UNDEFINED;
static Value query_prototype = VALUE_UNDEFINED;
static Value reply_function = VALUE_UNDEFINED;

void reply_define(Value answer, Value query, Value function) {
  JS_FreeValue(context, answer_prototype);
  JS_FreeValue(context, query_prototype);
  JS_FreeValue(context, reply_function);
  answer_prototype = JS_DupValue(context, answer);
  query_prototype = JS_DupValue(context, query);
  reply_function = JS_DupValue(context, function);
}

/* { kind, name: value } */
static int encode_kind(const char *kind, const char *name, Value value) {
  uint32_t start = encode_begin();
  if (start == UINT32_MAX) return -1;
  encode_text("kind", kind, (uint32_t)strlen(kind));
  return encode_field(name, (uint32_t)strlen(name), value) < 0 ? -1 : encode_end(start);
}

static Value property(Value object, const char *name) {
  int owned;
  Atom atom = name_atom(name, (uint32_t)strlen(name), &owned);
  Value value = JS_GetProperty(context, object, atom);
  if (owned) JS_FreeAtom(context, atom);
  return value;
}

/* Encodes what `replyOf` or an answer's `reply` gave. Takes the value. */
static int encode_made(Value reply) {
  int status = value_is_exception(reply) ? -1 : encode_document(reply);
  JS_FreeValue(context, reply);
  return status;
}

/* The host writes the rows of a query as JSON; they never enter the service. */
static int encode_rows(Value query) {
  Value statement = property(query, "statement");
  uint32_t start = encode_begin(), room;
  int status = value_is_exception(statement) || start == UINT32_MAX ? -1 : encode_field("statement", 9, statement);
  JS_FreeValue(context, statement);
  if (status < 0 || encode_end(start) < 0) return -1;
  int32_t length = operate_encoded(OPERATION_JSON, start);
  if (length < 0) return -1;
  const uint8_t *element = length == 0 ? NULL : find_field(parked.bytes, (uint32_t)length, "answer", 6, &room);
  Value answer = element ? decode_element(element, room) : VALUE_UNDEFINED;
  return value_is_exception(answer) ? -1 : encode_kind("answer", "answer", answer);
}

int encode_reply(Value result) {
  output.length = 0;
  if (value_is_undefined(result)) return encode_kind("empty", "body", VALUE_UNDEFINED);
  if (!value_is_object(result) || encode_is_data(result)) return encode_kind("json", "body", result);
  Value prototype = JS_GetPrototype(context, result);
  JS_FreeValue(context, prototype);
  if (prototype == answer_prototype) return encode_made(property(result, "reply"));
  if (prototype == query_prototype) return encode_rows(result);
  return encode_made(JS_Call(context, reply_function, VALUE_UNDEFINED, 1, &result));
}
