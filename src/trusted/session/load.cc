// Loading: manifest, plan chunks, proof, row bounds.
#include <cstring>

#include "crypto/cose_sign1.h"
#include "ring/bound.h"
#include "trusted/base/result.h"
#include "trusted/session/session.h"
#include "trusted/steps/pass_parts.h"

namespace penumbra::trusted {

Status Session::Load(uint64_t manifest_size, std::span<const uint8_t, 32> vendor_key, HostJob* out_job) {
  PENUMBRA_REQUIRE(state_ == SessionState::kEmpty, Status::kWrongState);
  const Status status = BeginLoad(manifest_size, vendor_key, out_job);
  if (!IsOk(status)) Fail(status);
  return status;
}

Status Session::BeginLoad(uint64_t manifest_size, std::span<const uint8_t, 32> vendor_key, HostJob* out_job) {
  PENUMBRA_REQUIRE(manifest_size <= kMaxManifestSize && manifest_size <= exchange_.size(), Status::kMalformed);
  const uint64_t scratch_size = crypto::CoseSign1ScratchSize(manifest_size, sizeof(kManifestContext));
  PENUMBRA_REQUIRE(manifest_size + scratch_size <= memory_.size() / 2, Status::kSecureMemoryExceeded);
  state_ = SessionState::kLoading;
  const std::span<uint8_t> staging = memory_.last(manifest_size + scratch_size);
  const crypto::ScopedWipe wipe(staging);
  const std::span<uint8_t> message = staging.first(manifest_size);
  std::memcpy(message.data(), exchange_.data(), manifest_size);
  arena_ = Arena(memory_.first(memory_.size() - staging.size()));
  Secret<32> device_key;
  Secret<kAeadKeySize> bundle_key;
  PENUMBRA_TRY(port_.device_key(port_.context, device_key.mutable_bytes().data()));
  PENUMBRA_TRY(OpenManifest(message, vendor_key, device_key.bytes(), staging.subspan(manifest_size), &arena_,
                            &manifest_, &bundle_key));
  PENUMBRA_TRY(bundle_key_.Init(bundle_key.bytes()));
  PENUMBRA_TRY(CheckVersion());
  return BeginPlan(out_job);
}

Status Session::CheckVersion() {
  PENUMBRA_TRY(port_.version_get(port_.context, manifest_.model_id, &highest_version_));
  return manifest_.head.model_version < highest_version_ ? Status::kRolledBack : Status::kOk;
}

HostJob Session::ChunkJob(uint32_t chunk, uint64_t offset) const {
  HostJob job{};
  job.kind = JobKind::kRead;
  job.source = JobSource::kBundleChunk;
  job.index = chunk;
  job.offset = offset;
  job.size = uint64_t{manifest_.chunk_sizes[chunk]} + kAeadTagSize;
  return job;
}

Status Session::CopyChunk(uint32_t chunk, std::span<uint8_t> out) {
  uint8_t tag[kAeadTagSize];
  CopyIn(out, tag);
  return OpenChunk(&bundle_key_, manifest_, chunk, out, tag);
}

// The plan is assembled at the end of secure memory, where tiles will stand later.
Status Session::BeginPlan(HostJob* out_job) {
  uint64_t size = 0;
  for (uint32_t i = 0; i < manifest_.head.plan_chunk_count; ++i) size += manifest_.chunk_sizes[i];
  PENUMBRA_REQUIRE(size <= kMaxPlanSize && size < memory_.size() - arena_.used(), Status::kSecureMemoryExceeded);
  staging_ = memory_.last(size);
  staged_ = 0;
  cursor_ = 0;
  phase_ = Phase::kPlanChunk;
  Ask(ChunkJob(0, 0), out_job);
  return Status::kOk;
}

Status Session::PlanChunkArrived(HostJob* out_job) {
  const uint32_t size = manifest_.chunk_sizes[cursor_];
  PENUMBRA_TRY(CopyChunk(cursor_, staging_.subspan(staged_, size)));
  staged_ += size;
  if (++cursor_ < manifest_.head.plan_chunk_count) {
    Ask(ChunkJob(cursor_, 0), out_job);
    return Status::kOk;
  }
  const Status status = AdoptPlan();
  if (!IsOk(status)) return status;
  cursor_ = 0;
  return NextBoundJob(out_job);
}

Status Session::AdoptPlan() {
  const uint64_t used = arena_.used();
  Arena tables(memory_.first(memory_.size() - staging_.size()));
  (void)tables.Take(used);
  Plan plan{};
  PENUMBRA_TRY(ParsePlan(staging_, manifest_.chunk_sizes, manifest_.head.plan_chunk_count,
                         manifest_.head.public_size, exchange_.size(), &tables, &plan));
  crypto::Wipe(staging_);
  staging_ = {};
  arena_ = Arena(memory_);
  (void)arena_.Take(tables.used());
  machine_.plan = plan;
  machine_.exchange = exchange_;
  machine_.tiles = arena_.TakeArray<TileState>(plan.first_tile[plan.tensors.size()]);
  const std::span<LayerState> layers = arena_.TakeArray<LayerState>(plan.layers.size());
  const std::span<uint32_t> float_ports = arena_.TakeArray<uint32_t>(plan.float_ports.size());
  machine_.scratch = arena_.Take(plan.header.scratch_size);
  machine_.arena = arena_.Take(plan.header.arena_size);
  const bool fits = machine_.tiles.size() == plan.first_tile[plan.tensors.size()] &&
                    layers.size() == plan.layers.size() &&
                    float_ports.size() == plan.float_ports.size() &&
                    machine_.scratch.size() == plan.header.scratch_size &&
                    machine_.arena.size() == plan.header.arena_size;
  PENUMBRA_REQUIRE(fits, Status::kSecureMemoryExceeded);
  const uint64_t granule_words = GranuleWords(plan.header.arena_size);
  PENUMBRA_REQUIRE(granule_words * 8 <= machine_.arena.size(), Status::kPlanRejected);
  const ProofMemory memory{machine_.tiles, layers, float_ports,
                           {reinterpret_cast<uint64_t*>(machine_.arena.data()), granule_words}};
  PENUMBRA_TRY(ProveProgram(plan, ProgramId::kInfer, memory));
  return ProveProgram(plan, ProgramId::kMakePad, memory);
}

// Each layer's row sums, then its windows, are brought to the start of the still unused arena.
Status Session::NextBoundJob(HostJob* out_job) {
  if (cursor_ == machine_.plan.layers.size()) return FinishLoad();
  const LayerRec& layer = machine_.plan.layers[cursor_];
  const uint64_t need = AlignUp(uint64_t{layer.geometry.out_c} * sizeof(BoundRow), kTileAlignment) +
                        RestoreParamsSize(layer.geometry.out_c, layer.prime_count);
  PENUMBRA_REQUIRE(need <= machine_.arena.size(), Status::kPlanRejected);
  phase_ = Phase::kRowBounds;
  Ask(ChunkJob(machine_.plan.tensors[layer.row_bounds].source, machine_.plan.header.window_offset), out_job);
  return Status::kOk;
}

Status Session::BoundsArrived(HostJob* out_job) {
  const LayerRec& layer = machine_.plan.layers[cursor_];
  const uint32_t m = layer.geometry.out_c;
  const std::span<uint8_t> bounds = machine_.arena.first(uint64_t{m} * sizeof(BoundRow));
  if (phase_ == Phase::kRowBounds) {
    PENUMBRA_TRY(CopyChunk(machine_.plan.tensors[layer.row_bounds].source, bounds));
    phase_ = Phase::kRowParams;
    Ask(ChunkJob(machine_.plan.tensors[layer.params].source, machine_.plan.header.window_offset), out_job);
    return Status::kOk;
  }
  const std::span<uint8_t> params = machine_.arena.subspan(AlignUp(bounds.size(), kTileAlignment),
                                                           RestoreParamsSize(m, layer.prime_count));
  PENUMBRA_TRY(CopyChunk(machine_.plan.tensors[layer.params].source, params));
  const auto* rows = reinterpret_cast<const BoundRow*>(bounds.data());
  const int64_t* offsets = ViewRestoreTables(params.data(), m).offset;
  for (uint32_t i = 0; i < m; ++i) {
    PENUMBRA_REQUIRE(rows[i].positive <= kMaxWeightSum && rows[i].negative <= kMaxWeightSum,
                     Status::kBoundUnproved);
    const RowSums sums{static_cast<int64_t>(rows[i].positive), -static_cast<int64_t>(rows[i].negative)};
    RowWindow proved{};
    PENUMBRA_TRY(ProveRow(sums, {layer.klo, layer.khi}, layer.prime_count, &proved));
    PENUMBRA_REQUIRE(proved.begin == offsets[i], Status::kBoundUnproved);
  }
  crypto::Wipe(machine_.arena.first(AlignUp(bounds.size(), kTileAlignment) + params.size()));
  ++cursor_;
  return NextBoundJob(out_job);
}

Status Session::FinishLoad() {
  Secret<32> key;
  PENUMBRA_TRY(port_.entropy(port_.context, key.mutable_bytes().data(), 32));
  PENUMBRA_TRY(pad_key_.Init(key.bytes()));
  PENUMBRA_TRY(port_.entropy(port_.context, pad_master_.mutable_bytes().data(), 32));
  if (manifest_.head.model_version > highest_version_) {
    PENUMBRA_TRY(port_.version_advance(port_.context, manifest_.model_id, manifest_.head.model_version));
  }
  phase_ = Phase::kIdle;
  state_ = SessionState::kReady;
  return Status::kOk;
}

}  // namespace penumbra::trusted
