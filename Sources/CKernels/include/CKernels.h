// SPDX-License-Identifier: Apache-2.0
//
// Inner loops of the CPU engine. Each works on a range on the calling thread; the engine splits the
// ranges. Every kernel exists once per instruction-set level, from one source; each thread
// uses the best one that the machine has.
//
// Shape legend: R rows (tokens), D width of a row, V vocabulary, T positions of a sequence, S head
// size. Matrices are row-major; `ld…` is the distance between rows, in elements. `begin` and `end`
// bound the rows or columns to work on. Nothing needs alignment or a width that is a multiple of
// anything.

#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A bfloat16 by its bits.
typedef uint16_t ck_bf16;

// MARK: Levels

#define CK_LEVEL_PORTABLE 0    ///< what the compiler's default target has
#define CK_LEVEL_AVX2 1        ///< x86-64-v3
#define CK_LEVEL_AVX512 2      ///< x86-64-v4
#define CK_LEVEL_AVX512CAST 3  ///< and conversions to bf16; its products are taken as float32
#define CK_LEVEL_AVX512BF16 4  ///< and the bf16 dot product

/// The fastest level of this machine.
///
/// Intel's processors have the bf16 dot product, but take two cycles for one, in which they multiply twice
/// as many float32 (measured on Sapphire Rapids: 0.80 ns against 0.20 ns); there the level below is faster.
int ck_best_level(void);
/// The level of all instructions that the machine has.
int ck_last_level(void);
/// The level that this thread uses: the machine's best, unless set.
int ck_level(void);
/// Makes this thread use a level, or the last one below it that the machine has; a negative level
/// ends that. Returns the level now in use. For tests, which run beside each other on many threads.
int ck_set_thread_level(int level);

// MARK: Threads

/// Calls `body(context, i, threads)` for each i in 0 ..< threads at once, on the pool that the
/// matrix library shares, and returns when all have ended.
void ck_parallel(int threads, void (*body)(void *context, int thread, int threads), void *context);

/// The most threads that the system gives a team: OMP_THREAD_LIMIT.
int ck_thread_limit(void);

/// Sets the number of threads that the matrix library uses from this thread, and has teams of so many
/// threads wait for each other asleep rather than awake.
void ck_set_matrix_threads(int threads);

// MARK: Conversion and element-wise

/// Rounds to nearest, ties to even. From CK_LEVEL_AVX512CAST on a bfloat16 result below the normal range
/// (2⁻¹²⁶) becomes a signed zero, in this and every other kernel; the other levels keep it.
void ck_cast_f32_bf16(const float *x, ck_bf16 *y, size_t n);
void ck_cast_bf16_f32(const ck_bf16 *x, float *y, size_t n);
/// y = a + b
void ck_add_f32(const float *a, const float *b, float *y, size_t n);
void ck_add_bf16(const ck_bf16 *a, const ck_bf16 *b, ck_bf16 *y, size_t n);
/// y = a ⊙ b
void ck_multiply_f32(const float *a, const float *b, float *y, size_t n);
void ck_multiply_bf16(const ck_bf16 *a, const ck_bf16 *b, ck_bf16 *y, size_t n);

enum { CK_GELU_TANH = 0, CK_GELU = 1, CK_SILU = 2 };

/// y = f(x)
void ck_activation_forward_f32(int kind, const float *x, float *y, size_t n);
void ck_activation_forward_bf16(int kind, const ck_bf16 *x, ck_bf16 *y, size_t n);
/// dy ← dy ⊙ f′(x), in place, rows `begin ..< end` of [R, D]; adds the result's column sums to
/// `column_sum` [D] where it is not null.
void ck_activation_backward_f32(
    int kind, const float *x, float *dy, float *column_sum, size_t D, size_t begin, size_t end);
void ck_activation_backward_bf16(
    int kind, const ck_bf16 *x, ck_bf16 *dy, float *column_sum, size_t D, size_t begin,
    size_t end);

/// out = f(gate) ⊙ up, rows `begin ..< end`, D columns.
void ck_gated_forward_f32(
    int kind, const float *gate, const float *up, size_t ld, float *out, size_t ldo, size_t D,
    size_t begin, size_t end);
