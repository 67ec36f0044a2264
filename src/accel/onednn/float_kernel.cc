#include <algorithm>
#include <vector>

#include "accel/onednn/reduce.h"
#include "accel/onednn/strip_kernel.h"

namespace penumbra::onednn {
namespace {

using dnnl::memory;
using Type = memory::data_type;

struct Span {
  uint32_t begin, count;
};

// A box of taps and input channels (per group) whose sums fit float32 exactly.
struct Chunk {
  Span rows, columns, channels;
};

// Cuts the filter into boxes of at most kMaxFloatFilterLength terms: by channels while one
// channel's kernel fits, then by kernel rows, then by kernel columns.
std::vector<Chunk> CutFilter(const ConvGeometry& g) {
  const auto limit = static_cast<uint32_t>(kMaxFloatFilterLength);
  const uint32_t columns = std::min(g.kernel_w, limit);
  const uint32_t rows = std::min(g.kernel_h, limit / columns);
  uint32_t channels = limit / (rows * columns);
  if (channels > 16) channels -= channels % 16;  // whole vectors
  channels = std::min(channels, InChannelsPerGroup(g));
  std::vector<Chunk> chunks;
  for (uint32_t y = 0; y < g.kernel_h; y += rows) {
    for (uint32_t x = 0; x < g.kernel_w; x += columns) {
      for (uint32_t c = 0; c < InChannelsPerGroup(g); c += channels) {
        chunks.push_back({{y, std::min(rows, g.kernel_h - y)},
                          {x, std::min(columns, g.kernel_w - x)},
                          {c, std::min(channels, InChannelsPerGroup(g) - c)}});
      }
    }
  }
  return chunks;
}

// The convolution of one chunk on a source that already holds its padding.
ConvGeometry ChunkGeometry(const ConvGeometry& g, const Chunk& chunk, uint32_t out_rows) {
  ConvGeometry c = g;
  c.kernel_h = chunk.rows.count;
  c.kernel_w = chunk.columns.count;
  c.in_c = chunk.channels.count * g.groups;
  c.pad_top = c.pad_left = c.pad_bottom = c.pad_right = 0;
  c.out_h = out_rows;
  c.in_h = (out_rows - 1) * g.stride_h + (c.kernel_h - 1) * g.dilation_h + 1;
  c.in_w = (g.out_w - 1) * g.stride_w + (c.kernel_w - 1) * g.dilation_w + 1;
  return c;
}

class FloatKernel final : public StripKernel {
 public:
  FloatKernel(const dnnl::engine& engine, const ConvGeometry& g, uint32_t primes,
              const int8_t* weights)
      : engine_(engine), g_(g), primes_(primes), plain_weights_(weights), chunks_(CutFilter(g)) {}

  bool Compile(const Strip& strip, std::span<ThreadScratch> scratch) override {
    if (Find(strip) != nullptr) return true;
    const uint32_t out_rows = strip.rows.end - strip.rows.begin;
    Compiled compiled{strip.samples, out_rows, {}};
    for (const Chunk& chunk : chunks_) {
      compiled.parts.push_back(CompilePart(chunk, strip.samples, out_rows));
      const Part& part = compiled.parts.back();
      for (ThreadScratch& s : scratch) {
        Reserve(engine_, part.scratchpad.get_size(), &s.primitive);
        Reserve(engine_, part.source.get_size(), &s.source);
        Reserve(engine_, part.destination.get_size(), &s.destination);
      }
    }
    compiled_.push_back(std::move(compiled));
    return true;
  }

  void Run(uint32_t k, const uint8_t* x, const Strip& strip, ThreadScratch* scratch,
           int32_t* out_sums) const override {
    const size_t rows = strip.rows.end - strip.rows.begin;
    const size_t count = strip.samples * rows * g_.out_w * g_.out_c;
    std::fill_n(out_sums, count, 0);
    auto* source = static_cast<float*>(scratch->source.get_data_handle());
    auto* sums = static_cast<float*>(scratch->destination.get_data_handle());
    for (const Part& part : Find(strip)->parts) {
      for (uint32_t s = 0; s < strip.samples; ++s) {
        const size_t size = size_t{part.geometry.in_h} * part.geometry.in_w * part.geometry.in_c;
        Gather(x + s * size_t{g_.in_h} * g_.in_w * g_.in_c, strip.rows.begin, part,
               source + s * size);
      }
      part.primitive.execute(scratch->stream,
                             {{DNNL_ARG_SRC, memory(part.source, engine_, source)},
                              {DNNL_ARG_WEIGHTS, layouts_[part.layout].weights[k]},
                              {DNNL_ARG_DST, memory(part.destination, engine_, sums)},
                              {DNNL_ARG_SCRATCHPAD, memory(part.scratchpad, engine_,
                                                           scratch->primitive.get_data_handle())}});
      AccumulateSums(sums, count, out_sums);
    }
  }

 private:
  struct Part {
    Chunk chunk;
    ConvGeometry geometry;
    dnnl::convolution_forward primitive;
    memory::desc source, destination, scratchpad;
    size_t layout;
  };
  struct Compiled {
    uint32_t samples, out_rows;
    std::vector<Part> parts;
  };
  // Weights of one chunk, all primes, in one of oneDNN's layouts.
  struct Layout {
    Chunk chunk;
    memory::desc desc;
    std::vector<memory> weights;
  };

