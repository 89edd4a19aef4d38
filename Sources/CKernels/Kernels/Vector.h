// SPDX-License-Identifier: Apache-2.0
//
// Sixteen floats at a time, in the compiler's own vectors: one register at the AVX-512 levels, two
// or four below. Compiled once per level; everything is static.

#include <math.h>
#include <string.h>

// Vectors pass between static functions only, which the compiler may pass as it likes.
#pragma clang diagnostic ignored "-Wpsabi"

#define CK_INLINE static inline __attribute__((always_inline))
#define CK_MASKED (CK_LEVEL >= CK_LEVEL_AVX512)

enum { W = 16 };

typedef float vf __attribute__((ext_vector_type(16)));
typedef int32_t vi __attribute__((ext_vector_type(16)));
typedef uint32_t vu __attribute__((ext_vector_type(16)));
typedef uint16_t vh __attribute__((ext_vector_type(16)));
typedef float vf8 __attribute__((ext_vector_type(8)));
typedef float vf4 __attribute__((ext_vector_type(4)));

/// Runs the statements for `i` = 0, 16, … below n. They take `m` elements at a time: the constant
/// 16, in a second copy of them what is left at the end.
#define CK_FOR(i, m, n, ...) \
  do { \
    size_t i = 0; \
    for (; i + W <= (n); i += W) { \
      enum { m = W }; \
      __VA_ARGS__ \
    } \
    if (i < (n)) { \
      const size_t m = (n) - i; \
      __VA_ARGS__ \
    } \
  } while (0)

// MARK: Loads and stores

CK_INLINE vf CK(splat)(float x) { return (vf)(x); }

CK_INLINE vf CK(load)(const float *p) {
  vf v;
  memcpy(&v, p, sizeof v);
  return v;
}

CK_INLINE void CK(store)(float *p, vf v) { memcpy(p, &v, sizeof v); }

/// The first n < 16 elements, the rest 0.
CK_INLINE vf CK(load_part)(const float *p, size_t n) {
#if CK_MASKED
  if (n == W / 2) {  // what follows may just have been stored, which a wider load would wait for
    vf8 v;
    memcpy(&v, p, sizeof v);
    return (vf)_mm512_zextps256_ps512((__m256)v);
  }
  return (vf)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
#else
  float a[W] = {0};
  for (size_t i = 0; i < n; i++) a[i] = p[i];
  return CK(load)(a);
#endif
}

CK_INLINE void CK(store_part)(float *p, vf v, size_t n) {
#if CK_MASKED
  if (n == W / 2) {
    vf8 low = v.lo;
    memcpy(p, &low, sizeof low);
    return;
  }
  _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v);
#else
  float a[W];
  CK(store)(a, v);
  for (size_t i = 0; i < n; i++) p[i] = a[i];
#endif
}

CK_INLINE vu CK(bits)(vf v) {
  vu u;
  memcpy(&u, &v, sizeof u);
  return u;
}

CK_INLINE vf CK(from_bits)(vu u) {
  vf v;
  memcpy(&v, &u, sizeof v);
  return v;
}

CK_INLINE vf CK(widen)(vh h) { return CK(from_bits)(__builtin_convertvector(h, vu) << 16); }

/// Rounds to nearest, ties to even; a NaN stays one. The bf16 level's instruction makes a signed
/// zero of what is below the normal range, 2⁻¹²⁶.
CK_INLINE vh CK(narrow)(vf v) {
#if CK_LEVEL >= CK_LEVEL_AVX512CAST
  __m256bh b = _mm512_cvtneps_pbh((__m512)v);
  vh h;
  memcpy(&h, &b, sizeof h);
  return h;
#else
  vu u = CK(bits)(v);
  vu rounded = (u + 0x7FFF + ((u >> 16) & 1)) >> 16;
  vu quiet = (u >> 16) | 0x40;
  vi is_nan = v != v;
  vu mask = (vu)is_nan;
  return __builtin_convertvector((quiet & mask) | (rounded & ~mask), vh);
#endif
}

CK_INLINE vf CK(load_bf16)(const ck_bf16 *p) {
  vh h;
  memcpy(&h, p, sizeof h);
  return CK(widen)(h);
}

CK_INLINE void CK(store_bf16)(ck_bf16 *p, vf v) {
  vh h = CK(narrow)(v);
  memcpy(p, &h, sizeof h);
}

