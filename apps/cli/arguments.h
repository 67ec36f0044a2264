// Values of options that are more than a word or a number.
#ifndef PENUMBRA_CLI_ARGUMENTS_H_
#define PENUMBRA_CLI_ARGUMENTS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "penumbra/penumbra.h"

namespace penumbra::cli {

// All throw Error P101 for text they cannot read.

uint64_t ParseSize(const std::string& text);  // bytes: "12MiB", "512KiB", "1GiB", "4096"

// {"image:1x3x224x224", ...} or {"image:1x3x224x224,mask:1x1"}.
std::map<std::string, std::vector<int64_t>> ParseShapes(const std::vector<std::string>& texts);

// "name=3.5" or "name=file.npy".
TensorMap ParseFixedInputs(const std::vector<std::string>& texts);

struct NamedPath {
  std::string name;  // empty: not given
  std::string path;
};
// "image=x.npy" when one of `ports` is called image, else the whole text is a path. Throws Error
// P102 for another name before a "=" unless the file exists.
NamedPath ParseNamedPath(const std::string& text, const std::vector<TensorInfo>& ports);
bool IsArchive(const NamedPath& named);  // a .npz for all ports

Nonce ParseNonce(const std::string& text);  // 64 hexadecimal digits

[[noreturn]] void ThrowUsage(const std::string& message);

}  // namespace penumbra::cli

#endif  // PENUMBRA_CLI_ARGUMENTS_H_
