/*
 * The life of an instance: planck_boot and planck_evaluate at build time; planck_arm, planck_alloc, planck_invoke and planck_reset when it serves.
 *
 * Invariants
 * - Handlers are numbered in the order in which the service declared them; the exports of a memory image are trampolines with that number.
 * - After a call that ran out of time or memory, jobs of that call may be left. The instance then gives no more room for requests (planck_alloc
 *   answers 0) and the host replaces it.
 */
#include "glue.h"

#define OPERATION_GET 1

Context *context;
Runtime *runtime;
enum Phase phase = PHASE_STARTING;

Buffer parked;
static Value definition = VALUE_UNDEFINED;
static Value handlers[HANDLERS_MAX];
static uint32_t handler_count;
static int spent;

static int interrupt(Runtime *of, void *opaque) { return host_tick(); }

int32_t operate_encoded(int32_t operation, uint32_t start) {
  int32_t length = host_call(operation, output.bytes + start, output.length - start);
  output.length = start;
  uint32_t size = (uint32_t)(length < 0 ? -length : length);
  if (size == 0) return 0;
  if (buffer_reserve(&parked, size) < 0) {
    JS_ThrowOutOfMemory(context);
    return -1;
  }
  host_read(parked.bytes);
  if (length > 0) return length;
  throw_host_error(decode_document(parked.bytes, size));
  return -1;
}

/* Runs a host operation on a document: the parked reply's length with the reply in `parked`, 0 for none, -1 after a throw. */
static int32_t operate(int32_t operation, Value argument) {
  uint32_t start = output.length;
  if (phase != PHASE_SERVING) {
    throw_build_time("the store");
    return -1;
  }
  if (encode_document(argument) >= 0) return operate_encoded(operation, start);
  output.length = start;
  return -1;
}

/* call(operation, argument): the reply of a host operation as a document; an error of the host is thrown. */
static Value native_call(Context *of, Value receiver, int argument_count, Value *arguments, int magic) {
  int32_t operation;
  if (JS_ToInt32(context, &operation, arguments[0]) < 0) return VALUE_EXCEPTION;
  int32_t length = operate(operation, arguments[1]);
  if (length < 0) return VALUE_EXCEPTION;
  return length == 0 ? VALUE_UNDEFINED : decode_document(parked.bytes, (uint32_t)length);
}

/* The argument { store, key } of an operation, appended to `output`. */
static int encode_store_key(Value store, Value key) {
  uint32_t start = encode_begin();
  if (start == UINT32_MAX || encode_field("store", 5, store) < 0 || encode_field("key", 3, key) < 0) return -1;
  return encode_end(start);
}

/*
 * get(store, id, kind): the document with that id, which stays bytes until somebody looks at it; undefined when there is none. A text is made a
 * value of `kind`, when that is at least 0; one that is none has no document.
 */
static Value native_get(Context *of, Value receiver, int argument_count, Value *arguments, int magic) {
  int32_t kind;
  if (phase != PHASE_SERVING) return throw_build_time("the store");
  if (JS_ToInt32(context, &kind, arguments[2]) < 0) return VALUE_EXCEPTION;
  int parses = kind >= 0 && kind < KINDS && value_is_string(arguments[1]);
  Value key = parses ? value_parse((enum ValueKind)kind, arguments[1]) : JS_DupValue(context, arguments[1]);
  if (value_is_exception(key) || (parses && value_is_undefined(key))) return key;
  uint32_t start = output.length, room;
  int status = encode_store_key(arguments[0], key);
  JS_FreeValue(context, key);
  if (status < 0) output.length = start;
  int32_t length = status < 0 ? -1 : operate_encoded(OPERATION_GET, start);
  if (length < 0) return VALUE_EXCEPTION;
  const uint8_t *element = length == 0 ? NULL : find_field(parked.bytes, (uint32_t)length, "document", 8, &room);
  return element && *element == BSON_DOCUMENT ? decode_lazily(element, room) : VALUE_UNDEFINED;
}

/* define(definition, handlers, Answer.prototype, Query.prototype, replyOf): what the service is; the last one counts. */
static Value native_define(Context *of, Value receiver, int argument_count, Value *arguments, int magic) {
  if (phase != PHASE_EVALUATING) return JS_ThrowTypeError(context, "a service is defined at the top level");
  int64_t count;
  if (JS_GetLength(context, arguments[1], &count) < 0) return VALUE_EXCEPTION;
  if (count > HANDLERS_MAX) return JS_ThrowRangeError(context, "a service has at most %d handlers", HANDLERS_MAX);
  while (handler_count) JS_FreeValue(context, handlers[--handler_count]);
  while (handler_count < (uint32_t)count) {
    handlers[handler_count] = JS_GetPropertyUint32(context, arguments[1], handler_count);
    if (!JS_IsFunction(context, handlers[handler_count++])) return JS_ThrowTypeError(context, "a handler has to be a function");
  }
  JS_FreeValue(context, definition);
  definition = JS_DupValue(context, arguments[0]);
  reply_define(arguments[2], arguments[3], arguments[4]);
  return VALUE_UNDEFINED;
}

