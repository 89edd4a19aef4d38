// SPDX-License-Identifier: Apache-2.0
//
// Rotary position embedding (Su et al., "RoFormer", 2021), the halves of a head paired as in
// GPT-NeoX and Llama; included by Typed.h for each element type.

/// Turns the pairs (low[j], high[j]) of one head.
CK_INLINE void CK_TYPED(turn)(
    CK_ELEMENT *low, CK_ELEMENT *high, const float *cosines, const float *sines, float direction,
    size_t half) {
  CK_FOR(i, m, half,
    vf c = CK(get_f32)(cosines + i, m);
    vf s = CK(get_f32)(sines + i, m) * direction;
    vf a = CK_TYPED(get)(low + i, m);
    vf b = CK_TYPED(get)(high + i, m);
    CK_TYPED(put)(low + i, a * c - b * s, m);
    CK_TYPED(put)(high + i, b * c + a * s, m);
  );
}

static void CK_TYPED(ck_rotary)(
    CK_ELEMENT *x, size_t ld, size_t heads, size_t S, size_t turned, const float *cosines,
    const float *sines, size_t T, size_t first_position, int inverse, size_t begin, size_t end) {
  const size_t half = turned / 2;
  const float direction = inverse ? -1 : 1;
  for (size_t r = begin; r < end; r++) {
    const size_t angle = (first_position + r % T) * half;
    for (size_t head = 0; head < heads; head++) {
      CK_ELEMENT *low = x + r * ld + head * S;
      CK_TYPED(turn)(low, low + half, cosines + angle, sines + angle, direction, half);
    }
  }
}
