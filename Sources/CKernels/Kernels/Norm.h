// SPDX-License-Identifier: Apache-2.0
//
// Layer norm and root-mean-square norm, forward, with the residual sum before them; included by
// Typed.h for the element type of the output.

static void CK_TYPED(ck_norm_forward)(
    int kind, const float *x, const float *y, float *sum, CK_ELEMENT *h, float *mean, float *rstd,
    const float *gain, float gain_offset, const float *bias, float epsilon, size_t D, size_t begin,
    size_t end) {
  for (size_t r = begin; r < end; r++) {
    const float *row = x + r * D;
    if (y) {
      CK_FOR(i, m, D,
        CK(put_f32)(sum + r * D + i, CK(get_f32)(row + i, m) + CK(get_f32)(y + r * D + i, m), m);
      );
      row = sum + r * D;
    }
    float centre = 0;
    if (kind == CK_LAYER_NORM) mean[r] = centre = CK(row_sum)(row, D) / (float)D;
    float variance = CK(row_squares)(row, centre, D) / (float)D;
    float scale = 1 / __builtin_elementwise_sqrt(variance + epsilon);
    rstd[r] = scale;
    CK_FOR(i, m, D,
      vf v = (CK(get_f32)(row + i, m) - centre) * scale * CK(gain)(gain, gain_offset, i, m);
      if (bias) v += CK(get_f32)(bias + i, m);
      CK_TYPED(put)(h + r * D + i, v, m);
    );
  }
}
