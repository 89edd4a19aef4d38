// SPDX-License-Identifier: Apache-2.0
//
// Rows for experts, each by its share; included by Typed.h for each element type.

static void CK_TYPED(ck_weigh_rows)(
    const float *x, const int32_t *rows, const float *weights, CK_ELEMENT *y, size_t D,
    size_t begin, size_t end) {
  for (size_t i = begin; i < end; i++) {
    CK_ELEMENT *target = y + i * D;
    if (rows[i] < 0) {
      memset(target, 0, D * sizeof *target);
      continue;
    }
    const float *row = x + (size_t)rows[i] * D;
    CK_FOR(c, m, D, CK_TYPED(put)(target + c, CK(get_f32)(row + c, m) * weights[i], m););
  }
}
