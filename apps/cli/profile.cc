// profile: what this machine computes how fast, for placements that weigh times.
#include <memory>

#include "arguments.h"
#include "model_options.h"
#include "verbs.h"

namespace penumbra::cli {
namespace {

struct Options {
  std::string output, carrier = "process", accelerator, enclave, device;
  uint32_t threads = 1;
  double pad_stock = 8, idle_share = 1;
};

// "123.4 billion a second".
std::string Billions(const Json& number) { return Fixed(number.get<double>() / 1e9, 2); }

std::string Summary(const Options& options, const Json& profile) {
  std::string text = Table({{"profile", options.output},
                            {"device", profile.at("device").get<std::string>()},
                            {"carrier", profile.at("carrier").get<std::string>()},
                            {"accelerator", profile.at("accelerator").get<std::string>()},
                            {"memory", Billions(profile.at("memory_bytes_per_second")) + " GB/s"},
                            {"sealed weights", Billions(profile.at("weight_bytes_per_second")) + " GB/s"},
                            {"pads", Billions(profile.at("pad_bytes_per_second")) + " GB/s"},
                            {"one hand-over", Fixed(profile.at("hand_off_seconds").get<double>() * 1e6, 1) + " us"}});
  std::vector<Row> rows{{"billion multiplications a second", "convolution", "pointwise", "dense", "depthwise"}};
  for (const auto& [name, rates] : profile.at("multiplications_per_second").items()) {
    rows.push_back({name, Billions(rates.at("convolution")), Billions(rates.at("pointwise")),
                    Billions(rates.at("dense")), Billions(rates.at("depthwise"))});
  }
  return text + "\n" + Table(rows);
}

void Run(const Options& options, const Console& console) {
  const std::string text = MeasureDevice(
      {.carrier = options.carrier == "process" ? Carrier::kProcess : Carrier::kDirect,
       .accelerator = options.accelerator,
       .threads = options.threads,
       .enclave_binary = options.enclave,
       .device = options.device,
       .pad_stock = options.pad_stock,
       .idle_share = options.idle_share,
       .progress = [&](double done) { console.Progress("profile", done); }});
  console.EndProgress();
  WriteText(options.output, text + "\n");
  const Json profile = Json::parse(text);
  console.Result("profile", {{"file", options.output}, {"profile", profile}}, Summary(options, profile));
}

}  // namespace

Verb AddProfile(CLI::App* app) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app->add_subcommand("profile", "measure this machine for 'protect --device-profile'");
  command->add_option("-o,--output", options->output, "profile to write (JSON)")->required();
  command->add_option("--carrier", options->carrier, "where the trusted half runs")
      ->check(CLI::IsMember({"process", "direct"}))
      ->capture_default_str();
  command->add_option("--accelerator", options->accelerator, "device for public layers")
      ->check(CLI::IsMember(AcceleratorChoices()));
  command->add_option("--threads", options->threads, "threads of the accelerator")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command->add_option("--enclave", options->enclave, "enclave program; default: the installed one");
  command->add_option("--name", options->device, "what to call the device; default: the processor's name");
  command->add_option("--pad-stock", options->pad_stock, "pads that are ready when a request comes; 0: each makes its own")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--idle-share", options->idle_share, "share of making pads that nobody waits for, 0 to 1")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  return {command, [options](const Console& console) { Run(*options, console); }};
}

}  // namespace penumbra::cli
