// SPDX-License-Identifier: Apache-2.0
//
// Attention's entry points. bfloat16 is multiplied in pairs where the level can, else as float32.

#include "AttentionTiles.h"
#include "AttentionPacking.h"
#include "AttentionSoftmax.h"
#include "AttentionForward.h"
#include "AttentionBackward.h"

enum { BFLOATS = CK_LEVEL == CK_LEVEL_AVX512BF16 ? PAIRED : WIDENED };

static size_t CK(ck_attention_workspace)(const ck_attention *shape, int backward, int bf16) {
  int type = bf16 ? BFLOATS : FLOATS;
  size_t words =
      backward ? CK(backward_plan)(shape, type).end : CK(forward_plan)(shape, type).end;
  return words * sizeof(float);
}

static void CK(ck_attention_forward_f32)(
    const ck_attention *shape, const float *q, const float *k, const float *v, float *out,
    float *lse, uint64_t head, void *workspace) {
  CK(attention_forward)(FLOATS, shape, q, k, v, out, lse, head, workspace);
}

static void CK(ck_attention_forward_bf16)(
    const ck_attention *shape, const ck_bf16 *q, const ck_bf16 *k, const ck_bf16 *v, ck_bf16 *out,
    float *lse, uint64_t head, void *workspace) {
  CK(attention_forward)(BFLOATS, shape, q, k, v, out, lse, head, workspace);
}

static void CK(ck_attention_backward_f32)(
    const ck_attention *shape, const float *q, const float *k, const float *v, const float *out,
    const float *lse, const float *dout, float *dq, float *dk, float *dv, uint64_t first_head,
    void *workspace) {
  CK(attention_backward)(
      FLOATS, shape, q, k, v, out, lse, dout, dq, dk, dv, first_head, workspace);
}

static void CK(ck_attention_backward_bf16)(
    const ck_attention *shape, const ck_bf16 *q, const ck_bf16 *k, const ck_bf16 *v,
    const ck_bf16 *out, const float *lse, const ck_bf16 *dout, ck_bf16 *dq, ck_bf16 *dk,
    ck_bf16 *dv, uint64_t first_head, void *workspace) {
  CK(attention_backward)(
      BFLOATS, shape, q, k, v, out, lse, dout, dq, dk, dv, first_head, workspace);
}
