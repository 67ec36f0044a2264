#include "protect/emit/bundle_writer.h"

#include <algorithm>

#include "boundary/protocol.h"
#include "crypto/cose_sign1.h"
#include "crypto/hash.h"
#include "crypto/wipe.h"
#include "model/error.h"
#include "protect/emit/byte_writer.h"
#include "protect/emit/output_file.h"
#include "protect/emit/sealing.h"
#include "protect/schedule/public_half.h"

namespace penumbra::protect {
namespace {

[[noreturn]] void Refuse(Status status, const std::string& what, const std::string& hint) {
  throw model::ModelError(status, what, {}, hint);
}

void CheckOptions(const CompiledPlan& plan, const BundleOptions& options) {
  if (options.name.empty() || options.name.size() > kMaxNameSize) {
    Refuse(Status::kInvalidArgument,
           "the model name must have 1 to " + std::to_string(kMaxNameSize) + " bytes",
           "give a shorter name (--name)");
  }
  if (options.device_keys.empty() || options.device_keys.size() > kMaxDevices) {
    Refuse(Status::kInvalidArgument,
           "a bundle needs 1 to " + std::to_string(kMaxDevices) + " device keys",
           "give the devices' public keys (--device)");
  }
  if (options.report.size() > uint64_t{kMaxReportChunks} * kMaxChunkSize) {
    Refuse(Status::kUnsupported, "the per-layer report is larger than the bundle format allows",
           "give the model's nodes shorter names");
  }
  if (PlanSize(plan) > kMaxPlanSize || plan.tensors.size() > kMaxTensors ||
      plan.layers.size() > kMaxLayers || plan.float_segments.size() > kMaxLayers ||
      plan.float_ports.size() > kMaxFloatPorts || plan.infer_program.size() > kMaxProgramWords ||
      plan.pad_program.size() > kMaxProgramWords ||
      plan.batch_program.size() > kMaxProgramWords ||
      plan.prepare_program.size() > kMaxProgramWords) {
    Refuse(Status::kUnsupported, "the plan of this model is larger than the bundle format allows",
           "protect the model for smaller inputs (--shapes)");
  }
}

// Plan records in file order; slice tags and chunk numbers are known by now.
std::vector<uint8_t> EncodePlan(const CompiledPlan& plan, const std::vector<BlobRec>& blobs,
                                const std::vector<std::array<uint8_t, kAeadTagSize>>& tags,
                                uint32_t plan_chunk_count, const std::array<uint8_t, 32>& failure_log_key) {
  PlanHeader header{};
  header.version = kPlanVersion;
  header.tensor_count = static_cast<uint32_t>(plan.tensors.size());
  header.slice_count = static_cast<uint32_t>(plan.slices.size());
  header.layer_count = static_cast<uint32_t>(plan.layers.size());
  header.input_count = static_cast<uint32_t>(plan.inputs.size());
  header.output_count = static_cast<uint32_t>(plan.outputs.size());
  header.infer_words = static_cast<uint32_t>(plan.infer_program.size());
  header.pad_words = static_cast<uint32_t>(plan.pad_program.size());
  header.weights_axis = plan.weights_axis;
  header.prepare_words = static_cast<uint32_t>(plan.prepare_program.size());
  header.soundness_bits = plan.soundness_bits;
  header.batch_words = static_cast<uint32_t>(plan.batch_program.size());
  header.pad_batch = plan.pad_batch;
  header.float_segment_count = static_cast<uint32_t>(plan.float_segments.size());
  header.float_port_count = static_cast<uint32_t>(plan.float_ports.size());
  header.fingerprint_count = plan.fingerprint_count;
  header.theta = plan.theta;
  header.scale_range = plan.scale_range;
  header.arena_size = plan.arena_size;
  header.scratch_size = plan.scratch_size;
  header.exchange_size = plan.exchange_size;
  header.window_offset = plan.window_offset;
  header.window_size = plan.window_size;
  std::ranges::copy(failure_log_key, header.failure_log_key);
  ByteWriter writer;
  writer.Put(header);
  for (TensorRec tensor : plan.tensors) {
    if (tensor.kind == TensorKind::kConstant) tensor.source += plan_chunk_count;
    writer.Put(tensor);
  }
  for (size_t i = 0; i < plan.slices.size(); ++i) {
    PublicSliceRec rec{};
    rec.offset = blobs[plan.slices[i].blob].offset + plan.slices[i].offset;
    rec.size = plan.slices[i].size;
    std::ranges::copy(tags[i], rec.tag);
    writer.Put(rec);
  }
  writer.PutAll(plan.layers);
  writer.PutAll(plan.inputs);
  writer.PutAll(plan.outputs);
  writer.PutAll(plan.float_segments);
  writer.PutAll(plan.float_ports);
  if (plan.fingerprint_count != 0) writer.Put(plan.fingerprint);
  writer.PutAll(plan.checked_ports);
  writer.PutAll(plan.infer_program);
  writer.PutAll(plan.pad_program);
  writer.PutAll(plan.prepare_program);
  writer.PutAll(plan.batch_program);
  return writer.Take();
}

class BundleEmitter {
 public:
  BundleEmitter(const CompiledPlan& plan, const BundleOptions& options)
      : plan_(plan), options_(options), layout_(LayOutPublicHalf(plan)), file_(options.path) {
    AddChunks(PlanSize(plan));
    plan_chunk_count_ = static_cast<uint32_t>(chunk_sizes_.size());
    for (const ConstantTile& tile : plan.constants) chunk_sizes_.push_back(tile.size);
    AddChunks(options.report.size());
    if (chunk_sizes_.size() > kMaxChunks) {
      Refuse(Status::kUnsupported, "the model has more sealed chunks than the bundle format allows",
             "");
    }
    sealed_size_ = uint64_t{kAeadTagSize} * chunk_sizes_.size();
    for (const uint32_t size : chunk_sizes_) sealed_size_ += size;
  }

