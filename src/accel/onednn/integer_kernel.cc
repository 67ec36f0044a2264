#include <string_view>
#include <vector>

#include "accel/onednn/strip_kernel.h"

namespace penumbra::onednn {
namespace {

using dnnl::memory;
using Type = memory::data_type;

// The input rows of a strip and the padding that is left to it.
struct StripShape {
  uint32_t samples, in_rows, out_rows, pad_top, pad_bottom;
  bool operator==(const StripShape&) const = default;
};

RowRange InputRows(const ConvGeometry& g, RowRange rows) {
  return InputRowsOf(rows, g.in_h, g.kernel_h, g.stride_h, g.dilation_h, g.pad_top);
}

StripShape ShapeOf(const ConvGeometry& g, const Strip& strip) {
  const RowRange in = InputRows(g, strip.rows);
  const int64_t first = int64_t{strip.rows.begin} * g.stride_h - g.pad_top;
  const int64_t end = (int64_t{strip.rows.end} - 1) * g.stride_h - g.pad_top +
                      int64_t{g.kernel_h - 1} * g.dilation_h + 1;
  return {strip.samples, in.end - in.begin, strip.rows.end - strip.rows.begin,
          static_cast<uint32_t>(in.begin - first), static_cast<uint32_t>(end - in.end)};
}

// Which of oneDNN's kernels keep int32 sums as they are. The others pass them through float32 for
// the sake of scales, which rounds beyond 2^24; so does brgconv 2.6 beside its padding for some
// geometries (3x3, 130 channels, padding 2: conformance suite), so long filters are left to it only
// without padding and with whole blocks of channels.
bool KeepsIntegerSums(std::string_view implementation, const ConvGeometry& g) {
  if (FilterLength(g) <= kMaxFloatFilterLength || implementation.starts_with("brgdmm")) return true;
  const bool padded = g.pad_top + g.pad_left + g.pad_bottom + g.pad_right != 0;
  return implementation.starts_with("brgconv") && !padded && InChannelsPerGroup(g) % 64 == 0;
}

class IntegerKernel final : public StripKernel {
 public:
  IntegerKernel(const dnnl::engine& engine, const ConvGeometry& g, uint32_t primes,
                const int8_t* weights)
      : engine_(engine), g_(g), primes_(primes), plain_weights_(weights) {}

  bool Compile(const Strip& strip, std::span<ThreadScratch> scratch) override {
    if (IsEmpty(strip) || Find(strip) != nullptr) return true;
    const StripShape shape = ShapeOf(g_, strip);
    const auto pd = Describe(shape);
    if (!KeepsIntegerSums(pd.impl_info_str(), g_)) return false;
    for (ThreadScratch& s : scratch)
      Reserve(engine_, pd.scratchpad_desc().get_size(), &s.primitive);
    compiled_.push_back({shape, dnnl::convolution_forward(pd), pd.src_desc(), pd.dst_desc(),
                         pd.scratchpad_desc(), WeightsFor(pd.weights_desc())});
    return true;
  }

  void Run(uint32_t k, const uint8_t* x, const Strip& strip, ThreadScratch* scratch,
           int32_t* out_sums) const override {
    if (IsEmpty(strip)) {
      const size_t rows = strip.rows.end - strip.rows.begin;
      std::fill_n(out_sums, strip.samples * rows * g_.out_w * g_.out_c, 0);
      return;
    }
    const Compiled& c = *Find(strip);
    const size_t offset = size_t{InputRows(g_, strip.rows).begin} * g_.in_w * g_.in_c;
    const memory source(c.source, engine_, const_cast<uint8_t*>(x) + offset);
    const memory sums(c.destination, engine_, out_sums);
    const memory pad(c.scratchpad, engine_, scratch->primitive.get_data_handle());
    c.primitive.execute(scratch->stream, {{DNNL_ARG_SRC, source},
                                          {DNNL_ARG_WEIGHTS, layouts_[c.layout].weights[k]},
                                          {DNNL_ARG_DST, sums},
                                          {DNNL_ARG_SCRATCHPAD, pad}});
  }

 private:
  struct Compiled {
    StripShape shape;
    dnnl::convolution_forward primitive;
    memory::desc source, destination, scratchpad;
    size_t layout;
  };
  // Weights of all primes in one of oneDNN's layouts.
  struct Layout {
    memory::desc desc;
    std::vector<memory> weights;
  };

