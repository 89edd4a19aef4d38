// SPDX-License-Identifier: Apache-2.0
//
// Activation functions of sixteen values, with their slopes. `kind` is a constant where they are
// inlined.

/// 1 / (1 + e⁻ˣ)
CK_INLINE vf CK(sigmoid)(vf x) { return 1.0f / (1.0f + CK(exp)(-x)); }

/// What the sigmoid of the function is taken of: GELU's tanh form is x · sigmoid(2z) with
/// z = √(2/π) (x + 0.044715 x³).
CK_INLINE vf CK(gate_argument)(int kind, vf x) {
  if (kind == CK_SILU) return x;
  vf cubic = CK(fma)(x * x, CK(splat)(2 * 0.79788456f * 0.044715f), CK(splat)(2 * 0.79788456f));
  return x * cubic;
}

/// The normal distribution's Φ(x), and e^(−x²/2) in `bell`.
///
/// Φ(−a) = e^(−a²/2) t P(t) with t = 1 / (1 + 0.32 a), the form of Abramowitz and Stegun 7.1.26,
/// with a polynomial of degree 6 fitted to 6e-9 absolute.
CK_INLINE vf CK(normal)(vf x, vf *bell) {
  vf a = CK(max)(x, -x);
  vf t = 1.0f / CK(fma)(a, CK(splat)(0.32f), CK(splat)(1.0f));
  vf p = CK(splat)(0.0422515683f);
  p = CK(fma)(p, t, CK(splat)(-0.223930791f));
  p = CK(fma)(p, t, CK(splat)(0.374789685f));
  p = CK(fma)(p, t, CK(splat)(-0.130964041f));
  p = CK(fma)(p, t, CK(splat)(0.197680756f));
  p = CK(fma)(p, t, CK(splat)(0.111210145f));
  p = CK(fma)(p, t, CK(splat)(0.128962681f));
  *bell = CK(exp)(a * a * -0.5f);
  vf tail = *bell * t * p;
  return x < 0.0f ? tail : 1.0f - tail;
}

CK_INLINE vf CK(activation)(int kind, vf x) {
  vf bell;
  if (kind == CK_GELU) return x * CK(normal)(x, &bell);
  return x * CK(sigmoid)(CK(gate_argument)(kind, x));
}

/// f(x), and f′(x) in `slope`.
CK_INLINE vf CK(activation_slope)(int kind, vf x, vf *slope) {
  if (kind == CK_GELU) {
    vf bell;
    vf phi = CK(normal)(x, &bell);
    *slope = CK(fma)(x * 0.39894228f, bell, phi);
    return x * phi;
  }
  // s (1 − s) as e / (1 + e)²: as a difference, 1 − s would lose what x and the inner slope
  // enlarge.
  vf argument = CK(gate_argument)(kind, x);
  vf e = CK(exp)(-CK(max)(argument, -argument));
  vf r = 1.0f / (1.0f + e);
  vf er = e * r;
  vf s = argument < 0.0f ? er : r;
  vf inner = CK(splat)(1.0f);
  if (kind == CK_GELU_TANH) {
    inner = CK(fma)(
        x * x, CK(splat)(6 * 0.79788456f * 0.044715f), CK(splat)(2 * 0.79788456f));
  }
  *slope = CK(fma)(x * er * r, inner, s);
  return x * s;
}

/// Runs the statement with `KIND` as a constant.
#define CK_FOR_KIND(kind, ...) \
  switch (kind) { \
    case CK_GELU_TANH: { enum { KIND = CK_GELU_TANH }; __VA_ARGS__ } break; \
    case CK_GELU: { enum { KIND = CK_GELU }; __VA_ARGS__ } break; \
    default: { enum { KIND = CK_SILU }; __VA_ARGS__ } break; \
  }
