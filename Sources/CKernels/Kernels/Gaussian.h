// SPDX-License-Identifier: Apache-2.0
//
// Gaussian noise and what belongs to it. Unlike other kernels, these give the same bits at every
// level: what a growth writes must not depend on the machine. So nothing here is contracted to fused
// operations, and sums have a fixed order.

/// −2 ln u for normal u ≤ 1; never below 0.
///
/// u = 2ⁿ m with ½√2 ≤ m < √2, and ln m = 2 artanh(s) with s = (m − 1) / (m + 1), |s| < 0.172, by the
/// first five terms of its series (2e-9 relative).
CK_INLINE vf CK(minus_two_log)(vf u) {
#pragma clang fp contract(off)
  const uint32_t least = 0x3F3504F3;  // ½√2
  vu shifted = CK(bits)(u) + (0x3F800000 - least);
  vf n = __builtin_convertvector((vi)(shifted >> 23) - 127, vf);
  vf m = CK(from_bits)((shifted & 0x7FFFFF) + least);
  vf s = (m - 1.0f) / (m + 1.0f);
  vf z = s * s;
  vf p = z * (1.0f / 9) + 1.0f / 7;
  p = p * z + 1.0f / 5;
  p = p * z + 1.0f / 3;
  p = p * z + 1.0f;
  return n * -1.38629436f - s * p * 4.0f;
}

/// Cosine and sine of words / 2³² turns.
///
/// The nearest quarter turn is taken off exactly, in integers; Taylor's polynomials to x⁸ and x⁹ serve
/// the rest, |x| ≤ π / 4 (3e-8 absolute).
CK_INLINE void CK(turns)(vu words, vf *cosine, vf *sine) {
#pragma clang fp contract(off)
  vu quarter = (words + 0x20000000) >> 30;
  vf x = __builtin_convertvector((vi)(words - (quarter << 30)), vf) * 1.46291808e-9f;  // 2π / 2³²
  vf z = x * x;
  vf c = z * (1.0f / 40320) - 1.0f / 720;
  c = c * z + 1.0f / 24;
  c = c * z - 0.5f;
  c = c * z + 1.0f;
  vf s = z * (1.0f / 362880) - 1.0f / 5040;
  s = s * z + 1.0f / 120;
  s = s * z - 1.0f / 6;
  s = s * z * x + x;
  vi odd = (vi)(quarter << 31) < 0;
  vf across = odd ? s : c, up = odd ? c : s;
  *cosine = CK(from_bits)(CK(bits)(across) ^ (((quarter + 1) << 30) & 0x80000000));
  *sine = CK(from_bits)(CK(bits)(up) ^ ((quarter << 30) & 0x80000000));
}

/// The 32 Gaussians of group `group`, by the transform of Box and Muller (1958).
CK_INLINE void CK(gaussians)(const ck_random *random, uint64_t group, vf z[2]) {
#pragma clang fp contract(off)
  uint32_t words[32];
  CK(philox_words)(random, group * 8, words);
  vu first, second;
  memcpy(&first, words, sizeof first);
  memcpy(&second, words + W, sizeof second);
  vf u = (__builtin_convertvector((vi)(first >> 1), vf) + 0.5f) * 0x1p-31f;
  vf radius = CK(sqrt)(CK(minus_two_log)(u));
  vf cosine, sine;
  CK(turns)(second, &cosine, &sine);
  z[0] = radius * cosine;
  z[1] = radius * sine;
}

static void CK(ck_gaussian)(float *z, size_t n, const ck_random *random, uint64_t first) {
  enum { GROUP = 2 * W };
  const ck_random stream = *random;
  uint64_t group = first / GROUP;
  size_t skip = (size_t)(first % GROUP);
  for (size_t done = 0; done < n; group++, skip = 0) {
    vf drawn[2];
    CK(gaussians)(&stream, group, drawn);
    size_t count = n - done < GROUP - skip ? n - done : GROUP - skip;
    if (count == GROUP) {
      CK(store)(z + done, drawn[0]);
      CK(store)(z + done + W, drawn[1]);
    } else {
      float all[GROUP];
      CK(store)(all, drawn[0]);
      CK(store)(all + W, drawn[1]);
      memcpy(z + done, all + skip, count * sizeof *z);
    }
    done += count;
  }
}

