// SPDX-License-Identifier: Apache-2.0
//
// Token and position embeddings. The backward kernels take a range of columns, so that threads
// never write the same row of the table and the order of additions depends on nothing.

static void CK(ck_embedding_forward)(
    const float *table, const int32_t *tokens, const float *positions, size_t T,
    size_t first_position, float *out, size_t D, size_t begin, size_t end) {
  for (size_t r = begin; r < end; r++) {
    const float *token = table + (size_t)tokens[r] * D;
    if (!positions) {
      memcpy(out + r * D, token, D * sizeof *token);
      continue;
    }
    const float *position = positions + (first_position + r % T) * D;
    CK_FOR(i, m, D,
      CK(put_f32)(out + r * D + i, CK(get_f32)(token + i, m) + CK(get_f32)(position + i, m), m);
    );
  }
}

static void CK(ck_position_forward)(
    const float *x, const float *positions, size_t T, size_t first_position, float *out, size_t D,
    size_t begin, size_t end) {
  for (size_t r = begin; r < end; r++) {
    const float *row = x + r * D;
    const float *position = positions + (first_position + r % T) * D;
    CK_FOR(i, m, D,
      CK(put_f32)(out + r * D + i, CK(get_f32)(row + i, m) + CK(get_f32)(position + i, m), m);
    );
  }
}

/// y += x
CK_INLINE void CK(accumulate)(const float *x, float *y, size_t n) {
  CK_FOR(i, m, n, CK(put_f32)(y + i, CK(get_f32)(y + i, m) + CK(get_f32)(x + i, m), m););
}

static void CK(ck_embedding_backward)(
    const float *dx, const int32_t *tokens, float *dtable, size_t R, size_t D, size_t begin,
    size_t end) {
  for (size_t r = 0; r < R; r++) {
    CK(accumulate)(dx + r * D + begin, dtable + (size_t)tokens[r] * D + begin, end - begin);
  }
}

static void CK(ck_position_backward)(
    const float *dx, float *dpositions, size_t R, size_t T, size_t D, size_t begin, size_t end) {
  for (size_t t = 0; t < T && t < R; t++) {
    for (size_t r = t; r < R; r += T) {
      CK(accumulate)(dx + r * D + begin, dpositions + t * D + begin, end - begin);
    }
  }
}