  void Run() {
    const uint64_t payload_size =
        sizeof(ManifestHead) + options_.name.size() + 4 * chunk_sizes_.size() +
        sizeof(WrapRec) * WrapCount() + options_.metadata.size();
    const uint64_t manifest_size = crypto::CoseSign1Size(payload_size);
    if (manifest_size > kMaxManifestSize) {
      Refuse(Status::kUnsupported, "the manifest is larger than the bundle format allows",
             "store less metadata");
    }
    const uint64_t public_offset = AlignUp(sizeof(BundleHeader) + manifest_size, kPublicAlignment);
    total_size_ = public_offset + layout_.size + sealed_size_;
    file_.AppendZeros(public_offset);
    WritePublicHalf();
    WriteSealedHalf();
    BundleHeader header{};
    std::ranges::copy(kBundleMagic, header.magic);
    header.version = kBundleVersion;
    header.manifest_size = static_cast<uint32_t>(manifest_size);
    header.public_offset = public_offset;
    header.public_size = layout_.size;
    header.sealed_offset = public_offset + layout_.size;
    header.sealed_size = sealed_size_;
    ByteWriter front;
    front.Put(header);
    front.PutAll(SignManifest(options_.vendor_key, ManifestPayload()));
    file_.WriteAt(0, front.bytes());
    file_.Commit();
  }

 private:
  // All of them but the last are full.
  void AddChunks(uint64_t size) {
    for (uint64_t at = 0; at < size; at += kMaxChunkSize) {
      chunk_sizes_.push_back(static_cast<uint32_t>(std::min<uint64_t>(kMaxChunkSize, size - at)));
    }
  }

  uint32_t WrapCount() const {
    return static_cast<uint32_t>(options_.device_keys.size()) + (options_.report.empty() ? 0 : 1);
  }

  void Append(std::span<const uint8_t> bytes, crypto::Sha256* hash) {
    if (!IsOk(hash->Update(bytes))) Refuse(Status::kInternal, "hashing failed", "");
    file_.Append(bytes);
    if (options_.progress) options_.progress(file_.size(), total_size_);
  }

  void WritePublicHalf() {
    Append(layout_.tables, &public_hash_);
    std::vector<std::vector<uint32_t>> slices_of_blob(plan_.blobs.size());
    for (uint32_t i = 0; i < plan_.slices.size(); ++i)
      slices_of_blob[plan_.slices[i].blob].push_back(i);
    tags_.resize(plan_.slices.size());
    uint64_t at = layout_.tables.size();
    for (size_t b = 0; b < plan_.blobs.size(); ++b) {
      const std::vector<uint8_t> gap(layout_.blobs[b].offset - at);
      Append(gap, &public_hash_);
      WriteBlob(plan_.blobs[b], slices_of_blob[b]);
      at = layout_.blobs[b].offset + layout_.blobs[b].size;
    }
  }

