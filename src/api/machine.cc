#include <sched.h>

#include <fstream>

#include "accel/instruction_set.h"
#include "penumbra/device_profile.h"
#include "penumbra/penumbra_c.h"

namespace penumbra {
namespace {

std::string ProcessorName() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown processor";
}

uint32_t CoreCount() {
  cpu_set_t cores;
  return sched_getaffinity(0, sizeof(cores), &cores) == 0 ? static_cast<uint32_t>(CPU_COUNT(&cores)) : 1;
}

}  // namespace

Machine DescribeMachine() {
  return {.processor = ProcessorName(),
          .instruction_set = InstructionSet(),
          .cores = CoreCount(),
          .version = penumbra_version()};
}

}  // namespace penumbra
