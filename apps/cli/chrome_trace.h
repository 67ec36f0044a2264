// Where the time of requests goes: what a session noted, for the trace viewers that read Chrome's trace event format
// (https://ui.perfetto.dev, chrome://tracing), and added up by layer.
#ifndef PENUMBRA_CLI_CHROME_TRACE_H_
#define PENUMBRA_CLI_CHROME_TRACE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "console.h"
#include "model_options.h"
#include "penumbra/penumbra.h"

namespace penumbra::cli {

// SegmentNames() of explain.h for the bundle that `info` is of, with the report where the session's own device key opens it. Throws Error.
std::vector<std::string> SegmentNames(const Env& env, const BundleInfo& info, const std::string& bundle,
                                      const SessionArguments& session);

// One track for each half, one for requests and one for copies, per request in flight. The trusted half's slices reach from one
// reply of the accelerator to the next job; the calls they are made of lie within them. Throws Error.
void WriteChromeTrace(const std::string& path, const std::vector<ProfileSlice>& slices,
                      const std::vector<std::string>& segments, const SessionInfo& info);

// Work of the trusted half between two jobs of the accelerator.
struct TrustedStep {
  uint32_t lane = 0;
  uint64_t start_ns = 0, end_ns = 0;
  uint64_t inside_ns = 0;            // of its calls
  bool pads = false;                 // of making pads
  int64_t after = -1, before = -1;   // segments; -1: the input, the output
};
std::vector<TrustedStep> TrustedSteps(const std::vector<ProfileSlice>& slices);

}  // namespace penumbra::cli

#endif  // PENUMBRA_CLI_CHROME_TRACE_H_
