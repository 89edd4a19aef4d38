// SPDX-License-Identifier: Apache-2.0
//
// One pool for the matrix library and for these kernels: two pools would fight over the cores. On
// Linux that is libgomp's, which oneDNN runs on.

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "CKernels.h"

typedef struct {
  void (*body)(void *context, int thread, int threads);
  void *context;
  int threads;
} region;

#if defined(__linux__)

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

extern void GOMP_parallel(void (*body)(void *), void *context, unsigned threads, unsigned flags);
extern int omp_get_thread_num(void);
extern int omp_get_num_threads(void);
extern int omp_get_num_procs(void);
extern int omp_get_thread_limit(void);
extern void omp_set_num_threads(int threads);
extern void omp_set_dynamic(int dynamic);

// How threads wait for each other.
//
// libgomp's threads turn for some milliseconds before they sleep. Where other programs want the
// processor too, a turning thread takes it from the one that it waits for, and a step becomes several
// times slower. The environment can shorten the wait (GOMP_SPINCOUNT), but libgomp reads it as it is
// loaded, before any code of a library's user runs. It also turns a thousand times only, some
// microseconds, while the process has more of its threads than processors. So a team that does nothing
// but sleep makes them one more.

static void rest(void *context) { (void)context; }

typedef struct {
  unsigned count;
  pthread_mutex_t mutex;
  pthread_cond_t condition;
  bool is_asleep;
} sleepers;

/// Makes a team, and never comes back: its threads live as long as the one that made it.
static void *sleep_as_team(void *context) {
  sleepers *s = context;
  GOMP_parallel(rest, NULL, s->count, 0);
  pthread_mutex_lock(&s->mutex);
  s->is_asleep = true;
  pthread_cond_signal(&s->condition);
  pthread_mutex_unlock(&s->mutex);
  for (;;) pause();
  return NULL;
}

/// Makes a sleeping team of these many threads, and returns when it sleeps. Without it everything
/// works as well, only slower, so a failure is none.
static void add_sleepers(unsigned count) {
  static sleepers s = {0, PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};
  s.count = count;
  s.is_asleep = false;
  // Signals are for threads that do something.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  if (pthread_create(&thread, NULL, sleep_as_team, &s) == 0) {
    pthread_detach(thread);
    pthread_mutex_lock(&s.mutex);
    while (!s.is_asleep) pthread_cond_wait(&s.condition, &s.mutex);
    pthread_mutex_unlock(&s.mutex);
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/// Makes teams of these many threads wait asleep, unless the environment says how to wait.
static void wait_asleep(int threads) {
  // Teams of at least so many threads wait asleep already.
  static _Atomic int smallest = INT_MAX;
  static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  if (threads <= 1 || threads >= atomic_load_explicit(&smallest, memory_order_relaxed)) return;
  pthread_mutex_lock(&mutex);
  if (threads < atomic_load(&smallest)) {
    // One thread of each team is its maker's and does not count.
    int count = omp_get_num_procs() - threads + 2;
    bool is_set = getenv("GOMP_SPINCOUNT") || getenv("OMP_WAIT_POLICY");
    if (count > 1 && !is_set) add_sleepers((unsigned)count);
    atomic_store(&smallest, threads);
  }
  pthread_mutex_unlock(&mutex);
}

// A team may be smaller than was asked for (OMP_THREAD_LIMIT): whoever is there does the shares of
// those who are not, so that every share is done and sums have the same order.
static void run(void *context) {
  region *r = context;
  int team = omp_get_num_threads();
  for (int share = omp_get_thread_num(); share < r->threads; share += team)
    r->body(r->context, share, r->threads);
}

void ck_parallel(int threads, void (*body)(void *, int, int), void *context) {
  if (threads <= 1) {
    body(context, 0, 1);
    return;
  }
  region r = {body, context, threads};
  GOMP_parallel(run, &r, (unsigned)threads, 0);
}

int ck_thread_limit(void) { return omp_get_thread_limit(); }

void ck_set_matrix_threads(int threads) {
  omp_set_dynamic(0);
  omp_set_num_threads(threads);
  wait_asleep(threads);
}

#elif defined(__APPLE__)

#include <dispatch/dispatch.h>
#include <limits.h>

int ck_thread_limit(void) { return INT_MAX; }

void ck_parallel(int threads, void (*body)(void *, int, int), void *context) {
  if (threads <= 1) {
    body(context, 0, 1);
    return;
  }
  dispatch_apply((size_t)threads, DISPATCH_APPLY_AUTO, ^(size_t thread) {
    body(context, (int)thread, threads);
  });
}

void ck_set_matrix_threads(int threads) { (void)threads; }

#else
#error "no thread pool is known for this system"
#endif
