// SPDX-License-Identifier: Apache-2.0
//
// Whether numbers are finite, at the speed of memory on any processor: the compiler makes vectors of
// these loops.

#include "CKernels.h"

#include <string.h>

// The exponent of what is infinite or no number is all ones, and one more of its last bit carries into
// the sign's place. Tensors in files need not lie aligned.
#define CK_ARE_FINITE(bits, type) \
  int ck_are_finite_##bits(const void *x, size_t n, type exponent) { \
    const char *bytes = x; \
    const type least = (type)(exponent & (type)(~exponent + 1)); \
    type carries = 0; \
    for (size_t i = 0; i < n; i++) { \
      type word; \
      memcpy(&word, bytes + i * sizeof word, sizeof word); \
      carries |= (type)((word & exponent) + least); \
    } \
    return (carries >> (bits - 1)) == 0; \
  }

CK_ARE_FINITE(16, uint16_t)
CK_ARE_FINITE(32, uint32_t)
CK_ARE_FINITE(64, uint64_t)
