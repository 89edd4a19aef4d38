// SPDX-License-Identifier: Apache-2.0
//
// Norms of each head of a row by itself, forward and backward; included by Typed.h for each element type.

/// Σ x, and Σ (x − centre)², of a head.
CK_INLINE float CK_TYPED(head_sum)(const CK_ELEMENT *x, size_t S) {
  vf sum = CK(splat)(0);
  CK_FOR(i, m, S, sum += CK_TYPED(get)(x + i, m););
  return CK(sum)(sum);
}

CK_INLINE float CK_TYPED(head_squares)(const CK_ELEMENT *x, float centre, size_t S) {
  vf sum = CK(splat)(0);
  CK_FOR(i, m, S, sum += CK(square)(CK(head)(CK_TYPED(get)(x + i, m) - centre, m)););
  return CK(sum)(sum);
}

static void CK_TYPED(ck_head_norm_forward)(
    const ck_head_norm *shape, const CK_ELEMENT *x, CK_ELEMENT *h, float *mean, float *rstd,
    const float *gain, size_t begin, size_t end) {
  const size_t S = shape->head_size;
  for (size_t r = begin; r < end; r++) {
    for (size_t head = 0; head < shape->heads; head++) {
      const CK_ELEMENT *xr = x + r * shape->ldx + head * S;
      CK_ELEMENT *hr = h + r * shape->ldh + head * S;
      float centre = 0;
      if (shape->kind == CK_LAYER_NORM) {
        mean[r * shape->heads + head] = centre = CK_TYPED(head_sum)(xr, S) / (float)S;
      }
      float variance = CK_TYPED(head_squares)(xr, centre, S) / (float)S;
      float scale = 1 / __builtin_elementwise_sqrt(variance + shape->epsilon);
      rstd[r * shape->heads + head] = scale;
      CK_FOR(i, m, S,
        vf n = (CK_TYPED(get)(xr + i, m) - centre) * scale;
        CK_TYPED(put)(hr + i, n * CK(gain)(gain, shape->gain_offset, i, m), m);
      );
    }
  }
}

static void CK_TYPED(ck_head_norm_backward)(
    const ck_head_norm *shape, const CK_ELEMENT *x, const CK_ELEMENT *dh, const float *mean,
    const float *rstd, const float *gain, CK_ELEMENT *dx, size_t lddx, int accumulate, float *dgain,
    size_t begin, size_t end) {
  const size_t S = shape->head_size;
  for (size_t r = begin; r < end; r++) {
    for (size_t head = 0; head < shape->heads; head++) {
      const CK_ELEMENT *xr = x + r * shape->ldx + head * S;
      const CK_ELEMENT *dhr = dh + r * shape->ldh + head * S;
      CK_ELEMENT *dxr = dx + r * lddx + head * S;
      const float scale = rstd[r * shape->heads + head];
      const float centre = shape->kind == CK_LAYER_NORM ? mean[r * shape->heads + head] : 0;
      vf sum = CK(splat)(0), product_sum = CK(splat)(0);
      CK_FOR(i, m, S,
        vf n = (CK_TYPED(get)(xr + i, m) - centre) * scale;
        vf g = CK_TYPED(get)(dhr + i, m);
        vf d = g * CK(gain)(gain, shape->gain_offset, i, m);
        sum += d;
        product_sum += d * n;
        CK(put_f32)(dgain + i, CK(get_f32)(dgain + i, m) + g * n, m);
      );
      const float average = shape->kind == CK_LAYER_NORM ? CK(sum)(sum) / (float)S : 0;
      const float product_average = CK(sum)(product_sum) / (float)S;
      CK_FOR(i, m, S,
        vf n = (CK_TYPED(get)(xr + i, m) - centre) * scale;
        vf d = CK_TYPED(get)(dhr + i, m) * CK(gain)(gain, shape->gain_offset, i, m);
        vf v = (d - average - n * product_average) * scale;
        if (accumulate) v += CK_TYPED(get)(dxr + i, m);
        CK_TYPED(put)(dxr + i, v, m);
      );
    }
  }
}
