// The proof on a small plan, and on every way to break it.
#include "trusted/plan/prove.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <span>
#include <vector>

namespace penumbra::trusted {
namespace {

constexpr uint32_t kRows = 8, kColumns = 16, kTileRows = 4;
constexpr uint32_t kTileSize = kTileRows * kColumns * 4;

// input (2 tiles) -> relu -> output, tile by tile, plus one public layer with pads and its pad program.
struct TestPlan {
  std::vector<TensorRec> tensors;
  std::vector<PublicSliceRec> slices;
  std::vector<LayerRec> layers;
  std::vector<PortRec> inputs, outputs;
  std::vector<uint32_t> infer, pad;
  std::vector<uint32_t> chunk_sizes;
  PlanHeader header{};

  static void Emit(std::vector<uint32_t>* words, Opcode opcode, const std::vector<uint32_t>& operands) {
    words->push_back(static_cast<uint32_t>(opcode) | static_cast<uint32_t>(operands.size()) << 16);
    words->insert(words->end(), operands.begin(), operands.end());
  }
  template <typename T>
  static std::vector<uint32_t> Words(const T& record) {
    std::vector<uint32_t> words(sizeof(T) / 4);
    std::memcpy(words.data(), &record, sizeof(T));
    return words;
  }
  void EmitPass(const PassHead& head, const std::vector<PassOp>& ops, const std::vector<PassSink>& sinks) {
    std::vector<uint32_t> words = Words(head);
    for (const PassOp& op : ops) {
      const auto more = Words(op);
      words.insert(words.end(), more.begin(), more.end());
    }
    for (const PassSink& sink : sinks) {
      const auto more = Words(sink);
      words.insert(words.end(), more.begin(), more.end());
    }
    Emit(&infer, Opcode::kPass, words);
  }
  std::vector<uint8_t> Bytes() const {
    std::vector<uint8_t> out;
    const auto append = [&out](const void* data, size_t size) {
      const auto* bytes = static_cast<const uint8_t*>(data);
      out.insert(out.end(), bytes, bytes + size);
    };
    append(&header, sizeof(header));
    append(tensors.data(), tensors.size() * sizeof(TensorRec));
    append(slices.data(), slices.size() * sizeof(PublicSliceRec));
    append(layers.data(), layers.size() * sizeof(LayerRec));
    append(inputs.data(), inputs.size() * sizeof(PortRec));
    append(outputs.data(), outputs.size() * sizeof(PortRec));
    append(infer.data(), infer.size() * 4);
    append(pad.data(), pad.size() * 4);
    return out;
  }
};

constexpr uint64_t kExchangeSize = uint64_t{8} << 20;

enum : uint32_t { kIn = 0, kOut = 1, kParams = 2, kBounds = 3, kWeights = 4, kPad = 5, kR = 6, kLr = 7 };

ConvGeometry Dense() {
  // One pixel a row: 8 rows of 16 -> 8 rows of 16.
  return {kRows, 1, kColumns, kRows, 1, kColumns, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1};
}

LayerRec MakeLayer() {
  LayerRec layer{};
  layer.flags = kLayerMaskInput | kLayerUnmaskOutput;
  layer.prime_count = 2;
  layer.public_out_c = 20;
  layer.geometry = Dense();
  layer.mask_rows = kRows;
  layer.mask_row_elems = kColumns;
  layer.klo = 0;
  layer.khi = 10;
  layer.inv_step = 1;
  layer.params = kParams;
  layer.pad = kPad;
  layer.row_bounds = kBounds;
  layer.input_perm = kNoTensor;
  layer.x_offset = 0;
  layer.y_offset = 4096;
  return layer;
}

void MakeRecords(TestPlan* p) {
  const auto f32 = [](uint32_t rows) {
    return TensorRec{PlanType::kF32, TensorKind::kActivation, rows, kColumns, kTileRows, 0};
  };
  p->tensors = {f32(kRows), f32(kRows)};
  p->tensors.push_back({PlanType::kRaw, TensorKind::kConstant, 1, 4096, 1, 1});
  p->tensors.push_back({PlanType::kRaw, TensorKind::kConstant, 1, 4096, 1, 2});
  p->tensors.push_back({PlanType::kRaw, TensorKind::kPublic, 2, 4096, 1, 0});
  p->tensors.push_back({PlanType::kU8, TensorKind::kPad, kRows, 2 * kColumns, kTileRows, 0});
  p->tensors.push_back({PlanType::kU8, TensorKind::kActivation, kRows, kColumns, kRows, 0});
  p->tensors.push_back({PlanType::kU8, TensorKind::kActivation, kRows, 2 * 20, kTileRows, 0});
  p->slices = {{0, 20 * kColumns, 0, {}}, {20 * kColumns, 20 * kColumns, 0, {}}};
  p->chunk_sizes = {100, static_cast<uint32_t>(RestoreParamsSize(kColumns, 2)),
                    kColumns * static_cast<uint32_t>(sizeof(BoundRow))};
  p->layers = {MakeLayer()};
  p->inputs = {{kIn, kRows * kColumns, 8192}};
  p->outputs = {{kOut, kRows * kColumns, 16384}};
}

void MakeInferProgram(TestPlan* p) {
  using enum Opcode;
  auto* w = &p->infer;
  for (uint32_t t = 0; t < 2; ++t) {
    TestPlan::Emit(w, kAlloc, {kIn, t, 0});
    TestPlan::Emit(w, kInput, {0, t});
    p->EmitPass({PassSource::kTensor, kIn, t * 4, t * 4 + 4, kColumns, 1, 1},
                {{PassFn::kRelu, PassOperand::kNone, 0, 0, 0, 0}}, {{PassSinkKind::kMask, 0, 0, 0, 0}});
    TestPlan::Emit(w, kFree, {kIn, t});
  }
  TestPlan::Emit(w, kJob, {0});
  TestPlan::Emit(w, kFetch, {kParams, 0, 1024});
  for (uint32_t t = 0; t < 2; ++t) {
    TestPlan::Emit(w, kFetch, {kPad, t, 4096});
    TestPlan::Emit(w, kAlloc, {kOut, t, 0});
    p->EmitPass({PassSource::kRestore, 0, t * 4, t * 4 + 4, kColumns, 0, 1}, {},
                {{PassSinkKind::kTensor, kOut, 0, 0, 0}});
    TestPlan::Emit(w, kOutput, {0, t});
    TestPlan::Emit(w, kFree, {kOut, t});
    TestPlan::Emit(w, kFree, {kPad, t});
  }
  TestPlan::Emit(w, kFree, {kParams, 0});
}

void MakePadProgram(TestPlan* p) {
  using enum Opcode;
  auto* w = &p->pad;
  TestPlan::Emit(w, kFetch, {kParams, 0, 8192});
  TestPlan::Emit(w, kAlloc, {kLr, 0, 0});
  TestPlan::Emit(w, kAlloc, {kLr, 1, 512});
  for (uint32_t k = 0; k < 2; ++k) {
    TestPlan::Emit(w, kAlloc, {kR, 0, 1024});
    TestPlan::Emit(w, kPadRandom, {0, k, kR, 0});
    TestPlan::Emit(w, kFetch, {kWeights, k, 2048});
    for (uint32_t t = 0; t < 2; ++t) {
      TestPlan::Emit(w, kPadConv, TestPlan::Words(PadConvInstr{0, k, kR, kWeights, k, 0, 20, kLr, t}));
    }
    TestPlan::Emit(w, kFree, {kR, 0});
    TestPlan::Emit(w, kFree, {kWeights, k});
  }
  for (uint32_t t = 0; t < 2; ++t) {
    TestPlan::Emit(w, kAlloc, {kPad, t, 4096});
    TestPlan::Emit(w, kPadFinish, {0, t, kLr});
    TestPlan::Emit(w, kEvict, {kPad, t});
    TestPlan::Emit(w, kFree, {kLr, t});
  }
  TestPlan::Emit(w, kFree, {kParams, 0});
}

TestPlan MakePlan() {
  TestPlan p;
  MakeRecords(&p);
  MakeInferProgram(&p);
  MakePadProgram(&p);
  PlanHeader& h = p.header;
  h.version = kPlanVersion;
  h.tensor_count = static_cast<uint32_t>(p.tensors.size());
  h.slice_count = static_cast<uint32_t>(p.slices.size());
  h.layer_count = 1;
  h.input_count = h.output_count = 1;
  h.infer_words = static_cast<uint32_t>(p.infer.size());
  h.pad_words = static_cast<uint32_t>(p.pad.size());
  h.arena_size = 16384;
  h.scratch_size = 1 << 20;
  h.exchange_size = kExchangeSize;
  h.window_offset = uint64_t{4} << 20;
  h.window_size = uint64_t{2} << 20;
  return p;
}

class ProveTest : public ::testing::Test {
 protected:
  Status Check(const TestPlan& p) {
    memory_.assign(uint64_t{4} << 20, 0);
    const size_t skip = kTileAlignment - reinterpret_cast<uintptr_t>(memory_.data()) % kTileAlignment;
    Arena arena(std::span<uint8_t>(memory_).subspan(skip));
    const std::vector<uint8_t> bytes = p.Bytes();
    Plan plan{};
    const Status parsed = ParsePlan(bytes, p.chunk_sizes, 1, 1 << 20, kExchangeSize, &arena, &plan);
    if (!IsOk(parsed)) return parsed;
    std::vector<TileState> tiles(plan.first_tile[plan.tensors.size()]);
    std::vector<LayerState> layers(plan.layers.size());
    std::vector<uint64_t> granules(GranuleWords(plan.header.arena_size));
    const ProofMemory memory{tiles, layers, granules};
    const Status infer = ProveProgram(plan, ProgramId::kInfer, memory);
    return IsOk(infer) ? ProveProgram(plan, ProgramId::kMakePad, memory) : infer;
  }
  std::vector<uint8_t> memory_;
};

// Start words of the instructions of a program.
std::vector<size_t> Starts(const std::vector<uint32_t>& words) {
  std::vector<size_t> starts;
  for (size_t at = 0; at < words.size(); at += 1 + (words[at] >> 16)) starts.push_back(at);
  return starts;
}

TEST_F(ProveTest, AcceptsTheHonestPlan) { EXPECT_EQ(Check(MakePlan()), Status::kOk); }

TEST_F(ProveTest, EveryInstructionIsNeeded) {
  const TestPlan honest = MakePlan();
  for (auto program : {&TestPlan::infer, &TestPlan::pad}) {
    for (const size_t at : Starts(honest.*program)) {
      TestPlan broken = honest;
      auto& words = broken.*program;
      const size_t length = 1 + (words[at] >> 16);
      words.erase(words.begin() + static_cast<long>(at), words.begin() + static_cast<long>(at + length));
      broken.header.infer_words = static_cast<uint32_t>(broken.infer.size());
      broken.header.pad_words = static_cast<uint32_t>(broken.pad.size());
      const auto opcode = static_cast<Opcode>((honest.*program)[at] & 0xffff);
      // Only sending a result out may be left away without harm to what the proof protects.
      if (opcode == Opcode::kOutput) continue;
      EXPECT_EQ(Check(broken), Status::kPlanRejected) << "word " << at;
    }
  }
}

TEST_F(ProveTest, NoInstructionMayBeRepeated) {
  const TestPlan honest = MakePlan();
  for (auto program : {&TestPlan::infer, &TestPlan::pad}) {
    for (const size_t at : Starts(honest.*program)) {
      TestPlan broken = honest;
      auto& words = broken.*program;
      const auto begin = (honest.*program).begin() + static_cast<long>(at);
      const size_t length = 1 + (words[at] >> 16);
      words.insert(words.begin() + static_cast<long>(at), begin, begin + static_cast<long>(length));
      broken.header.infer_words = static_cast<uint32_t>(broken.infer.size());
      broken.header.pad_words = static_cast<uint32_t>(broken.pad.size());
      if (static_cast<Opcode>(words[at] & 0xffff) == Opcode::kOutput) continue;
      EXPECT_EQ(Check(broken), Status::kPlanRejected) << "word " << at;
    }
  }
}

TEST_F(ProveTest, MaskingARowTwiceIsRefused) {
  TestPlan p = MakePlan();
  // The second pass masks rows 0..4 again instead of 4..8.
  const std::vector<size_t> starts = Starts(p.infer);
  const size_t second_pass = starts[6];
  ASSERT_EQ(static_cast<Opcode>(p.infer[second_pass] & 0xffff), Opcode::kPass);
  p.infer[second_pass + 1 + 2] = 0;
  p.infer[second_pass + 1 + 3] = 4;
  EXPECT_EQ(Check(p), Status::kPlanRejected);
}

TEST_F(ProveTest, HostileRecordsAreRefused) {
  const std::vector<std::function<void(TestPlan*)>> attacks = {
      [](TestPlan* p) { p->tensors[kIn].rows = 0; },
      [](TestPlan* p) { p->tensors[kIn].rows = 0xffffffffu; },
      [](TestPlan* p) { p->tensors[kIn].tile_rows = 9; },
      [](TestPlan* p) { p->tensors[kParams].source = 0; },  // a plan chunk
      [](TestPlan* p) { p->tensors[kParams].source = 3; },
      [](TestPlan* p) { p->tensors[kWeights].rows = 3; },
      [](TestPlan* p) { p->tensors[kPad].source = 1; },
      [](TestPlan* p) { p->slices[0].offset = ~uint64_t{0}; },
      [](TestPlan* p) { p->layers[0].prime_count = 0; },
      [](TestPlan* p) { p->layers[0].prime_count = 7; },
      [](TestPlan* p) { p->layers[0].public_out_c = 15; },
      [](TestPlan* p) { p->layers[0].x_offset = kExchangeSize - 1; },
      [](TestPlan* p) { p->layers[0].y_offset = ~uint64_t{0}; },
      [](TestPlan* p) { p->layers[0].klo = 1; },
      [](TestPlan* p) { p->layers[0].geometry.groups = 3; },
      [](TestPlan* p) { p->layers[0].geometry.kernel_h = 2; },
      [](TestPlan* p) { p->layers[0].params = kBounds; },
      [](TestPlan* p) { p->layers[0].pad = kNoTensor; },
      [](TestPlan* p) { p->inputs[0].offset = kExchangeSize - 4; },
      [](TestPlan* p) { p->outputs[0].tensor = kParams; },
      [](TestPlan* p) { p->header.scratch_size = 64; },
      [](TestPlan* p) { p->header.arena_size = 64; },
      [](TestPlan* p) { p->header.window_size = 64; },
      [](TestPlan* p) { p->header.exchange_size = kExchangeSize + 1; },
      [](TestPlan* p) { p->header.tensor_count += 1; },
      [](TestPlan* p) { p->infer.back() = 0xffff0001u; },
  };
  for (size_t i = 0; i < attacks.size(); ++i) {
    TestPlan p = MakePlan();
    attacks[i](&p);
    EXPECT_EQ(Check(p), Status::kPlanRejected) << "attack " << i;
  }
}

TEST_F(ProveTest, OtherVersionsAreRefused) {
  TestPlan p = MakePlan();
  p.header.version = 2;
  EXPECT_EQ(Check(p), Status::kUnsupportedVersion);
}

}  // namespace
}  // namespace penumbra::trusted