/* Starts the engine. 0, or -1. */
EXPORT(planck_boot) int32_t planck_boot(void) {
  if (qjs_init() != 0) return -1;
  context = qjs_get_context_ptr();
  runtime = JS_GetRuntime(context);
  if (values_start() < 0 || lazy_start() < 0 || request_start() < 0) return -1;
  encode_start();
  jobs_start();
  Value native = JS_NewObject(context);
  define_function(native, "call", native_call, 2, 0);
  define_function(native, "get", native_get, 3, 0);
  define_function(native, "define", native_define, 5, 0);
  values_define(native);
  statement_define(native);
  platform_define(native);
  failure_define(native);
  Value global = JS_GetGlobalObject(context);
  JS_DefinePropertyValueStr(context, global, "__planck", native, 1); /* configurable: the SDK takes it and deletes it */
  JS_FreeValue(context, global);
  return 0;
}

/* Runs jobs, then reports what could not be refused on the spot. 0, or -1 with a recorded failure. */
static int settle_evaluation(Value result) {
  if (value_is_exception(result) || jobs_drain() < 0 || take_build_time_note() < 0) {
    fail_with_exception();
    return -1;
  }
  JS_FreeValue(context, result);
  return jobs_check_rejections();
}

/*
 * Evaluates the bundle of a service. `source` and `file` end with NUL. The address of its definition as a BSON document, or 0 after a failure.
 * From then on the instance serves.
 */
EXPORT(planck_evaluate) uint8_t *planck_evaluate(const char *source, uint32_t length, const char *file) {
  phase = PHASE_EVALUATING;
  output.length = 0;
  if (settle_evaluation(JS_Eval(context, source, length, file, EVAL_STRICT)) < 0) return NULL;
  if (value_is_undefined(definition)) {
    fail_with("service_missing", "the entry file has to export a service: export default service({ name, version }, …)");
    return NULL;
  }
  if (encode_document(definition) < 0) {
    fail_with_exception();
    return NULL;
  }
  JS_FreeValue(context, definition);
  definition = VALUE_UNDEFINED;
  return output.bytes;
}

/* Ends the build: gives back what building left, so that the memory holds what serving needs and nothing else. */
EXPORT(planck_seal) void planck_seal(void) {
  JS_RunGC(runtime);
  free(output.bytes);
  free(parked.bytes);
  output = parked = (Buffer){NULL, 0, 0};
  phase = PHASE_SERVING;
}

/* Sets limits and the interrupt handler. The host calls it once per instance, before the first call. */
EXPORT(planck_arm) void planck_arm(uint32_t memory_bytes, uint32_t stack_bytes) {
  qjs_set_memory_limit(memory_bytes);
  JS_UpdateStackTop(runtime);
  JS_SetMaxStackSize(runtime, stack_bytes);
  JS_SetInterruptHandler(runtime, interrupt, NULL);
}

EXPORT(planck_alloc) uint8_t *planck_alloc(uint32_t length) {
  request.length = 0;
  request_end();
  if (spent || buffer_reserve(&request, length) < 0) return NULL;
  return request.bytes;
}

EXPORT(planck_reset) void planck_reset(void) {
  buffer_trim(&output);
  buffer_trim(&request);
  buffer_trim(&parked);
  names_trim();
}

/* The value a promise settled to; the exception it was rejected with, or `promise_pending`, as an exception. Takes the promise. */
static Value await(Value promise) {
  Value result = VALUE_EXCEPTION;
  int state = JS_PromiseState(context, promise);
  if (state == PROMISE_FULFILLED) result = JS_PromiseResult(context, promise);
  else if (state == PROMISE_REJECTED) result = JS_Throw(context, JS_PromiseResult(context, promise));
  else throw_coded("promise_pending", "the handler returned a promise that never settles: a service cannot wait for anything outside the call");
  JS_FreeValue(context, promise);
  return result;
}

/* Ends a call with a failure: 0, for the handler to return. */
static uint8_t *give_up(void) {
  fail_with_exception();
  jobs_forget_rejections();
  if (JS_IsJobPending(runtime)) spent = 1;
  return NULL;
}

/* What a handler returned, awaited when it is a promise. Takes the value. */
static Value settle(Value result) {
  if (value_is_exception(result) || jobs_drain() < 0) {
    JS_FreeValue(context, result);
    return VALUE_EXCEPTION;
  }
  return value_is_object(result) && JS_IsPromise(result) ? await(result) : result;
}

/*
 * Calls handler `index`; the request document is at `bytes`, and the handler reads the parts it wants. The address of the reply document, or 0 after
 * a recorded failure.
 */
EXPORT(planck_invoke) uint8_t *planck_invoke(uint32_t index, const uint8_t *bytes) {
  output.length = 0;
  if (bytes != request.bytes || index >= handler_count) {
    fail_with("bad_pointer", "this is no request of this instance");
    return NULL;
  }
  Value argument = request_begin();
  if (value_is_exception(argument)) return give_up();
  Value result = settle(JS_Call(context, handlers[index], VALUE_UNDEFINED, 1, &argument));
  JS_FreeValue(context, argument);
  if (value_is_exception(result)) return give_up();
  int status = encode_reply(result);
  JS_FreeValue(context, result);
  if (status < 0) return give_up();
  return jobs_check_rejections() < 0 ? NULL : output.bytes;
}
