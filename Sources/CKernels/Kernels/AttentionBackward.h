// SPDX-License-Identifier: Apache-2.0
//
// The gradients of one key/value head and its group of query heads. T positions, S head size.
// With weights P = exp(scale · q kᵀ − lse), dropped weights P̃ and dP = dropout(dout vᵀ):
// dv = P̃ᵀ dout, dS = P ⊙ (dP − rows of dout · out), dq = scale · dS k, dk = scale · dSᵀ q.

typedef struct {
  size_t depth, width;
  size_t key_panel;   ///< words of a panel of keys
  size_t tile_panel;  ///< words of a panel of a tile's rows
  /// Offsets in the workspace: of the sequence…
  size_t keys, values, key_rows, dk, dv;
  /// … and of a tile.
  size_t query, dout, query_rows, dout_rows, scores, dscores, dscore_words, dq, factors;
  size_t end;
} ck_attention_backward_plan;

/// Takes words, rounded up to whole cache lines.
CK_INLINE size_t CK(take)(size_t *cursor, size_t words) {
  size_t offset = *cursor;
  *cursor += CK(round_up)(words, W);
  return offset;
}

CK_INLINE ck_attention_backward_plan CK(backward_plan)(const ck_attention *shape, int type) {
  size_t T = shape->key_rows, S = shape->head_size;
  size_t panels = CK(round_up)(S, PANEL) / PANEL, end = 0;
  ck_attention_backward_plan p;
  p.depth = CK(words)(type, S);
  p.width = CK(round_up)(S, W);
  p.key_panel = CK(words)(type, T) * PANEL;
  p.tile_panel = CK(words)(type, TILE) * PANEL;
  p.keys = CK(take)(&end, CK(round_up)(T, PANEL) * p.depth);
  p.values = CK(take)(&end, CK(round_up)(T, PANEL) * p.depth);
  p.key_rows = CK(take)(&end, panels * p.key_panel);
  p.dk = CK(take)(&end, CK(round_up)(T, BLOCK) * p.width);
  p.dv = CK(take)(&end, CK(round_up)(T, BLOCK) * p.width);
  p.query = CK(take)(&end, TILE * p.depth);
  p.dout = CK(take)(&end, TILE * p.depth);
  p.query_rows = CK(take)(&end, panels * p.tile_panel);
  p.dout_rows = CK(take)(&end, panels * p.tile_panel);
  p.scores = CK(take)(&end, TILE * SCORES);
  p.dscores = CK(take)(&end, TILE * SCORES);
  p.dscore_words = CK(take)(&end, type == PAIRED ? TILE * SCORES / 2 : 0);
  p.dq = CK(take)(&end, TILE * p.width);
  p.factors = CK(take)(&end, 2 * FACTORS);
  p.end = end;
  return p;
}

/// What the softmax's derivative needs of one row of a tile.
typedef struct {
  float *scores, *dscores;  ///< [keys]
  float log2_sum;           ///< lse in base 2
  float delta;              ///< dout · out
  size_t first, count;      ///< it sees keys first ..< count
  const float *factors;     ///< of dropout, or null
} ck_attention_gradient_row;

/// P̃ and dS of 16 keys from i.
CK_INLINE void CK(softmax_gradient)(
    const ck_attention_gradient_row *row, size_t i, int masked, float scale2, vf *weights,
    vf *dscores) {
  vf p = CK(power_of_two)(CK(load)(row->scores + i) * scale2 - row->log2_sum);
  vf dp = CK(load)(row->dscores + i), dropped = p;
  if (row->factors) {
    vf factors = CK(load)(row->factors + i);
    dropped = p * factors;
    dp = dp * factors;
  }
  vf ds = p * (dp - row->delta);
  if (masked) {
    vi seen = CK(lanes_between)(i, row->first, row->count);
    dropped = seen ? dropped : CK(splat)(0);
    ds = seen ? ds : CK(splat)(0);
  }
  *weights = dropped;
  *dscores = ds;
}

