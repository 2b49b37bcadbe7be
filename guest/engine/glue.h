/*
 * What the files of the glue share. The glue joins QuickJS-ng to the Planck host: it turns BSON into values and back, calls handlers,
 * turns host errors into exceptions and exceptions into error documents.
 *
 * Invariants
 * - Nothing that arrives as bytes is trusted: every length is checked against the end of its document, depth is bounded by DEPTH_MAX.
 * - No exception and no trap is used to leave a handler: a failure is recorded with host_fail and the handler returns 0.
 * - A function that returns VALUE_EXCEPTION, or -1, has thrown in the engine; everyone above it passes that on.
 * - `output` is a stack: whoever encodes remembers the length it found and sets it back. Encoding may call getters, which may encode again,
 *   so no pointer into it is kept across an encoding, only offsets.
 */
#ifndef PLANCK_GLUE_H
#define PLANCK_GLUE_H

#include "host.h"
#include "quickjs.h"

#define DEPTH_MAX 100
#define MESSAGE_BYTES_MAX (256u << 20)
#define BUFFER_KEPT_BYTES (256u << 10)
#define BUFFER_FIRST_BYTES (16u << 10)
#define HANDLERS_MAX 4096
#define ERROR_MESSAGE_BYTES_MAX 4096
#define ERROR_STACK_BYTES_MAX 8192

/* BSON element types */
enum Bson {
  BSON_DOUBLE = 1,
  BSON_STRING = 2,
  BSON_DOCUMENT = 3,
  BSON_ARRAY = 4,
  BSON_BINARY = 5,
  BSON_UNDEFINED = 6,
  BSON_OBJECT_ID = 7,
  BSON_BOOLEAN = 8,
  BSON_DATE = 9,
  BSON_NULL = 10,
  BSON_INT32 = 16,
  BSON_INT64 = 18,
  BSON_DECIMAL128 = 19
};
#define SUBTYPE_GENERIC 0x00
#define SUBTYPE_UUID 0x04
#define SUBTYPE_KEY 0x80

/* Where an instance is in its life. Clock, randomness and host operations exist only while it serves. */
enum Phase { PHASE_STARTING, PHASE_EVALUATING, PHASE_SERVING };

extern Context *context;
extern Runtime *runtime;
extern enum Phase phase;

/* buffer.c: growing byte buffers. They are not counted by the engine's memory limit, so they have their own. */
typedef struct {
  uint8_t *bytes;
  uint32_t length;
  uint32_t capacity;
} Buffer;
extern Buffer output;
int buffer_reserve(Buffer *, uint32_t more); /* 0, or -1 without throwing */
void buffer_trim(Buffer *);                  /* empties it, and gives back what is above BUFFER_KEPT_BYTES */

/* names.c: the names of fields as atoms, and back, without asking the engine twice */
typedef struct {
  uint32_t hash;
  Atom atom;
  uint32_t length;
  char text[36];
} Name;
void names_trim(void);                                    /* only between calls: forgets everything when nearly full */
Atom name_atom(const char *text, uint32_t length, int *owned); /* owned: the caller frees it */
const Name *name_of(Atom);                                /* NULL: too long or no room, ask the engine */

/* values.c: Key, Uuid, ObjectId and Decimal: classes that hold the bytes of a BSON value */
enum ValueKind { KIND_KEY, KIND_UUID, KIND_OBJECT_ID, KIND_DECIMAL, KINDS };
int values_start(void);
Value value_make(enum ValueKind, const uint8_t *bytes);
Value value_parse(enum ValueKind, Value text); /* undefined when the text is none */
const uint8_t *value_bytes(Value, enum ValueKind *); /* NULL: not one of ours */
uint32_t value_size(enum ValueKind);
void values_define(Value native);

/* decode.c: BSON to values */
Value decode_document(const uint8_t *bytes, uint32_t length);
/* The element of that name: where its type byte is, and how much of the document is left from there; NULL when there is none. */
const uint8_t *find_field(const uint8_t *bytes, uint32_t length, const char *name, uint32_t name_length, uint32_t *room);
Value decode_element(const uint8_t *element, uint32_t room);
Value decode_lazily(const uint8_t *element, uint32_t room); /* a document, which stays bytes until somebody looks at it */

/* lazy.c: documents that stay bytes until somebody looks at them */
int lazy_start(void);
Value lazy_make(const uint8_t *document, uint32_t length);
int lazy_is(ClassId);
const uint8_t *lazy_bytes(Value, uint32_t *length); /* NULL: it has been looked at */
Value lazy_object(Value);                           /* what it became, borrowed; VALUE_EXCEPTION when it cannot be decoded */

/* service.c: host operations */
extern Buffer parked; /* the reply of the last one */
/* Runs an operation on the argument in `output` from `start`, and takes it off: the length of the reply in `parked`, 0 for none, -1 after a throw. */
int32_t operate_encoded(int32_t operation, uint32_t start);

/* request.c: the request of the running call */
extern Buffer request;
int request_start(void);
Value request_begin(void); /* the request object of a new call */
void request_end(void);    /* from here on the bytes are another request's */

/* statement.c: steps of a query */
void statement_define(Value native);

/* reply.c: what a handler returned */
void reply_define(Value answer_prototype, Value query_prototype, Value reply_function);
int encode_reply(Value result);

/* encode.c: values to BSON, appended to `output` */
void encode_start(void);
int encode_document(Value object);
int encode_is_data(Value object); /* whether an object is a plain one, an array, or a value such as a Date or a Key */
int encode_field(const char *name, uint32_t name_length, Value value); /* one element of a document that is being written */
void encode_text(const char *name, const char *text, uint32_t length); /* a string element; invalid UTF-8 is repaired */
uint32_t encode_begin(void);                                           /* offset of a document, UINT32_MAX when there is no room */
int encode_end(uint32_t start);

/* failure.c: exceptions to error documents */
void fail_with_exception(void);               /* takes the pending exception */
void fail_with_value(Value takes);            /* a thrown value or the reason of a rejection */
void fail_with(const char *code, const char *message);
Value throw_coded(const char *code, const char *message); /* a TypeError with a code; always VALUE_EXCEPTION */
Value throw_host_error(Value takes_document); /* the error document of a failed host operation, as an exception */
void failure_define(Value native);

/* platform.c: what guest code sees of the world */
void platform_define(Value native);
Value throw_build_time(const char *what); /* "<what> cannot be used at the top level …" */
void note_build_time(const char *what);   /* the same where nothing can be thrown; the evaluation fails at its end */
int take_build_time_note(void);           /* throws the first note, if there is one: -1, else 0 */

/* jobs.c: promises */
void jobs_start(void);
int jobs_drain(void);             /* -1: an exception is pending */
int jobs_check_rejections(void);  /* -1: a rejection nobody handles was recorded as failure */
void jobs_forget_rejections(void);

/* Defines a native function on an object. */
void define_function(Value object, const char *name, NativeFunction *function, int arity, int magic);

#endif
