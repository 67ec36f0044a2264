#include "accel/onednn/strip_conv.h"

#include <algorithm>

#include "accel/onednn/omp_threads.h"
#include "accel/onednn/reduce.h"

namespace penumbra::onednn {
namespace {

// Bytes of int32 sums of one strip. Measured with 1 MiB of second-level cache (accel_bench): slower
// below 256 KiB, where each strip's fixed costs show, and flat above.
constexpr size_t kStripSize = size_t{512} << 10;

}  // namespace

StripConv::StripConv(const dnnl::engine& engine, const ConvGeometry& g, uint32_t primes,
                     const int8_t* weights, bool integer, WorkerPool* pool)
    : engine_(engine), g_(g), primes_(primes), weights_(weights), integer_(integer), pool_(pool) {
  kernel_ = integer ? MakeIntegerKernel(engine, g, primes, weights)
                    : MakeFloatKernel(engine, g, primes, weights);
  for (uint32_t i = 0; i < pool->threads(); ++i) {
    scratch_.push_back({dnnl::stream(engine), {}, {}, {}});
  }
  sums_.resize(pool->threads());
}

std::string StripConv::Name() const {
  return integer_ ? "oneDNN's u8 x s8 convolution, then the reduction"
                  : "oneDNN's float32 convolution over short sums, then the reduction";
}

bool StripConv::CompileTasks() {
  // The primitives run on one OpenMP thread each and must be made for one.
  const OmpThreads one(1);
  return std::all_of(tasks_.begin(), tasks_.end(), [&](const residues::PlacedStrip& task) {
    return kernel_->Compile(task.strip, scratch_);
  });
}

void StripConv::Plan(uint32_t batch, RowRange rows) {
  if (batch == planned_batch_ && rows.begin == planned_rows_.begin &&
      rows.end == planned_rows_.end) {
    return;
  }
  planned_batch_ = 0;
  const size_t row_size = size_t{g_.out_w} * g_.out_c * sizeof(int32_t);
  const auto fitting = static_cast<uint32_t>(std::max<size_t>(1, kStripSize / row_size));
  tasks_ = residues::CutStrips(g_.out_h, batch, rows, fitting, pool_->threads());
  if (!CompileTasks()) {
    kernel_ = MakeFloatKernel(engine_, g_, primes_, weights_);
    integer_ = false;
    CompileTasks();
  }
  size_t largest = 0;
  for (const residues::PlacedStrip& t : tasks_) {
    const size_t pixels =
        size_t{t.strip.samples} * (t.strip.rows.end - t.strip.rows.begin) * g_.out_w;
    largest = std::max(largest, pixels * g_.out_c * sizeof(int32_t));
  }
  for (dnnl::memory& sums : sums_) Reserve(engine_, largest, &sums);
  planned_batch_ = batch;
  planned_rows_ = rows;
}

void StripConv::Compile(uint32_t batch) { Plan(batch, {0, g_.out_h}); }

void StripConv::RunTask(uint32_t k, const residues::PlacedStrip& task, const uint8_t* x, uint8_t* out_y,
                        uint32_t thread) {
  const size_t in_size = size_t{g_.in_h} * g_.in_w * g_.in_c;
  const size_t out_row = size_t{g_.out_w} * g_.out_c;
  const size_t sample = size_t{k} * planned_batch_ + task.first_sample;
  auto* sums = static_cast<int32_t*>(sums_[thread].get_data_handle());
  kernel_->Run(k, x + sample * in_size, task.strip, &scratch_[thread], sums);
  const size_t rows = size_t{task.strip.samples} * (task.strip.rows.end - task.strip.rows.begin);
  const int64_t bound = static_cast<int64_t>(FilterLength(g_)) * 255 * 125;
  ReduceSums(sums, rows * out_row, kPrimes[k], bound,
             out_y + (sample * g_.out_h + task.strip.rows.begin) * out_row);
}

bool StripConv::Run(const uint8_t* x, uint32_t batch, RowRange rows, uint8_t* out_y) {
  Plan(batch, rows);
  const auto tasks = static_cast<uint32_t>(tasks_.size());
  const OmpThreads one(1);
  return pool_->ForEach(tasks * primes_, [&](uint32_t index, uint32_t thread) {
    RunTask(index / tasks, tasks_[index % tasks], x, out_y, thread);
  });
}

}  // namespace penumbra::onednn
