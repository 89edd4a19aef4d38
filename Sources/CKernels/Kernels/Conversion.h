// SPDX-License-Identifier: Apache-2.0
//
// From float to bfloat16 and back.

static void CK(ck_cast_f32_bf16)(const float *x, ck_bf16 *y, size_t n) {
  CK_FOR(i, m, n, CK(put_bf16)(y + i, CK(get_f32)(x + i, m), m););
}

static void CK(ck_cast_bf16_f32)(const ck_bf16 *x, float *y, size_t n) {
  CK_FOR(i, m, n, CK(put_f32)(y + i, CK(get_bf16)(x + i, m), m););
}
