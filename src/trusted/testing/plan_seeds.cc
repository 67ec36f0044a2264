// plan_seeds FOLDER: the seeds of plan_fuzz, plans that the proof accepts. Run it when the plan's layout changes.
#include <fstream>
#include <iostream>
#include <string>

#include "trusted/testing/tiny_plan.h"

namespace penumbra::trusted::testing {
namespace {

TinyPlan WithoutPads() {
  TinyPlan plan = MakeTinyPlan();
  plan.pad.clear();
  plan.batch.clear();
  plan.header.pad_batch = 0;
  return plan;
}

// With its cornerstones, of every port, where the fuzzer has chunks of their size.
TinyPlan WithFuzzedCornerstones() {
  constexpr uint32_t kFirstChunk = 6;
  TinyPlan plan = MakeTinyFingerprintPlan();
  for (const CheckedPortRec& port : plan.checked_ports) plan.tensors[port.cornerstones].source = kFirstChunk;
  return plan;
}

// With constants where the fuzzer has a chunk of their size.
TinyPlan WithFuzzedConstants() {
  TinyPlan plan = MakeTinyPartitionPlan();
  plan.tensors.back().source = 4;
  plan.tensors.back().rows = 1;
  for (const size_t at : InstructionStarts(plan.prepare)) {
    const auto opcode = static_cast<Opcode>(plan.prepare[at] & 0xffff);
    if (opcode == Opcode::kFetch || opcode == Opcode::kFree) plan.prepare[at + 2] = 0;
    if (opcode == Opcode::kEmit) plan.prepare[at + 4] = 0;
  }
  return plan;
}

bool Write(const std::string& path, const TinyPlan& plan) {
  const std::vector<uint8_t> bytes = plan.Bytes();
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  return file.good();
}

}  // namespace
}  // namespace penumbra::trusted::testing

int main(int argument_count, char** arguments) {
  using namespace penumbra::trusted::testing;
  if (argument_count != 2) {
    std::cerr << "usage: plan_seeds FOLDER\n";
    return 2;
  }
  const std::string folder = std::string(arguments[1]) + "/";
  const bool written = Write(folder + "tiny", MakeTinyPlan()) && Write(folder + "prime", MakeTinyPlan(true)) &&
                       Write(folder + "checked", MakeTinyCheckedPlan()) &&
                       Write(folder + "checked_prime", MakeTinyCheckedPlan(true)) &&
                       Write(folder + "float_segment", MakeTinyFloatPlan()) &&
                       Write(folder + "fingerprints", WithFuzzedCornerstones()) &&
                       Write(folder + "partition", WithFuzzedConstants()) &&
                       Write(folder + "no_pad_program", WithoutPads());
  if (!written) std::cerr << "plan_seeds: cannot write to " << folder << '\n';
  return written ? 0 : 1;
}