  // Rows that lie wholly in the padding have nothing to convolve.
  bool IsEmpty(const Strip& strip) const {
    const RowRange in = InputRows(g_, strip.rows);
    return in.begin == in.end;
  }

  const Compiled* Find(const Strip& strip) const {
    const StripShape shape = ShapeOf(g_, strip);
    for (const Compiled& c : compiled_) {
      if (c.shape == shape) return &c;
    }
    return nullptr;
  }

  dnnl::convolution_forward::primitive_desc Describe(const StripShape& s) const {
    // A strip reads its rows in place: the stride between samples is that of whole images.
    const memory::dims source_dims = {s.samples, g_.in_c, s.in_rows, g_.in_w};
    const memory::dim row = memory::dim{g_.in_w} * g_.in_c;
    const memory::desc source(source_dims, Type::u8, {row * g_.in_h, 1, row, g_.in_c});
    const memory::desc destination({s.samples, g_.out_c, s.out_rows, g_.out_w}, Type::s32,
                                   memory::format_tag::nhwc);
    const memory::desc weights(WeightDims(g_), Type::s8, memory::format_tag::any);
    const dnnl::convolution_forward::desc desc(
        dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct,
        s.samples == 1 ? memory::desc(source_dims, Type::u8, memory::format_tag::nhwc) : source,
        weights, destination, {g_.stride_h, g_.stride_w}, {g_.dilation_h - 1, g_.dilation_w - 1},
        {s.pad_top, g_.pad_left}, {s.pad_bottom, g_.pad_right});
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    return {desc, attributes, engine_};
  }

  size_t WeightsFor(const memory::desc& desc) {
    for (size_t i = 0; i < layouts_.size(); ++i) {
      if (layouts_[i].desc == desc) return i;
    }
    Layout layout{desc, {}};
    dnnl::stream stream(engine_);
    const memory::desc plain = PlainWeights(g_, Type::s8);
    const size_t count = FilterLength(g_) * g_.out_c;
    for (uint32_t k = 0; k < primes_; ++k) {
      memory from(plain, engine_, const_cast<int8_t*>(plain_weights_) + k * count);
      memory to(desc, engine_);
      dnnl::reorder(from, to).execute(stream, from, to);
      layout.weights.push_back(to);
    }
    stream.wait();
    layouts_.push_back(std::move(layout));
    return layouts_.size() - 1;
  }

  const dnnl::engine engine_;
  const ConvGeometry g_;
  const uint32_t primes_;
  const int8_t* plain_weights_;  // borrowed from the blob source
  std::vector<Compiled> compiled_;
  std::vector<Layout> layouts_;
};

}  // namespace

std::unique_ptr<StripKernel> MakeIntegerKernel(const dnnl::engine& engine, const ConvGeometry& g,
                                               uint32_t primes, const int8_t* weights) {
  return std::make_unique<IntegerKernel>(engine, g, primes, weights);
}

void Reserve(const dnnl::engine& engine, size_t size, dnnl::memory* memory) {
  if (*memory && memory->get_desc().get_size() >= size) return;
  const auto bytes = static_cast<dnnl::memory::dim>(size == 0 ? 1 : size);
  *memory = dnnl::memory({{bytes}, Type::u8, dnnl::memory::format_tag::a}, engine);
}

dnnl::memory::dims WeightDims(const ConvGeometry& g) {
  const dnnl::memory::dim inputs = InChannelsPerGroup(g), kh = g.kernel_h, kw = g.kernel_w;
  if (g.groups == 1) return {g.out_c, inputs, kh, kw};
  return {g.groups, OutChannelsPerGroup(g), inputs, kh, kw};
}

dnnl::memory::desc PlainWeights(const ConvGeometry& g, Type type) {
  const dnnl::memory::dim inputs = InChannelsPerGroup(g), kw = g.kernel_w;
  const auto filter = static_cast<dnnl::memory::dim>(FilterLength(g));
  if (g.groups == 1) return {WeightDims(g), type, {filter, 1, kw * inputs, inputs}};
  return {WeightDims(g), type, {filter * OutChannelsPerGroup(g), filter, 1, kw * inputs, inputs}};
}

}  // namespace penumbra::onednn
