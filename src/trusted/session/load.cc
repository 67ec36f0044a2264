// Loading: manifest, plan chunks, proof, row bounds, the prepare program.
#include <cstring>

#include "crypto/cose_sign1.h"
#include "ring/bound.h"
#include "ring/field.h"
#include "trusted/base/result.h"
#include "trusted/plan/partition.h"
#include "trusted/session/model.h"
#include "trusted/steps/pass_parts.h"

namespace penumbra::trusted {

Status Model::Load(uint64_t manifest_size, uint32_t run_count, uint64_t pad_slots,
                   std::span<const uint8_t, 32> vendor_key, HostJob* out_job) {
  PENUMBRA_REQUIRE(state_ == SessionState::kEmpty, Status::kWrongState);
  PENUMBRA_REQUIRE(run_count >= 1 && run_count <= kMaxRuns, Status::kInvalidArgument);
  asked_runs_ = run_count;
  asked_slots_ = pad_slots;
  run_capacity_ = 0;
  const Status status = BeginLoad(manifest_size, vendor_key, out_job);
  if (!IsOk(status)) EndModel(SessionState::kEmpty);
  return status;
}

Status Model::BeginLoad(uint64_t manifest_size, std::span<const uint8_t, 32> vendor_key, HostJob* out_job) {
  PENUMBRA_REQUIRE(manifest_size <= kMaxManifestSize && manifest_size <= loaded_.exchange.size(),
                   Status::kMalformed);
  const uint64_t scratch_size = crypto::CoseSign1ScratchSize(manifest_size, sizeof(kManifestContext));
  PENUMBRA_REQUIRE(manifest_size + scratch_size <= memory_.size() / 2, Status::kSecureMemoryExceeded);
  state_ = SessionState::kLoading;
  const std::span<uint8_t> staging = memory_.last(manifest_size + scratch_size);
  const crypto::ScopedWipe wipe(staging);
  const std::span<uint8_t> message = staging.first(manifest_size);
  std::memcpy(message.data(), loaded_.exchange.data(), manifest_size);
  arena_ = Arena(memory_.first(memory_.size() - staging.size()));
  Secret<32> device_key;
  Secret<kAeadKeySize> bundle_key;
  PENUMBRA_TRY(port_.device_key(port_.context, device_key.mutable_bytes().data()));
  PENUMBRA_TRY(OpenManifest(message, vendor_key, device_key.bytes(), staging.subspan(manifest_size), &arena_,
                            &loaded_.manifest, &bundle_key));
  PENUMBRA_TRY(loaded_.bundle_key.Init(bundle_key.bytes()));
  PENUMBRA_TRY(CheckVersion());
  return BeginPlan(out_job);
}

Status Model::CheckVersion() {
  PENUMBRA_TRY(port_.version_get(port_.context, loaded_.manifest.model_id, &highest_version_));
  return loaded_.manifest.head.model_version < highest_version_ ? Status::kRolledBack : Status::kOk;
}

void Model::AskChunk(uint32_t chunk, uint64_t offset, HostJob* out_job) {
  HostJob job{};
  job.kind = JobKind::kRead;
  job.source = JobSource::kBundleChunk;
  job.batch = 1;
  job.index = chunk;
  job.offset = offset;
  job.size = uint64_t{loaded_.manifest.chunk_sizes[chunk]} + kAeadTagSize;
  request_.Note(job);
  *out_job = job;
}

Status Model::CopyChunk(uint32_t chunk, std::span<uint8_t> out) {
  uint8_t tag[kAeadTagSize];
  request_.CopyIn(loaded_.exchange, out, tag);
  return OpenChunk(&loaded_.bundle_key, loaded_.manifest, chunk, out, tag);
}

Status Model::LoadStep(HostJob* out_job) {
  switch (phase_) {
    case Phase::kPlanChunk: return PlanChunkArrived(out_job);
    case Phase::kRowBounds:
    case Phase::kRowParams: return BoundsArrived(out_job);
    case Phase::kPrepare: {
      const Status status = runs_[0].Step(out_job);
      return FinishPrepare(status, *out_job);
    }
    case Phase::kIdle: break;
  }
  return Status::kInternal;
}

// The plan is assembled at the end of secure memory, where tiles will stand later.
Status Model::BeginPlan(HostJob* out_job) {
  uint64_t size = 0;
  for (uint32_t i = 0; i < loaded_.manifest.head.plan_chunk_count; ++i) size += loaded_.manifest.chunk_sizes[i];
  PENUMBRA_REQUIRE(size <= kMaxPlanSize && size < memory_.size() - arena_.used(), Status::kSecureMemoryExceeded);
  staging_ = memory_.last(size);
  staged_ = 0;
  cursor_ = 0;
  phase_ = Phase::kPlanChunk;
  AskChunk(0, 0, out_job);
  return Status::kOk;
}

Status Model::PlanChunkArrived(HostJob* out_job) {
  const uint32_t size = loaded_.manifest.chunk_sizes[cursor_];
  PENUMBRA_TRY(CopyChunk(cursor_, staging_.subspan(staged_, size)));
  staged_ += size;
  if (++cursor_ < loaded_.manifest.head.plan_chunk_count) {
    AskChunk(cursor_, 0, out_job);
    return Status::kOk;
  }
  PENUMBRA_TRY(AdoptPlan());
  const std::span<LayerState> layers = arena_.TakeArray<LayerState>(loaded_.plan.layers.size());
  const std::span<uint32_t> float_ports = arena_.TakeArray<uint32_t>(loaded_.plan.float_ports.size());
  PENUMBRA_REQUIRE(layers.size() == loaded_.plan.layers.size() &&
                       float_ports.size() == loaded_.plan.float_ports.size(),
                   Status::kSecureMemoryExceeded);
  PENUMBRA_TRY(PlaceRuns());
  PENUMBRA_TRY(ProvePrograms(layers, float_ports));
  cursor_ = 0;
  return NextBoundJob(out_job);
}

Status Model::AdoptPlan() {
  const uint64_t used = arena_.used();
  Arena tables(memory_.first(memory_.size() - staging_.size()));
  (void)tables.Take(used);
  PENUMBRA_TRY(ParsePlan(staging_, loaded_.manifest.chunk_sizes, loaded_.manifest.head.plan_chunk_count,
                         loaded_.manifest.head.public_size, ExchangePartSize(loaded_.exchange.size(), asked_runs_),
                         &tables, &loaded_.plan));
  crypto::Wipe(staging_);
  staging_ = {};
  PENUMBRA_TRY(DrawLots());
  arena_ = Arena(memory_);
  (void)arena_.Take(tables.used());
  loaded_.scratch = arena_.Take(loaded_.plan.header.scratch_size);
  PENUMBRA_REQUIRE(loaded_.scratch.size() == loaded_.plan.header.scratch_size, Status::kSecureMemoryExceeded);
  return Status::kOk;
}

// The stream serves this and then, with another key, the projections of this load.
Status Model::DrawLots() {
  if (loaded_.plan.lots.empty()) return Status::kOk;
  Secret<32> key;
  PENUMBRA_TRY(port_.entropy(port_.context, key.mutable_bytes().data(), 32));
  PENUMBRA_TRY(loaded_.check_stream.Init(key.bytes()));
  return DrawPartition(&loaded_.check_stream, &loaded_.plan);
}

Status Model::PlaceRuns() {
  const uint64_t free_size = arena_.capacity() - arena_.used();
  PENUMBRA_REQUIRE(loaded_.plan.header.arena_size <= free_size, Status::kSecureMemoryExceeded);
  const uint64_t run_size = Run::SecureSize(loaded_.plan);
  const uint64_t capacity = run_size == 0 ? kMaxRuns : free_size / run_size;
  run_capacity_ = static_cast<uint32_t>(capacity < kMaxRuns ? capacity : kMaxRuns);
  PENUMBRA_REQUIRE(asked_runs_ <= run_capacity_, Status::kSecureMemoryExceeded);
  const uint64_t part_size = ExchangePartSize(loaded_.exchange.size(), asked_runs_);
  for (; run_count_ < asked_runs_; ++run_count_) {
    PENUMBRA_TRY(runs_[run_count_].Place(&loaded_, &arena_, run_count_ * part_size, part_size));
  }
  return Status::kOk;
}

// The proof works in the memory of a run that has not begun.
Status Model::ProvePrograms(std::span<LayerState> layers, std::span<uint32_t> float_ports) {
  const std::span<uint8_t> arena = runs_[0].arena();
  const uint64_t granule_words = GranuleWords(arena.size());
  PENUMBRA_REQUIRE(granule_words * 8 <= arena.size(), Status::kPlanRejected);
  const ProofMemory memory{runs_[0].tiles(), layers, float_ports,
                           {reinterpret_cast<uint64_t*>(arena.data()), granule_words}};
  PENUMBRA_TRY(ProveProgram(loaded_.plan, ProgramId::kInfer, memory));
  PENUMBRA_TRY(ProveProgram(loaded_.plan, ProgramId::kMakePad, memory));
  PENUMBRA_TRY(ProveProgram(loaded_.plan, ProgramId::kMakePads, memory));
  return ProveProgram(loaded_.plan, ProgramId::kPrepare, memory);
}

// Each layer's row sums, then its windows, are brought to the start of the still unused arena.
Status Model::NextBoundJob(HostJob* out_job) {
  if (cursor_ == loaded_.plan.layers.size()) return StartPrepare(out_job);
  const LayerRec& layer = loaded_.plan.layers[cursor_];
  const uint64_t need = AlignUp(uint64_t{layer.geometry.out_c} * sizeof(BoundRow), kTileAlignment) +
                        RestoreParamsSize(layer);
  PENUMBRA_REQUIRE(need <= runs_[0].arena().size(), Status::kPlanRejected);
  phase_ = Phase::kRowBounds;
  AskChunk(loaded_.plan.tensors[layer.row_bounds].source, loaded_.plan.header.window_offset, out_job);
  return Status::kOk;
}

// `offset`: begin of the window that this row's sums are decoded into.
static Status ProveLayerRow(const LayerRec& layer, const RowSums& sums, int64_t offset) {
  const LevelRange levels{layer.klo, layer.khi};
  RowWindow proved{};
  if ((layer.flags & kLayerPrime) == 0) {
    PENUMBRA_TRY(ProveRow(sums, levels, layer.prime_count, &proved));
    return proved.begin == offset ? Status::kOk : Status::kBoundUnproved;
  }
  if ((layer.flags & kLayerMayWrap) == 0) PENUMBRA_TRY(ProveFieldRow(sums, levels, &proved));
  return offset == -kFieldHalf ? Status::kOk : Status::kBoundUnproved;
}

Status Model::BoundsArrived(HostJob* out_job) {
  const LayerRec& layer = loaded_.plan.layers[cursor_];
  const uint32_t m = layer.geometry.out_c;
  const std::span<uint8_t> bounds = runs_[0].arena().first(uint64_t{m} * sizeof(BoundRow));
  if (phase_ == Phase::kRowBounds) {
    PENUMBRA_TRY(CopyChunk(loaded_.plan.tensors[layer.row_bounds].source, bounds));
    phase_ = Phase::kRowParams;
    AskChunk(loaded_.plan.tensors[layer.params].source, loaded_.plan.header.window_offset, out_job);
    return Status::kOk;
  }
  const std::span<uint8_t> params = runs_[0].arena().subspan(AlignUp(bounds.size(), kTileAlignment),
                                                           RestoreParamsSize(layer));
  PENUMBRA_TRY(CopyChunk(loaded_.plan.tensors[layer.params].source, params));
  const auto* rows = reinterpret_cast<const BoundRow*>(bounds.data());
  const RestoreTables tables = ViewRestoreTables(layer, params.data());
  PENUMBRA_TRY(CheckRestoreTables(layer, tables));
  for (uint32_t i = 0; i < m; ++i) {
    PENUMBRA_REQUIRE(rows[i].positive <= kMaxWeightSum && rows[i].negative <= kMaxWeightSum,
                     Status::kBoundUnproved);
    const RowSums sums{static_cast<int64_t>(rows[i].positive), -static_cast<int64_t>(rows[i].negative)};
    PENUMBRA_TRY(ProveLayerRow(layer, sums, tables.offset[i]));
  }
  crypto::Wipe(runs_[0].arena().first(AlignUp(bounds.size(), kTileAlignment) + params.size()));
  ++cursor_;
  return NextBoundJob(out_job);
}

// Draws the secret projections of this load and lets the first run make what follows from them.
Status Model::StartPrepare(HostJob* out_job) {
  Secret<32> key;
  PENUMBRA_TRY(port_.entropy(port_.context, key.mutable_bytes().data(), 32));
  PENUMBRA_TRY(loaded_.check_stream.Init(key.bytes()));
  PENUMBRA_TRY(port_.entropy(port_.context, key.mutable_bytes().data(), 32));
  PENUMBRA_TRY(loaded_.derived_key.Init(key.bytes()));
  phase_ = Phase::kPrepare;
  const PadSeed none[kMaxPadBatch];
  const Status status = runs_[0].Start(ProgramId::kPrepare, 0, none, port_, out_job);
  return FinishPrepare(status, *out_job);
}

Status Model::FinishPrepare(Status status, const HostJob& job) {
  if (!IsOk(status) || job.kind != JobKind::kNone) return status;
  EndRun(&runs_[0]);
  return FinishLoad();
}

Status Model::FinishLoad() {
  loaded_.pad_slots.Place(loaded_.plan, asked_slots_, &arena_);
  PENUMBRA_TRY(pads_.Start(port_));
  PENUMBRA_TRY(loaded_.failure_log.Open(port_, loaded_.plan.header.failure_log_key));
  if (loaded_.manifest.head.model_version > highest_version_) {
    PENUMBRA_TRY(port_.version_advance(port_.context, loaded_.manifest.model_id, loaded_.manifest.head.model_version));
  }
  phase_ = Phase::kIdle;
  state_ = SessionState::kReady;
  return Status::kOk;
}

}  // namespace penumbra::trusted
