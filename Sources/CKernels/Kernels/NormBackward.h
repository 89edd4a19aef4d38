// SPDX-License-Identifier: Apache-2.0
//
// The norms' derivative. With n = (x − mean) · rstd and d = dh ⊙ gain, dx = rstd · (d − average(d)
// − n · average(d ⊙ n)); the root-mean-square norm has no first average.

/// Adds to dgain and dbias from one row; returns the two averages.
CK_INLINE void CK(norm_averages)(
    const float *x, const float *dh, float mean, float rstd, const float *gain, float gain_offset,
    float *dgain, float *dbias, size_t D, float *average, float *product_average) {
  vf sum = CK(splat)(0), product_sum = CK(splat)(0);
  CK_FOR(i, m, D,
    vf n = (CK(get_f32)(x + i, m) - mean) * rstd;
    vf g = CK(get_f32)(dh + i, m);
    vf gn = g * n;
    vf w = CK(gain)(gain, gain_offset, i, m);
    sum += g * w;
    product_sum += gn * w;
    if (dgain) CK(put_f32)(dgain + i, CK(get_f32)(dgain + i, m) + gn, m);
    if (dbias) CK(put_f32)(dbias + i, CK(get_f32)(dbias + i, m) + g, m);
  );
  *average = CK(sum)(sum) / (float)D;
  *product_average = CK(sum)(product_sum) / (float)D;
}

static void CK(ck_norm_backward)(
    int kind, const float *x, const float *dh, const float *mean, const float *rstd,
    const float *gain, float gain_offset, float *dx, int accumulate, ck_bf16 *copy, float *dgain,
    float *dbias, float *column_sum, size_t D, size_t begin, size_t end) {
  for (size_t r = begin; r < end; r++) {
    const float *xr = x + r * D;
    const float *dhr = dh + r * D;
    float *dxr = dx + r * D;
    const float centre = kind == CK_LAYER_NORM ? mean[r] : 0;
    const float scale = rstd[r];
    float average;
    float product_average;
    CK(norm_averages)(
        xr, dhr, centre, scale, gain, gain_offset, dgain, dbias, D, &average, &product_average);
    if (kind != CK_LAYER_NORM) average = 0;
    CK_FOR(i, m, D,
      vf n = (CK(get_f32)(xr + i, m) - centre) * scale;
      vf d = CK(get_f32)(dhr + i, m) * CK(gain)(gain, gain_offset, i, m);
      vf v = (d - average - n * product_average) * scale;
      if (accumulate) v += CK(get_f32)(dxr + i, m);
      CK(put_f32)(dxr + i, v, m);
      if (copy) CK(put_bf16)(copy + r * D + i, v, m);
      if (column_sum) CK(put_f32)(column_sum + i, CK(get_f32)(column_sum + i, m) + v, m);
    );
  }
}
