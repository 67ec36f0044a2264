// Hostile plans. A plan that the proof accepts is then executed over hostile tile contents: if the proof misses
// anything, a sanitizer sees it.
#include <cstring>
#include <vector>

#include "trusted/plan/partition.h"
#include "trusted/plan/prove.h"
#include "trusted/steps/machine.h"

namespace penumbra::trusted {
namespace {

constexpr uint64_t kExchange = uint64_t{8} << 20;
constexpr uint64_t kMemory = uint64_t{4} << 20;
constexpr uint64_t kLargestArena = uint64_t{1} << 20;
constexpr uint32_t kMostElements = 1u << 16;

struct Buffers {
  alignas(64) uint8_t memory[kMemory];
  alignas(64) uint8_t exchange[kExchange];
};

// Small plans only: the fuzzer looks for logic, not for long loops.
bool IsSmall(const Plan& plan) {
  if (plan.header.arena_size > kLargestArena || plan.header.scratch_size > kLargestArena) return false;
  for (const LayerRec& l : plan.layers) {
    const uint64_t work = uint64_t{l.geometry.out_h} * l.geometry.out_w * l.public_out_c;
    if (work > kMostElements || FilterLength(l.geometry) > 4096) return false;
    if (ShapeOfCheck(l).window_size * l.projection_count > kMostElements) return false;
  }
  return plan.infer_program.size() < 4096 && plan.pad_program.size() < 4096 && plan.prepare_program.size() < 4096 &&
         plan.batch_program.size() < 4096;
}

void Fill(std::span<uint8_t> tile, std::span<const uint8_t> data) {
  for (size_t i = 0; i < tile.size(); ++i) tile[i] = data.empty() ? 0x5a : data[i % data.size()];
}

// What the session does, without keys and without a host.
void Run(Machine* machine, std::span<const uint32_t> words, std::span<const uint8_t> data) {
  for (TileState& tile : machine->tiles) tile = {kAbsent, 0, 0};
  Instruction i{};
  for (uint64_t at = 0; DecodeAt(words, at, &i); at += 1 + i.operands.size()) {
    switch (i.opcode) {
      case Opcode::kAlloc:
      case Opcode::kFetch: {
        machine->tiles[TileIndex(machine->plan, i[0], i[1])].offset = i[2] / kTileAlignment;
        Fill({machine->Tile(i[0], i[1]), TileSize(machine->plan, i[0], i[1])}, data);
        break;
      }
      case Opcode::kFree:
      case Opcode::kEvict: machine->tiles[TileIndex(machine->plan, i[0], i[1])].offset = kAbsent; break;
      case Opcode::kFloatJob:
      case Opcode::kEmit:
      case Opcode::kJob: break;
      default:
        if (!IsOk(Execute(machine, i))) return;
    }
  }
}

}  // namespace
}  // namespace penumbra::trusted

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace penumbra;
  using namespace penumbra::trusted;
  static Buffers* const buffers = new Buffers;
  static const std::vector<uint32_t> chunk_sizes = {100, 352, 256, 4096, 64, 1 << 20, 512, 512, 512, 512};
  std::memset(buffers, 0, sizeof(Buffers));
  Arena arena(buffers->memory);
  Plan plan{};
  const Status parsed = ParsePlan({data, size}, chunk_sizes, 1, 1 << 20, kExchange, &arena, &plan);
  if (!IsOk(parsed) || !IsSmall(plan)) return 0;
  crypto::Keystream streams[kMaxPadBatch];
  // The first byte of the vendor's key, which nothing here uses, chooses among partitions.
  const uint8_t key[32] = {plan.header.failure_log_key[0]};
  for (crypto::Keystream& stream : streams) {
    if (!IsOk(stream.Init(key))) return 0;
  }
  if (!IsOk(DrawPartition(&streams[0], &plan))) return 0;
  Machine machine{};
  machine.plan = plan;
  machine.tiles = arena.TakeArray<TileState>(plan.first_tile[plan.tensors.size()]);
  const auto layers = arena.TakeArray<LayerState>(plan.layers.size());
  const auto float_ports = arena.TakeArray<uint32_t>(plan.float_ports.size());
  const auto granules = arena.TakeArray<uint64_t>(GranuleWords(plan.header.arena_size));
  // The session refuses a plan whose tables do not fit.
  if (machine.tiles.size() != plan.first_tile[plan.tensors.size()] || layers.size() != plan.layers.size() ||
      float_ports.size() != plan.float_ports.size() || granules.size() != GranuleWords(plan.header.arena_size)) {
    return 0;
  }
  // Separate heap blocks, so that running over either end is seen.
  std::vector<uint8_t> scratch(plan.header.scratch_size + kTileAlignment);
  std::vector<uint8_t> tiles(plan.header.arena_size + kTileAlignment);
  const auto align = [](std::vector<uint8_t>& bytes) {
    const size_t misfit = reinterpret_cast<uintptr_t>(bytes.data()) % kTileAlignment;
    const size_t skip = misfit == 0 ? 0 : kTileAlignment - misfit;
    return std::span<uint8_t>(bytes).subspan(skip, bytes.size() - kTileAlignment);
  };
  machine.scratch = align(scratch);
  machine.arena = align(tiles);
  machine.exchange = buffers->exchange;
  machine.kernels = &Kernels(Isa::kScalar);
  machine.pad_streams = machine.check_stream = machine.fingerprint_stream = streams;
  const ProofMemory memory{machine.tiles, layers, float_ports, granules};
  constexpr ProgramId kPrograms[] = {ProgramId::kPrepare, ProgramId::kInfer, ProgramId::kMakePad,
                                     ProgramId::kMakePads};
  for (const ProgramId program : kPrograms) {
    if (!IsOk(ProveProgram(plan, program, memory))) return 0;
  }
  for (const ProgramId program : kPrograms) {
    machine.pad_count = PadsMade(plan, program);
    machine.ForgetScratch();
    Run(&machine, ProgramWords(plan, program), {data, size});
  }
  return 0;
}
