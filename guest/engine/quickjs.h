/*
 * The part of the QuickJS-ng C interface that the glue uses, as the pinned npm package `quickjs-wasi` 3.6.2 (QuickJS-ng 0.17.0) exports it.
 *
 * Every function here is an import of module "qjs"; the linker in src/Wasm/Link.ts resolves it against the engine's exports by name and
 * type, so a mismatch fails the build of the engine, never a call.
 *
 * A value is NaN-boxed in 64 bits: the upper half is a tag, or the upper half of a shifted double. A parameter of type Value is borrowed
 * unless its comment says "takes"; a result of type Value is owned by the caller.
 */
#ifndef PLANCK_QUICKJS_H
#define PLANCK_QUICKJS_H

#include <stddef.h>
#include <stdint.h>

typedef uint64_t Value;
typedef uint32_t Atom;
typedef uint32_t ClassId;
typedef struct Context Context;
typedef struct Runtime Runtime;

#define QJS(name) __attribute__((import_module("qjs"), import_name(#name))) extern

enum Tag {
  TAG_FIRST = -9,
  TAG_BIG_INT = -9,
  TAG_SYMBOL = -8,
  TAG_STRING = -7,
  TAG_STRING_ROPE = -6,
  TAG_OBJECT = -1,
  TAG_INT = 0,
  TAG_BOOL = 1,
  TAG_NULL = 2,
  TAG_UNDEFINED = 3,
  TAG_EXCEPTION = 6,
  TAG_SHORT_BIG_INT = 7,
  TAG_FLOAT64 = 8
};

#define MAKE_VALUE(tag, payload) (((Value)(uint32_t)(tag) << 32) | (uint32_t)(payload))
#define VALUE_NULL MAKE_VALUE(TAG_NULL, 0)
#define VALUE_UNDEFINED MAKE_VALUE(TAG_UNDEFINED, 0)
#define VALUE_EXCEPTION MAKE_VALUE(TAG_EXCEPTION, 0)
#define VALUE_BOOL(truth) MAKE_VALUE(TAG_BOOL, (truth) != 0)
#define VALUE_INT(number) MAKE_VALUE(TAG_INT, number)

/* What is added to the bits of a boxed double to get the double back. */
#define FLOAT64_ADDEND ((Value)(0x7ff80000 - TAG_FIRST + 1) << 32)

static inline int32_t value_tag(Value value) { return (int32_t)(value >> 32); }
static inline int32_t value_int(Value value) { return (int32_t)value; }
static inline int value_is_float64(Value value) { return (uint32_t)(value_tag(value) - TAG_FIRST) >= (uint32_t)(TAG_FLOAT64 - TAG_FIRST); }
static inline int value_is_object(Value value) { return value_tag(value) == TAG_OBJECT; }
static inline int value_is_exception(Value value) { return value_tag(value) == TAG_EXCEPTION; }
static inline int value_is_undefined(Value value) { return value_tag(value) == TAG_UNDEFINED; }
static inline int value_is_string(Value value) { return value_tag(value) == TAG_STRING || value_tag(value) == TAG_STRING_ROPE; }

static inline double value_float64(Value value) {
  union {
    Value bits;
    double number;
  } both = {.bits = value + FLOAT64_ADDEND};
  return both.number;
}

#define PROPERTY_ALL 7 /* configurable, writable, enumerable */
#define NAMES_STRING 1
#define NAMES_SYMBOL 2
#define DELETE_THROWS (1 << 14)
#define NAMES_ENUMERABLE 16
#define EVAL_STRICT 8

typedef Value NativeFunction(Context *, Value receiver, int count, Value *arguments, int magic);
#define NATIVE_MAGIC 1 /* the call convention of NativeFunction */

typedef struct {
  uint8_t enumerable;
  Atom atom;
} PropertyName;

typedef struct {
  int flags;
  Value value;
  Value getter;
  Value setter;
} PropertyDescriptor;

/* How objects of a class answer for properties that are not in them. */
typedef struct {
  int (*get_own_property)(Context *, PropertyDescriptor *, Value, Atom);
  int (*get_own_property_names)(Context *, PropertyName **, uint32_t *, Value);
  int (*delete_property)(Context *, Value, Atom);
  int (*define_own_property)(Context *, Value, Atom, Value, Value, Value, int);
  int (*has_property)(Context *, Value, Atom);
  Value (*get_property)(Context *, Value, Atom, Value);
  int (*set_property)(Context *, Value, Atom, Value, Value, int);
} ExoticMethods;

