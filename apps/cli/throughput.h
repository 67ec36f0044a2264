// How many inferences a second a session gives with several requests in flight.
#ifndef PENUMBRA_CLI_THROUGHPUT_H_
#define PENUMBRA_CLI_THROUGHPUT_H_

#include <cstdint>
#include <vector>

#include "console.h"
#include "penumbra/penumbra.h"

namespace penumbra::cli {

struct Throughput {
  uint32_t in_flight = 0;
  double per_second = 0;  // median over rounds
  double ratio = 0;       // to one in flight: median of the ratios within a round
};

// Measures one in flight and then each of `in_flight` in turn, round after round, so that all meet the same weather;
// about `iterations` inferences each. `pads`: pads are made ahead, outside the measurement. The session allows as
// many in flight as the largest number asks for.
std::vector<Throughput> MeasureThroughput(Session* session, const TensorMap& feeds, bool pads,
                                          const std::vector<uint32_t>& in_flight,
                                          uint32_t iterations, const Console& console);

Json ThroughputJson(const std::vector<Throughput>& rows);
std::vector<Row> ThroughputTable(const std::vector<Throughput>& rows);

}  // namespace penumbra::cli

#endif  // PENUMBRA_CLI_THROUGHPUT_H_
