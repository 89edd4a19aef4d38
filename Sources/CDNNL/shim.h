// SPDX-License-Identifier: Apache-2.0
//
// The matrix product of oneDNN, in one form for its versions 2 and 3, whose calls that create things
// differ.

#pragma once
#include <oneapi/dnnl/dnnl.h>
#include <stddef.h>

/// One product C[M, N] = A[M, K] · B[K, N] (+ bias[N]) (+ C), ready to run.
typedef struct {
  dnnl_primitive_t primitive;
  dnnl_memory_t a, b, c, bias;
} espalier_matmul;

/// An operand's element type and the distances between its rows and between its columns.
typedef struct {
  int is_bf16;
  int64_t row_stride, column_stride;
} espalier_operand;

#if DNNL_VERSION_MAJOR >= 3
typedef dnnl_memory_desc_t espalier_desc;
#define ESPALIER_DESC(d) (d)
static inline dnnl_status_t espalier_desc_create(
    espalier_desc *desc, int64_t rows, int64_t columns, espalier_operand o) {
  dnnl_dims_t dims = {rows, columns}, strides = {o.row_stride, o.column_stride};
  return dnnl_memory_desc_create_with_strides(
      desc, 2, dims, o.is_bf16 ? dnnl_bf16 : dnnl_f32, strides);
}
static inline void espalier_desc_destroy(espalier_desc *desc) { dnnl_memory_desc_destroy(*desc); }
#else
typedef dnnl_memory_desc_t espalier_desc;
#define ESPALIER_DESC(d) (&(d))
static inline dnnl_status_t espalier_desc_create(
    espalier_desc *desc, int64_t rows, int64_t columns, espalier_operand o) {
  dnnl_dims_t dims = {rows, columns}, strides = {o.row_stride, o.column_stride};
  return dnnl_memory_desc_init_by_strides(
      desc, 2, dims, o.is_bf16 ? dnnl_bf16 : dnnl_f32, strides);
}
static inline void espalier_desc_destroy(espalier_desc *desc) { (void)desc; }
#endif

/// Frees what `espalier_matmul_create` made; a half-made one too.
static inline void espalier_matmul_destroy(espalier_matmul *m) {
  if (m->primitive) dnnl_primitive_destroy(m->primitive);
  if (m->a) dnnl_memory_destroy(m->a);
  if (m->b) dnnl_memory_destroy(m->b);
  if (m->c) dnnl_memory_destroy(m->c);
  if (m->bias) dnnl_memory_destroy(m->bias);
}

static inline dnnl_status_t espalier_primitive_create(
    dnnl_primitive_t *primitive, dnnl_engine_t engine, espalier_desc *a, espalier_desc *b,
    espalier_desc *bias, espalier_desc *c, const_dnnl_primitive_attr_t attributes) {
  dnnl_primitive_desc_t description = NULL;
#if DNNL_VERSION_MAJOR >= 3
  dnnl_status_t status = dnnl_matmul_primitive_desc_create(
      &description, engine, *a, *b, bias ? *bias : NULL, *c, attributes);
#else
  dnnl_matmul_desc_t operation;
  dnnl_status_t status = dnnl_matmul_desc_init(&operation, a, b, bias, c);
  if (status == dnnl_success) {
    status = dnnl_primitive_desc_create(&description, &operation, attributes, engine, NULL);
  }
#endif
  if (status != dnnl_success) return status;
  status = dnnl_primitive_create(primitive, description);
  dnnl_primitive_desc_destroy(description);
  return status;
}

static inline dnnl_status_t espalier_sum_attributes(dnnl_primitive_attr_t *attributes) {
  dnnl_post_ops_t operations = NULL;
  dnnl_status_t status = dnnl_primitive_attr_create(attributes);
  if (status != dnnl_success) return status;
  status = dnnl_post_ops_create(&operations);
  if (status != dnnl_success) return status;
#if DNNL_VERSION_MAJOR >= 3
  status = dnnl_post_ops_append_sum(operations, 1.0f, 0, dnnl_data_type_undef);
#else
  status = dnnl_post_ops_append_sum(operations, 1.0f);
#endif
  if (status == dnnl_success) status = dnnl_primitive_attr_set_post_ops(*attributes, operations);
  dnnl_post_ops_destroy(operations);
  return status;
}

/// Makes a product; on failure `m` holds nothing.
static inline dnnl_status_t espalier_matmul_create(
    espalier_matmul *m, dnnl_engine_t engine, int64_t M, int64_t N, int64_t K, espalier_operand a,
    espalier_operand b, espalier_operand c, int has_bias, int accumulates) {
  espalier_desc da, db, dc, dbias;
  espalier_operand bias = {0, N, 1};
  dnnl_primitive_attr_t attributes = NULL;
  *m = (espalier_matmul){NULL, NULL, NULL, NULL, NULL};

  dnnl_status_t status = espalier_desc_create(&da, M, K, a);
  if (status != dnnl_success) return status;
  status = espalier_desc_create(&db, K, N, b);
  if (status != dnnl_success) goto destroy_a;
  status = espalier_desc_create(&dc, M, N, c);
  if (status != dnnl_success) goto destroy_b;
  status = espalier_desc_create(&dbias, 1, N, bias);
  if (status != dnnl_success) goto destroy_c;

  if (accumulates) status = espalier_sum_attributes(&attributes);
  if (status == dnnl_success) {
    status = espalier_primitive_create(
        &m->primitive, engine, &da, &db, has_bias ? &dbias : NULL, &dc, attributes);
  }
#define ESPALIER_MEMORY(field, desc)                                                       \
  if (status == dnnl_success) {                                                            \
    status = dnnl_memory_create(&m->field, ESPALIER_DESC(desc), engine, DNNL_MEMORY_NONE); \
  }
  ESPALIER_MEMORY(a, da)
  ESPALIER_MEMORY(b, db)
  ESPALIER_MEMORY(c, dc)
  if (has_bias) {
    ESPALIER_MEMORY(bias, dbias)
  }
#undef ESPALIER_MEMORY
  if (attributes) dnnl_primitive_attr_destroy(attributes);
  if (status != dnnl_success) {
    espalier_matmul_destroy(m);
    *m = (espalier_matmul){NULL, NULL, NULL, NULL, NULL};
  }

  espalier_desc_destroy(&dbias);
destroy_c:
  espalier_desc_destroy(&dc);
destroy_b:
  espalier_desc_destroy(&db);
destroy_a:
  espalier_desc_destroy(&da);
  return status;
}

/// Runs a product on these operands and waits for it.
static inline dnnl_status_t espalier_matmul_run(
    const espalier_matmul *m, dnnl_stream_t stream, const void *a, const void *b, void *c,
    const float *bias) {
  dnnl_exec_arg_t arguments[4] = {
    {DNNL_ARG_SRC, m->a}, {DNNL_ARG_WEIGHTS, m->b}, {DNNL_ARG_DST, m->c}, {DNNL_ARG_BIAS, m->bias}};
  dnnl_status_t status = dnnl_memory_set_data_handle(m->a, (void *)a);
  if (status == dnnl_success) status = dnnl_memory_set_data_handle(m->b, (void *)b);
  if (status == dnnl_success) status = dnnl_memory_set_data_handle(m->c, c);
  if (status == dnnl_success && m->bias) {
    status = dnnl_memory_set_data_handle(m->bias, (void *)bias);
  }
  if (status == dnnl_success) {
    status = dnnl_primitive_execute(m->primitive, stream, m->bias ? 4 : 3, arguments);
  }
  return status == dnnl_success ? dnnl_stream_wait(stream) : status;
}