static void CK(ck_add_noise)(
    const float *x, float factor, const float *z, float deviation, float *y, size_t n) {
#pragma clang fp contract(off)
  if (x) {
    CK_FOR(i, m, n,
      CK(put_f32)(y + i, CK(get_f32)(x + i, m) * factor + CK(get_f32)(z + i, m) * deviation, m););
  } else {
    CK_FOR(i, m, n, CK(put_f32)(y + i, CK(get_f32)(z + i, m) * deviation, m););
  }
}

/// The nearest integers to numbers from 0 to 2²², ties to even.
CK_INLINE vf CK(round_small)(vf v) {
#pragma clang fp contract(off)
  return (v + 0x1.8p23f) - 0x1.8p23f;
}

/// The greater of two, and the second where one is no number.
CK_INLINE vf CK(greater)(vf a, vf b) { return a > b ? a : b; }

/// One vector of `ck_add_representable_noise`: all in units of w's last digit, which is a power of
/// two, so that every step but the two roundings is exact.
CK_INLINE vf CK(representable)(
    vf w, vf noise, int adds, int digits, float least, float largest) {
#pragma clang fp contract(off)
  const float most = (float)(1 << digits);
  const vu sign_bit = (vu)(0x80000000);
  vf size = CK(from_bits)(CK(bits)(w) & ~sign_bit);
  vi is_usual = (size >= 0x1p-100f) & (size <= largest);
  vf binade = CK(from_bits)(CK(bits)(is_usual ? size : CK(splat)(1.0f)) & 0x7F800000);
  vf unit = CK(greater)(binade * (2.0f / most), CK(splat)(least));
  vf inverse = CK(from_bits)((vu)(254 << 23) - CK(bits)(unit));
  vf m = CK(round_small)(size * inverse);
  vf room = CK(from_bits)(CK(bits)(noise) & ~sign_bit) * inverse;
  vf n = CK(round_small)(room < most ? room : CK(splat)(most));
  vi sum = __builtin_convertvector(m + n, vi);
  vi needs_digit = (sum > (vi)(1 << digits)) & ((sum & 1) != 0);
  n = needs_digit ? n - 1.0f : n;
  vf zero = CK(splat)(0.0f);
  vf added = CK(from_bits)(CK(bits)(is_usual ? n * unit : zero) | (CK(bits)(noise) & sign_bit));
  vf whole = CK(from_bits)(CK(bits)(m * unit) | (CK(bits)(w) & sign_bit));
  return adds ? (is_usual ? whole : w) + added : added;
}

static void CK(ck_add_representable_noise)(
    const float *x, float factor, const float *z, float deviation, int adds, int digits,
    float least, float largest, float *y, size_t n) {
#pragma clang fp contract(off)
  CK_FOR(i, m, n,
    CK(put_f32)(
        y + i,
        CK(representable)(
            CK(get_f32)(x + i, m) * factor, CK(get_f32)(z + i, m) * deviation, adds, digits,
            least, largest),
        m););
}

static void CK(ck_scale)(const float *x, float factor, float *y, size_t n) {
  CK_FOR(i, m, n, CK(put_f32)(y + i, CK(get_f32)(x + i, m) * factor, m););
}

static double CK(ck_sum_of_squares)(const float *x, size_t n) {
  vd sums[2] = {(vd)(0.0), (vd)(0.0)};
  size_t whole = n / (2 * W) * (2 * W);
  for (size_t i = 0; i < whole; i += 2 * W) {
    for (size_t k = 0; k < 2; k++) {
      // A float's square is exact in double precision, so fusing would not change the sum.
      vd v = __builtin_convertvector(CK(load)(x + i + k * W), vd);
      sums[k] += v * v;
    }
  }
  CK_FOR(i, m, n - whole,
    vd v = __builtin_convertvector(CK(get_f32)(x + whole + i, m), vd);
    sums[0] += v * v;
  );
  vd all = sums[0] + sums[1];
  double total = 0;
  for (int lane = 0; lane < W; lane++) total += all[lane];
  return total;
}
