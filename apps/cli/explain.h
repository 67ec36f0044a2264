// Which kernel computes each operator of the public half on this machine, and why.
#ifndef PENUMBRA_CLI_EXPLAIN_H_
#define PENUMBRA_CLI_EXPLAIN_H_

#include <string>
#include <vector>

#include "console.h"
#include "penumbra/penumbra.h"

namespace penumbra::cli {

// One name for each public segment: that of its first layer in the report, or without one what everybody sees of it.
std::vector<std::string> SegmentNames(const BundleInfo& info, const ProtectReport* report);

Json MethodsJson(const std::vector<PublicMethod>& methods, const std::vector<std::string>& segments);
std::string MethodsTable(const std::vector<PublicMethod>& methods, const std::vector<std::string>& segments);

}  // namespace penumbra::cli

#endif  // PENUMBRA_CLI_EXPLAIN_H_
