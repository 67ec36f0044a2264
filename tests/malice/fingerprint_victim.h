// A model under SOTER with fingerprints, and an accelerator that looks before it lies.
#ifndef PENUMBRA_TESTS_MALICE_FINGERPRINT_VICTIM_H_
#define PENUMBRA_TESTS_MALICE_FINGERPRINT_VICTIM_H_

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "accel/malicious/attentive_device.h"
#include "harness.h"
#include "host/session.h"

namespace penumbra::malice {

enum class Answer { kRight, kWrong, kRefused };

// One thread at a time. Throws what its parts throw, and std::logic_error when something else than a refusal ends an
// inference, or an honest run goes wrong.
class FingerprintVictim {
 public:
  // The small network of schemes.h.
  explicit FingerprintVictim(const protect::FingerprintOptions& options, bool partition_inside = false);
  // Any ONNX model with one input; calibrated with smooth inputs.
  FingerprintVictim(const std::filesystem::path& onnx, const protect::FingerprintOptions& options);

  malicious::AttentiveDevice& device() { return *device_; }
  // An inference of one of any number of inputs, in the current session or, after a refusal, a new one.
  Answer Run(uint32_t input);
  // Protects the model again, with other secrets: other cornerstones, too.
  void Refresh();
  uint32_t segment_count() const { return static_cast<uint32_t>(model_->plan().float_segments.size()); }
  // Probability that a lie about one slot, picked at random, is refused.
  double Odds() const;

 private:
  using Maker = std::function<std::unique_ptr<protect::CompiledModel>()>;
  enum class Tag { kMaker };  // tells this constructor from those that take braces
  FingerprintVictim(Maker make, Tag);
  void Open();
  const e2e::Tensors& Wanted(uint32_t input);

  const Maker make_;
  const e2e::ScratchFolder scratch_;
  const e2e::Keys keys_;
  std::shared_ptr<malicious::AttentiveDevice> device_;
  std::unique_ptr<protect::CompiledModel> model_;
  std::shared_ptr<host::Transport> half_;
  std::unique_ptr<host::Session> session_;
  std::map<uint32_t, e2e::Tensors> wanted_;  // by input
};

}  // namespace penumbra::malice

#endif  // PENUMBRA_TESTS_MALICE_FINGERPRINT_VICTIM_H_
