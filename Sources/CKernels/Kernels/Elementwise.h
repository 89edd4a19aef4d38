// SPDX-License-Identifier: Apache-2.0
//
// Sums, products and activations; included by Typed.h for each element type.

static void CK_TYPED(ck_add)(
    const CK_ELEMENT *a, const CK_ELEMENT *b, CK_ELEMENT *y, size_t n) {
  CK_FOR(i, m, n, CK_TYPED(put)(y + i, CK_TYPED(get)(a + i, m) + CK_TYPED(get)(b + i, m), m););
}

static void CK_TYPED(ck_add_rows)(
    const CK_ELEMENT *x, size_t ldx, CK_ELEMENT *y, size_t ldy, size_t D, size_t begin,
    size_t end) {
  for (size_t r = begin; r < end; r++) CK_TYPED(ck_add)(x + r * ldx, y + r * ldy, y + r * ldy, D);
}

static void CK_TYPED(ck_multiply)(
    const CK_ELEMENT *a, const CK_ELEMENT *b, CK_ELEMENT *y, size_t n) {
  CK_FOR(i, m, n, CK_TYPED(put)(y + i, CK_TYPED(get)(a + i, m) * CK_TYPED(get)(b + i, m), m););
}

static void CK_TYPED(ck_activation_forward)(
    int kind, const CK_ELEMENT *x, CK_ELEMENT *y, size_t n) {
  CK_FOR_KIND(kind,
    CK_FOR(i, m, n,
      CK_TYPED(put)(y + i, CK(activation)(KIND, CK_TYPED(get)(x + i, m)), m);
    );
  )
}

static void CK_TYPED(ck_activation_backward)(
    int kind, const CK_ELEMENT *x, CK_ELEMENT *dy, float *column_sum, size_t D, size_t begin,
    size_t end) {
  CK_FOR_KIND(kind,
    for (size_t r = begin; r < end; r++) {
      const CK_ELEMENT *xr = x + r * D;
      CK_ELEMENT *dyr = dy + r * D;
      CK_FOR(i, m, D,
        vf slope;
        CK(activation_slope)(KIND, CK_TYPED(get)(xr + i, m), &slope);
        vf d = CK_TYPED(get)(dyr + i, m) * slope;
        CK_TYPED(put)(dyr + i, d, m);
        if (column_sum) CK(put_f32)(column_sum + i, CK(get_f32)(column_sum + i, m) + d, m);
      );
    }
  )
}
