// SPDX-License-Identifier: Apache-2.0
//
// Every kernel, once: the table of a level and the public entry points are made from this list.

#pragma once
#include "CKernels.h"

#define CK_KERNELS(X) \
  X(void, ck_cast_f32_bf16, (const float *x, ck_bf16 *y, size_t n), (x, y, n)) \
  X(void, ck_cast_bf16_f32, (const ck_bf16 *x, float *y, size_t n), (x, y, n)) \
  X(void, ck_add_f32, (const float *a, const float *b, float *y, size_t n), (a, b, y, n)) \
  X(void, ck_add_bf16, (const ck_bf16 *a, const ck_bf16 *b, ck_bf16 *y, size_t n), (a, b, y, n)) \
  X(void, ck_add_rows_f32, (const float *x, size_t ldx, float *y, size_t ldy, size_t D, size_t \
    begin, size_t end), (x, ldx, y, ldy, D, begin, end)) \
  X(void, ck_add_rows_bf16, (const ck_bf16 *x, size_t ldx, ck_bf16 *y, size_t ldy, size_t D, \
    size_t begin, size_t end), (x, ldx, y, ldy, D, begin, end)) \
  X(void, ck_multiply_f32, (const float *a, const float *b, float *y, size_t n), (a, b, y, n)) \
  X(void, ck_multiply_bf16, (const ck_bf16 *a, const ck_bf16 *b, ck_bf16 *y, size_t n), (a, b, \
    y, n)) \
  X(void, ck_activation_forward_f32, (int kind, const float *x, float *y, size_t n), (kind, x, \
    y, n)) \
  X(void, ck_activation_forward_bf16, (int kind, const ck_bf16 *x, ck_bf16 *y, size_t n), \
    (kind, x, y, n)) \
  X(void, ck_activation_backward_f32, (int kind, const float *x, float *dy, float *column_sum, \
    size_t D, size_t begin, size_t end), (kind, x, dy, column_sum, D, begin, end)) \
  X(void, ck_activation_backward_bf16, (int kind, const ck_bf16 *x, ck_bf16 *dy, float \
    *column_sum, size_t D, size_t begin, size_t end), (kind, x, dy, column_sum, D, begin, end)) \
  X(void, ck_gated_forward_f32, (int kind, const float *gate, const float *up, size_t ld, \
    float *out, size_t ldo, size_t D, size_t begin, size_t end), (kind, gate, up, ld, out, ldo, \
    D, begin, end)) \
  X(void, ck_gated_forward_bf16, (int kind, const ck_bf16 *gate, const ck_bf16 *up, size_t ld, \
    ck_bf16 *out, size_t ldo, size_t D, size_t begin, size_t end), (kind, gate, up, ld, out, \
    ldo, D, begin, end)) \
  X(void, ck_gated_backward_f32, (int kind, const float *gate, const float *up, size_t ld, \
    const float *dout, size_t ldo, float *dgate, float *dup, size_t ldd, size_t D, size_t begin, \
    size_t end), (kind, gate, up, ld, dout, ldo, dgate, dup, ldd, D, begin, end)) \
  X(void, ck_gated_backward_bf16, (int kind, const ck_bf16 *gate, const ck_bf16 *up, size_t \
    ld, const ck_bf16 *dout, size_t ldo, ck_bf16 *dgate, ck_bf16 *dup, size_t ldd, size_t D, \
    size_t begin, size_t end), (kind, gate, up, ld, dout, ldo, dgate, dup, ldd, D, begin, end)) \
  X(void, ck_dropout_f32, (const float *x, float *y, size_t n, double rate, const ck_random \
    *random, uint64_t first), (x, y, n, rate, random, first)) \
  X(void, ck_dropout_bf16, (const ck_bf16 *x, ck_bf16 *y, size_t n, double rate, const \
    ck_random *random, uint64_t first), (x, y, n, rate, random, first)) \
  X(void, ck_gaussian, (float *z, size_t n, const ck_random *random, uint64_t first), \
    (z, n, random, first)) \
  X(void, ck_add_noise, (const float *x, float factor, const float *z, float deviation, float \
    *y, size_t n), (x, factor, z, deviation, y, n)) \
  X(void, ck_add_representable_noise, (const float *x, float factor, const float *z, float \
    deviation, int adds, int digits, float least, float largest, float *y, size_t n), \
    (x, factor, z, deviation, adds, digits, least, largest, y, n)) \
  X(void, ck_scale, (const float *x, float factor, float *y, size_t n), (x, factor, y, n)) \
  X(double, ck_sum_of_squares, (const float *x, size_t n), (x, n)) \
  X(void, ck_product_f64, (const double *a, size_t row, size_t step, const double *b, size_t \
    ldb, int is_transposed, double *c, size_t ldc, size_t M, size_t K, int accumulates, size_t \
    begin, size_t end), (a, row, step, b, ldb, is_transposed, c, ldc, M, K, accumulates, begin, \
    end)) \
  X(void, ck_embedding_forward, (const float *table, const int32_t *tokens, const float \
    *positions, size_t T, size_t first_position, float *out, size_t D, size_t begin, size_t \
    end), (table, tokens, positions, T, first_position, out, D, begin, end)) \
  X(void, ck_position_forward, (const float *x, const float *positions, size_t T, size_t \
    first_position, float *out, size_t D, size_t begin, size_t end), (x, positions, T, \
    first_position, out, D, begin, end)) \
  X(void, ck_embedding_backward, (const float *dx, const int32_t *tokens, float *dtable, \
    size_t R, size_t D, size_t begin, size_t end), (dx, tokens, dtable, R, D, begin, end)) \
  X(void, ck_position_backward, (const float *dx, float *dpositions, size_t R, size_t T, \
    size_t D, size_t begin, size_t end), (dx, dpositions, R, T, D, begin, end)) \
  X(void, ck_norm_forward_f32, (int kind, const float *x, const float *y, float *sum, float \
    *h, float *mean, float *rstd, const float *gain, float gain_offset, const float *bias, float \
    epsilon, size_t D, size_t begin, size_t end), (kind, x, y, sum, h, mean, rstd, gain, \
    gain_offset, bias, epsilon, D, begin, end)) \
  X(void, ck_norm_forward_bf16, (int kind, const float *x, const float *y, float *sum, ck_bf16 \
    *h, float *mean, float *rstd, const float *gain, float gain_offset, const float *bias, float \
    epsilon, size_t D, size_t begin, size_t end), (kind, x, y, sum, h, mean, rstd, gain, \
    gain_offset, bias, epsilon, D, begin, end)) \
  X(void, ck_norm_backward, (int kind, const float *x, const float *dh, const float *mean, \
    const float *rstd, const float *gain, float gain_offset, float *dx, int accumulate, ck_bf16 \
    *copy, float *dgain, float *dbias, float *column_sum, size_t D, size_t begin, size_t end), \
    (kind, x, dh, mean, rstd, gain, gain_offset, dx, accumulate, copy, dgain, dbias, column_sum, \
    D, begin, end)) \
  X(void, ck_head_norm_forward_f32, (const ck_head_norm *shape, const float *x, float *h, float \
    *mean, float *rstd, const float *gain, size_t begin, size_t end), (shape, x, h, mean, rstd, \
    gain, begin, end)) \
  X(void, ck_head_norm_forward_bf16, (const ck_head_norm *shape, const ck_bf16 *x, ck_bf16 *h, \
    float *mean, float *rstd, const float *gain, size_t begin, size_t end), (shape, x, h, mean, \
    rstd, gain, begin, end)) \
  X(void, ck_head_norm_backward_f32, (const ck_head_norm *shape, const float *x, const float \
    *dh, const float *mean, const float *rstd, const float *gain, float *dx, size_t lddx, int \
    accumulate, float *dgain, size_t begin, size_t end), (shape, x, dh, mean, rstd, gain, dx, \
    lddx, accumulate, dgain, begin, end)) \
  X(void, ck_head_norm_backward_bf16, (const ck_head_norm *shape, const ck_bf16 *x, const \
    ck_bf16 *dh, const float *mean, const float *rstd, const float *gain, ck_bf16 *dx, size_t \
    lddx, int accumulate, float *dgain, size_t begin, size_t end), (shape, x, dh, mean, rstd, \
    gain, dx, lddx, accumulate, dgain, begin, end)) \
  X(void, ck_combine_rows, (const float *y, const int32_t *places, const float *shares, size_t k, \
    float *out, int accumulate, size_t D, size_t begin, size_t end), (y, places, shares, k, out, \
    accumulate, D, begin, end)) \
  X(void, ck_weigh_rows_f32, (const float *x, const int32_t *rows, const float *weights, float *y, \
    size_t D, size_t begin, size_t end), (x, rows, weights, y, D, begin, end)) \
  X(void, ck_weigh_rows_bf16, (const float *x, const int32_t *rows, const float *weights, ck_bf16 \
    *y, size_t D, size_t begin, size_t end), (x, rows, weights, y, D, begin, end)) \
  X(void, ck_route_backward, (const float *dout, const float *y, const int32_t *places, const \
    int32_t *choice, const float *shares, size_t k, float *dlogits, size_t E, size_t D, size_t \
    begin, size_t end), (dout, y, places, choice, shares, k, dlogits, E, D, begin, end)) \
  X(void, ck_rotary_f32, (float *x, size_t ld, size_t heads, size_t S, size_t turned, const float \
    *cosines, const float *sines, size_t T, size_t first_position, int inverse, size_t begin, \
    size_t end), (x, ld, heads, S, turned, cosines, sines, T, first_position, inverse, begin, end)) \
  X(void, ck_rotary_bf16, (ck_bf16 *x, size_t ld, size_t heads, size_t S, size_t turned, const \
    float *cosines, const float *sines, size_t T, size_t first_position, int inverse, size_t \
    begin, size_t end), (x, ld, heads, S, turned, cosines, sines, T, first_position, inverse, begin, end)) \
  X(size_t, ck_attention_workspace, (const ck_attention *shape, int backward, int bf16), \
    (shape, backward, bf16)) \
  X(void, ck_attention_forward_f32, (const ck_attention *shape, const float *q, const float \
    *k, const float *v, float *out, float *lse, uint64_t head, void *workspace), (shape, q, k, \
    v, out, lse, head, workspace)) \
  X(void, ck_attention_forward_bf16, (const ck_attention *shape, const ck_bf16 *q, const \
    ck_bf16 *k, const ck_bf16 *v, ck_bf16 *out, float *lse, uint64_t head, void *workspace), \
    (shape, q, k, v, out, lse, head, workspace)) \
  X(void, ck_attention_backward_f32, (const ck_attention *shape, const float *q, const float \
    *k, const float *v, const float *out, const float *lse, const float *dout, float *dq, float \
    *dk, float *dv, uint64_t first_head, void *workspace), (shape, q, k, v, out, lse, dout, dq, \
    dk, dv, first_head, workspace)) \
  X(void, ck_attention_backward_bf16, (const ck_attention *shape, const ck_bf16 *q, const \
    ck_bf16 *k, const ck_bf16 *v, const ck_bf16 *out, const float *lse, const ck_bf16 *dout, \
    ck_bf16 *dq, ck_bf16 *dk, ck_bf16 *dv, uint64_t first_head, void *workspace), (shape, q, k, \
    v, out, lse, dout, dq, dk, dv, first_head, workspace)) \
  X(void, ck_cross_entropy_f32, (float *logits, const int32_t *targets, float scale, float \
    weight, float *losses, size_t V, size_t begin, size_t end), (logits, targets, scale, weight, \
    losses, V, begin, end)) \
  X(void, ck_cross_entropy_bf16, (float *logits, ck_bf16 *gradient, const int32_t *targets, \
    float scale, float weight, float *losses, size_t V, size_t begin, size_t end), (logits, \
    gradient, targets, scale, weight, losses, V, begin, end)) \
  X(void, ck_score, (const float *logits, const int32_t *targets, float scale, float \
    *log_probability, uint8_t *greedy, size_t V, size_t begin, size_t end), (logits, targets, \
    scale, log_probability, greedy, V, begin, end)) \
  X(void, ck_column_sum_f32, (const float *x, size_t ld, float *out, size_t R, size_t begin, \
    size_t end), (x, ld, out, R, begin, end)) \
  X(void, ck_column_sum_bf16, (const ck_bf16 *x, size_t ld, float *out, size_t R, size_t \
    begin, size_t end), (x, ld, out, R, begin, end)) \
  X(double, ck_squared_norm, (const float *x, size_t n), (x, n)) \
  X(void, ck_adamw_update, (const ck_adamw *update, float *parameter, const float *gradient, \
    float *first_moment, float *second_moment, ck_bf16 *copy, size_t n), (update, parameter, \
    gradient, first_moment, second_moment, copy, n))

/// One level's kernels.
typedef struct {
#define X(result, name, parameters, arguments) result(*name) parameters;
  CK_KERNELS(X)
#undef X
} ck_table;

extern const ck_table ck_table_portable;
#if defined(__x86_64__)
extern const ck_table ck_table_avx2;
extern const ck_table ck_table_avx512;
extern const ck_table ck_table_avx512cast;
extern const ck_table ck_table_avx512bf16;
#endif
