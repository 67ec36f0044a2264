// The one door to BLAS.
#ifndef PENUMBRA_MODEL_OPS_MATRIX_H_
#define PENUMBRA_MODEL_OPS_MATRIX_H_

#include <cstdint>

namespace penumbra::model {

struct Product {
  int64_t rows, inner, columns;
  bool a_transposed = false;  // a is stored [inner, rows]
  bool b_transposed = false;  // b is stored [columns, inner]
  float alpha = 1.0f;
};

// out_c[rows, columns] += alpha * a[rows, inner] * b[inner, columns], all row-major and dense.
void MultiplyAdd(const Product& product, const float* a, const float* b, float* out_c);

// Threads BLAS may use, for the whole process.
void SetMatrixThreads(int count);

}  // namespace penumbra::model

#endif  // PENUMBRA_MODEL_OPS_MATRIX_H_
