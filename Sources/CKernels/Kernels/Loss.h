// SPDX-License-Identifier: Apache-2.0
//
// Cross entropy and scores; z = scale · logit. The gradient takes one pass for the largest z, one
// that turns z into e^(z − largest) and adds up, one that scales. Scores leave the logits as they
// are and take one pass, block by block (Milakov and Gimelshein, "Online normalizer calculation for
// softmax", 2018). Float32 sums stay within a block.

enum { CK(LOSS_BLOCK) = 1024 };

/// The largest z of a row and the sum of e^(z − largest).
typedef struct {
  float largest;
  double sum;
} CK(softmax_total);

CK_INLINE float CK(row_largest)(const float *x, float scale, size_t n) {
  vf best[4];
  for (int k = 0; k < 4; k++) best[k] = CK(splat)(-INFINITY);
  size_t i = 0;
  for (; i + 4 * W <= n; i += 4 * W) {
    for (size_t k = 0; k < 4; k++) {
      best[k] = CK(max)(CK(load)(x + i + k * W) * scale, best[k]);
    }
  }
  float largest = CK(largest)(CK(max)(CK(max)(best[0], best[1]), CK(max)(best[2], best[3])));
  for (; i < n; i++) largest = x[i] * scale > largest ? x[i] * scale : largest;
  return largest;
}

CK_INLINE float CK(row_exp_sum)(const float *x, float scale, float largest, size_t n) {
  float result;
  CK_ROW_SUM(result, i, m, n,
    CK(head)(CK(exp)(CK(fma)(CK(get_f32)(x + i, m), CK(splat)(scale), CK(splat)(-largest))), m));
  return result;
}

/// Where all are −∞, e^(−∞) = 0 by any finite reference.
CK_INLINE float CK(finite_reference)(float largest) { return largest == -INFINITY ? 0 : largest; }

static CK(softmax_total) CK(total)(const float *x, float scale, size_t V) {
  CK(softmax_total) total = {-INFINITY, 0};
  for (size_t begin = 0; begin < V; begin += CK(LOSS_BLOCK)) {
    size_t n = V - begin < CK(LOSS_BLOCK) ? V - begin : CK(LOSS_BLOCK);
    float largest = CK(row_largest)(x + begin, scale, n);
    if (largest > total.largest) {
      if (total.sum > 0) total.sum *= exp((double)total.largest - (double)largest);
      total.largest = largest;
    }
    total.sum += (double)CK(row_exp_sum)(x + begin, scale, CK(finite_reference)(total.largest), n);
  }
  return total;
}

/// z[target] − largest, rounded as the sum's terms are.
CK_INLINE double CK(target_height)(float x, float scale, float largest) {
  return (double)CK(fma)(CK(splat)(x), CK(splat)(scale), CK(splat)(-largest)).x;
}

/// Turns x into e^(z − largest), and returns it, with 0 behind its first m lanes.
CK_INLINE vf CK(turn_to_exp)(float *x, float scale, float largest, size_t m) {
  vf e = CK(exp)(CK(fma)(CK(get_f32)(x, m), CK(splat)(scale), CK(splat)(-largest)));
  CK(put_f32)(x, e, m);
  return CK(head)(e, m);
}

/// What remains to do for a row's gradient.
typedef struct {
  float factor;           ///< weight · scale / Σ, for e^(z − largest)
  float target_gradient;  ///< the target's
} CK(loss_row);

/// Computes the loss and turns the logits into e^(z − largest).
static CK(loss_row) CK(start_row)(
    float *x, int32_t target, float scale, float weight, size_t V, float *loss) {
  const float largest = CK(finite_reference)(CK(row_largest)(x, scale, V));
  const double height = CK(target_height)(x[target], scale, largest);
  double total = 0;
  for (size_t begin = 0; begin < V; begin += CK(LOSS_BLOCK)) {
    size_t n = V - begin < CK(LOSS_BLOCK) ? V - begin : CK(LOSS_BLOCK);
    float block;
    CK_ROW_SUM(block, i, m, n, CK(turn_to_exp)(x + begin + i, scale, largest, m));
    total += (double)block;
  }
  *loss = (float)(log(total) - height);
  const double step = (double)weight * (double)scale;
  CK(loss_row) row = {(float)(step / total), (float)((exp(height) / total - 1) * step)};
  return row;
}

static void CK(ck_cross_entropy_f32)(
    float *logits, const int32_t *targets, float scale, float weight, float *losses, size_t V,
    size_t begin, size_t end) {
  for (size_t r = begin; r < end; r++) {
    float *x = logits + r * V;
    if (targets[r] < 0) {
      losses[r] = 0;
      memset(x, 0, V * sizeof *x);
      continue;
    }
    CK(loss_row) row = CK(start_row)(x, targets[r], scale, weight, V, losses + r);
    CK_FOR(i, m, V,
      CK(put_f32)(x + i, CK(get_f32)(x + i, m) * row.factor, m);
    );
    x[targets[r]] = row.target_gradient;
  }
}

static void CK(ck_cross_entropy_bf16)(
    float *logits, ck_bf16 *gradient, const int32_t *targets, float scale, float weight,
    float *losses, size_t V, size_t begin, size_t end) {
  for (size_t r = begin; r < end; r++) {
    float *x = logits + r * V;
    ck_bf16 *dx = gradient + r * V;
    if (targets[r] < 0) {
      losses[r] = 0;
      memset(dx, 0, V * sizeof *dx);
      continue;
    }
    CK(loss_row) row = CK(start_row)(x, targets[r], scale, weight, V, losses + r);
    CK_FOR(i, m, V,
      CK(put_bf16)(dx + i, CK(get_f32)(x + i, m) * row.factor, m);
    );
    CK(store_part_bf16)(dx + targets[r], CK(splat)(row.target_gradient), 1);
  }
}

/// Whether x[target] is above all before it and not below any after it.
CK_INLINE uint8_t CK(is_greedy)(const float *x, size_t target, size_t V) {
  return (target == 0 || CK(row_largest)(x, 1, target) < x[target])
      && CK(row_largest)(x + target + 1, 1, V - target - 1) <= x[target];
}

static void CK(ck_score)(
    const float *logits, const int32_t *targets, float scale, float *log_probability,
    uint8_t *greedy, size_t V, size_t begin, size_t end) {
  for (size_t r = begin; r < end; r++) {
    const float *x = logits + r * V;
    log_probability[r] = 0;
    greedy[r] = 0;
    if (targets[r] < 0) continue;
    CK(softmax_total) total = CK(total)(x, scale, V);
    float largest = CK(finite_reference)(total.largest);
    log_probability[r] = (float)(
        CK(target_height)(x[targets[r]], scale, largest) - log(total.sum));
    greedy[r] = CK(is_greedy)(x, (size_t)targets[r], V);
  }
}
