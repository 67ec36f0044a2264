// What the protected model is timed against: the same model, unprotected, on the same cores. Peers that run in this
// process are penumbra/peer.h's.
#ifndef PENUMBRA_CLI_PEER_H_
#define PENUMBRA_CLI_PEER_H_

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "model_options.h"
#include "penumbra/penumbra.h"

namespace penumbra::cli {

// Writes the model by preset `plain` into `folder`; its file. Throws Error.
std::filesystem::path MakePlainBundle(const Env& env, const std::filesystem::path& model, const ImportSettings& import,
                                      const std::filesystem::path& folder);

// `bundle`: the model by preset `plain`. Runs it on the same accelerator, over the direct carrier. Throws Error P106 when
// it has nothing for the accelerator: its time would mean nothing.
std::unique_ptr<Peer> MakePlainPeer(const Env& env, const std::filesystem::path& bundle, const SessionArguments& session,
                                    const TensorMap& feeds);

// A program that speaks the line protocol of tools/reference/ort_bench.py: `ready` and its version once warm, then
// for each line `run N` a JSON array of N times in nanoseconds. Started as `command` with the
// model, --threads and the fixed shapes appended. Throws Error P205 when it does not start, P203
// when it answers something else.
std::unique_ptr<Peer> MakeCommandPeer(const std::string& command, const std::filesystem::path& onnx,
                                      const SessionArguments& session,
                                      const std::vector<std::string>& shapes);

}  // namespace penumbra::cli

#endif  // PENUMBRA_CLI_PEER_H_
