// SPDX-License-Identifier: Apache-2.0
//
// The matrix products of attention, on operands packed by AttentionPacking.h.
//
// All of them are C (+)= A · B in words of 32 bits: a word is a float, or, where `type` is PAIRED, two
// bfloat16 that are neighbours along the depth of the product; C is always float. A is read word by
// word with any strides. B stands in panels of PANEL columns, each panel contiguous, its rows PANEL
// words apart. Row counts of A and C are rounded up to BLOCK: the buffers have room for that, and what
// is computed there is never looked at.

/// How elements are stored and multiplied: float32; bfloat16 multiplied as float32; bfloat16
/// multiplied in pairs.
enum { FLOATS, WIDENED, PAIRED };

/// Rows and vectors of the block of C that is kept in registers: 16 of 32 registers where a vector is
/// one register, 12 of 16 where it is two; below AVX2 a vector is four.
#if CK_LEVEL >= CK_LEVEL_AVX512
enum { BLOCK = 8, VECTORS = 2 };
#elif CK_LEVEL == CK_LEVEL_AVX2 || defined(__aarch64__)
enum { BLOCK = 6, VECTORS = 1 };
#else
enum { BLOCK = 2, VECTORS = 1 };
#endif

enum {
  PANEL = VECTORS * W,
  /// Query rows of a tile.
  TILE = BLOCK == 6 ? 48 : 64,
  /// Keys that a tile meets at once; a multiple of PANEL and BLOCK.
  CHUNK = BLOCK == 6 ? 240 : 256,
  /// Distance between a tile's rows of scores; not a power of two, which would use few cache sets.
  SCORES = CHUNK + W,
};

CK_INLINE size_t CK(round_up)(size_t n, size_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

/// sum + a · b in each of 16 words.
CK_INLINE vf CK(multiply_add)(int type, vf a, vf b, vf sum) {
#if CK_LEVEL == CK_LEVEL_AVX512BF16
  if (type == PAIRED) {
    return (vf)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
  }
#endif
  (void)type;
  return a * b + sum;
}

/// One block of C, BLOCK rows by `vectors` vectors; row r, depth d of A is a[r · row + d · step].
CK_INLINE void CK(block)(
    int type, int vectors, size_t depth, const float *a, size_t row, size_t step, const float *b,
    float *c, size_t ldc, int accumulate) {
  vf sum[BLOCK][VECTORS];
#pragma clang loop unroll(full)
  for (int r = 0; r < BLOCK; r++) {
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) {
      sum[r][v] = accumulate ? CK(load)(c + r * ldc + v * W) : CK(splat)(0);
    }
  }
  for (size_t d = 0; d < depth; d++) {
    vf right[VECTORS];
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) right[v] = CK(load)(b + d * PANEL + v * W);
#pragma clang loop unroll(full)
    for (int r = 0; r < BLOCK; r++) {
      vf left = CK(splat)(a[r * row + d * step]);
#pragma clang loop unroll(full)
      for (int v = 0; v < vectors; v++) {
        sum[r][v] = CK(multiply_add)(type, left, right[v], sum[r][v]);
      }
    }
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < BLOCK; r++) {
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) CK(store)(c + r * ldc + v * W, sum[r][v]);
  }
}

/// The block with `columns` columns that count, at most PANEL.
CK_INLINE void CK(block_columns)(
    int type, size_t columns, size_t depth, const float *a, size_t row, size_t step,
    const float *b, float *c, size_t ldc, int accumulate) {
  if (columns > W) {
    CK(block)(type, VECTORS, depth, a, row, step, b, c, ldc, accumulate);
  } else {
    CK(block)(type, 1, depth, a, row, step, b, c, ldc, accumulate);
  }
}

/// The keys of a chunk that a tile's rows may see.
typedef struct {
  size_t rows;      ///< of the tile
  size_t keys;      ///< of the chunk
  int causal;
  ptrdiff_t first;  ///< position of the tile's first row, counted from the chunk's first key
  ptrdiff_t end;    ///< position after the last of all keys, counted alike
  size_t window;    ///< keys that a row sees at most; 0 for all
} ck_attention_view;

