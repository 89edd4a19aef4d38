// SPDX-License-Identifier: Apache-2.0
//
// The gradient's norm and AdamW.

static double CK(ck_squared_norm)(const float *x, size_t n) {
  enum { BLOCK = 4096 };
  double total = 0;
  for (size_t begin = 0; begin < n; begin += BLOCK) {
    total += (double)CK(row_squares)(x + begin, 0, n - begin < BLOCK ? n - begin : BLOCK);
  }
  return total;
}

static void CK(ck_adamw_update)(
    const ck_adamw *update, float *parameter, const float *gradient, float *first_moment,
    float *second_moment, ck_bf16 *copy, size_t n) {
  const ck_adamw u = *update;
  CK_FOR(i, m, n,
    vf g = CK(get_f32)(gradient + i, m) * u.gradient_scale;
    vf p = CK(get_f32)(parameter + i, m) * u.one_minus_decay;
    vf first = CK(get_f32)(first_moment + i, m);
    vf second = CK(get_f32)(second_moment + i, m) * u.beta2;
    first = first + (g - first) * u.one_minus_beta1;
    second = second + u.one_minus_beta2 * g * g;
    vf denominator = CK(sqrt)(second) * u.inverse_root_correction + u.epsilon;
    vf step = u.step_size * first / denominator;
    // No gradient was ever seen and ε is 0: no step, where 0/0 would be NaN.
    p = p - (denominator == CK(splat)(0) ? CK(splat)(0) : step);
    CK(put_f32)(parameter + i, p, m);
    CK(put_f32)(first_moment + i, first, m);
    CK(put_f32)(second_moment + i, second, m);
    if (copy) CK(put_bf16)(copy + i, p, m);
  );
}
