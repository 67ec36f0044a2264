// The sealed report of a bundle as text (docs/bundle_format.md).
#ifndef PENUMBRA_API_REPORT_JSON_H_
#define PENUMBRA_API_REPORT_JSON_H_

#include <cstdint>
#include <string>

#include "penumbra/inspect.h"

namespace penumbra::api {

// Everything of `options` that decides about the compiled layers, without paths and keys. Constant
// inputs (fix_inputs) are data, so they are left out.
std::string RequestJson(const ProtectOptions& options);

// Plaintext bytes of the report, which fills the last chunks of the sealed half; 0: the bundle has
// none. `metadata`: JSON of the manifest, hostile.
uint64_t SealedReportSize(const std::string& metadata);

// Throws Error(P301) for text that is no report.
SealedReport ParseReport(const std::string& json);

}  // namespace penumbra::api

#endif  // PENUMBRA_API_REPORT_JSON_H_
