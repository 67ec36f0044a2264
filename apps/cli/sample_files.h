// Tensors of a model's ports from files that the command line names.
#ifndef PENUMBRA_CLI_SAMPLE_FILES_H_
#define PENUMBRA_CLI_SAMPLE_FILES_H_

#include <map>
#include <string>
#include <vector>

#include "penumbra/penumbra.h"

namespace penumbra::cli {

// Per port, its samples. `texts`: [NAME=]FILE each, or one .npz with all ports; `preprocess`: for pictures; `option`:
// what the user wrote before them. Throws Error P102 for names that are no port's, missing or given twice.
std::map<std::string, std::vector<Tensor>> ReadSampleFiles(const std::vector<std::string>& texts,
                                                           const std::vector<TensorInfo>& ports,
                                                           const std::string& preprocess,
                                                           const std::string& option);

}  // namespace penumbra::cli

#endif  // PENUMBRA_CLI_SAMPLE_FILES_H_
