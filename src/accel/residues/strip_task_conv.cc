#include "accel/residues/strip_task_conv.h"

#include <algorithm>

namespace penumbra::residues {

bool StripTaskConv::Run(const uint8_t* x, uint32_t batch, RowRange rows, uint8_t* out_y) {
  Plan(batch, rows);
  const auto tasks = static_cast<uint32_t>(tasks_.size());
  return pool_->ForEach(tasks * primes_, [&](uint32_t index, uint32_t thread) {
    RunTask(index / tasks, tasks_[index % tasks], x, out_y, thread);
  });
}

void StripTaskConv::Plan(uint32_t batch, RowRange rows) {
  if (batch == planned_batch_ && rows.begin == planned_rows_.begin && rows.end == planned_rows_.end) return;
  planned_batch_ = 0;
  const std::vector<PlacedStrip> strips = Cut(batch, rows);
  // Too few strips for the threads: those share the output channels, so that each weight is still read once.
  const uint32_t pieces = strips.size() < threads() ? std::min(threads(), parts_) : 1;
  tasks_.clear();
  for (const PlacedStrip& place : strips) {
    for (uint32_t i = 0; i < pieces; ++i) tasks_.push_back({place, parts_ * i / pieces, parts_ * (i + 1) / pieces});
  }
  planned_batch_ = batch;
  planned_rows_ = rows;
}

}  // namespace penumbra::residues