/// Two rows: leaves P̃ in place of the scores and dS in place of their gradients, zero around what a row
/// sees, on to `end`. Where paired, the first row's places get both rows interleaved, and `words` gets dS
/// row by row.
CK_INLINE void CK(softmax_gradient_rows)(
    int type, const ck_attention_gradient_row rows[2], size_t end, float scale2, float *words) {
  size_t full = rows[0].count < rows[1].count ? rows[0].count : rows[1].count;
  size_t first = rows[0].first > rows[1].first ? rows[0].first : rows[1].first;
  for (size_t i = CK(first_written)(rows[0].first); i < end; i += W) {
    vf p[2], ds[2];
    for (int r = 0; r < 2; r++) {
      if (i + W <= full && i >= first) {
        CK(softmax_gradient)(&rows[r], i, 0, scale2, &p[r], &ds[r]);
      } else {
        CK(softmax_gradient)(&rows[r], i, 1, scale2, &p[r], &ds[r]);
      }
    }
    if (type == PAIRED) {
      CK(store)(rows[0].scores + i, CK(interleave)(p[0], p[1]));
      CK(store)(rows[0].dscores + i, CK(interleave)(ds[0], ds[1]));
      CK(store_bf16)((ck_bf16 *)words + i, ds[0]);
      CK(store_bf16)((ck_bf16 *)(words + SCORES / 2) + i, ds[1]);
    } else {
      for (int r = 0; r < 2; r++) {
        CK(store)(rows[r].scores + i, p[r]);
        CK(store)(rows[r].dscores + i, ds[r]);
      }
    }
  }
}

/// A tile of queries of one query head.
typedef struct {
  size_t rows;
  const float *lse;
  float delta[TILE];
  uint64_t element;  ///< of dropout, for row 0 and key 0
} ck_attention_tile;

/// The weights and score gradients of a tile in one chunk.
CK_INLINE void CK(gradient_tile)(
    int type, const ck_attention *shape, const ck_attention_view *view,
    const ck_attention_tile *tile, size_t key, const ck_attention_dropout *dropout,
    const ck_attention_backward_plan *plan, float *workspace) {
  float *scores = workspace + plan->scores, *dscores = workspace + plan->dscores;
  size_t limit = CK(round_up)(view->keys, W);
  for (size_t r = 0; r < view->rows; r += 2) {
    ck_attention_gradient_row rows[2];
    // The products read on to the last key that any row of a block sees.
    size_t end = CK(round_up)(CK(visible)(view, r + 1 + BLOCK), W);
    ck_attention_dropout own = *dropout;
    for (size_t e = 0; e < 2; e++) {
      size_t row = r + e;
      int real = row < view->rows;
      rows[e] = (ck_attention_gradient_row){
          scores + row * SCORES, dscores + row * SCORES, real ? tile->lse[row] * ck_log2_e : 0,
          real ? tile->delta[row] : 0, CK(hidden)(view, row), real ? CK(visible)(view, row) : 0,
          NULL};
      if (dropout->rate > 0) {
        own.factors = dropout->factors + e * FACTORS;
        rows[e].factors = CK(dropout_factors)(
            &own, tile->element + row * shape->key_rows + key, rows[e].count);
      }
    }
    CK(softmax_gradient_rows)(
        type, rows, end < limit ? end : limit, shape->scale * ck_log2_e,
        workspace + plan->dscore_words + (type == PAIRED ? r * (SCORES / 2) : 0));
  }
}

/// One tile of queries against all the keys that it sees: writes dq, adds to dk and dv.
CK_INLINE void CK(backward_tile)(
    int type, const ck_attention *shape, size_t begin, const ck_attention_tile *tile, void *dq,
    const ck_attention_dropout *dropout, const ck_attention_backward_plan *plan, float *workspace) {
  size_t T = shape->key_rows, seen = shape->causal ? begin + tile->rows : T;
  size_t depth = plan->depth, width = plan->width;
  float *scores = workspace + plan->scores, *dscores = workspace + plan->dscores;
  size_t pair_rows = type == PAIRED ? 2 * SCORES : SCORES;
  const float *rowwise = type == PAIRED ? workspace + plan->dscore_words : dscores;
  size_t start = CK(first_chunk)(shape, begin);
  for (size_t key = start; key < seen; key += CHUNK) {
    ck_attention_view view = {
        tile->rows, seen - key < CHUNK ? seen - key : CHUNK, shape->causal,
        (ptrdiff_t)begin - (ptrdiff_t)key, (ptrdiff_t)T - (ptrdiff_t)key, shape->window};
    CK(score_product)(
        type, &view, depth, workspace + plan->query, workspace + plan->keys + key * depth, scores);
    CK(score_product)(
        type, &view, depth, workspace + plan->dout, workspace + plan->values + key * depth,
        dscores);
    CK(gradient_tile)(type, shape, &view, tile, key, dropout, plan, workspace);
    CK(transposed_sum)(
        type, &view, scores, pair_rows, workspace + plan->dout_rows, plan->tile_panel,
        workspace + plan->dv + key * width, width);
    CK(transposed_sum)(
        type, &view, dscores, pair_rows, workspace + plan->query_rows, plan->tile_panel,
        workspace + plan->dk + key * width, width);
    CK(weighted_sum)(
        type, &view, rowwise, type == PAIRED ? SCORES / 2 : SCORES,
        workspace + plan->key_rows + CK(words)(type, key) * PANEL, plan->key_panel,
        workspace + plan->dq, width, key > start);
  }
  CK(unpack_rows)(
      type, workspace + plan->dq, width, shape->scale, dq, shape->ldq, tile->rows,
      shape->head_size);
}

