#include "accel/instruction_set.h"

#include "kernels/dispatch.h"

namespace penumbra {

const char* InstructionSet() { return IsaName(DetectIsa()); }

}  // namespace penumbra
