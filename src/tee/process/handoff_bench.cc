// Round trip of a command that does nothing, over both software carriers.
#include <benchmark/benchmark.h>

#include <memory>

#include "tee/direct/untrusted/direct_transport.h"
#include "tee/process/untrusted/process_transport.h"
#include "tee/testing/carrier_test_util.h"

namespace penumbra::tee {
namespace {

constexpr uint64_t kSecureMemorySize = 1 << 20;

void RoundTrips(benchmark::State& state, host::Transport* transport) {
  if (!IsOk(transport->Start(kLoadWindowSize, kSecureMemorySize))) {
    state.SkipWithError(transport->failure().c_str());
    return;
  }
  const std::unique_ptr<host::Visit> visit = transport->BeginVisit();
  const Command command = ScriptCommand(Script::kNothing);
  Reply reply{};
  for (auto _ : state) {
    if (!IsOk(transport->Call(command, &reply))) state.SkipWithError("the enclave died");
  }
  state.SetLabel(transport->label());
}

void BM_DirectRoundTrip(benchmark::State& state) {
  DirectTransport transport({});
  RoundTrips(state, &transport);
}
BENCHMARK(BM_DirectRoundTrip);

// Arguments: whether both sides share a processor; how long they spin when they do not, in ns, 0 leaves the futex alone.
void BM_ProcessRoundTrip(benchmark::State& state) {
  const TemporaryFolder folder;
  ProcessOptions options;
  options.enclave_binary = PENUMBRA_SCRIPTED_ENCLAVE;
  options.device_key_file = folder.path() / "device.key";
  options.same_processor = state.range(0) != 0;
  options.spin_ns = static_cast<uint32_t>(state.range(1));
  WriteDeviceKey(options.device_key_file, 0600);
  ProcessTransport transport(options);
  RoundTrips(state, &transport);
}
BENCHMARK(BM_ProcessRoundTrip)->Args({1, 0})->Args({0, kDefaultSpinNs})->Args({0, 0})->UseRealTime();

}  // namespace
}  // namespace penumbra::tee
