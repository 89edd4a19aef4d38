// SPDX-License-Identifier: Apache-2.0
#if defined(__x86_64__)
#include <immintrin.h>
#include "../KernelTable.h"

#define CK_LEVEL CK_LEVEL_AVX512CAST
#define CK(name) name##_avx512cast
#define CK_TABLE ck_table_avx512cast

#include <math.h>
#include <string.h>
#pragma clang attribute push(__attribute__((target("avx512bf16,avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx2,bmi,bmi2,f16c,fma,lzcnt,movbe"))), apply_to = function)
#include "../Kernels/Level.h"
#pragma clang attribute pop
#endif
