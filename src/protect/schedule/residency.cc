#include "protect/schedule/residency.h"

#include <algorithm>
#include <map>
#include <optional>

#include "boundary/limits.h"
#include "model/error.h"
#include "protect/schedule/nodes.h"

namespace penumbra::protect {
namespace {

constexpr uint32_t kNever = 0xffffffffu;

struct TileLife {
  TileRef ref;
  uint64_t size = 0;               // aligned
  std::vector<uint32_t> uses;      // steps, ascending
  size_t next = 0;                 // into uses
  std::optional<uint64_t> offset;  // resident there
  bool complete = false;           // may be read and sealed
  bool dirty = false;              // differs from what is outside
  bool outside = false;            // a sealed copy exists, or it is a constant or slice
  uint32_t NextUse() const { return next < uses.size() ? uses[next] : kNever; }
};

class Simulator {
 public:
  Simulator(const LoweredGraph& lowered, const CompiledPlan& plan, const std::vector<Step>& steps,
            uint64_t capacity)
      : lowered_(lowered), plan_(plan), steps_(steps), capacity_(capacity) {
    uint32_t count = 0;
    for (const TensorRec& t : plan.tensors) {
      first_.push_back(count);
      count += TileCount(t);
    }
    tiles_.resize(count);
    out_.in_use.resize(lowered.ops.size());
    for (uint32_t s = 0; s < steps.size(); ++s) {
      for (const TileRef& ref : steps[s].reads) Use(ref, s);
      for (const TileWrite& write : steps[s].writes) Use(write.tile, s);
    }
  }

  Resident Run() {
    for (uint32_t s = 0; s < steps_.size();) {
      if (steps_[s].way_of == kNoTensor) {
        Perform(s++);
      } else {
        s = PerformWays(s);
      }
    }
    return std::move(out_);
  }

 private:
  // Where everything stands between two steps.
  struct State {
    std::vector<TileLife> tiles;
    std::map<uint64_t, uint32_t> resident;
    uint64_t resident_size;
  };
  State Now() const { return {tiles_, resident_, resident_size_}; }
  void Return(const State& state) {
    tiles_ = state.tiles;
    resident_ = state.resident;
    resident_size_ = state.resident_size;
  }

  void Perform(uint32_t s) {
    const std::vector<uint32_t> needed = Needed(steps_[s]);
    placed_.clear();
    if (!PlaceAll(needed)) Rearrange(s, needed);
    if (steps_[s].op < out_.in_use.size()) {
      uint64_t& in_use = out_.in_use[steps_[s].op];
      in_use = std::max(in_use, resident_size_);
    }
    out_.program.insert(out_.program.end(), steps_[s].words.begin(), steps_[s].words.end());
    for (const TileWrite& write : steps_[s].writes) {
      TileLife& life = Life(write.tile);
      life.complete = write.completes;
      life.dirty = true;
    }
    for (const uint32_t t : needed) Retire(t, s);
  }

  // Both ways of the segment whose first step is `first`, from the same state to the same state. Returns the step behind them.
  uint32_t PerformWays(uint32_t first) {
    const uint32_t segment = steps_[first].way_of;
    uint32_t middle = first;
    const auto is_own = [&](uint32_t s) { return s < steps_.size() && steps_[s].way_of == segment; };
    while (is_own(middle) && !steps_[middle].is_outside) ++middle;
    uint32_t end = middle;
    while (is_own(end) && steps_[end].is_outside) ++end;
    const State before = Now();
    const size_t inside = BeginWay(segment, false);
    for (uint32_t s = first; s < middle; ++s) Perform(s);
    PassOver(end);
    EndWay(inside);
    const State after = Now();
    Return(before);
    const size_t outside = BeginWay(segment, true);
    PassOver(middle);
    goal_ = &after;
    for (uint32_t s = middle; s < end; ++s) Perform(s);
    goal_ = nullptr;
    PassOver(end);
    Become(after);
    EndWay(outside);
    return end;
  }

  size_t BeginWay(uint32_t segment, bool is_outside) {
    const std::vector<uint32_t> words = Instruction(Opcode::kWay, {segment, is_outside ? 1u : 0u, 0});
    out_.program.insert(out_.program.end(), words.begin(), words.end());
    return out_.program.size();
  }
  void EndWay(size_t begin) {
    const size_t size = out_.program.size() - begin;
    out_.program[begin - 1] = static_cast<uint32_t>(size);
    if (size == 0) out_.program.resize(begin - 4);
  }

  // Uses before step `step` are over, whether they came or not.
  void PassOver(uint32_t step) {
    for (TileLife& life : tiles_) {
      while (life.next < life.uses.size() && life.uses[life.next] < step) ++life.next;
      if (life.offset && life.NextUse() == kNever) Remove(&life);
    }
  }