typedef void MarkFunction(Runtime *, void *);

typedef struct {
  const char *name;
  void (*finalizer)(Runtime *, Value);
  void (*mark)(Runtime *, Value, MarkFunction *);
  Value (*call)(Context *, Value, Value, int, Value *, int);
  const ExoticMethods *exotic;
} ClassDefinition;

/* Engine and limits */
QJS(qjs_init) int qjs_init(void);
QJS(qjs_get_context_ptr) Context *qjs_get_context_ptr(void);
QJS(qjs_set_memory_limit) void qjs_set_memory_limit(size_t bytes);
QJS(JS_GetRuntime) Runtime *JS_GetRuntime(Context *);
QJS(JS_SetMaxStackSize) void JS_SetMaxStackSize(Runtime *, size_t bytes);
QJS(JS_UpdateStackTop) void JS_UpdateStackTop(Runtime *);
QJS(JS_SetInterruptHandler) void JS_SetInterruptHandler(Runtime *, int (*)(Runtime *, void *), void *);
QJS(JS_SetHostPromiseRejectionTracker)
void JS_SetHostPromiseRejectionTracker(Runtime *, void (*)(Context *, Value, Value, int, void *), void *);
QJS(JS_RunGC) void JS_RunGC(Runtime *);
QJS(JS_Eval) Value JS_Eval(Context *, const char *source, size_t length, const char *file, int flags);

/* Memory. js_malloc counts against the limit of the engine and must be given back to js_free; malloc does not count. */
QJS(malloc) void *malloc(size_t);
QJS(free) void free(void *);
QJS(realloc) void *realloc(void *, size_t);
QJS(js_malloc) void *js_malloc(Context *, size_t);
QJS(JS_MarkValue) void JS_MarkValue(Runtime *, Value, MarkFunction *);
QJS(JS_FreeValueRT) void JS_FreeValueRT(Runtime *, Value takes);
QJS(js_free_rt) void js_free_rt(Runtime *, void *);
QJS(memcmp) int memcmp(const void *, const void *, size_t);
QJS(memcpy) void *memcpy(void *, const void *, size_t);
QJS(memset) void *memset(void *, int, size_t);
QJS(strlen) size_t strlen(const char *);

/* Making values */
QJS(JS_NewObject) Value JS_NewObject(Context *);
QJS(JS_NewObjectClass) Value JS_NewObjectClass(Context *, ClassId);
QJS(JS_NewArray) Value JS_NewArray(Context *);
QJS(JS_NewStringLen) Value JS_NewStringLen(Context *, const char *, size_t);
QJS(JS_NewNumber) Value JS_NewNumber(Context *, double);
QJS(JS_NewBigInt64) Value JS_NewBigInt64(Context *, int64_t);
QJS(JS_NewDate) Value JS_NewDate(Context *, double milliseconds);
QJS(JS_NewUint8ArrayCopy) Value JS_NewUint8ArrayCopy(Context *, const uint8_t *, size_t);
QJS(JS_NewCFunction2) Value JS_NewCFunction2(Context *, NativeFunction *, const char *name, int arity, int kind, int magic);
QJS(JS_GetGlobalObject) Value JS_GetGlobalObject(Context *);
QJS(JS_DupValue) Value JS_DupValue(Context *, Value);
QJS(JS_FreeValue) void JS_FreeValue(Context *, Value takes);

/* Classes */
QJS(JS_NewClassID) ClassId JS_NewClassID(Runtime *, ClassId *);
QJS(JS_NewClass) int JS_NewClass(Runtime *, ClassId, const ClassDefinition *);
QJS(JS_SetClassProto) void JS_SetClassProto(Context *, ClassId, Value takes);
QJS(JS_GetClassID) ClassId JS_GetClassID(Value);
QJS(JS_SetOpaque) int JS_SetOpaque(Value, void *);
QJS(JS_GetOpaque) void *JS_GetOpaque(Value, ClassId);
QJS(JS_GetAnyOpaque) void *JS_GetAnyOpaque(Value, ClassId *);

