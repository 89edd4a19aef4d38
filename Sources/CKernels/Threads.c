// SPDX-License-Identifier: Apache-2.0
//
// One pool for the matrix library and for these kernels: two pools would fight over the cores. On
// Linux that is libgomp's, which oneDNN runs on.

#include "CKernels.h"

typedef struct {
  void (*body)(void *context, int thread, int threads);
  void *context;
} region;

#if defined(__linux__)

extern void GOMP_parallel(void (*body)(void *), void *context, unsigned threads, unsigned flags);
extern int omp_get_thread_num(void);
extern int omp_get_num_threads(void);
extern void omp_set_num_threads(int threads);
extern void omp_set_dynamic(int dynamic);

static void run(void *context) {
  region *r = context;
  r->body(r->context, omp_get_thread_num(), omp_get_num_threads());
}

void ck_parallel(int threads, void (*body)(void *, int, int), void *context) {
  if (threads <= 1) {
    body(context, 0, 1);
    return;
  }
  region r = {body, context};
  GOMP_parallel(run, &r, (unsigned)threads, 0);
}

void ck_set_matrix_threads(int threads) {
  omp_set_dynamic(0);
  omp_set_num_threads(threads);
}

#elif defined(__APPLE__)

#include <dispatch/dispatch.h>

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