void ck_gated_forward_bf16(
    int kind, const ck_bf16 *gate, const ck_bf16 *up, size_t ld, ck_bf16 *out, size_t ldo, size_t D,
    size_t begin, size_t end);
/// dgate = dout ⊙ up ⊙ f′(gate), dup = dout ⊙ f(gate); gate and up have rows `ld` apart, dgate and
/// dup rows `ldd` apart.
void ck_gated_backward_f32(
    int kind, const float *gate, const float *up, size_t ld, const float *dout, size_t ldo,
    float *dgate, float *dup, size_t ldd, size_t D, size_t begin, size_t end);
void ck_gated_backward_bf16(
    int kind, const ck_bf16 *gate, const ck_bf16 *up, size_t ld, const ck_bf16 *dout, size_t ldo,
    ck_bf16 *dgate, ck_bf16 *dup, size_t ldd, size_t D, size_t begin, size_t end);

/// Philox-4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011) with
/// key (key0, key1) and counter (block, block >> 32, counter2, counter3).
typedef struct {
  uint32_t key0, key1, counter2, counter3;
} ck_random;

/// y[i] = keep(first + i) ? x[i] / (1 − rate) : 0, x and y may be the same. Element e is kept where
/// word e % 4 of block e / 4 is at least rate · 2³².
void ck_dropout_f32(
    const float *x, float *y, size_t n, double rate, const ck_random *random, uint64_t first);
void ck_dropout_bf16(
    const ck_bf16 *x, ck_bf16 *y, size_t n, double rate, const ck_random *random, uint64_t first);

// MARK: Growth
//
// These give the same bits at every level.

/// z[i] = z(first + i): independent Gaussians of mean 0 and variance 1, 32 to eight blocks of words w of
/// the stream: for j < 16, z(32g + j) and z(32g + 16 + j) are √(−2 ln u) times cos 2πv and sin 2πv
/// with u = (⌊w(32g + j) / 2⌋ + ½) / 2³¹ and v = w(32g + 16 + j) / 2³². None is beyond 6.7.
void ck_gaussian(float *z, size_t n, const ck_random *random, uint64_t first);
/// y = factor · x + deviation · z, each product and the sum rounded by itself; x null stands for zeros.
/// y may be x or z.
void ck_add_noise(
    const float *x, float factor, const float *z, float deviation, float *y, size_t n);
/// The same in numbers of few digits, so that a file of 16 bits can hold y and the noise itself, and
/// copies that cancel in exact arithmetic cancel in the file: w = factor · x is rounded to `digits`
/// binary digits, the noise n = deviation · z to the last of them, |n| ≤ 2ᵉ⁺¹ for 2ᵉ ≤ |w| < 2ᵉ⁺¹,
/// and one of them nearer to 0 where w + n or w − n would need another digit. y = w + n, or n alone.
/// Where w is 0, below 2⁻¹⁰⁰, or above `largest` there is no noise; the last digit is never below
/// `least`.
void ck_add_representable_noise(
    const float *x, float factor, const float *z, float deviation, int adds, int digits,
    float least, float largest, float *y, size_t n);
/// y = factor · x
void ck_scale(const float *x, float factor, float *y, size_t n);
/// Σ x², in float64 and in a fixed order.
double ck_sum_of_squares(const float *x, size_t n);
/// Whether n floating-point numbers of 16, 32 or 64 bits are all finite; `exponent` has the bits of
/// their exponent. x need not be aligned.
int ck_are_finite_16(const void *x, size_t n, uint16_t exponent);
int ck_are_finite_32(const void *x, size_t n, uint32_t exponent);
int ck_are_finite_64(const void *x, size_t n, uint64_t exponent);

// MARK: Proofs

/// Columns `begin ..< end` of c[M, N] (+)= a[M, K] · b[K, N] in float64.
///
/// a's rows are `row` elements apart, its columns `step`; b may lie transposed, [N, K], where `step` is 1.
void ck_product_f64(
    const double *a, size_t row, size_t step, const double *b, size_t ldb, int is_transposed,
    double *c, size_t ldc, size_t M, size_t K, int accumulates, size_t begin, size_t end);

// MARK: Embeddings