/* Reading values */
QJS(JS_IsArray) int JS_IsArray(Value);
QJS(JS_IsDate) int JS_IsDate(Value);
QJS(JS_IsFunction) int JS_IsFunction(Context *, Value);
QJS(JS_IsError) int JS_IsError(Value);
QJS(JS_IsUncatchableError) int JS_IsUncatchableError(Value);
QJS(JS_IsStrictEqual) int JS_IsStrictEqual(Context *, Value, Value);
QJS(JS_GetTypedArrayType) int JS_GetTypedArrayType(Value);
QJS(JS_GetUint8Array) uint8_t *JS_GetUint8Array(Context *, size_t *, Value);
QJS(JS_ToInt32) int JS_ToInt32(Context *, int32_t *, Value);
QJS(JS_ToFloat64) int JS_ToFloat64(Context *, double *, Value);
QJS(JS_ToBigInt64) int JS_ToBigInt64(Context *, int64_t *, Value);
QJS(JS_ToCStringLen2) const char *JS_ToCStringLen2(Context *, size_t *, Value, int cesu8);
QJS(JS_FreeCString) void JS_FreeCString(Context *, const char *);

/* Properties */
QJS(JS_NewAtomLen) Atom JS_NewAtomLen(Context *, const char *, size_t);
QJS(JS_ValueToAtom) Atom JS_ValueToAtom(Context *, Value);
QJS(JS_DupAtom) Atom JS_DupAtom(Context *, Atom);
QJS(JS_FreeAtom) void JS_FreeAtom(Context *, Atom);
QJS(JS_AtomToCStringLen) const char *JS_AtomToCStringLen(Context *, size_t *, Atom);
QJS(JS_GetProperty) Value JS_GetProperty(Context *, Value, Atom);
QJS(JS_GetPropertyStr) Value JS_GetPropertyStr(Context *, Value, const char *);
QJS(JS_GetPropertyUint32) Value JS_GetPropertyUint32(Context *, Value, uint32_t);
QJS(JS_SetPropertyUint32) int JS_SetPropertyUint32(Context *, Value, uint32_t, Value takes);
QJS(JS_DefinePropertyValue) int JS_DefinePropertyValue(Context *, Value, Atom, Value takes, int flags);
QJS(JS_DefinePropertyValueStr) int JS_DefinePropertyValueStr(Context *, Value, const char *, Value takes, int flags);
QJS(JS_GetOwnPropertyNames) int JS_GetOwnPropertyNames(Context *, PropertyName **, uint32_t *, Value, int flags);
QJS(JS_FreePropertyEnum) void JS_FreePropertyEnum(Context *, PropertyName *, uint32_t);
QJS(JS_GetPrototype) Value JS_GetPrototype(Context *, Value);
QJS(JS_HasProperty) int JS_HasProperty(Context *, Value, Atom);
QJS(JS_SetProperty) int JS_SetProperty(Context *, Value, Atom, Value takes);
QJS(JS_DeleteProperty) int JS_DeleteProperty(Context *, Value, Atom, int flags);
QJS(JS_GetOwnProperty) int JS_GetOwnProperty(Context *, PropertyDescriptor *, Value, Atom);
QJS(JS_DefineProperty) int JS_DefineProperty(Context *, Value, Atom, Value, Value getter, Value setter, int flags);
QJS(JS_GetLength) int JS_GetLength(Context *, Value, int64_t *);

/* Calls, errors, promises */
QJS(JS_Call) Value JS_Call(Context *, Value function, Value receiver, int count, Value *arguments);
QJS(JS_CallConstructor) Value JS_CallConstructor(Context *, Value function, int count, Value *arguments);
QJS(JS_Throw) Value JS_Throw(Context *, Value takes);
QJS(JS_GetException) Value JS_GetException(Context *);
QJS(JS_HasException) int JS_HasException(Context *);
QJS(JS_ThrowTypeError) Value JS_ThrowTypeError(Context *, const char *format, ...);
QJS(JS_ThrowRangeError) Value JS_ThrowRangeError(Context *, const char *format, ...);
QJS(JS_ThrowOutOfMemory) Value JS_ThrowOutOfMemory(Context *);
QJS(JS_IsPromise) int JS_IsPromise(Value);
QJS(JS_PromiseState) int JS_PromiseState(Context *, Value);
QJS(JS_PromiseResult) Value JS_PromiseResult(Context *, Value);
QJS(JS_IsJobPending) int JS_IsJobPending(Runtime *);
QJS(JS_ExecutePendingJob) int JS_ExecutePendingJob(Runtime *, Context **);

enum PromiseState { PROMISE_PENDING, PROMISE_FULFILLED, PROMISE_REJECTED };

#endif
