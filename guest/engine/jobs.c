/*
 * Promises. A call ends when no job is left: whatever settles without I/O has settled by then. A rejection that nobody handled by the end of
 * the call fails it, because it would go unseen otherwise.
 */
#include "glue.h"

#define REJECTIONS_MAX 16
#define JOBS_PER_TICK 256

static struct {
  Value promise;
  Value reason;
} rejections[REJECTIONS_MAX];
static uint32_t rejection_count;

static void forget(uint32_t index) {
  JS_FreeValue(context, rejections[index].promise);
  JS_FreeValue(context, rejections[index].reason);
  rejections[index] = rejections[--rejection_count];
}

static void track(Context *of, Value promise, Value reason, int handled, void *opaque) {
  if (handled) {
    for (uint32_t i = 0; i < rejection_count; i++)
      if (JS_IsStrictEqual(context, rejections[i].promise, promise)) return forget(i);
    return;
  }
  if (rejection_count == REJECTIONS_MAX) return;
  rejections[rejection_count].promise = JS_DupValue(context, promise);
  rejections[rejection_count++].reason = JS_DupValue(context, reason);
}

void jobs_start(void) { JS_SetHostPromiseRejectionTracker(runtime, track, NULL); }

int jobs_drain(void) {
  for (uint32_t jobs = 1; JS_IsJobPending(runtime); jobs++) {
    Context *of;
    if (JS_ExecutePendingJob(runtime, &of) < 0) return -1;
    if (jobs % JOBS_PER_TICK == 0 && host_tick()) {
      throw_coded("deadline_exceeded", "the call ran longer than its deadline");
      return -1;
    }
  }
  return 0;
}

int jobs_check_rejections(void) {
  if (rejection_count == 0) return 0;
  Value reason = JS_DupValue(context, rejections[0].reason);
  jobs_forget_rejections();
  fail_with_value(reason);
  return -1;
}

void jobs_forget_rejections(void) {
  while (rejection_count) forget(rejection_count - 1);
}
