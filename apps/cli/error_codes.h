// Numbers of docs/errors.md that the command line throws or asks for itself.
#ifndef PENUMBRA_CLI_ERROR_CODES_H_
#define PENUMBRA_CLI_ERROR_CODES_H_

#include <cstdint>

namespace penumbra::cli {

inline constexpr uint32_t kInvalidArgument = 101, kWrongName = 102, kWrongShape = 103, kUnsupported = 106,
                          kIllegalCombination = 107, kIo = 203, kNotFound = 205, kMalformed = 301, kWrongDevice = 304;

}  // namespace penumbra::cli

#endif  // PENUMBRA_CLI_ERROR_CODES_H_
