#include <algorithm>
#include <numeric>

#include "boundary/limits.h"
#include "model/error.h"
#include "protect/schedule/nodes.h"

namespace penumbra::protect {
namespace {

// Big enough that sealing and dispatch do not count, small enough that a dozen stay in the
// second-level cache and hundreds in the smallest secure memory.
constexpr uint64_t kTileTarget = 192 * 1024;

// What one class of storages that are tiled alike asks for.
struct Demand {
  uint32_t rows = 0;
  uint64_t quantum = 1;  // rows
  uint64_t widest_row_size = 1, limit_row_size = 1;
  bool single_tile = false;
  uint32_t op = kNone;
};

std::vector<Demand> Collect(const NodeGraph& graph) {
  std::vector<Demand> demands(graph.storages.size());
  for (StorageId id = 0; id < graph.storages.size(); ++id) {
    const Storage& s = graph.storages[id];
    Demand& d = demands[TileClass(graph, id)];
    d.rows = s.rows;
    d.widest_row_size = std::max(d.widest_row_size, s.widest_row_size);
    d.limit_row_size = std::max(d.limit_row_size, s.limit_row_size);
    d.single_tile = d.single_tile || s.single_tile;
    if (s.op != kNone) d.op = s.op;
    for (const uint64_t run : s.runs) {
      const uint64_t rows = run / std::gcd(run, uint64_t{s.row_elems});
      d.quantum = std::min<uint64_t>(std::lcm(d.quantum, rows), kMaxDim);
    }
  }
  return demands;
}

uint32_t ChooseTileRows(const LoweredGraph& lowered, const Demand& d) {
  const uint64_t target =
      std::max(d.quantum, kTileTarget / d.widest_row_size / d.quantum * d.quantum);
  const uint64_t limit = kMaxChunkSize / d.limit_row_size / d.quantum * d.quantum;
  const uint64_t rows =
      d.single_tile ? d.rows
                    : std::min<uint64_t>({target, std::max<uint64_t>(limit, d.quantum), d.rows});
  if (rows * d.limit_row_size <= kMaxChunkSize) return static_cast<uint32_t>(rows);
  throw model::ModelError(Status::kSecureMemoryExceeded,
                          OpText(lowered, d.op) + " needs " +
                              std::to_string(rows * d.limit_row_size) +
                              " bytes in one piece of secure memory, and a piece has at most " +
                              std::to_string(kMaxChunkSize),
                          {}, "protect the model for smaller inputs (--shapes)");
}

}  // namespace

void AssignTiles(const LoweredGraph& lowered, NodeGraph* graph) {
  const std::vector<Demand> demands = Collect(*graph);
  for (StorageId id = 0; id < graph->storages.size(); ++id) {
    graph->storages[id].tile_rows = ChooseTileRows(lowered, demands[TileClass(*graph, id)]);
  }
}

}  // namespace penumbra::protect
