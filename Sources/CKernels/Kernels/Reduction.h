// SPDX-License-Identifier: Apache-2.0
//
// Sums over a row, in four vectors at once so that additions need not wait for each other.

/// v with what is behind its first m lanes set to 0.
CK_INLINE vf CK(head)(vf v, size_t m) {
  if (m == W) return v;
  vu lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  vi inside = lane < (vu)((uint32_t)m);
  return inside ? v : CK(splat)(0);
}

/// Adds `term`, an expression in `i`, the element, and `m`, their number, over 0 ..< n.
#define CK_ROW_SUM(result, i, m, n, term) \
  do { \
    vf sums[4] = {CK(splat)(0), CK(splat)(0), CK(splat)(0), CK(splat)(0)}; \
    size_t whole = (n) / (4 * W) * (4 * W); \
    for (size_t at = 0; at < whole; at += 4 * W) { \
      for (size_t k = 0; k < 4; k++) { \
        enum { m = W }; \
        const size_t i = at + k * W; \
        sums[k] += term; \
      } \
    } \
    CK_FOR(rest, m, (n) - whole, const size_t i = whole + rest; sums[0] += term;); \
    result = CK(sum)((sums[0] + sums[1]) + (sums[2] + sums[3])); \
  } while (0)

/// Elements of a norm's gain as it is multiplied: what is kept plus the offset, 1 where none is kept.
CK_INLINE vf CK(gain)(const float *gain, float offset, size_t i, size_t m) {
  return gain ? CK(get_f32)(gain + i, m) + offset : CK(splat)(1);
}

CK_INLINE float CK(row_sum)(const float *x, size_t n) {
  float result;
  CK_ROW_SUM(result, i, m, n, CK(get_f32)(x + i, m));
  return result;
}

CK_INLINE vf CK(square)(vf v) { return v * v; }

/// Σ (x − centre)²
CK_INLINE float CK(row_squares)(const float *x, float centre, size_t n) {
  float result;
  CK_ROW_SUM(result, i, m, n, CK(square)(CK(head)(CK(get_f32)(x + i, m) - centre, m)));
  return result;
}
