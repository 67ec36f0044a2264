// What convolutions by the project's kernels share that are cut into strips of output rows, and strips where there are too
// few for the threads into parts of the output channels.
#ifndef PENUMBRA_ACCEL_RESIDUES_STRIP_TASK_CONV_H_
#define PENUMBRA_ACCEL_RESIDUES_STRIP_TASK_CONV_H_

#include <cstdint>
#include <vector>

#include "accel/residues/residue_conv.h"
#include "accel/residues/strips.h"

namespace penumbra::residues {

class StripTaskConv : public ResidueConv {
 public:
  void Compile(uint32_t batch) final { Plan(batch, {0, out_h_}); }
  bool Run(const uint8_t* x, uint32_t batch, RowRange rows, uint8_t* out_y) final;

 protected:
  // A strip, and which parts of its output channels.
  struct Task {
    PlacedStrip place;
    uint32_t begin, end;
  };

  // parts: of the output channels. `pool` is borrowed for the life of this object.
  StripTaskConv(uint32_t out_h, uint32_t primes, uint32_t parts, WorkerPool* pool)
      : out_h_(out_h), primes_(primes), parts_(parts), pool_(pool) {}

  // Of the plan that runs.
  uint32_t batch() const { return planned_batch_; }
  RowRange rows() const { return planned_rows_; }
  uint32_t threads() const { return pool_->threads(); }

 private:
  // The strips, for which every thread's scratch is large enough from then on.
  virtual std::vector<PlacedStrip> Cut(uint32_t batch, RowRange rows) = 0;
  // Prime number k of a task. Threads have numbers below threads().
  virtual void RunTask(uint32_t k, const Task& task, const uint8_t* x, uint8_t* out_y, uint32_t thread) = 0;

  void Plan(uint32_t batch, RowRange rows);

  const uint32_t out_h_, primes_, parts_;
  WorkerPool* const pool_;

  // The last plan: layers run with the same batch and rows again and again.
  uint32_t planned_batch_ = 0;
  RowRange planned_rows_{0, 0};
  std::vector<Task> tasks_;
};

}  // namespace penumbra::residues

#endif  // PENUMBRA_ACCEL_RESIDUES_STRIP_TASK_CONV_H_
