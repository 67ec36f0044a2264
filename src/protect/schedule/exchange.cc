#include "protect/schedule/exchange.h"

#include <algorithm>
#include <span>

#include "boundary/limits.h"

namespace penumbra::protect {
namespace {

struct Area {
  size_t first = ~size_t{0}, last = 0;  // steps that touch it
  uint64_t size = 0;
  uint64_t* out_offset = nullptr;

  void Touch(size_t step) {
    first = std::min(first, step);
    last = std::max(last, step);
  }
};

// Lowest offset from `base` on where `area` meets no placed area of an overlapping life.
uint64_t LowestOffset(const Area& area, const std::vector<Area>& placed, uint64_t base) {
  std::vector<const Area*> alive;
  for (const Area& other : placed) {
    if (other.first <= area.last && area.first <= other.last) alive.push_back(&other);
  }
  std::ranges::sort(alive, {}, [](const Area* a) { return *a->out_offset; });
  uint64_t offset = base;
  for (const Area* other : alive) {
    if (offset + area.size <= *other->out_offset) break;
    offset = std::max(offset, AlignUp(*other->out_offset + other->size, kTileAlignment));
  }
  return offset;
}

}  // namespace

uint64_t MaskedInputSize(const LayerRec& layer) {
  return uint64_t{MaskedElementSize(layer)} * layer.mask_rows * layer.mask_row_elems;
}

uint64_t ReplySize(const LayerRec& layer) {
  return uint64_t{MaskedElementSize(layer)} * layer.geometry.out_h * layer.geometry.out_w *
         layer.public_out_c;
}

namespace {

// One side of a float segment.
struct FloatSide {
  std::span<PortRec> ports;
  uint32_t slots;  // samples of a port
  uint64_t offset = 0;

  // Puts the ports one after the other from `offset` on; returns their size.
  uint64_t Pack() {
    uint64_t end = offset;
    for (PortRec& port : ports) {
      port.offset = AlignUp(end, kTileAlignment);
      end = port.offset + uint64_t{port.elem_count} * sizeof(float) * slots;
    }
    return end - offset;
  }
};

// Inputs and outputs of every segment in turn.
std::vector<FloatSide> FloatSides(CompiledPlan* plan) {
  std::vector<FloatSide> sides;
  const std::span<PortRec> ports(plan->float_ports);
  for (const FloatSegmentRec& s : plan->float_segments) {
    sides.push_back({ports.subspan(s.first_port, s.input_count), SlotCount(*plan)});
    sides.push_back({ports.subspan(s.first_port + s.input_count, s.output_count), SlotCount(*plan)});
  }
  return sides;
}

}  // namespace

void LayOutExchange(const std::vector<Step>& steps, CompiledPlan* plan) {
  uint64_t end = 0;
  plan->window_offset = 0;
  plan->window_size = AlignUp(kMaxChunkSize + kAeadTagSize, kTileAlignment);
  end = plan->window_size;
  for (std::vector<PortRec>* ports : {&plan->inputs, &plan->outputs}) {
    for (PortRec& port : *ports) {
      port.offset = end;
      end = AlignUp(end + uint64_t{port.elem_count} * 4, kTileAlignment);
    }
  }
  std::vector<FloatSide> sides = FloatSides(plan);
  const size_t float_areas = 2 * plan->layers.size();
  std::vector<Area> areas(float_areas + sides.size());
  for (size_t s = 0; s < sides.size(); ++s) {
    areas[float_areas + s].size = sides[s].Pack();
    areas[float_areas + s].out_offset = &sides[s].offset;
  }
  for (size_t l = 0; l < plan->layers.size(); ++l) {
    LayerRec& layer = plan->layers[l];
    areas[2 * l].size = MaskedInputSize(layer);
    areas[2 * l].out_offset = &layer.x_offset;
    areas[2 * l + 1].size = ReplySize(layer);
    areas[2 * l + 1].out_offset = &layer.y_offset;
  }
  for (size_t s = 0; s < steps.size(); ++s) {
    for (const uint32_t layer : steps[s].masks) areas[2 * layer].Touch(s);
    if (steps[s].restores != kNoTensor) areas[2 * steps[s].restores + 1].Touch(s);
    if (steps[s].float_x != kNoTensor) areas[float_areas + 2 * steps[s].float_x].Touch(s);
    if (steps[s].float_y != kNoTensor) areas[float_areas + 2 * steps[s].float_y + 1].Touch(s);
    if (steps[s].job == kNoTensor) continue;
    areas[2 * steps[s].job].Touch(s);
    areas[2 * steps[s].job + 1].Touch(s);
  }
  // Large areas first: small ones fill the holes.
  std::ranges::stable_sort(areas, std::greater<>(), &Area::size);
  std::vector<Area> placed;
  const uint64_t base = end;
  for (const Area& area : areas) {
    *area.out_offset = LowestOffset(area, placed, base);
    end = std::max(end, AlignUp(*area.out_offset + area.size, kTileAlignment));
    placed.push_back(area);
  }
  for (FloatSide& side : sides) side.Pack();
  plan->exchange_size = end;
}

}  // namespace penumbra::protect
