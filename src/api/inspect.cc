#include "penumbra/inspect.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "accel/validate.h"
#include "api/bundle_preprocess.h"
#include "api/convert.h"
#include "api/devices.h"
#include "api/export_onnx.h"
#include "api/report_json.h"
#include "api/translate.h"
#include "host/bundle_file.h"
#include "host/keys/key_file.h"
#include "host/metadata.h"
#include "host/segment_set.h"
#include "protect/compile.h"
#include "protect/placement/device_profile.h"

namespace penumbra {
namespace {

bool IsConvolution(const SegmentNode& node) {
  return IsResidueConv(node.op) || node.op == SegmentOp::kConvFloat;
}

std::string OperatorText(const SegmentNode& node) {
  std::string text = SegmentOpName(node.op);
  if (!IsConvolution(node)) return text;
  return text + " " + protect::KernelText(node.geometry);
}

// A tensor id of a file nobody has checked yet.
const SegmentTensor& TensorAt(const SegmentView& segment, uint32_t id) {
  if (id >= segment.tensors.size()) {
    api::Throw(Status::kMalformed, "a segment names a tensor it does not have [public half]");
  }
  return segment.tensors[id];
}

// Residue planes; 0: float32.
uint32_t PlanesOf(const SegmentTensor& tensor) {
  return tensor.type == ElementType::kU32Residue ? 1 : tensor.prime_count;
}

uint64_t PortBytes(const SegmentView& segment, std::span<const uint32_t> ports) {
  uint64_t size = 0;
  for (const uint32_t id : ports) size += TensorByteSize(TensorAt(segment, id), 1);
  return size;
}

std::vector<uint32_t> Extents(const SegmentView& segment, std::span<const uint32_t> ports) {
  if (ports.empty()) return {};
  const SegmentTensor& tensor = TensorAt(segment, ports.front());
  return {tensor.h, tensor.w, tensor.c};
}

PublicSegment Describe(const host::BundleFile& bundle, const SegmentView& segment) {
  PublicSegment result;
  result.input = Extents(segment, segment.inputs);
  result.output = Extents(segment, segment.outputs);
  result.crossing_bytes = PortBytes(segment, segment.inputs) + PortBytes(segment, segment.outputs);
  if (!segment.inputs.empty()) result.prime_count = PlanesOf(TensorAt(segment, segment.inputs.front()));
  for (const SegmentNode& node : segment.nodes) {
    result.operators.push_back(OperatorText(node));
    if (!IsConvolution(node)) continue;
    const ConvGeometry& g = node.geometry;
    if (g.groups == 0) api::Throw(Status::kMalformed, "a convolution has no groups [public half]");
    const uint64_t planes = std::max<uint32_t>(1, result.prime_count);
    result.multiply_count += FilterLength(g) * g.out_h * g.out_w * g.out_c * planes;
    result.weight_size += bundle.Blob(node.weight_blob).size();
    if (segment.nodes.size() == 1) result.kernel_kind = protect::KernelKind(g);
  }
  return result;
}

// Hostile text: what does not fit is left out.
void DescribeIntegrity(const std::string& metadata, BundleInfo* info) {
  const auto root = nlohmann::json::parse(metadata, nullptr, /*allow_exceptions=*/false);
  if (!root.is_object() || !root.contains("integrity")) return;
  const auto& integrity = root["integrity"];
  if (!integrity.is_object()) return;
  const auto bits = integrity.find("soundness_bits");
  if (bits != integrity.end() && bits->is_number_unsigned()) {
    info->soundness_bits = bits->get<uint32_t>();
  }
  const auto number = [&integrity](const char* name) -> double {
    const auto found = integrity.find(name);
    return found != integrity.end() && found->is_number() && *found >= 0 ? found->get<double>() : 0;
  };
  if (integrity.value("check", nlohmann::json()) == "fingerprints") {
    info->fingerprints.count = static_cast<uint32_t>(std::min(number("fingerprints"), double{kMaxFingerprints}));
    info->fingerprints.cornerstones = static_cast<uint32_t>(std::min(number("cornerstones"), double{kMaxCornerstones}));
    info->fingerprints.challenge_rate = std::min(number("challenge_rate"), 1.0);
    info->fingerprints.cornerstones_size = static_cast<uint64_t>(std::min(number("cornerstone_bytes"), 0x1p53));
    info->fingerprints.macs = info->fingerprints.cornerstones_size / sizeof(float) * info->fingerprints.count;
  }
  const auto projections = integrity.find("projections");
  if (projections == integrity.end() || !projections->is_array()) return;
  for (size_t i = 0; i < std::min(projections->size(), info->segments.size()); ++i) {
    const auto& count = (*projections)[i];
    if (count.is_number_unsigned()) info->segments[i].projection_count = count.get<uint32_t>();
  }
}

// Likewise.
void DescribePartition(const std::string& metadata, BundleInfo* info) {
  const auto root = nlohmann::json::parse(metadata, nullptr, /*allow_exceptions=*/false);
  if (!root.is_object() || !root.contains("partition")) return;
  const auto& partition = root["partition"];
  if (!partition.is_object()) return;
  const auto theta = partition.find("theta"), candidates = partition.find("candidates");
  if (theta != partition.end() && theta->is_number()) info->theta = std::clamp(theta->get<double>(), 0.0, 1.0);
  if (candidates != partition.end() && candidates->is_number_unsigned()) {
    info->candidate_count = static_cast<uint32_t>(std::min<uint64_t>(candidates->get<uint64_t>(), kMaxLayers));
  }
}

BundleInfo Describe(const host::BundleFile& bundle) {
  const host::Manifest& manifest = bundle.manifest();
  const host::Metadata metadata =
      host::ParseMetadata(manifest.metadata, manifest.head.exchange_size);
  BundleInfo info;
  info.name = manifest.name;
  info.model_version = manifest.head.model_version;
  info.signature_checked = bundle.signature_checked();
  info.file_size = bundle.header().sealed_offset + bundle.header().sealed_size;
  info.public_size = manifest.head.public_size;
  info.sealed_size = manifest.head.sealed_size;
  info.exchange_size = manifest.head.exchange_size;
  info.secure_memory_size = manifest.head.secure_memory_size;
  info.has_report = api::SealedReportSize(manifest.metadata) != 0;
  // The vendor's own WrapRec is the last one.
  info.device_count = static_cast<uint32_t>(manifest.wraps.size() - (info.has_report ? 1 : 0));
  for (uint32_t i = 0; i < info.device_count; ++i) {
    info.device_ids.push_back(api::Hex(manifest.wraps[i].device_id));
  }
  info.pad_size = metadata.pad_size;
  info.pad_multiplications = metadata.pad_multiplications;
  info.pad_batch = metadata.pad_batch;
  info.inputs = api::PortInfos(metadata.inputs);
  info.outputs = api::PortInfos(metadata.outputs);
  info.preprocess = api::ReadStoredPreprocess(manifest.metadata).json;
  for (uint32_t i = 0; i < bundle.segment_count(); ++i) {
    info.segments.push_back(Describe(bundle, bundle.Segment(i)));
  }
  DescribeIntegrity(manifest.metadata, &info);
  DescribePartition(manifest.metadata, &info);
  for (PublicSegment& segment : info.segments) {
    segment.multiply_count *= 1 + info.fingerprints.count;
    segment.crossing_bytes *= 1 + info.fingerprints.count;
  }
  return info;
}

auto Open(const std::filesystem::path& bundle, const std::filesystem::path& vendor_key) {
  std::optional<host::VendorKey> key;
  if (!vendor_key.empty()) key = host::ReadPublicKey(host::KeyKind::kVendor, vendor_key);
  return host::BundleFile::Open(bundle, key);
}

}  // namespace

std::vector<std::filesystem::path> ExportPublic(const std::filesystem::path& bundle,
                                                const std::filesystem::path& folder,
                                                const std::filesystem::path& vendor_key) {
  return api::Translated([&] {
    const auto file = Open(bundle, vendor_key);
    std::filesystem::create_directories(folder);
    std::vector<std::filesystem::path> written;
    for (uint32_t i = 0; i < file->segment_count(); ++i) {
      const std::string name = "segment-" + std::to_string(i);
      written.push_back(folder / (name + ".onnx"));
      const std::string model = api::ExportOnnx(file->Segment(i), *file, name);
      std::ofstream out(written.back(), std::ios::binary | std::ios::trunc);
      out.write(model.data(), static_cast<std::streamsize>(model.size()));
      if (!out.flush()) {
        api::Throw(Status::kIo, "'" + written.back().string() + "' could not be written");
      }
    }
    return written;
  });
}

std::vector<PublicMethod> ExplainPublic(const std::filesystem::path& bundle, const std::string& accelerator,
                                        const std::filesystem::path& vendor_key) {
  return api::Translated([&] {
    const auto file = Open(bundle, vendor_key);
    host::SegmentSet segments(file, api::MakeDevice(accelerator), PrepareOptions{});
    std::vector<PublicMethod> methods;
    for (uint32_t i = 0; i < file->segment_count(); ++i) {
      for (const NodeMethod& method : segments.at(i).prepared->Methods()) {
        methods.push_back({.segment = i,
                           .op = OperatorText(file->Segment(i).nodes[method.node]),
                           .method = method.method,
                           .kernels = method.kernels,
                           .reason = method.reason});
        for (const auto& [name, cycles] : method.estimates) methods.back().estimates.push_back({name, cycles});
      }
    }
    return methods;
  });
}

BundleInfo Inspect(const std::filesystem::path& bundle, const std::filesystem::path& vendor_key) {
  return api::Translated([&] { return Describe(*Open(bundle, vendor_key)); });
}

}  // namespace penumbra
