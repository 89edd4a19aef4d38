// SPDX-License-Identifier: Apache-2.0
//
// Matrix products in float64, which proofs need and no neural network library has. The inner loops keep
// 4 × 2 sums of vectors in registers; b is read from the cache once for every four rows of a.

typedef double vd __attribute__((ext_vector_type(16)));

enum { EXACT_ROWS = 4, EXACT_COLUMNS = 2 };

CK_INLINE vd CK(load_f64)(const double *p) {
  vd v;
  memcpy(&v, p, sizeof v);
  return v;
}

CK_INLINE double CK(sum_f64)(vd v) {
  double total = 0;
  for (int lane = 0; lane < W; lane++) total += v[lane];
  return total;
}

/// Products of so many rows of a with so many rows of the transposed b.
CK_INLINE void CK(dot_tile)(
    const double *a, size_t row, size_t step, const double *b, size_t ldb, double *c, size_t ldc,
    size_t depth, int accumulates, const int rows, const int columns) {
  (void)step;  // Both sides lie along the sum, elements next to each other.
  vd sums[EXACT_ROWS][EXACT_COLUMNS] = {{(vd)(0.0)}};
  size_t k = 0;
  for (; k + W <= depth; k += W) {
    vd right[EXACT_COLUMNS];
    for (int j = 0; j < columns; j++) right[j] = CK(load_f64)(b + j * ldb + k);
    for (int i = 0; i < rows; i++) {
      vd left = CK(load_f64)(a + i * row + k);
      for (int j = 0; j < columns; j++) sums[i][j] += left * right[j];
    }
  }
  for (int i = 0; i < rows; i++) {
    for (int j = 0; j < columns; j++) {
      double total = CK(sum_f64)(sums[i][j]);
      for (size_t l = k; l < depth; l++) total += a[i * row + l] * b[j * ldb + l];
      double *to = c + i * ldc + j;
      *to = accumulates ? *to + total : total;
    }
  }
}

/// Products of so many rows of a with so many vectors of b's columns.
CK_INLINE void CK(column_tile)(
    const double *a, size_t row, size_t step, const double *b, size_t ldb, double *c, size_t ldc,
    size_t depth, int accumulates, const int rows, const int vectors) {
  vd sums[EXACT_ROWS][EXACT_COLUMNS] = {{(vd)(0.0)}};
  for (size_t k = 0; k < depth; k++) {
    vd right[EXACT_COLUMNS];
    for (int j = 0; j < vectors; j++) right[j] = CK(load_f64)(b + k * ldb + j * W);
    for (int i = 0; i < rows; i++) {
      vd left = (vd)(a[i * row + k * step]);
      for (int j = 0; j < vectors; j++) sums[i][j] += left * right[j];
    }
  }
  for (int i = 0; i < rows; i++) {
    for (int j = 0; j < vectors; j++) {
      double *to = c + i * ldc + j * W;
      vd total = accumulates ? CK(load_f64)(to) + sums[i][j] : sums[i][j];
      memcpy(to, &total, sizeof total);
    }
  }
}

/// One column of the product at a time, for what no vector fills.
CK_INLINE void CK(single_columns)(
    const double *a, size_t row, size_t step, const double *b, size_t ldb, double *c, size_t ldc,
    size_t M, size_t columns, size_t depth, int accumulates) {
  for (size_t i = 0; i < M; i++) {
    for (size_t j = 0; j < columns; j++) {
      double total = 0;
      for (size_t k = 0; k < depth; k++) total += a[i * row + k * step] * b[k * ldb + j];
      double *to = c + i * ldc + j;
      *to = accumulates ? *to + total : total;
    }
  }
}

#define CK_EXACT_ROWS(tile, width, from, to) \
  do { \
    size_t i = 0; \
    for (; i + EXACT_ROWS <= M; i += EXACT_ROWS) { \
      tile( \
          a + i * row, row, step, from, ldb, to + i * ldc, ldc, K, accumulates, EXACT_ROWS, width); \
    } \
    for (; i < M; i++) { \
      tile(a + i * row, row, step, from, ldb, to + i * ldc, ldc, K, accumulates, 1, width); \
    } \
  } while (0)

static void CK(ck_product_f64)(
    const double *a, size_t row, size_t step, const double *b, size_t ldb, int is_transposed,
    double *c, size_t ldc, size_t M, size_t K, int accumulates, size_t begin, size_t end) {
  size_t j = begin;
  if (is_transposed) {
    for (; j + EXACT_COLUMNS <= end; j += EXACT_COLUMNS) {
      CK_EXACT_ROWS(CK(dot_tile), EXACT_COLUMNS, b + j * ldb, c + j);
    }
    for (; j < end; j++) CK_EXACT_ROWS(CK(dot_tile), 1, b + j * ldb, c + j);
    return;
  }
  for (; j + EXACT_COLUMNS * W <= end; j += EXACT_COLUMNS * W) {
    CK_EXACT_ROWS(CK(column_tile), EXACT_COLUMNS, b + j, c + j);
  }
  for (; j + W <= end; j += W) CK_EXACT_ROWS(CK(column_tile), 1, b + j, c + j);
  CK(single_columns)(a, row, step, b + j, ldb, c + j, ldc, M, end - j, K, accumulates);
}

#undef CK_EXACT_ROWS