  // Brings every tile to where it is in `other`, which has come to the same step.
  void Become(const State& other) {
    for (size_t t = 0; t < tiles_.size(); ++t) {
      const TileLife& there = other.tiles[t];
      const bool moves = tiles_[t].offset != there.offset || (tiles_[t].dirty && !there.dirty);
      if (tiles_[t].offset && moves) Remove(&tiles_[t]);
    }
    for (const auto& [offset, t] : other.resident) {
      if (!tiles_[t].offset) Put(t, offset);
    }
    Return(other);
  }

  TileLife& Life(TileRef ref) { return tiles_[first_[ref.tensor] + ref.tile]; }
  TensorKind KindOf(const TileLife& life) const { return plan_.tensors[life.ref.tensor].kind; }

  void Use(TileRef ref, uint32_t step) {
    TileLife& life = Life(ref);
    if (life.uses.empty()) {
      life.ref = ref;
      life.size = AlignUp(TileSize(plan_, ref), kTileAlignment);
      life.outside = KindOf(life) == TensorKind::kConstant || KindOf(life) == TensorKind::kPublic;
    }
    if (life.uses.empty() || life.uses.back() != step) life.uses.push_back(step);
  }

  std::vector<uint32_t> Needed(const Step& step) const {
    std::vector<uint32_t> needed;
    const auto add = [&](TileRef ref) {
      const uint32_t t = first_[ref.tensor] + ref.tile;
      if (std::ranges::find(needed, t) == needed.end()) needed.push_back(t);
    };
    for (const TileWrite& write : step.writes) add(write.tile);
    for (const TileRef& ref : step.reads) add(ref);
    // Large tiles first: small ones fit into what is left.
    std::ranges::sort(needed, [this](uint32_t a, uint32_t b) {
      return tiles_[a].size != tiles_[b].size ? tiles_[a].size > tiles_[b].size : a < b;
    });
    return needed;
  }

  void Emit(Opcode opcode, const TileLife& life, bool with_offset) {
    std::vector<uint32_t> operands = {life.ref.tensor, life.ref.tile};
    if (with_offset) operands.push_back(static_cast<uint32_t>(*life.offset));
    const std::vector<uint32_t> words = Instruction(opcode, std::move(operands));
    out_.program.insert(out_.program.end(), words.begin(), words.end());
  }

  bool PlaceAll(const std::vector<uint32_t>& needed) {
    for (const uint32_t t : needed) {
      if (tiles_[t].offset) continue;
      const std::optional<uint64_t> offset = IsWantedAndFree(t) ? goal_->tiles[t].offset : FindRoom(tiles_[t].size, needed);
      if (!offset) return false;
      Put(t, *offset);
    }
    return true;
  }

  // Where the tile has to end up (Become()), it may as well begin.
  bool IsWantedAndFree(uint32_t t) const {
    if (goal_ == nullptr || !goal_->tiles[t].offset) return false;
    const uint64_t begin = *goal_->tiles[t].offset;
    const auto next = resident_.lower_bound(begin);
    if (next != resident_.end() && next->first < begin + tiles_[t].size) return false;
    return next == resident_.begin() || std::prev(next)->first + tiles_[std::prev(next)->second].size <= begin;
  }

  void Put(uint32_t t, uint64_t offset) {
    TileLife& life = tiles_[t];
    life.offset = offset;
    resident_[offset] = t;
    placed_.push_back({out_.program.size(), t});
    resident_size_ += life.size;
    out_.arena_size = std::max(out_.arena_size, offset + life.size);
    const bool stored_earlier = IsStored(KindOf(life)) && !IsWrittenNow(life);
    if (life.outside || stored_earlier) {
      Emit(Opcode::kFetch, life, true);
      life.complete = true;
      life.dirty = false;
    } else {
      Emit(Opcode::kAlloc, life, true);
      life.complete = false;
    }
  }

  bool IsWrittenNow(const TileLife& life) const {
    const std::vector<TileWrite>& writes = steps_[life.NextUse()].writes;
    return std::ranges::any_of(writes, [&](const TileWrite& w) { return w.tile == life.ref; });
  }

  void Remove(TileLife* life) {
    const bool store = IsStored(KindOf(*life)) && life->dirty;
    const bool keep = !store && life->dirty && life->NextUse() != kNever;
    Emit(keep || store ? Opcode::kEvict : Opcode::kFree, *life, false);
    if (keep) {
      life->outside = true;
      out_.evicted_size += life->size;
    }
    resident_.erase(*life->offset);
    resident_size_ -= life->size;
    life->offset.reset();
  }

  void Retire(uint32_t t, uint32_t step) {
    TileLife& life = tiles_[t];
    while (life.next < life.uses.size() && life.uses[life.next] <= step) ++life.next;
    // A tile of a pad goes as soon as it is there: that of the next pad takes its place.
    const bool stored = IsStored(KindOf(life)) && life.dirty && life.complete;
    if (life.NextUse() == kNever || stored) Remove(&life);
  }

