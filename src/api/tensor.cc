#include "penumbra/tensor.h"

#include <algorithm>
#include <optional>

#include "api/convert.h"
#include "api/translate.h"
#include "media/dataset.h"
#include "media/error.h"
#include "media/file.h"
#include "media/image.h"
#include "media/npy.h"
#include "media/npz.h"
#include "media/preprocess.h"

namespace penumbra {
namespace {

constexpr uint64_t kMaxPreprocessFileSize = uint64_t{16} << 20;

media::Preprocess Resolve(const std::string& spec, uint32_t height, uint32_t width) {
  if (!std::filesystem::path(spec).has_extension())
    return media::PreprocessPreset(spec, height, width);
  const auto bytes = media::ReadFile(spec, kMaxPreprocessFileSize);
  try {
    return media::PreprocessFromJson({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  } catch (const media::MediaError& error) {
    throw error.In(spec);
  }
}

std::vector<int64_t> WithoutOuterOnes(const std::vector<int64_t>& shape) {
  const auto differs = [](int64_t extent) { return extent != 1; };
  const auto first = std::ranges::find_if(shape, differs);
  auto last = shape.end();
  while (last != first && *(last - 1) == 1) --last;
  return {first, last};
}

// What goes wrong in a file of samples is of little use without its name.
template <typename Action>
auto Naming(const std::filesystem::path& path, const Action& action) {
  try {
    return action();
  } catch (const Error& error) {
    if (error.message().find(path.string()) != std::string::npos) throw;
    throw Error(error.number(), error.message() + " [" + path.string() + "]");
  }
}

// One array for each input and no other.
TensorMap ReadArchive(const std::filesystem::path& path, const std::vector<TensorInfo>& inputs) {
  TensorMap tensors;
  api::Translated([&] {
    for (auto& [name, array] : media::ReadNpz(path)) tensors[name] = api::FromArray(std::move(array));
  });
  for (const TensorInfo& input : inputs) {
    if (!tensors.contains(input.name)) api::Throw(Status::kWrongName, "no array for input '" + input.name + "'");
  }
  for (const auto& [name, tensor] : tensors) {
    if (std::ranges::none_of(inputs, [&](const TensorInfo& input) { return input.name == name; })) {
      api::Throw(Status::kWrongName, "the model has no input '" + name + "'; list the inputs with 'penumbra inspect'");
    }
  }
  return tensors;
}

}  // namespace

std::vector<Tensor> SplitSamples(const TensorInfo& input, const Tensor& tensor) {
  if (WithoutOuterOnes(input.shape) == WithoutOuterOnes(tensor.shape))
    return {{input.shape, tensor.values, tensor.type}};
  // [n, ...] and [n, 1, ...] for an input of [1, ...] or of [...].
  const bool is_batch = !tensor.shape.empty() &&
                        WithoutOuterOnes({tensor.shape.begin() + 1, tensor.shape.end()}) == WithoutOuterOnes(input.shape);
  if (!is_batch) {
    api::Throw(Status::kWrongShape, "the model expects " + api::ShapeText(input.shape) + ", got " +
                                        api::ShapeText(tensor.shape) + " [input '" + input.name +
                                        "']; list the inputs with 'penumbra inspect'");
  }
  const auto count = static_cast<size_t>(tensor.shape.front());
  const size_t size = count == 0 ? 0 : tensor.values.size() / count;
  std::vector<Tensor> samples;
  for (size_t i = 0; i < count; ++i) {
    const auto first = tensor.values.begin() + static_cast<ptrdiff_t>(i * size);
    samples.push_back({input.shape, {first, first + static_cast<ptrdiff_t>(size)}, tensor.type});
  }
  return samples;
}

Tensor ReadNpy(const std::filesystem::path& path) {
  return api::Translated([&] { return api::FromArray(media::ReadNpy(path)); });
}

void WriteNpy(const std::filesystem::path& path, const Tensor& tensor) {
  api::Translated([&] { media::WriteNpy(path, api::ToArray(tensor)); });
}

void WriteNpz(const std::filesystem::path& path, const TensorMap& tensors) {
  api::Translated([&] {
    media::ArrayMap arrays;
    for (const auto& [name, tensor] : tensors) arrays[name] = api::ToArray(tensor);
    media::WriteNpz(path, arrays);
  });
}

void WritePng(const std::filesystem::path& path, uint32_t width, uint32_t height,
              const std::vector<uint8_t>& rgb) {
  api::Translated([&] { media::WritePng(path, {width, height, rgb}); });
}

void WriteText(const std::filesystem::path& path, const std::string& text) {
  api::Translated([&] {
    media::WriteFile(path, {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  });
}

std::string ResolvePreprocess(const std::string& spec, uint32_t height, uint32_t width,
                              const std::filesystem::path& labels) {
  return api::Translated([&] {
    media::Preprocess preprocess = Resolve(spec, height, width);
    if (!labels.empty()) preprocess.labels = media::ReadLabels(labels);
    return media::PreprocessToJson(preprocess);
  });
}

Tensor ReadSample(const std::filesystem::path& path, const std::string& preprocess) {
  return api::Translated([&] {
    std::optional<media::Preprocess> steps;
    if (!preprocess.empty()) steps = media::PreprocessFromJson(preprocess);
    return api::FromArray(media::ReadSample(path, steps));
  });
}

std::vector<TensorMap> ReadSamples(const std::filesystem::path& path, const std::vector<TensorInfo>& inputs,
                                   const std::string& preprocess) {
  std::vector<TensorMap> samples;
  const auto add = [&](const TensorInfo& input, std::vector<Tensor> tensors) {
    if (samples.empty()) samples.resize(tensors.size());
    if (samples.size() != tensors.size() || tensors.empty()) {
      api::Throw(Status::kWrongShape, "input '" + input.name + "' has " + std::to_string(tensors.size()) +
                                          " samples, '" + inputs.front().name + "' " + std::to_string(samples.size()));
    }
    for (size_t i = 0; i < tensors.size(); ++i) samples[i][input.name] = std::move(tensors[i]);
  };
  return Naming(path, [&] {
    if (media::IsArchivePath(path)) {
      TensorMap arrays = ReadArchive(path, inputs);
      for (const TensorInfo& input : inputs) add(input, SplitSamples(input, arrays.at(input.name)));
      return std::move(samples);
    }
    if (inputs.size() != 1) {
      api::Throw(Status::kWrongName, "the model has " + std::to_string(inputs.size()) +
                                         " inputs; a file of samples is then a .npz archive with an array for each");
    }
    add(inputs.front(), SplitSamples(inputs.front(), ReadSample(path, preprocess)));
    return std::move(samples);
  });
}

Dataset ListDataset(const std::filesystem::path& folder) {
  return api::Translated([&] {
    media::Dataset inner = media::ListDataset(folder);
    Dataset dataset{{}, std::move(inner.classes)};
    for (media::Sample& sample : inner.samples) {
      dataset.samples.push_back({std::move(sample.path), sample.label});
    }
    return dataset;
  });
}

}  // namespace penumbra
