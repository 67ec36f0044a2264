#include "api/calibration.h"

#include <memory>
#include <utility>
#include <vector>

#include "api/translate.h"
#include "penumbra/error.h"

namespace penumbra::api {
namespace {

class FolderReader {
 public:
  FolderReader(const std::filesystem::path& folder, TensorInfo input, std::string preprocess,
               uint32_t limit)
      : dataset_(ListDataset(folder)),
        input_(std::move(input)),
        preprocess_(std::move(preprocess)),
        limit_(limit) {}

  bool Next(protect::Sample* out_sample) {
    while (position_ == batch_.size()) {
      if (file_ == dataset_.samples.size()) return false;
      ReadFile(dataset_.samples[file_++].path);
    }
    if (used_ == limit_) return false;
    ++used_;
    *out_sample = {std::move(batch_[position_++].values)};
    return true;
  }

 private:
  void ReadFile(const std::filesystem::path& path) {
    position_ = 0;
    try {
      batch_ = SplitSamples(input_, ReadSample(path, preprocess_));
    } catch (const Error& error) {
      if (error.message().find(path.string()) != std::string::npos) throw;
      throw Error(error.number(), error.message() + " [" + path.string() + "]");
    }
  }

  Dataset dataset_;
  TensorInfo input_;
  std::string preprocess_;
  uint32_t limit_;
  size_t file_ = 0, position_ = 0;
  uint32_t used_ = 0;
  std::vector<Tensor> batch_;
};

}  // namespace

protect::SampleSource OpenCalibration(const std::filesystem::path& folder, const TensorInfo& input,
                                      const std::string& preprocess, uint32_t limit) {
  auto reader = std::make_shared<FolderReader>(folder, input, preprocess, limit);
  return [reader](protect::Sample* out_sample) { return reader->Next(out_sample); };
}

}  // namespace penumbra::api
