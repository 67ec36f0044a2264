// Data movement and products of activations.
#include <cstring>

#include "kernels/conv_layout.h"
#include "trusted/base/result.h"
#include "trusted/steps/machine.h"

namespace penumbra::trusted {
namespace {

float* Element(const Machine& machine, uint32_t tensor, int64_t index) {
  const TensorRec& t = machine.plan.tensors[tensor];
  const uint64_t tile_elems = uint64_t{t.tile_rows} * t.row_elems;
  const auto at = static_cast<uint64_t>(index);
  return reinterpret_cast<float*>(machine.Tile(tensor, static_cast<uint32_t>(at / tile_elems))) + at % tile_elems;
}

// Elements from `index` on that stand in the same tile.
uint64_t TileRest(const Machine& machine, uint32_t tensor, int64_t index) {
  const TensorRec& t = machine.plan.tensors[tensor];
  const uint64_t tile_elems = uint64_t{t.tile_rows} * t.row_elems;
  return tile_elems - static_cast<uint64_t>(index) % tile_elems;
}

void CopyRun(const Machine& machine, const CopyInstr& c, int64_t src, int64_t dst) {
  const uint32_t last = c.dim_count - 1;
  const int64_t step_src = c.src_stride[last], step_dst = c.dst_stride[last];
  uint32_t done = 0;
  while (done < c.extent[last]) {
    const int64_t s = src + done * step_src, d = dst + done * step_dst;
    uint64_t run = 1;
    if (step_src == 1 && step_dst == 1) {
      const uint64_t a = TileRest(machine, c.src, s), b = TileRest(machine, c.dst, d);
      run = c.extent[last] - done;
      run = run < a ? run : a;
      run = run < b ? run : b;
    }
    std::memcpy(Element(machine, c.dst, d), Element(machine, c.src, s), run * 4);
    done += static_cast<uint32_t>(run);
  }
}

}  // namespace

Status RunCopy(Machine* machine, const Instruction& i) {
  CopyInstr c{};
  PENUMBRA_REQUIRE(i.Only(&c), Status::kInternal);
  uint32_t at[kMaxCopyDims] = {};
  int64_t src = c.src_offset, dst = c.dst_offset;
  const uint32_t outer = c.dim_count - 1;
  for (;;) {
    CopyRun(*machine, c, src, dst);
    uint32_t d = outer;
    for (; d > 0; --d) {
      src += c.src_stride[d - 1];
      dst += c.dst_stride[d - 1];
      if (++at[d - 1] < c.extent[d - 1]) break;
      src -= int64_t{c.extent[d - 1]} * c.src_stride[d - 1];
      dst -= int64_t{c.extent[d - 1]} * c.dst_stride[d - 1];
      at[d - 1] = 0;
    }
    if (d == 0) return Status::kOk;
  }
}

Status RunFill(Machine* machine, const Instruction& i) {
  uint8_t* const out = machine->Tile(i[0], i[1]);
  const uint64_t size = TileSize(machine->plan, i[0], i[1]);
  const uint32_t value = i[2];
  if (value == 0) {  // wherever something is copied over all of it later, as in a concatenation
    std::memset(out, 0, size);
    return Status::kOk;
  }
  for (uint64_t at = 0; at < size; at += sizeof(value)) std::memcpy(out + at, &value, sizeof(value));
  return Status::kOk;
}

namespace {

// b: [k][n] to the panels of PackF32.
void PackTransposedF32(const float* b, uint32_t n, uint32_t k, float* out_packed) {
  for (uint32_t panel = 0; panel < n; panel += kPanelWidth) {
    for (uint32_t depth = 0; depth < k; ++depth) {
      for (uint32_t j = 0; j < kPanelWidth; ++j) {
        *out_packed++ = panel + j < n ? b[uint64_t{depth} * n + panel + j] : 0.0f;
      }
    }
  }
}

}  // namespace

Status RunMatMul(Machine* machine, const Instruction& i) {
  MatMulInstr c{};
  PENUMBRA_REQUIRE(i.Only(&c), Status::kInternal);
  const auto* a = reinterpret_cast<const float*>(machine->Tile(c.a, 0));
  const auto* b = reinterpret_cast<const float*>(machine->Tile(c.b, 0));
  auto* y = reinterpret_cast<float*>(machine->Tile(c.dst, 0));
  auto* packed = reinterpret_cast<float*>(machine->scratch.data());
  for (uint32_t n = 0; n < c.batch; ++n) {
    const float* b_n = b + uint64_t{n} * c.k * c.n;
    if (c.b_transposed != 0) {
      PackF32(b_n, c.n, c.k, packed);
    } else {
      PackTransposedF32(b_n, c.n, c.k, packed);
    }
    machine->kernels->gemm_f32({a + uint64_t{n} * c.m * c.k, c.k, packed, y + uint64_t{n} * c.m * c.n, c.n, c.m,
                                c.n, c.k, false});
  }
  return Status::kOk;
}

}  // namespace penumbra::trusted
