// SPDX-License-Identifier: Apache-2.0
#include "KernelTable.h"

static const ck_table *table_of(int level) {
  switch (level) {
#if defined(__x86_64__)
    case CK_LEVEL_AVX512BF16: return &ck_table_avx512bf16;
    case CK_LEVEL_AVX512CAST: return &ck_table_avx512cast;
    case CK_LEVEL_AVX512: return &ck_table_avx512;
    case CK_LEVEL_AVX2: return &ck_table_avx2;
#endif
    default: return &ck_table_portable;
  }
}

int ck_last_level(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("x86-64-v4")) {
    return __builtin_cpu_supports("avx512bf16") ? CK_LEVEL_AVX512BF16 : CK_LEVEL_AVX512;
  }
  if (__builtin_cpu_supports("x86-64-v3")) return CK_LEVEL_AVX2;
#endif
  return CK_LEVEL_PORTABLE;
}

int ck_best_level(void) {
  int last = ck_last_level();
#if defined(__x86_64__)
  if (last == CK_LEVEL_AVX512BF16 && __builtin_cpu_is("intel")) return CK_LEVEL_AVX512CAST;
#endif
  return last;
}

static int available(int level) {
  int last = ck_last_level();
  return level < CK_LEVEL_PORTABLE ? CK_LEVEL_PORTABLE : level > last ? last : level;
}

static int best_level = CK_LEVEL_PORTABLE;
static const ck_table *best_table = &ck_table_portable;

static _Thread_local int thread_level = -1;
static _Thread_local const ck_table *thread_table = NULL;

int ck_level(void) { return thread_table ? thread_level : best_level; }

int ck_set_thread_level(int level) {
  thread_level = level < 0 ? -1 : available(level);
  thread_table = level < 0 ? NULL : table_of(thread_level);
  return ck_level();
}

__attribute__((constructor)) static void use_best_level(void) {
  best_level = ck_best_level();
  best_table = table_of(best_level);
}

#define X(result, name, parameters, arguments) \
  result name parameters { return (thread_table ? thread_table : best_table)->name arguments; }
CK_KERNELS(X)
#undef X