/// out[r] = table[tokens[r]] (+ positions[first_position + r % T] where positions is not null),
/// rows `begin ..< end` of [R, D].
void ck_embedding_forward(
    const float *table, const int32_t *tokens, const float *positions, size_t T,
    size_t first_position, float *out, size_t D, size_t begin, size_t end);
/// out[r] = x[r] + positions[first_position + r % T], rows `begin ..< end` of [R, D].
void ck_position_forward(
    const float *x, const float *positions, size_t T, size_t first_position, float *out, size_t D,
    size_t begin, size_t end);
/// dtable[tokens[r]] += dx[r] for all R rows, columns `begin ..< end`.
void ck_embedding_backward(
    const float *dx, const int32_t *tokens, float *dtable, size_t R, size_t D, size_t begin,
    size_t end);
/// dpositions[t] += Σ over sequences of dx[t], for t < T, all R = sequences · T rows, columns
/// `begin ..< end`.
void ck_position_backward(
    const float *dx, float *dpositions, size_t R, size_t T, size_t D, size_t begin, size_t end);

// MARK: Norms

enum { CK_LAYER_NORM = 0, CK_RMS_NORM = 1 };

/// sum = x + y (where y is not null; sum may be x, and is not written where y is null);
/// h = norm(sum or x) · (gain + gain_offset) (+ bias where not null); a null gain stands for a factor of 1.
/// mean and rstd [R] are kept for the backward pass (mean only by the layer norm). Rows `begin ..< end` of
/// [R, D].
void ck_norm_forward_f32(
    int kind, const float *x, const float *y, float *sum, float *h, float *mean, float *rstd,
    const float *gain, float gain_offset, const float *bias, float epsilon, size_t D, size_t begin,
    size_t end);
void ck_norm_forward_bf16(
    int kind, const float *x, const float *y, float *sum, ck_bf16 *h, float *mean, float *rstd,
    const float *gain, float gain_offset, const float *bias, float epsilon, size_t D, size_t begin,
    size_t end);

/// dx (= or, where `accumulate`, +=) norm's derivative applied to dh; the new dx goes to `copy` as
/// well where that is not null, and its column sums are added to `column_sum` [D] where that is not
/// null. dgain [D] and dbias [D] (null for none) are added to. x is the norm's input.
void ck_norm_backward(
    int kind, const float *x, const float *dh, const float *mean, const float *rstd,
    const float *gain, float gain_offset, float *dx, int accumulate, ck_bf16 *copy, float *dgain,
    float *dbias, float *column_sum, size_t D, size_t begin, size_t end);

/// The shape of a norm of each head by itself: heads lie S columns apart in each row.
typedef struct {
  int kind;
  size_t heads, head_size;
  size_t ldx, ldh;
  float gain_offset, epsilon;
} ck_head_norm;

/// h = norm(x) · (gain + gain_offset) of each head, gain being [S]; mean and rstd, [R, heads], are kept for
/// the backward pass (mean only by the layer norm). Rows `begin ..< end`.
void ck_head_norm_forward_f32(
    const ck_head_norm *shape, const float *x, float *h, float *mean, float *rstd, const float *gain,
    size_t begin, size_t end);
void ck_head_norm_forward_bf16(
    const ck_head_norm *shape, const ck_bf16 *x, ck_bf16 *h, float *mean, float *rstd,
    const float *gain, size_t begin, size_t end);
/// dx (= or, where `accumulate`, +=) the derivative applied to dh, whose rows are ldh apart, those of dx
/// lddx; dgain [S] is added to.
void ck_head_norm_backward_f32(
    const ck_head_norm *shape, const float *x, const float *dh, const float *mean, const float *rstd,
    const float *gain, float *dx, size_t lddx, int accumulate, float *dgain, size_t begin,
    size_t end);
void ck_head_norm_backward_bf16(
    const ck_head_norm *shape, const ck_bf16 *x, const ck_bf16 *dh, const float *mean,
    const float *rstd, const float *gain, ck_bf16 *dx, size_t lddx, int accumulate, float *dgain,
    size_t begin, size_t end);

// MARK: Columns