  // No slice crosses a part: parts are primes.
  void WriteBlob(const PublicBlob& blob, const std::vector<uint32_t>& slices) {
    uint64_t begin = 0;
    for (uint32_t part = 0; part < blob.part_count; ++part) {
      const std::vector<uint8_t> bytes = blob.make(part);
      for (const uint32_t i : slices) {
        const PublicSlice& slice = plan_.slices[i];
        if (slice.offset < begin || slice.offset >= begin + bytes.size()) continue;
        tags_[i] = sealer_.TagSlice(i, std::span(bytes).subspan(slice.offset - begin, slice.size));
      }
      Append(bytes, &public_hash_);
      begin += bytes.size();
    }
    if (begin != blob.size) Refuse(Status::kInternal, "a blob has another size than planned", "");
  }

  void SealAndAppend(std::vector<uint8_t> plain) {
    const crypto::ScopedWipe wipe(plain);
    const auto count = static_cast<uint32_t>(chunk_sizes_.size());
    if (plain.size() != chunk_sizes_[next_chunk_]) {
      Refuse(Status::kInternal, "a sealed chunk has another size than planned", "");
    }
    Append(sealer_.SealChunk(next_chunk_, count, plain), &sealed_hash_);
    ++next_chunk_;
  }

  void WriteSealedHalf() {
    std::array<uint8_t, 32> vendor = VendorRecipientKey(options_.vendor_key);
    const crypto::ScopedWipe wipe_vendor(vendor);
    std::vector<uint8_t> plan =
        EncodePlan(plan_, layout_.blobs, tags_, plan_chunk_count_, RecipientPublicKey(vendor));
    const crypto::ScopedWipe wipe(plan);
    SealInChunks(plan);
    for (const ConstantTile& tile : plan_.constants) SealAndAppend(tile.make());
    SealInChunks({options_.report.begin(), options_.report.end()});
  }

  void SealInChunks(const std::vector<uint8_t>& bytes) {
    for (auto at = bytes.begin(); at != bytes.end();) {
      const auto end = at + chunk_sizes_[next_chunk_];
      SealAndAppend({at, end});
      at = end;
    }
  }

  std::vector<uint8_t> ManifestPayload() {
    ManifestHead head{};
    head.version = kBundleVersion;
    head.name_size = static_cast<uint32_t>(options_.name.size());
    head.model_version = options_.model_version;
    head.public_size = layout_.size;
    head.sealed_size = sealed_size_;
    head.exchange_size = std::max(plan_.exchange_size, kLoadWindowSize);
    head.secure_memory_size = options_.secure_memory_size;
    if (!IsOk(public_hash_.Final(head.public_sha256)) ||
        !IsOk(sealed_hash_.Final(head.sealed_sha256))) {
      Refuse(Status::kInternal, "hashing failed", "");
    }
    head.chunk_count = static_cast<uint32_t>(chunk_sizes_.size());
    head.plan_chunk_count = plan_chunk_count_;
    head.wrap_count = WrapCount();
    head.metadata_size = static_cast<uint32_t>(options_.metadata.size());
    ByteWriter payload;
    payload.Put(head);
    payload.PutText(options_.name);
    payload.PutAll(chunk_sizes_);
    const std::array<uint8_t, 32> vendor = VendorPublicKey(options_.vendor_key);
    for (const auto& device : options_.device_keys) {
      payload.Put(sealer_.Wrap(device, vendor, options_.model_version, options_.name));
    }
    if (!options_.report.empty()) {
      std::array<uint8_t, 32> recipient = VendorRecipientKey(options_.vendor_key);
      const crypto::ScopedWipe wipe(recipient);
      payload.Put(sealer_.Wrap(RecipientPublicKey(recipient), vendor, options_.model_version,
                               options_.name));
    }
    payload.PutText(options_.metadata);
    return payload.Take();
  }

  const CompiledPlan& plan_;
  const BundleOptions& options_;
  const PublicLayout layout_;
  OutputFile file_;
  BundleSealer sealer_;
  crypto::Sha256 public_hash_, sealed_hash_;
  uint32_t plan_chunk_count_ = 0;
  std::vector<uint32_t> chunk_sizes_;  // plaintext bytes
  uint64_t sealed_size_ = 0, total_size_ = 0;
  std::vector<std::array<uint8_t, kAeadTagSize>> tags_;
  uint32_t next_chunk_ = 0;
};

}  // namespace

void WriteBundle(const CompiledPlan& plan, const BundleOptions& options) {
  CheckOptions(plan, options);
  BundleEmitter(plan, options).Run();
}

}  // namespace penumbra::protect
