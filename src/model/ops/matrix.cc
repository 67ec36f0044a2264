#include "model/ops/matrix.h"

#include <cblas.h>

#include <algorithm>

namespace penumbra::model {

void MultiplyAdd(const Product& p, const float* a, const float* b, float* out_c) {
  if (p.rows == 0 || p.inner == 0 || p.columns == 0) return;
  const auto rows = static_cast<blasint>(p.rows);
  const auto inner = static_cast<blasint>(p.inner);
  const auto columns = static_cast<blasint>(p.columns);
  cblas_sgemm(CblasRowMajor, p.a_transposed ? CblasTrans : CblasNoTrans,
              p.b_transposed ? CblasTrans : CblasNoTrans, rows, columns, inner, p.alpha, a,
              p.a_transposed ? rows : inner, b, p.b_transposed ? inner : columns, 1.0f, out_c,
              columns);
}

void SetMatrixThreads(int count) { openblas_set_num_threads(std::max(1, count)); }

}  // namespace penumbra::model
