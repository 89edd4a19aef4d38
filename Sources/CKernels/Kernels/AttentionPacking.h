// SPDX-License-Identifier: Apache-2.0
//
// Reads rows of any width in either element type, and packs them as the operands of
// AttentionTiles.h: rows of words, panels of rows, panels of columns. What lies outside the source
// is packed as zero.

CK_INLINE vf CK(read)(int type, const void *x, size_t i) {
  return type == FLOATS ? CK(load)((const float *)x + i) : CK(load_bf16)((const ck_bf16 *)x + i);
}

/// Up to 16 elements from i of a row of n.
CK_INLINE vf CK(read_row)(int type, const void *x, size_t i, size_t n) {
  size_t count = n - i < W ? n - i : W;
  return type == FLOATS ? CK(get_f32)((const float *)x + i, count)
                        : CK(get_bf16)((const ck_bf16 *)x + i, count);
}

CK_INLINE void CK(write_row)(int type, void *y, size_t i, size_t n, vf v) {
  size_t count = n - i < W ? n - i : W;
  if (type == FLOATS) {
    CK(put_f32)((float *)y + i, v, count);
  } else {
    CK(put_bf16)((ck_bf16 *)y + i, v, count);
  }
}

/// The address of element i.
CK_INLINE const void *CK(at)(int type, const void *x, size_t i) {
  return type == FLOATS ? (const void *)((const float *)x + i)
                        : (const void *)((const ck_bf16 *)x + i);
}

CK_INLINE void *CK(at_mutable)(int type, void *x, size_t i) {
  return type == FLOATS ? (void *)((float *)x + i) : (void *)((ck_bf16 *)x + i);
}

/// Words that a row of n elements fills.
CK_INLINE size_t CK(words)(int type, size_t n) { return type == PAIRED ? (n + 1) / 2 : n; }

/// 16 words from word i of a row of n elements.
CK_INLINE vf CK(read_words)(int type, const void *x, size_t i, size_t n) {
  if (type != PAIRED) return CK(read_row)(type, x, i, n);
  const ck_bf16 *p = (const ck_bf16 *)x + 2 * i;
  vf v = CK(splat)(0);
  size_t left = n - 2 * i;
  if (left >= 2 * W) {
    memcpy(&v, p, sizeof v);
  } else {
    memcpy(&v, p, left * sizeof *p);
  }
  return v;
}

/// Rows lie too far apart for the processor to guess the next: asks for S elements of one.
CK_INLINE void CK(prefetch)(int type, const void *x, size_t S, int write) {
  const char *p = x;
  size_t bytes = S * (type == FLOATS ? sizeof(float) : sizeof(ck_bf16));
  for (size_t i = 0; i < bytes; i += 64) {
    if (write) {
      __builtin_prefetch(p + i, 1);
    } else {
      __builtin_prefetch(p + i, 0);
    }
  }
}

/// Rows to ask for ahead.
enum { AHEAD = 16 };

/// out [rows, words(S)] = x, its rows as words.
CK_INLINE void CK(pack_words)(
    int type, const void *x, size_t ld, size_t rows, size_t S, float *out) {
  size_t words = CK(words)(type, S);
  for (size_t r = 0; r < rows; r++) {
    const void *row = CK(at)(type, x, r * ld);
    if (r + AHEAD < rows) CK(prefetch)(type, CK(at)(type, row, AHEAD * ld), S, 0);
    for (size_t i = 0; i < words; i += W) {
      vf v = CK(read_words)(type, row, i, S);
      CK(put_f32)(out + r * words + i, v, words - i < W ? words - i : W);
    }
  }
}

/// Words whose low halves are a and whose high halves are b, as bfloat16.
CK_INLINE vf CK(interleave)(vf a, vf b) {
  vu low = __builtin_convertvector(CK(narrow)(a), vu);
  vu high = __builtin_convertvector(CK(narrow)(b), vu);
  return CK(from_bits)(low | high << 16);
}

