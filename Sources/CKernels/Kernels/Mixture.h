// SPDX-License-Identifier: Apache-2.0
//
// The sums over the experts of a row, forward and backward.

static void CK(ck_combine_rows)(
    const float *y, const int32_t *places, const float *shares, size_t k, float *out,
    int accumulate, size_t D, size_t begin, size_t end) {
  for (size_t r = begin; r < end; r++) {
    for (size_t j = 0; j < k; j++) {
      const float *row = y + (size_t)places[r * k + j] * D;
      const float share = shares ? shares[r * k + j] : 1;
      const int adds = accumulate || j > 0;
      CK_FOR(i, m, D,
        vf v = CK(get_f32)(row + i, m) * share;
        if (adds) v += CK(get_f32)(out + r * D + i, m);
        CK(put_f32)(out + r * D + i, v, m);
      );
    }
  }
}

static void CK(ck_route_backward)(
    const float *dout, const float *y, const int32_t *places, const int32_t *choice,
    const float *shares, size_t k, float *dlogits, size_t E, size_t D, size_t begin, size_t end) {
  for (size_t r = begin; r < end; r++) {
    float mean = 0;
    memset(dlogits + r * E, 0, E * sizeof *dlogits);
    for (size_t j = 0; j < k; j++) {
      const float *row = y + (size_t)places[r * k + j] * D;
      vf sum = CK(splat)(0);
      CK_FOR(i, m, D, sum += CK(get_f32)(row + i, m) * CK(get_f32)(dout + r * D + i, m););
      const float product = CK(sum)(sum);
      dlogits[r * E + choice[r * k + j]] = product;
      mean += shares[r * k + j] * product;
    }
    for (size_t j = 0; j < k; j++) {
      float *d = dlogits + r * E + choice[r * k + j];
      *d = shares[r * k + j] * (*d - mean);
    }
  }
}