/// Copies rows `begin ..< end`. The columns of x are `groups` groups, each of `parts` parts that are
/// `widths` bytes wide; y has the first parts of all groups, then all second parts, and so on. `inverse`:
/// back from y's order to x's. ldx and ldy are in bytes.
void ck_regroup(
    const void *x, size_t ldx, void *y, size_t ldy, size_t groups, const size_t *widths,
    size_t parts, int inverse, size_t begin, size_t end);
/// y += x, rows `begin ..< end`, D columns.
void ck_add_rows_f32(
    const float *x, size_t ldx, float *y, size_t ldy, size_t D, size_t begin, size_t end);
void ck_add_rows_bf16(
    const ck_bf16 *x, size_t ldx, ck_bf16 *y, size_t ldy, size_t D, size_t begin, size_t end);

// MARK: Experts
//
// E experts, of which each row takes k. The rows that one expert takes lie together, in places; where an
// expert's number of rows is rounded up, places without a row follow.

/// y[i] = x[rows[i]], `width` bytes; zeros where rows[i] is −1. ldx is in bytes. Places `begin ..< end`.
void ck_gather_rows(
    const void *x, size_t ldx, const int32_t *rows, void *y, size_t width, size_t begin,
    size_t end);
/// choice [R, k]: the k experts of the highest logits [R, E], the highest first, of equal ones the lower
/// number; shares [R, k]: the softmax over those logits. Rows `begin ..< end`.
void ck_choose_experts(
    const float *logits, size_t E, size_t k, int32_t *choice, float *shares, size_t begin,
    size_t end);
/// The number of places for n rows: at most a sixteenth more, so that few numbers occur.
size_t ck_rounded_rows(size_t n);
/// Gives each row of each expert a place: those of expert e are starts[e] ..< starts[e + 1], the rows in
/// order. places [R, k]; rows and weights by place: the row and its share, −1 and 0 where there is none.
void ck_place_rows(
    const int32_t *choice, const float *shares, size_t R, size_t k, size_t E, int32_t *starts,
    int32_t *places, int32_t *rows, float *weights);
/// out[r] (=, or +=) Σ over j of shares[r][j] · y[places[r][j]]; null shares stand for 1. Rows of D.
void ck_combine_rows(
    const float *y, const int32_t *places, const float *shares, size_t k, float *out,
    int accumulate, size_t D, size_t begin, size_t end);
/// y[i] = weights[i] · x[rows[i]]; zeros where rows[i] is −1. Places `begin ..< end`.
void ck_weigh_rows_f32(
    const float *x, const int32_t *rows, const float *weights, float *y, size_t D, size_t begin,
    size_t end);
void ck_weigh_rows_bf16(
    const float *x, const int32_t *rows, const float *weights, ck_bf16 *y, size_t D, size_t begin,
    size_t end);
/// dlogits [R, E]: the gradient of Σ over j of shares[r][j] · y[places[r][j]] · dout[r] by the logits that
/// the shares are the softmax of; 0 for experts that a row does not take.
void ck_route_backward(
    const float *dout, const float *y, const int32_t *places, const int32_t *choice,
    const float *shares, size_t k, float *dlogits, size_t E, size_t D, size_t begin, size_t end);

// MARK: Rotary

/// Turns `heads` heads of S columns each, in place, rows `begin ..< end`: of the first `turned` components of
/// a head j and j + turned/2 by the angle whose cosine and sine stand at [position][j] of cosines, sines
/// [·, turned/2], position = first_position + r % T; backwards where `inverse`. The others stay.
void ck_rotary_f32(
    float *x, size_t ld, size_t heads, size_t S, size_t turned, const float *cosines,
    const float *sines, size_t T, size_t first_position, int inverse, size_t begin, size_t end);
void ck_rotary_bf16(
    ck_bf16 *x, size_t ld, size_t heads, size_t S, size_t turned, const float *cosines,
    const float *sines, size_t T, size_t first_position, int inverse, size_t begin, size_t end);

// MARK: Attention