/// Panels of columns of x [rows, S]; each panel has `rows` rows, or half as many rows of pairs.
CK_INLINE void CK(pack_rows)(
    int type, const void *x, size_t ld, size_t rows, size_t S, float *out, size_t panel_words) {
  size_t pair = type == PAIRED ? 2 : 1;
  for (size_t r = 0; r < rows; r += pair) {
    const void *row = CK(at)(type, x, r * ld);
    for (size_t i = 0; i < S; i += W) {
      vf v = CK(read_row)(type, row, i, S);
      if (type == PAIRED) {
        vu high = {0};
        if (r + 1 < rows) high = CK(bits)(CK(read_row)(type, CK(at)(type, row, ld), i, S));
        v = CK(from_bits)(CK(bits)(v) >> 16 | high);
      }
      CK(store)(out + i / PANEL * panel_words + r / pair * PANEL + i % PANEL, v);
    }
  }
}

#define CK_SWAP(d, l) ((l) & (d) ? 16 + (l) - (d) : (l)), ((l) + 1 & (d) ? 17 + (l) - (d) : (l) + 1)
#define CK_SWAP_HIGH(d, l) \
  ((l) & (d) ? 16 + (l) : (l) + (d)), ((l) + 1 & (d) ? 17 + (l) : (l) + 1 + (d))
#define CK_LANES(pair, d) \
  pair(d, 0), pair(d, 2), pair(d, 4), pair(d, 6), pair(d, 8), pair(d, 10), pair(d, 12), pair(d, 14)
#define CK_TRANSPOSE_STAGE(d) \
  for (int i = 0; i < W; i++) { \
    if (i & (d)) continue; \
    vf a = rows[i], b = rows[i + (d)]; \
    rows[i] = __builtin_shufflevector(a, b, CK_LANES(CK_SWAP, d)); \
    rows[i + (d)] = __builtin_shufflevector(a, b, CK_LANES(CK_SWAP_HIGH, d)); \
  }

/// Transposes 16 rows of 16 words.
CK_INLINE void CK(transpose)(vf rows[W]) {
  CK_TRANSPOSE_STAGE(8)
  CK_TRANSPOSE_STAGE(4)
  CK_TRANSPOSE_STAGE(2)
  CK_TRANSPOSE_STAGE(1)
}

#undef CK_TRANSPOSE_STAGE
#undef CK_LANES
#undef CK_SWAP_HIGH
#undef CK_SWAP

/// Panels of rows of x [rows, S]: xᵀ [words(S), rows], rows rounded up to PANEL.
CK_INLINE void CK(pack_columns)(
    int type, const void *x, size_t ld, size_t rows, size_t S, float *out) {
  size_t words = CK(words)(type, S);
  for (size_t r = 0; r < rows; r += W) {
    float *panel = out + r / PANEL * PANEL * words + r % PANEL;
    for (size_t l = r + W; l < r + 2 * W && l < rows; l++) {
      CK(prefetch)(type, CK(at)(type, x, l * ld), S, 0);
    }
    for (size_t i = 0; i < words; i += W) {
      vf block[W];
      for (size_t l = 0; l < W; l++) {
        block[l] = r + l < rows ? CK(read_words)(type, CK(at)(type, x, (r + l) * ld), i, S)
                                : CK(splat)(0);
      }
      CK(transpose)(block);
      size_t count = words - i < W ? words - i : W;
      for (size_t l = 0; l < count; l++) CK(store)(panel + (i + l) * PANEL, block[l]);
    }
  }
}

/// Writes factor · x [rows, S], its rows `width` apart, to y with rows `ld` apart.
CK_INLINE void CK(unpack_rows)(
    int type, const float *x, size_t width, float factor, void *y, size_t ld, size_t rows,
    size_t S) {
  for (size_t r = 0; r < rows; r++) {
    void *row = CK(at_mutable)(type, y, r * ld);
    if (r + AHEAD < rows) CK(prefetch)(type, CK(at)(type, row, AHEAD * ld), S, 1);
    for (size_t i = 0; i < S; i += W) {
      CK(write_row)(type, row, i, S, factor * CK(load)(x + r * width + i));
    }
  }
}
