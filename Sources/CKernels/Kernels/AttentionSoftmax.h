// SPDX-License-Identifier: Apache-2.0
//
// The softmax of attention over one chunk of keys, forward with a running maximum and sum (Milakov
// and Gimelshein, "Online normalizer calculation for softmax", 2018), backward from the saved
// logarithm of the denominator. Exponents are in base 2: `scale2` is scale · log₂ e.

static const float ck_log2_e = 1.44269504088896341f;

/// 2^x within 1e-7 relative for x ≤ 127; smaller than 2⁻¹²⁶ where x < −126. A NaN stays one.
///
/// x is split into an integer, which moves the exponent, and a fraction, for which stands a polynomial
/// of least relative error, exact at 0: of degree 5 on 0 … 1 (8e-8) or 6 on −½ … ½ (2e-9).
CK_INLINE vf CK(power_of_two)(vf x) {
#if CK_LEVEL >= CK_LEVEL_AVX512
  vf f = (vf)_mm512_reduce_ps((__m512)x, _MM_FROUND_TO_NEG_INF);
  vf p = CK(splat)(1.867130570e-3f);
  p = CK(fma)(p, f, CK(splat)(9.017029253e-3f));
  p = CK(fma)(p, f, CK(splat)(5.579991388e-2f));
  p = CK(fma)(p, f, CK(splat)(2.401644499e-1f));
  p = CK(fma)(p, f, CK(splat)(6.931513118e-1f));
  p = CK(fma)(p, f, CK(splat)(1));
  return (vf)_mm512_scalef_ps((__m512)p, (__m512)x);
#else
  x = CK(max)(CK(splat)(-126), CK(min)(CK(splat)(127), x));
  // Adding 1.5 · 2²³ rounds to an integer, which then stands in the lowest bits.
  vf shifted = x + 12582912.0f;
  vf f = x - (shifted - 12582912.0f);
  vf p = CK(splat)(1.535336206e-4f);
  p = CK(fma)(p, f, CK(splat)(1.339887459e-3f));
  p = CK(fma)(p, f, CK(splat)(9.618437358e-3f));
  p = CK(fma)(p, f, CK(splat)(5.550332471e-2f));
  p = CK(fma)(p, f, CK(splat)(2.402264791e-1f));
  p = CK(fma)(p, f, CK(splat)(6.931472029e-1f));
  p = CK(fma)(p, f, CK(splat)(1));
  return CK(from_bits)(CK(bits)(p) + (CK(bits)(shifted) << 23));
#endif
}

/// Lanes that stand before `count`, counted from `begin`.
CK_INLINE vi CK(lanes_before)(size_t begin, ptrdiff_t count) {
  const vi lanes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return lanes < (vi)((int32_t)(count - (ptrdiff_t)begin));
}

// MARK: Dropout

/// Room for the factors of a chunk, read 16 at a time.
enum { FACTORS = CHUNK + W };

/// The state of dropout for one query head.
typedef struct {
  double rate;
  const ck_random *random;
  uint64_t first;   ///< element of the head's weight (0, 0)
  float *factors;   ///< room for FACTORS
} ck_attention_dropout;

/// Factors of `count` ≤ CHUNK elements from `offset`: 1 / (1 − rate) where kept, else 0. Some follow
/// that nobody asked for, to the next multiple of 16.
static const float *CK(dropout_factors)(
    const ck_attention_dropout *dropout, uint64_t offset, size_t count) {
  uint32_t words[CHUNK + W];
  memset(words + count, 0, W * sizeof *words);
  CK(random_words)(dropout->random, dropout->first + offset, count, words);
  uint32_t dropped = CK(dropped_words)(dropout->rate);
  vf kept = CK(splat)((float)(1 / (1 - dropout->rate)));
  for (size_t i = 0; i < count; i += W) {
    CK(store)(dropout->factors + i, CK(kept)(words + i, dropped) ? kept : CK(splat)(0));
  }
  return dropout->factors;
}

// MARK: Forward

/// What is known of a row's softmax so far.
typedef struct {
  float largest;  ///< score
  float sum;      ///< Σ 2^(scale2 · (score − largest))
} ck_attention_row;

/// Stores weights as the left operand of the next product; the row shrinks in place where paired.
CK_INLINE void CK(store_weights)(int type, float *row, size_t i, vf weights) {
  if (type == PAIRED) {
    CK(store_bf16)((ck_bf16 *)row + i, weights);
  } else {
    CK(store)(row + i, weights);
  }
}

/// Lanes from `first` on, counted from `begin`, that stand before `count`.
CK_INLINE vi CK(lanes_between)(size_t begin, size_t first, size_t count) {
  return ~CK(lanes_before)(begin, (ptrdiff_t)first) & CK(lanes_before)(begin, (ptrdiff_t)count);
}

/// The place, a multiple of 16, from which a row's weights are written where it sees keys from `first` on:
/// a product may read from what the BLOCK rows before see.
CK_INLINE size_t CK(first_written)(size_t first) {
  return first > BLOCK ? (first - BLOCK) / W * W : 0;
}

/// Turns the scores from `first` to `count` into weights relative to the largest score so far, and zeroes
/// around them, on to `end`, a multiple of 16. Returns the factor for what was summed before. Scores are subtracted before they
/// are scaled, which is exact for those that matter.
CK_INLINE float CK(softmax_row)(
    int type, float *scores, size_t first, size_t count, size_t end, float scale2,
    ck_attention_row *row, const float *factors) {
  vf lowest = CK(splat)(-INFINITY), top = lowest;
  size_t start = CK(first_written)(first), full = count / W * W;
  if (first >= count) first = count = 0;
  size_t i = first / W * W;
  if (i < first && i < full) {
    vf x = CK(load)(scores + i);
    top = CK(max)(CK(lanes_between)(i, first, count) ? x : lowest, top);
    i += W;
  }
  for (; i < full; i += W) {
    top = CK(max)(CK(load)(scores + i), top);
  }
  if (i < count) {
    vf x = CK(load)(scores + i);
    top = CK(max)(CK(lanes_between)(i, first, count) ? x : lowest, top);
  }
  float before = row->largest, largest = CK(largest)(top);
  if (before > largest) largest = before;
  vf sum = CK(splat)(0);
  for (size_t i = start; i < end; i += W) {
    vf p = CK(splat)(0);
    if (i < count && i + W > first) {
      p = CK(power_of_two)((CK(load)(scores + i) - largest) * scale2);
      if (i + W > count || i < first) p = CK(lanes_between)(i, first, count) ? p : CK(splat)(0);
      sum += p;
      if (factors) p *= CK(load)(factors + i);
    }
    CK(store_weights)(type, scores, i, p);
  }
  // Nothing has been summed while the largest score is −∞.
  float factor = before == largest || isinf(before) ? 1 : exp2f((before - largest) * scale2);
  row->largest = largest;
  row->sum = row->sum * factor + CK(sum)(sum);
  return factor;
}