/// One query head: all its tiles.
CK_INLINE void CK(backward_head)(
    int type, const ck_attention *shape, const void *q, const void *out, const float *lse,
    const void *dout, void *dq, const ck_attention_dropout *dropout,
    const ck_attention_backward_plan *plan, float *workspace) {
  size_t T = shape->key_rows, S = shape->head_size, ldq = shape->ldq, ldo = shape->ldo;
  for (size_t begin = 0; begin < T; begin += TILE) {
    ck_attention_tile tile;
    tile.rows = T - begin < TILE ? T - begin : TILE;
    tile.lse = lse + begin;
    tile.element = (uint64_t)begin * T;
    for (size_t r = 0; r < tile.rows; r++) {
      tile.delta[r] = CK(dot)(
          type, CK(at)(type, out, (begin + r) * ldo), CK(at)(type, dout, (begin + r) * ldo), S);
    }
    const void *query = CK(at)(type, q, begin * ldq), *gradient = CK(at)(type, dout, begin * ldo);
    CK(pack_words)(type, query, ldq, tile.rows, S, workspace + plan->query);
    CK(pack_words)(type, gradient, ldo, tile.rows, S, workspace + plan->dout);
    CK(pack_rows)(
        type, query, ldq, tile.rows, S, workspace + plan->query_rows, plan->tile_panel);
    CK(pack_rows)(
        type, gradient, ldo, tile.rows, S, workspace + plan->dout_rows, plan->tile_panel);
    CK(backward_tile)(
        type, shape, begin, &tile, CK(at_mutable)(type, dq, begin * ldq), dropout, plan, workspace);
  }
}

CK_INLINE void CK(attention_backward)(
    int type, const ck_attention *shape, const void *q, const void *k, const void *v,
    const void *out, const float *lse, const void *dout, void *dq, void *dk, void *dv,
    uint64_t first_head, float *workspace) {
  size_t T = shape->key_rows, S = shape->head_size;
  ck_attention_backward_plan plan = CK(backward_plan)(shape, type);
  CK(pack_columns)(type, k, shape->ldk, T, S, workspace + plan.keys);
  CK(pack_columns)(type, v, shape->ldv, T, S, workspace + plan.values);
  CK(pack_rows)(type, k, shape->ldk, T, S, workspace + plan.key_rows, plan.key_panel);
  memset(workspace + plan.dk, 0, T * plan.width * sizeof(float));
  memset(workspace + plan.dv, 0, T * plan.width * sizeof(float));
  for (size_t head = 0; head < shape->group; head++) {
    ck_attention_dropout dropout = {
        shape->dropout, &shape->random, (first_head + head) * T * T, workspace + plan.factors};
    CK(backward_head)(
        type, shape, CK(at)(type, q, head * S), CK(at)(type, out, head * S), lse + head * T,
        CK(at)(type, dout, head * S), CK(at_mutable)(type, dq, head * S), &dropout, &plan,
        workspace);
  }
  CK(unpack_rows)(type, workspace + plan.dk, plan.width, shape->scale, dk, shape->ldk, T, S);
  CK(unpack_rows)(type, workspace + plan.dv, plan.width, 1, dv, shape->ldv, T, S);
}