CK_INLINE vf CK(load_part_bf16)(const ck_bf16 *p, size_t n) {
#if CK_MASKED
  __m256i b = _mm256_maskz_loadu_epi16((__mmask16)((1u << n) - 1), p);
  vh h;
  memcpy(&h, &b, sizeof h);
  return CK(widen)(h);
#else
  ck_bf16 a[W] = {0};
  for (size_t i = 0; i < n; i++) a[i] = p[i];
  return CK(load_bf16)(a);
#endif
}

CK_INLINE void CK(store_part_bf16)(ck_bf16 *p, vf v, size_t n) {
#if CK_MASKED
  vh h = CK(narrow)(v);
  __m256i b;
  memcpy(&b, &h, sizeof b);
  _mm256_mask_storeu_epi16(p, (__mmask16)((1u << n) - 1), b);
#else
  ck_bf16 a[W];
  CK(store_bf16)(a, v);
  for (size_t i = 0; i < n; i++) p[i] = a[i];
#endif
}

// The same for n ≤ 16 elements, by the type's name: with a constant 16 the branch is gone.

CK_INLINE vf CK(get_f32)(const float *p, size_t n) {
  return n == W ? CK(load)(p) : CK(load_part)(p, n);
}

CK_INLINE vf CK(get_bf16)(const ck_bf16 *p, size_t n) {
  return n == W ? CK(load_bf16)(p) : CK(load_part_bf16)(p, n);
}

CK_INLINE void CK(put_f32)(float *p, vf v, size_t n) {
  if (n == W) {
    CK(store)(p, v);
  } else {
    CK(store_part)(p, v, n);
  }
}

CK_INLINE void CK(put_bf16)(ck_bf16 *p, vf v, size_t n) {
  if (n == W) {
    CK(store_bf16)(p, v);
  } else {
    CK(store_part_bf16)(p, v, n);
  }
}

// MARK: Arithmetic

/// a · b + c, fused where the level has the instruction.
CK_INLINE vf CK(fma)(vf a, vf b, vf c) { return a * b + c; }

/// The larger; b where one is not a number.
CK_INLINE vf CK(max)(vf a, vf b) { return a > b ? a : b; }
/// The smaller; b where one is not a number.
CK_INLINE vf CK(min)(vf a, vf b) { return a < b ? a : b; }

CK_INLINE vf CK(sqrt)(vf v) { return __builtin_elementwise_sqrt(v); }

/// eˣ within 1e-7 relative; overflows to ∞, underflows gradually to 0; a NaN stays one.
///
/// x = n ln 2 + r with |r| ≤ ½ ln 2 (Cody and Waite), a polynomial of degree 6 for eʳ (least
/// maximum of the relative error, 3e-9), and 2ⁿ as two factors that are both in range.
CK_INLINE vf CK(exp)(vf x) {
  const vf round = CK(splat)(12582912.0f);  // 1.5 · 2²³: adding it leaves n in the low bits
  x = CK(max)(CK(splat)(-104.0f), CK(min)(CK(splat)(89.0f), x));
  vf t = CK(fma)(x, CK(splat)(1.44269504f), round);
  vf n = t - round;
  vf r = CK(fma)(n, CK(splat)(-0.693359375f), x);
  r = CK(fma)(n, CK(splat)(2.12194440e-4f), r);
  vf p = CK(splat)(1.38144672e-3f);
  p = CK(fma)(p, r, CK(splat)(8.36878084e-3f));
  p = CK(fma)(p, r, CK(splat)(4.16683927e-2f));
  p = CK(fma)(p, r, CK(splat)(0.166665196f));
  p = CK(fma)(p, r, CK(splat)(0.49999994f));
  p = CK(fma)(p, r, CK(splat)(1.0f));
  p = CK(fma)(p, r, CK(splat)(1.0f));
  vu all = CK(bits)(t);
  vu half = all >> 1;
  return p * CK(from_bits)((half + 127) << 23) * CK(from_bits)((all - half + 127) << 23);
}

// MARK: Across a vector

CK_INLINE float CK(sum)(vf v) {
  vf8 a = v.lo + v.hi;
  vf4 b = a.lo + a.hi;
  return (b.x + b.z) + (b.y + b.w);
}

CK_INLINE float CK(largest)(vf v) {
  vf8 a = v.lo > v.hi ? v.lo : v.hi;
  vf4 b = a.lo > a.hi ? a.lo : a.hi;
  float x = b.x > b.z ? b.x : b.z, y = b.y > b.w ? b.y : b.w;
  return x > y ? x : y;
}
