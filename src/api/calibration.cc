#include "api/calibration.h"

#include <memory>
#include <utility>

namespace penumbra::api {
namespace {

class FolderReader {
 public:
  FolderReader(const std::filesystem::path& folder, std::vector<TensorInfo> inputs,
               std::string preprocess, uint32_t limit)
      : dataset_(ListDataset(folder)),
        inputs_(std::move(inputs)),
        preprocess_(std::move(preprocess)),
        limit_(limit) {}

  bool Next(protect::Sample* out_sample) {
    while (position_ == batch_.size()) {
      if (file_ == dataset_.samples.size()) return false;
      batch_ = ReadSamples(dataset_.samples[file_++].path, inputs_, preprocess_);
      position_ = 0;
    }
    if (used_ == limit_) return false;
    ++used_;
    TensorMap& tensors = batch_[position_++];
    out_sample->clear();
    for (const TensorInfo& input : inputs_)
      out_sample->push_back(std::move(tensors.at(input.name).values));
    return true;
  }

 private:
  Dataset dataset_;
  std::vector<TensorInfo> inputs_;
  std::string preprocess_;
  uint32_t limit_;
  size_t file_ = 0, position_ = 0;
  uint32_t used_ = 0;
  std::vector<TensorMap> batch_;
};

}  // namespace

protect::SampleSource OpenCalibration(const std::filesystem::path& folder,
                                      const std::vector<TensorInfo>& inputs,
                                      const std::string& preprocess, uint32_t limit) {
  auto reader = std::make_shared<FolderReader>(folder, inputs, preprocess, limit);
  return [reader](protect::Sample* out_sample) { return reader->Next(out_sample); };
}

}  // namespace penumbra::api