/// One past the last key that row `row` of the tile sees.
CK_INLINE size_t CK(visible)(const ck_attention_view *view, size_t row) {
  if (!view->causal) return view->keys;
  ptrdiff_t end = view->first + (ptrdiff_t)row + 1;
  if (end < 0) return 0;
  return (size_t)end < view->keys ? (size_t)end : view->keys;
}

/// The first key that row `row` of the tile sees.
CK_INLINE size_t CK(hidden)(const ck_attention_view *view, size_t row) {
  if (!view->window) return 0;
  ptrdiff_t end = view->causal ? view->first + (ptrdiff_t)row + 1 : view->end;
  ptrdiff_t begin = end - (ptrdiff_t)view->window;
  if (begin < 0) return 0;
  return (size_t)begin < view->keys ? (size_t)begin : view->keys;
}

/// The first key that any row from position `first` on sees, of T, at the beginning of its chunk.
CK_INLINE size_t CK(first_chunk)(const ck_attention *shape, size_t first) {
  size_t end = shape->causal ? first + 1 : shape->key_rows;
  if (!shape->window || shape->window >= end) return 0;
  return (end - shape->window) / CHUNK * CHUNK;
}

/// scores [rows, keys] = left [rows, depth] · right [depth, keys], as far as rows see keys.
CK_INLINE void CK(score_product)(
    int type, const ck_attention_view *view, size_t depth, const float *left, const float *right,
    float *scores) {
  for (size_t key = 0; key < view->keys; key += PANEL) {
    for (size_t row = 0; row < view->rows; row += BLOCK) {
      size_t end = CK(visible)(view, row + BLOCK - 1);
      if (end <= key || key + PANEL <= CK(hidden)(view, row)) continue;
      CK(block_columns)(
          type, end - key, depth, left + row * depth, depth, 1, right + key * depth,
          scores + row * SCORES + key, SCORES, 0);
    }
  }
}

/// out [rows, width] (+)= weights [rows, keys] · right [keys, width]; weights have rows `ldw` words
/// apart and are zero where a row does not see a key that another of its block sees; panels of right are `panel_words` apart.
CK_INLINE void CK(weighted_sum)(
    int type, const ck_attention_view *view, const float *weights, size_t ldw, const float *right,
    size_t panel_words, float *out, size_t width, int accumulate) {
  for (size_t column = 0; column < width; column += PANEL) {
    const float *panel = right + column / PANEL * panel_words;
    for (size_t row = 0; row < view->rows; row += BLOCK) {
      size_t begin = CK(hidden)(view, row), end = CK(visible)(view, row + BLOCK - 1);
      if (type == PAIRED) begin /= 2, end = (end + 1) / 2;
      CK(block_columns)(
          type, width - column, end - begin, weights + row * ldw + begin, ldw, 1,
          panel + begin * PANEL, out + row * width + column, width, accumulate);
    }
  }
}

/// out [keys, width] += weightsᵀ [keys, rows] · right [rows, width]; weights have rows (or pairs of
/// rows) `ldw` words apart; panels of right are `panel_words` apart.
CK_INLINE void CK(transposed_sum)(
    int type, const ck_attention_view *view, const float *weights, size_t ldw, const float *right,
    size_t panel_words, float *out, size_t width) {
  size_t pair = type == PAIRED ? 2 : 1;
  for (size_t column = 0; column < width; column += PANEL) {
    const float *panel = right + column / PANEL * panel_words;
    for (size_t key = 0; key < view->keys; key += BLOCK) {
      // Rows before the one at the key's own position do not see it, nor do those whose window begins
      // behind the block's last key.
      ptrdiff_t first = view->causal ? (ptrdiff_t)key - view->first : 0, last = (ptrdiff_t)view->rows;
      if (view->window && view->causal) {
        ptrdiff_t behind = (ptrdiff_t)(key + BLOCK - 1 + view->window) - view->first;
        if (behind < last) last = behind;
      }
      if (first >= (ptrdiff_t)view->rows) break;
      if (!view->causal && key + BLOCK <= CK(hidden)(view, 0)) continue;
      size_t begin = first > 0 ? (size_t)first / pair : 0;
      size_t end = last > 0 ? ((size_t)last + pair - 1) / pair : 0;
      if (begin >= end) continue;
      CK(block_columns)(
          type, width - column, end - begin, weights + begin * ldw + key, 1, ldw,
          panel + begin * PANEL, out + key * width + column, width, 1);
    }
  }
}
