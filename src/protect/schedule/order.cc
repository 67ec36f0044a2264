#include <algorithm>

#include "model/error.h"
#include "protect/schedule/task.h"

namespace penumbra::protect {
namespace {

class Orderer {
 public:
  explicit Orderer(TaskGraph* graph)
      : graph_(*graph),
        missing_(graph->event_count),
        waiting_(graph->event_count),
        open_(graph->eager.size()) {
    const auto count = [this](const Task& task) {
      for (const EventId e : task.provides) ++missing_[e];
    };
    std::ranges::for_each(graph_.eager, count);
    for (const auto& barrier : graph_.barriers) std::ranges::for_each(barrier, count);
  }

  std::vector<Step> Run() {
    for (uint32_t t = 0; t < graph_.eager.size(); ++t) {
      for (const EventId e : graph_.eager[t].waits) {
        if (missing_[e] == 0) continue;
        ++open_[t];
        waiting_[e].push_back(t);
      }
    }
    // Ready from the start: inputs and constants, each followed at once by what it makes possible.
    for (uint32_t t = 0; t < graph_.eager.size(); ++t) {
      if (!graph_.eager[t].waits.empty()) continue;
      ready_.push_back(t);
      Drain();
    }
    for (std::vector<Task>& barrier : graph_.barriers) {
      for (Task& task : barrier) {
        Require(std::ranges::all_of(task.waits, [this](EventId e) { return missing_[e] == 0; }));
        Perform(&task);
        Drain();
      }
    }
    Require(done_count_ == graph_.eager.size());
    return std::move(steps_);
  }

 private:
  static void Require(bool condition) {
    if (!condition) throw model::ModelError(Status::kInternal, "the schedule has a cycle");
  }

  void Perform(Task* task) {
    std::ranges::move(task->steps, std::back_inserter(steps_));
    task->steps.clear();
    std::vector<uint32_t> woken;
    for (const EventId e : task->provides) {
      if (--missing_[e] != 0) continue;
      for (const uint32_t t : waiting_[e]) {
        if (--open_[t] == 0) woken.push_back(t);
      }
    }
    // Last in, first out: what was just made is used up first, lower tiles before higher ones.
    std::ranges::sort(woken, [this](uint32_t a, uint32_t b) {
      const bool hurries = graph_.eager[b].hurries;
      return graph_.eager[a].hurries != hurries ? hurries : a > b;
    });
    ready_.insert(ready_.end(), woken.begin(), woken.end());
  }

  void Drain() {
    while (!ready_.empty()) {
      const uint32_t t = ready_.back();
      ready_.pop_back();
      ++done_count_;
      Perform(&graph_.eager[t]);
    }
  }

  TaskGraph& graph_;
  std::vector<uint32_t> missing_;               // of each event: providers still to run
  std::vector<std::vector<uint32_t>> waiting_;  // of each event: eager tasks
  std::vector<uint32_t> open_;                  // of each eager task: waits not yet met
  std::vector<uint32_t> ready_;
  std::vector<Step> steps_;
  size_t done_count_ = 0;
};

}  // namespace

std::vector<Step> OrderTasks(TaskGraph tasks) { return Orderer(&tasks).Run(); }

}  // namespace penumbra::protect
