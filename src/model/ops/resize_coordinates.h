// Where an output index of ONNX Resize lies on the input axis: shared by the reference interpreter and
// by the compiler, which turns it into copies and tables.
#ifndef PENUMBRA_MODEL_OPS_RESIZE_COORDINATES_H_
#define PENUMBRA_MODEL_OPS_RESIZE_COORDINATES_H_

#include <cstdint>
#include <string>

namespace penumbra::model {

struct AxisScale {
  int64_t in, out;
  double scale;

  // The output length before it was rounded down to `out`.
  double ExactOut() const;
};

// `mode`: coordinate_transformation_mode. In units of input elements, may lie outside the axis.
double SourceCoordinate(const std::string& mode, const AxisScale& axis, int64_t at);

// `mode`: nearest_mode. In [0, size).
int64_t NearestIndex(const std::string& mode, double x, int64_t size);

}  // namespace penumbra::model

#endif  // PENUMBRA_MODEL_OPS_RESIZE_COORDINATES_H_
