// From a model file and the options of a user to a compiled model that is not written yet.
#ifndef PENUMBRA_API_COMPILE_H_
#define PENUMBRA_API_COMPILE_H_

#include <filesystem>
#include <memory>
#include <string>

#include "penumbra/protect.h"
#include "protect/compile.h"

namespace penumbra::api {

// Fills in the preset and the notes of `out_report`. `stored_preprocess`: JSON that a bundle keeps,
// for calibration with pictures when the options name no preprocessing; may be empty. Throws the
// exceptions of the inner rooms.
std::unique_ptr<protect::CompiledModel> Compile(const std::filesystem::path& model_file,
                                                const ProtectOptions& options,
                                                const std::string& stored_preprocess,
                                                ProtectReport* out_report);

}  // namespace penumbra::api

#endif  // PENUMBRA_API_COMPILE_H_
