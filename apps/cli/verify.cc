// verify: a receipt against the device that should have signed it, and against whatever else is at hand.
#include <memory>

#include "arguments.h"
#include "sample_files.h"
#include "verbs.h"

namespace penumbra::cli {
namespace {

constexpr uint32_t kWrongShape = 103;

struct Options {
  std::string receipt, device, nonce, bundle, vendor;
  std::vector<std::string> inputs, outputs;
};

TensorMap OneSample(const std::vector<std::string>& texts, const std::vector<TensorInfo>& ports,
                    const std::string& preprocess, const std::string& option) {
  TensorMap tensors;
  for (auto& [name, samples] : ReadSampleFiles(texts, ports, preprocess, option)) {
    if (samples.size() != 1) {
      throw Error(kWrongShape, "a receipt is for one inference, and '" + name + "' holds " +
                                   std::to_string(samples.size()) + " samples");
    }
    tensors[name] = std::move(samples.front());
  }
  return tensors;
}

bool HasTensors(const Options& options) { return !options.inputs.empty() || !options.outputs.empty(); }

void AddTensors(const Options& options, ReceiptExpectations* expected) {
  const BundleInfo info = Inspect(options.bundle);
  expected->inputs = OneSample(options.inputs, info.inputs, info.preprocess, "--input");
  expected->outputs = OneSample(options.outputs, info.outputs, {}, "--output");
}

std::string List(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text.append(text.empty() ? "" : ", ").append(word);
  return text.empty() ? "nothing" : text;
}

Json ToJson(const Options& options, const ReceiptInfo& info) {
  return {{"receipt", options.receipt},
          {"valid", true},
          {"checked", info.checked},
          {"not_checked", info.not_checked},
          {"bundle_sha256", info.bundle_hash},
          {"model_version", info.model_version},
          {"vendor_key", info.vendor_key},
          {"device_id", info.device_id},
          {"carrier", info.carrier},
          {"software_tee", info.software_tee},
          {"notice", info.notice},
          {"nonce", info.nonce},
          {"input_sha256", info.input_hash},
          {"output_sha256", info.output_hash},
          {"checks", info.checks},
          {"soundness_bits", info.soundness_bits},
          {"clamped_levels", info.clamped_count}};
}

std::string ToText(const ReceiptInfo& info) {
  const std::string replies =
      info.soundness_bits == 0 ? "unchecked" : std::to_string(info.soundness_bits) + " bits";
  const std::vector<Row> rows{{"receipt", "valid"},
                              {"checked here", List(info.checked)},
                              {"not checked here", List(info.not_checked)},
                              {"bundle", info.bundle_hash},
                              {"model version", std::to_string(info.model_version)},
                              {"vendor", info.vendor_key},
                              {"device", info.device_id},
                              {"carrier", info.carrier},
                              {"nonce", info.nonce},
                              {"input", info.input_hash},
                              {"output", info.output_hash},
                              {"checked inside", List(info.checks)},
                              {"replies of the accelerator", replies},
                              {"clamped levels", std::to_string(info.clamped_count)}};
  return Table(rows) + (info.notice.empty() ? "" : info.notice + "\n");
}

void Verify(const Options& options, const Console& console) {
  if (HasTensors(options) && options.bundle.empty()) {
    ThrowUsage("--input and --output need --bundle, which knows the order and layout of tensors");
  }
  ReceiptExpectations expected{.bundle = options.bundle, .vendor_key = options.vendor};
  if (!options.nonce.empty()) expected.nonce = ParseNonce(options.nonce);
  const std::vector<uint8_t> receipt = ReadReceiptFile(options.receipt);
  ReceiptInfo info = VerifyReceipt(receipt, options.device, expected);
  if (HasTensors(options)) {
    // Only now: the tensors of another bundle would be refused for their shapes.
    AddTensors(options, &expected);
    info = VerifyReceipt(receipt, options.device, expected);
  }
  console.Result("verify", ToJson(options, info), ToText(info));
}

}  // namespace

Verb AddVerify(CLI::App* app) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app->add_subcommand("verify", "check a receipt, anywhere and offline");
  command->add_option("receipt", options->receipt, "file written by 'penumbra run --receipt'")->required();
  command->add_option("--device", options->device, "public key file of the device")->required();
  command->add_option("--nonce", options->nonce, "64 hexadecimal digits the receipt must repeat");
  command->add_option("--bundle", options->bundle, "bundle the receipt must be for");
  command->add_option("--vendor", options->vendor, "public key file of the vendor the bundle must be of");
  command->add_option("-i,--input", options->inputs, "[NAME=]FILE, or one .npz, the model must have been given; needs --bundle");
  command->add_option("-o,--output", options->outputs, "[NAME=]FILE.npy, or one .npz, the model must have answered; needs --bundle");
  return {command, [options](const Console& console) { Verify(*options, console); }};
}

}  // namespace penumbra::cli
