// SPDX-License-Identifier: Apache-2.0
//
// Column sums; included by Typed.h for each element type. A column's order of additions depends on
// the number of rows alone.

static void CK_TYPED(ck_column_sum)(
    const CK_ELEMENT *x, size_t ld, float *out, size_t R, size_t begin, size_t end) {
  const size_t columns = end - begin;
  x += begin;
  out += begin;
  size_t r = 0;
  for (; r + 4 <= R; r += 4, x += 4 * ld) {
    CK_FOR(i, m, columns,
      vf a = CK_TYPED(get)(x + i, m) + CK_TYPED(get)(x + ld + i, m);
      vf b = CK_TYPED(get)(x + 2 * ld + i, m) + CK_TYPED(get)(x + 3 * ld + i, m);
      CK(put_f32)(out + i, CK(get_f32)(out + i, m) + (a + b), m);
    );
  }
  for (; r < R; r++, x += ld) {
    CK_FOR(i, m, columns,
      CK(put_f32)(out + i, CK(get_f32)(out + i, m) + CK_TYPED(get)(x + i, m), m);
    );
  }
}