  const Compiled* Find(const Strip& strip) const {
    for (const Compiled& c : compiled_) {
      if (c.samples == strip.samples && c.out_rows == strip.rows.end - strip.rows.begin) return &c;
    }
    return nullptr;
  }

  Part CompilePart(const Chunk& chunk, uint32_t samples, uint32_t out_rows) {
    const ConvGeometry c = ChunkGeometry(g_, chunk, out_rows);
    const memory::desc source({samples, c.in_c, c.in_h, c.in_w}, Type::f32,
                              memory::format_tag::nhwc);
    const memory::desc destination({samples, c.out_c, c.out_h, c.out_w}, Type::f32,
                                   memory::format_tag::nhwc);
    const memory::desc weights(WeightDims(c), Type::f32, memory::format_tag::any);
    // Never Winograd: its transforms round.
    const dnnl::convolution_forward::desc desc(
        dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct, source, weights,
        destination, {c.stride_h, c.stride_w}, {c.dilation_h - 1, c.dilation_w - 1}, {0, 0},
        {0, 0});
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    const dnnl::convolution_forward::primitive_desc pd(desc, attributes, engine_);
    return {chunk,
            c,
            dnnl::convolution_forward(pd),
            source,
            destination,
            pd.scratchpad_desc(),
            WeightsFor(chunk, c, pd.weights_desc())};
  }

  size_t WeightsFor(const Chunk& chunk, const ConvGeometry& c, const memory::desc& desc) {
    const auto same = [&](const Layout& l) {
      return l.desc == desc && l.chunk.rows.begin == chunk.rows.begin &&
             l.chunk.columns.begin == chunk.columns.begin &&
             l.chunk.channels.begin == chunk.channels.begin;
    };
    const auto found = std::find_if(layouts_.begin(), layouts_.end(), same);
    if (found != layouts_.end()) return static_cast<size_t>(found - layouts_.begin());
    Layout layout{chunk, desc, {}};
    dnnl::stream stream(engine_);
    std::vector<float> plain(FilterLength(c) * c.out_c);
    for (uint32_t k = 0; k < primes_; ++k) {
      CutWeights(k, chunk, plain.data());
      memory from(PlainWeights(c, Type::f32), engine_, plain.data());
      memory to(desc, engine_);
      dnnl::reorder(from, to).execute(stream, from, to);
      stream.wait();
      layout.weights.push_back(to);
    }
    layouts_.push_back(std::move(layout));
    return layouts_.size() - 1;
  }

  // The chunk's part of the weights of prime k, as float32 OHWI.
  void CutWeights(uint32_t k, const Chunk& chunk, float* out) const {
    const size_t depth = InChannelsPerGroup(g_);
    const int8_t* weights = plain_weights_ + k * FilterLength(g_) * g_.out_c;
    for (uint32_t o = 0; o < g_.out_c; ++o) {
      for (uint32_t y = 0; y < chunk.rows.count; ++y) {
        for (uint32_t x = 0; x < chunk.columns.count; ++x) {
          const size_t tap = size_t{chunk.rows.begin + y} * g_.kernel_w + chunk.columns.begin + x;
          const int8_t* from = weights + o * FilterLength(g_) + tap * depth + chunk.channels.begin;
          out = std::copy_n(from, chunk.channels.count, out);
        }
      }
    }
  }

  // The input of one part as float32, padding filled with zeros. x: one whole image.
  void Gather(const uint8_t* x, uint32_t first_row, const Part& part, float* out) const {
    const ConvGeometry& c = part.geometry;
    const int64_t top = int64_t{first_row} * g_.stride_h - g_.pad_top +
                        int64_t{part.chunk.rows.begin} * g_.dilation_h;
    const int64_t left = int64_t{part.chunk.columns.begin} * g_.dilation_w - g_.pad_left;
    for (int64_t row = top; row < top + c.in_h; ++row) {
      for (int64_t column = left; column < left + c.in_w; ++column, out += c.in_c) {
        if (row < 0 || row >= g_.in_h || column < 0 || column >= g_.in_w) {
          std::fill_n(out, c.in_c, 0.0f);
        } else {
          GatherPixel(
              x + (static_cast<size_t>(row) * g_.in_w + static_cast<size_t>(column)) * g_.in_c,
              part.chunk.channels, out);
        }
      }
    }
  }

  void GatherPixel(const uint8_t* pixel, const Span& channels, float* out) const {
    const uint32_t depth = InChannelsPerGroup(g_);
    for (uint32_t group = 0; group < g_.groups; ++group) {
      const uint8_t* from = pixel + size_t{group} * depth + channels.begin;
      for (uint32_t c = 0; c < channels.count; ++c) *out++ = static_cast<float>(from[c]);
    }
  }

  const dnnl::engine engine_;
  const ConvGeometry g_;
  const uint32_t primes_;
  const int8_t* plain_weights_;  // borrowed from the blob source
  const std::vector<Chunk> chunks_;
  std::vector<Compiled> compiled_;
  std::vector<Layout> layouts_;
};

}  // namespace

std::unique_ptr<StripKernel> MakeFloatKernel(const dnnl::engine& engine, const ConvGeometry& g,
                                             uint32_t primes, const int8_t* weights) {
  return std::make_unique<FloatKernel>(engine, g, primes, weights);
}

}  // namespace penumbra::onednn
