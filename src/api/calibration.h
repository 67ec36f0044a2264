// Feeds the samples of a folder to the compiler.
#ifndef PENUMBRA_API_CALIBRATION_H_
#define PENUMBRA_API_CALIBRATION_H_

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "penumbra/tensor.h"
#include "protect/quantize/calibrate.h"

namespace penumbra::api {

// At most `limit` samples of `folder` for a model with `inputs`; files are read (ReadSamples) when
// they are asked for. `preprocess`: JSON, for pictures. Throws what ListDataset throws; the source
// throws Error naming the file.
protect::SampleSource OpenCalibration(const std::filesystem::path& folder,
                                      const std::vector<TensorInfo>& inputs,
                                      const std::string& preprocess, uint32_t limit);

}  // namespace penumbra::api

#endif  // PENUMBRA_API_CALIBRATION_H_
