// SPDX-License-Identifier: Apache-2.0
//
// Gated activations, f(gate) ⊙ up; included by Typed.h for each element type.

static void CK_TYPED(ck_gated_forward)(
    int kind, const CK_ELEMENT *gate, const CK_ELEMENT *up, size_t ld, CK_ELEMENT *out, size_t ldo,
    size_t D, size_t begin, size_t end) {
  CK_FOR_KIND(kind,
    for (size_t r = begin; r < end; r++) {
      const CK_ELEMENT *g = gate + r * ld;
      const CK_ELEMENT *u = up + r * ld;
      CK_ELEMENT *o = out + r * ldo;
      CK_FOR(i, m, D,
        vf value = CK(activation)(KIND, CK_TYPED(get)(g + i, m));
        CK_TYPED(put)(o + i, value * CK_TYPED(get)(u + i, m), m);
      );
    }
  )
}

static void CK_TYPED(ck_gated_backward)(
    int kind, const CK_ELEMENT *gate, const CK_ELEMENT *up, size_t ld, const CK_ELEMENT *dout,
    size_t ldo, CK_ELEMENT *dgate, CK_ELEMENT *dup, size_t ldd, size_t D, size_t begin,
    size_t end) {
  CK_FOR_KIND(kind,
    for (size_t r = begin; r < end; r++) {
      const CK_ELEMENT *g = gate + r * ld;
      const CK_ELEMENT *u = up + r * ld;
      CK_FOR(i, m, D,
        vf slope;
        vf value = CK(activation_slope)(KIND, CK_TYPED(get)(g + i, m), &slope);
        vf d = CK_TYPED(get)(dout + r * ldo + i, m);
        vf du = d * value;
        vf dg = d * CK_TYPED(get)(u + i, m) * slope;
        CK_TYPED(put)(dgate + r * ldd + i, dg, m);
        CK_TYPED(put)(dup + r * ldd + i, du, m);
      );
    }
  )
}
