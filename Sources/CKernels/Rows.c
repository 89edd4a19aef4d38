// SPDX-License-Identifier: Apache-2.0
//
// Rows and columns that only change their place, and which expert takes which row; the same at every level.

#include <math.h>
#include <string.h>

#include "CKernels.h"

void ck_regroup(
    const void *x, size_t ldx, void *y, size_t ldy, size_t groups, const size_t *widths,
    size_t parts, int inverse, size_t begin, size_t end) {
  for (size_t r = begin; r < end; r++) {
    const char *source = (const char *)x + r * ldx;
    char *target = (char *)y + r * ldy;
    size_t behind = 0, group_width = 0;
    for (size_t part = 0; part < parts; part++) group_width += widths[part];
    for (size_t part = 0, before = 0; part < parts; before += widths[part++]) {
      for (size_t group = 0; group < groups; group++, behind += widths[part]) {
        size_t grouped = group * group_width + before;
        size_t from = inverse ? behind : grouped, to = inverse ? grouped : behind;
        memcpy(target + to, source + from, widths[part]);
      }
    }
  }
}

void ck_gather_rows(
    const void *x, size_t ldx, const int32_t *rows, void *y, size_t width, size_t begin,
    size_t end) {
  for (size_t i = begin; i < end; i++) {
    char *target = (char *)y + i * width;
    if (rows[i] < 0) {
      memset(target, 0, width);
    } else {
      memcpy(target, (const char *)x + (size_t)rows[i] * ldx, width);
    }
  }
}

void ck_choose_experts(
    const float *logits, size_t E, size_t k, int32_t *choice, float *shares, size_t begin,
    size_t end) {
  for (size_t r = begin; r < end; r++) {
    const float *row = logits + r * E;
    int32_t *chosen = choice + r * k;
    double sum = 0;
    for (size_t j = 0; j < k; j++) {
      int32_t best = -1;
      for (size_t e = 0; e < E; e++) {
        int taken = 0;
        for (size_t i = 0; i < j; i++) taken |= chosen[i] == (int32_t)e;
        if (!taken && (best < 0 || row[e] > row[best])) best = (int32_t)e;
      }
      chosen[j] = best;
      sum += exp((double)row[best] - row[chosen[0]]);
    }
    for (size_t j = 0; j < k; j++) {
      shares[r * k + j] = (float)(exp((double)row[chosen[j]] - row[chosen[0]]) / sum);
    }
  }
}

size_t ck_rounded_rows(size_t n) {
  size_t step = 1;
  while (n >= 32 * step) step *= 2;
  return (n + step - 1) / step * step;
}

void ck_place_rows(
    const int32_t *choice, const float *shares, size_t R, size_t k, size_t E, int32_t *starts,
    int32_t *places, int32_t *rows, float *weights) {
  for (size_t e = 0; e <= E; e++) starts[e] = 0;
  for (size_t i = 0; i < R * k; i++) starts[choice[i] + 1]++;
  for (size_t e = 0; e < E; e++) {
    starts[e + 1] = starts[e] + (int32_t)ck_rounded_rows((size_t)starts[e + 1]);
  }
  for (int32_t i = 0; i < starts[E]; i++) {
    rows[i] = -1;
    weights[i] = 0;
  }
  // The starts move on to the places behind what is there, and back.
  for (size_t i = 0; i < R * k; i++) {
    int32_t place = starts[choice[i]]++;
    places[i] = place;
    rows[place] = (int32_t)(i / k);
    weights[place] = shares[i];
  }
  for (size_t i = 0; i < R * k; i++) starts[choice[i]]--;
}
