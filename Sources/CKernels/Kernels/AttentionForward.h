// SPDX-License-Identifier: Apache-2.0
//
// out = softmax(scale · q kᵀ) v for one query head. T keys, S head size. Tiles of queries meet the keys
// in chunks; a few queries (decoding) go straight over the rows of k and v instead.

/// Up to so many queries packing keys and values costs more than it saves.
enum { DIRECT_ROWS = 4 };

typedef struct {
  size_t depth;         ///< words of a row
  size_t width;         ///< S, rounded up to vectors
  size_t value_panel;   ///< words of a panel of values
  size_t query, keys, values, scores, sums, factors;  ///< offsets in the workspace
  size_t end;
} ck_attention_forward_plan;

CK_INLINE ck_attention_forward_plan CK(forward_plan)(const ck_attention *shape, int type) {
  size_t T = shape->key_rows, S = shape->head_size;
  ck_attention_forward_plan p;
  p.depth = CK(words)(type, S);
  p.width = CK(round_up)(S, W);
  p.value_panel = CK(words)(type, T) * PANEL;
  p.query = 0;
  p.keys = p.query + CK(round_up)(TILE * p.depth, W);
  p.values = p.keys + CK(round_up)(T, PANEL) * p.depth;
  p.scores = CK(round_up)(p.values + CK(round_up)(S, PANEL) / PANEL * p.value_panel, W);
  p.sums = p.scores + TILE * SCORES;
  p.factors = p.sums + TILE * p.width;
  p.end = p.factors + FACTORS;
  if (shape->query_rows <= DIRECT_ROWS) {
    p.scores = 0;
    p.factors = CK(round_up)(T, W);
    p.end = p.factors + FACTORS;
  }
  return p;
}

CK_INLINE float CK(log_sum)(const ck_attention_row *row, float scale) {
  return (float)((double)row->largest * scale + log(row->sum));
}

// MARK: Straight over the rows

CK_INLINE float CK(dot)(int type, const void *a, const void *b, size_t S) {
  vf sum = CK(splat)(0);
  for (size_t i = 0; i < S; i += W) {
    sum = CK(read_row)(type, a, i, S) * CK(read_row)(type, b, i, S) + sum;
  }
  return CK(sum)(sum);
}

/// out [S] = factor · Σ weights[t] v[t].
CK_INLINE void CK(sum_values)(
    int type, const float *weights, size_t T, const void *v, size_t ld, float factor, void *out,
    size_t S) {
  for (size_t i = 0; i < S; i += 4 * W) {
    vf sum[4] = {0};
    if (i + 4 * W <= S) {
      for (size_t t = 0; t < T; t++) {
        const void *row = CK(at)(type, v, t * ld);
        for (size_t j = 0; j < 4; j++) {
          sum[j] = weights[t] * CK(read)(type, row, i + j * W) + sum[j];
        }
      }
    } else {
      for (size_t t = 0; t < T; t++) {
        const void *row = CK(at)(type, v, t * ld);
        for (size_t j = 0; i + j * W < S; j++) {
          sum[j] = weights[t] * CK(read_row)(type, row, i + j * W, S) + sum[j];
        }
      }
    }
    for (size_t j = 0; j < 4 && i + j * W < S; j++) {
      CK(write_row)(type, out, i + j * W, S, factor * sum[j]);
    }
  }
}

CK_INLINE void CK(attention_direct)(
    int type, const ck_attention *shape, const void *q, const void *k, const void *v, void *out,
    float *lse, const ck_attention_dropout *dropout, float *weights) {
  size_t S = shape->head_size, offset = shape->key_rows - shape->query_rows;
  for (size_t i = 0; i < shape->query_rows; i++) {
    size_t end = shape->causal ? offset + i + 1 : shape->key_rows;
    size_t first = shape->window && shape->window < end ? end - shape->window : 0, T = end - first;
    const void *query = CK(at)(type, q, i * shape->ldq);
    for (size_t t = 0; t < T; t++) {
      weights[t] = CK(dot)(type, query, CK(at)(type, k, (first + t) * shape->ldk), S);
    }
    ck_attention_row row = {-INFINITY, 0};
    CK(softmax_row)(
        FLOATS, weights, 0, T, CK(round_up)(T, W), shape->scale * ck_log2_e, &row, NULL);
    if (dropout->rate > 0) {
      for (size_t t = 0; t < T; t += CHUNK) {
        size_t count = T - t < CHUNK ? T - t : CHUNK;
        const float *factors =
            CK(dropout_factors)(dropout, (uint64_t)i * shape->key_rows + first + t, count);
        for (size_t j = 0; j < count; j++) weights[t + j] *= factors[j];
      }
    }
    CK(sum_values)(
        type, weights, T, CK(at)(type, v, first * shape->ldv), shape->ldv, 1 / row.sum,
        CK(at_mutable)(type, out, i * shape->ldo), S);
    lse[i] = CK(log_sum)(&row, shape->scale);
  }
}

