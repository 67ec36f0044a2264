// Feeds the samples of a folder to the compiler.
#ifndef PENUMBRA_API_CALIBRATION_H_
#define PENUMBRA_API_CALIBRATION_H_

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "penumbra/tensor.h"
#include "protect/quantize/calibrate.h"

namespace penumbra::api {

struct CalibrationSet {
  protect::SampleSource next;
  std::shared_ptr<uint32_t> used_count;  // samples handed out so far
};

// At most `limit` samples of `folder` for a model with the one input `input`; files are read when
// they are asked for. `preprocess`: JSON, for pictures. Throws what ListDataset throws; `next`
// throws Error naming the file.
CalibrationSet OpenCalibration(const std::filesystem::path& folder, const TensorInfo& input,
                               const std::string& preprocess, uint32_t limit);

}  // namespace penumbra::api

#endif  // PENUMBRA_API_CALIBRATION_H_