/// The shape of attention for one sequence. Queries stand at the last `query_rows` of `key_rows`
/// positions. Heads lie S columns apart in each row.
typedef struct {
  size_t query_rows, key_rows;
  size_t head_size;
  size_t group;  ///< query heads that share a key/value head
  size_t ldq, ldk, ldv, ldo;
  int causal;
  size_t window;  ///< keys that a query sees, those before the end of what it may see; 0 for all
  float scale;
  /// Dropout on the weights: rate 0 for none. Weight (i, j) of query head h of this sequence is
  /// element (first_head + h) · query_rows · key_rows + i · key_rows + j of the random stream.
  double dropout;
  ck_random random;
} ck_attention;

/// Bytes of workspace that one call needs; 64-byte aligned.
size_t ck_attention_workspace(const ck_attention *shape, int backward, int bf16);

/// One query head of one sequence: out = softmax(scale · q kᵀ) v, [query_rows, S]; lse [query_rows]
/// gets the logarithm of the softmax's denominator. `head` counts for dropout only.
void ck_attention_forward_f32(
    const ck_attention *shape, const float *q, const float *k, const float *v, float *out,
    float *lse, uint64_t head, void *workspace);
void ck_attention_forward_bf16(
    const ck_attention *shape, const ck_bf16 *q, const ck_bf16 *k, const ck_bf16 *v, ck_bf16 *out,
    float *lse, uint64_t head, void *workspace);

/// One key/value head of one sequence with its `group` query heads: writes dq of all of them, dk
/// and dv. Rows of q and dq are ldq apart, of k and dk ldk, of v and dv ldv, of out and dout ldo;
/// lse is [group, query_rows]. Query rows and key rows are equal in number.
void ck_attention_backward_f32(
    const ck_attention *shape, const float *q, const float *k, const float *v, const float *out,
    const float *lse, const float *dout, float *dq, float *dk, float *dv, uint64_t first_head,
    void *workspace);
void ck_attention_backward_bf16(
    const ck_attention *shape, const ck_bf16 *q, const ck_bf16 *k, const ck_bf16 *v,
    const ck_bf16 *out, const float *lse, const ck_bf16 *dout, ck_bf16 *dq, ck_bf16 *dk,
    ck_bf16 *dv, uint64_t first_head, void *workspace);

// MARK: Loss

/// Rows `begin ..< end` of logits [R, V]: losses[r] = −log softmax(scale · logits[r])[targets[r]],
/// 0 where the target is −1; the logits turn into the loss's gradient by the unscaled logits, times
/// `weight` (0 for a target of −1).
void ck_cross_entropy_f32(
    float *logits, const int32_t *targets, float scale, float weight, float *losses, size_t V,
    size_t begin, size_t end);
/// The same with the gradient in bfloat16, in `gradient` [R, V]; the logits are overwritten.
void ck_cross_entropy_bf16(
    float *logits, ck_bf16 *gradient, const int32_t *targets, float scale, float weight,
    float *losses, size_t V, size_t begin, size_t end);
/// log_probability[r] = log softmax(scale · logits[r])[targets[r]]; greedy[r] is 1 where the target
/// is the lowest index of the largest logit. Both are 0 where the target is −1.
void ck_score(
    const float *logits, const int32_t *targets, float scale, float *log_probability,
    uint8_t *greedy, size_t V, size_t begin, size_t end);

// MARK: Reductions and optimizer

/// out[c] += Σ over rows of x[r][c], all R rows, columns `begin ..< end`.
void ck_column_sum_f32(
    const float *x, size_t ld, float *out, size_t R, size_t begin, size_t end);
void ck_column_sum_bf16(
    const ck_bf16 *x, size_t ld, float *out, size_t R, size_t begin, size_t end);

/// Σ x², in float32 within blocks of 4096 and float64 across them.
double ck_squared_norm(const float *x, size_t n);

/// One AdamW update as PyTorch's; see `AdamWUpdate` in Training.
typedef struct {
  float beta1, one_minus_beta1, beta2, one_minus_beta2;
  float epsilon, one_minus_decay, step_size, inverse_root_correction;
  float gradient_scale;  ///< the clip's factor
} ck_adamw;

/// Updates n elements; writes the new parameter to `copy` as bfloat16 where that is not null.
void ck_adamw_update(
    const ck_adamw *update, float *parameter, const float *gradient, float *first_moment,
    float *second_moment, ck_bf16 *copy, size_t n);

#ifdef __cplusplus
}
#endif