  // Best fit; without a gap, the stretch of the arena whose tiles are needed last.
  std::optional<uint64_t> FindRoom(uint64_t size, const std::vector<uint32_t>& pinned) {
    uint64_t begin = 0;
    uint64_t best = kUnlimited;
    uint64_t best_length = kUnlimited;
    for (const auto& [offset, t] : resident_) {
      Consider(begin, offset - begin, size, &best, &best_length);
      begin = offset + tiles_[t].size;
    }
    if (capacity_ > begin) Consider(begin, capacity_ - begin, size, &best, &best_length);
    if (best != kUnlimited) return best;
    return MakeRoom(size, pinned);
  }
  static void Consider(uint64_t begin, uint64_t length, uint64_t size, uint64_t* best,
                       uint64_t* best_length) {
    if (length < size || length >= *best_length) return;
    *best = begin;
    *best_length = length;
  }

  struct Stretch {
    uint64_t begin = 0;
    uint32_t first_use = 0;  // the earliest next use among its tiles: the later, the better
    uint64_t moved_size = 0;
  };

  // What would have to go for `size` bytes from `begin` on; nothing when a tile there cannot go.
  std::optional<Stretch> Examine(uint64_t begin, uint64_t size,
                                 const std::vector<uint32_t>& pinned) {
    if (begin + size > capacity_) return std::nullopt;
    Stretch stretch{begin, kNever, 0};
    for (auto it = resident_.lower_bound(begin); it != resident_.end() && it->first < begin + size;
         ++it) {
      const TileLife& life = tiles_[it->second];
      if (!life.complete || std::ranges::find(pinned, it->second) != pinned.end())
        return std::nullopt;
      stretch.first_use = std::min(stretch.first_use, life.NextUse());
      stretch.moved_size += life.dirty ? 2 * life.size : life.size;
    }
    return stretch;
  }

  std::optional<uint64_t> MakeRoom(uint64_t size, const std::vector<uint32_t>& pinned) {
    std::optional<Stretch> best = Examine(0, size, pinned);
    for (const auto& [offset, t] : resident_) {
      const std::optional<Stretch> s = Examine(offset + tiles_[t].size, size, pinned);
      if (!s) continue;
      if (!best || s->first_use > best->first_use ||
          (s->first_use == best->first_use && s->moved_size < best->moved_size)) {
        best = s;
      }
    }
    if (!best) return std::nullopt;
    for (auto it = resident_.lower_bound(best->begin);
         it != resident_.end() && it->first < best->begin + size;) {
      TileLife& life = tiles_[it->second];
      ++it;
      Remove(&life);
    }
    return best->begin;
  }

  // Takes back what brought tiles of this step in: a pad can be fetched only once.
  void Unplace() {
    for (; !placed_.empty(); placed_.pop_back()) {
      const auto [at, t] = placed_.back();
      TileLife& life = tiles_[t];
      const auto begin = out_.program.begin() + static_cast<std::ptrdiff_t>(at);
      out_.program.erase(begin, begin + 1 + (*begin >> 16));
      resident_.erase(*life.offset);
      resident_size_ -= life.size;
      life.offset.reset();
    }
  }

  // The tiles of this step themselves are in each other's way: everything that can leave does, and
  // they come back side by side.
  void Rearrange(uint32_t step, const std::vector<uint32_t>& needed) {
    Unplace();
    for (auto it = resident_.begin(); it != resident_.end();) {
      TileLife& life = tiles_[it->second];
      ++it;
      if (life.complete) Remove(&life);
    }
    if (PlaceAll(needed)) return;
    uint64_t size = 0;
    for (const uint32_t t : needed) size += tiles_[t].size;
    throw model::ModelError(
        Status::kSecureMemoryExceeded,
        OpText(lowered_, steps_[step].op) + " needs " + std::to_string(size) +
            " bytes of secure memory at once beside tables and scratch, and there are " +
            std::to_string(capacity_),
        {}, "give more secure memory (--secure-memory)");
  }

  const LoweredGraph& lowered_;
  const CompiledPlan& plan_;
  const std::vector<Step>& steps_;
  const uint64_t capacity_;
  std::vector<uint32_t> first_;  // tile of each tensor
  std::vector<TileLife> tiles_;
  std::map<uint64_t, uint32_t> resident_;  // offset -> tile
  struct Placed {
    size_t at;  // word of the instruction that brought the tile in
    uint32_t tile;
  };
  std::vector<Placed> placed_;  // by this step
  uint64_t resident_size_ = 0;
  const State* goal_ = nullptr;  // while a second way is performed: what the first one came to
  Resident out_;
};

}  // namespace

Resident MakeResident(const LoweredGraph& lowered, const CompiledPlan& plan,
                      const std::vector<Step>& steps, uint64_t capacity) {
  return Simulator(lowered, plan, steps, capacity / kTileAlignment * kTileAlignment).Run();
}

}  // namespace penumbra::protect