// MARK: In tiles

/// The weights of a tile in one chunk, from its scores; scales what the rows have summed before.
CK_INLINE void CK(softmax_tile)(
    int type, const ck_attention *shape, const ck_attention_view *view, float *scores,
    ck_attention_row *rows, float *sums, size_t width, const ck_attention_dropout *dropout,
    uint64_t element) {
  size_t limit = CK(round_up)(view->keys, W);
  for (size_t r = 0; r < view->rows; r++) {
    size_t count = CK(visible)(view, r);
    // The product reads on to the last key that any row of the block sees.
    size_t end = CK(round_up)(CK(visible)(view, r + BLOCK), W);
    const float *factors = NULL;
    if (dropout->rate > 0 && count > 0) {
      factors = CK(dropout_factors)(dropout, element + r * shape->key_rows, count);
    }
    float factor = CK(softmax_row)(
        type, scores + r * SCORES, CK(hidden)(view, r), count, end < limit ? end : limit,
        shape->scale * ck_log2_e, &rows[r], factors);
    if (factor == 1) continue;
    for (size_t i = 0; i < width; i += W) {
      CK(store)(sums + r * width + i, factor * CK(load)(sums + r * width + i));
    }
  }
}

CK_INLINE void CK(attention_tiles)(
    int type, const ck_attention *shape, const void *q, const void *k, const void *v, void *out,
    float *lse, const ck_attention_dropout *dropout, const ck_attention_forward_plan *plan,
    float *workspace) {
  size_t T = shape->key_rows, S = shape->head_size, offset = T - shape->query_rows;
  float *query = workspace + plan->query, *keys = workspace + plan->keys;
  float *values = workspace + plan->values, *scores = workspace + plan->scores;
  float *sums = workspace + plan->sums;
  CK(pack_columns)(type, k, shape->ldk, T, S, keys);
  CK(pack_rows)(type, v, shape->ldv, T, S, values, plan->value_panel);
  for (size_t begin = 0; begin < shape->query_rows; begin += TILE) {
    size_t rows = shape->query_rows - begin < TILE ? shape->query_rows - begin : TILE;
    size_t seen = shape->causal ? offset + begin + rows : T;
    ck_attention_row state[TILE];
    for (size_t r = 0; r < rows; r++) state[r] = (ck_attention_row){-INFINITY, 0};
    CK(pack_words)(type, CK(at)(type, q, begin * shape->ldq), shape->ldq, rows, S, query);
    size_t start = CK(first_chunk)(shape, offset + begin);
    for (size_t key = start; key < seen; key += CHUNK) {
      ck_attention_view view = {
          rows, seen - key < CHUNK ? seen - key : CHUNK, shape->causal,
          (ptrdiff_t)(offset + begin) - (ptrdiff_t)key, (ptrdiff_t)T - (ptrdiff_t)key,
          shape->window};
      CK(score_product)(type, &view, plan->depth, query, keys + key * plan->depth, scores);
      CK(softmax_tile)(
          type, shape, &view, scores, state, sums, plan->width, dropout,
          (uint64_t)begin * T + key);
      CK(weighted_sum)(
          type, &view, scores, SCORES, values + CK(words)(type, key) * PANEL, plan->value_panel,
          sums, plan->width, key > start);
    }
    for (size_t r = 0; r < rows; r++) {
      CK(unpack_rows)(
          type, sums + r * plan->width, plan->width, 1 / state[r].sum,
          CK(at_mutable)(type, out, (begin + r) * shape->ldo), shape->ldo, 1, S);
      lse[begin + r] = CK(log_sum)(&state[r], shape->scale);
    }
  }
}

CK_INLINE void CK(attention_forward)(
    int type, const ck_attention *shape, const void *q, const void *k, const void *v, void *out,
    float *lse, uint64_t head, float *workspace) {
  ck_attention_forward_plan plan = CK(forward_plan)(shape, type);
  ck_attention_dropout dropout = {
      shape->dropout, &shape->random, head * shape->query_rows * shape->key_rows,
      workspace + plan.factors};
  if (shape->query_rows <= DIRECT_ROWS) {
    CK(attention_direct)(
        type, shape, q, k, v, out, lse, &dropout, workspace + plan.scores);
  } else {
    CK(attention_tiles)(type, shape, q, k, v, out, lse, &dropout, &plan, workspace);
  }
}
