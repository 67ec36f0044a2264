// exact_run MODEL PRESET CALIBRATION.npy INPUTS.npy OUT.npy [INPUT=NUMBER | INPUT=SHAPE...]
//
// Inputs with a number behind are whole numbers and constants of the model, those with extents
// (2x1x128) get this shape.
// PRESET may end in `:bits=16` (`enclave` with 16 bits in every layer), `:primes=N` (a ring of N) or
// `:fingerprints` (`soter` is without them otherwise).
// Protects a model, runs every sample of INPUTS through the bundle and through plain
// integer arithmetic, and writes the protected outputs: one row per sample, its outputs one after
// the other. Prints one JSON object of figures. .npy files hold samples along their first axis, each
// the model's inputs one after the other.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sstream>
#include <stdexcept>

#include "harness.h"
#include "media/npy.h"
#include "model/import.h"
#include "model/passes/passes.h"

namespace penumbra::e2e {
namespace {

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// The inputs of each sample.
std::vector<Tensors> ReadSamples(const std::filesystem::path& path, const model::Graph& graph) {
  std::vector<int64_t> counts;
  for (const model::ValueId id : graph.inputs)
    counts.push_back(model::ElementCount(graph.value(id).shape));
  const auto count =
      static_cast<uint64_t>(std::accumulate(counts.begin(), counts.end(), int64_t{0}));
  const media::Array array = media::ReadNpy(path);
  if (array.values.empty() || array.values.size() % count != 0) {
    throw std::runtime_error(path.string() + " does not hold whole samples of " +
                             std::to_string(count) + " elements");
  }
  std::vector<Tensors> samples;
  for (auto at = array.values.begin(); at != array.values.end();) {
    Tensors& inputs = samples.emplace_back();
    for (const int64_t own : counts) {
      inputs.emplace_back(at, at + own);
      at += own;
    }
  }
  return samples;
}

struct Figures {
  nlohmann::json json;
  media::Array outputs;
};

void RunSamples(const protect::CompiledModel& model, const std::vector<Tensors>& samples,
                const std::filesystem::path& bundle, const Keys& keys,
                const ScratchFolder& scratch, Figures* figures) {
  const Place place{.device = "onednn", .threads = 2};
  const auto session = OpenSession(bundle, keys, place, scratch.path());
  uint64_t different = 0, clamped = 0;
  double seconds = 0;
  for (const Tensors& sample : samples) {
    host::RunStats stats;
    if (!model.plan().pad_program.empty()) session->MakePads(1);
    const Tensors outputs = RunSession(session.get(), sample, &stats);
    different += CountDifferentBits(outputs, RunPlain(model, sample));
    clamped += stats.clamped_count;
    seconds += static_cast<double>(stats.total_ns) * 1e-9;
    for (const std::vector<float>& values : outputs) {
      figures->outputs.values.insert(figures->outputs.values.end(), values.begin(), values.end());
    }
  }
  const auto rows = static_cast<uint32_t>(samples.size());
  figures->outputs.shape = {rows, static_cast<uint32_t>(figures->outputs.values.size() / rows)};
  figures->json["different_bits"] = different;
  figures->json["clamped"] = clamped;
  figures->json["run_seconds"] = seconds / static_cast<double>(samples.size());
  figures->json["secure_memory_peak"] = session->QueryInfo().secure_memory_peak;
}

void SetPreset(const std::string& text, protect::CompileOptions* options) {
  const size_t colon = text.find(':');
  options->preset = text.substr(0, colon);
  options->scheme = SchemeOf(options->preset);
  if (colon == std::string::npos) return;
  const std::string option = text.substr(colon + 1);
  if (option == "bits=16") {
    options->integer.bits = 16;
  } else if (option.starts_with("primes=")) {
    options->ring.prime_count = static_cast<uint32_t>(std::stoul(option.substr(7)));
  } else if (option == "fingerprints") {
    options->scheme.integrity = protect::IntegrityAxis::kFingerprints;
  } else {
    throw std::runtime_error("unknown option of a preset: " + option);
  }
}

void SetInput(const std::string& text, model::ImportOptions* options) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos) throw std::runtime_error("not INPUT=VALUE: " + text);
  const std::string name = text.substr(0, equals);
  model::Shape extents;
  std::istringstream rest(text.substr(equals + 1));
  for (std::string part; std::getline(rest, part, 'x');) extents.push_back(std::stoll(part));
  if (extents.size() == 1) {
    options->fix_inputs[name] = model::Tensor::Scalar<int64_t>(extents[0]);
  } else {
    options->shapes[name] = extents;
  }
}

Figures Measure(const std::vector<std::string>& arguments) {
  model::ImportOptions import_options;
  for (size_t i = 5; i < arguments.size(); ++i) SetInput(arguments[i], &import_options);
  model::ImportedModel imported = model::ImportModelFile(arguments[0], import_options);
  model::Normalize(imported.graph);
  const model::Graph& graph = imported.graph;

  protect::CompileOptions options;
  SetPreset(arguments[1], &options);
  const std::vector<Tensors> calibration = ReadSamples(arguments[2], graph);
  size_t used = 0;
  options.calibration = [&](protect::Sample* out_sample) {
    if (used == calibration.size()) return false;
    *out_sample = calibration[used++];
    return true;
  };

  const ScratchFolder scratch;
  const Keys keys;
  const std::filesystem::path bundle = scratch.path() / "model.penumbra";
  const auto start = std::chrono::steady_clock::now();
  const protect::CompiledModel model(graph, options);
  WriteBundle(model, keys, bundle);
  Figures figures;
  figures.json["protect_seconds"] = SecondsSince(start);
  figures.json["bundle_size"] = std::filesystem::file_size(bundle);
  figures.json["evicted_size"] = model.report().schedule.evicted_size;
  RunSamples(model, ReadSamples(arguments[3], graph), bundle, keys, scratch, &figures);
  return figures;
}

}  // namespace
}  // namespace penumbra::e2e

int main(int argument_count, char** arguments) {
  if (argument_count < 6) {
    std::cerr << "usage: exact_run MODEL PRESET CALIBRATION.npy INPUTS.npy OUT.npy "
                 "[INPUT=NUMBER | INPUT=SHAPE...]\n";
    return 2;
  }
  try {
    const penumbra::e2e::Figures figures =
        penumbra::e2e::Measure({arguments + 1, arguments + argument_count});
    penumbra::media::WriteNpy(arguments[5], figures.outputs);
    std::cout << figures.json.dump() << '\n';
  } catch (const std::exception& error) {
    std::cerr << "exact_run: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
