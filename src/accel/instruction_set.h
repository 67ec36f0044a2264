// What the project's own kernels use on this processor.
#ifndef PENUMBRA_ACCEL_INSTRUCTION_SET_H_
#define PENUMBRA_ACCEL_INSTRUCTION_SET_H_

namespace penumbra {

// The richest instruction set there are kernels for: "avx512-vnni". Both halves choose it, unless their self tests refuse it.
const char* InstructionSet();

}  // namespace penumbra

#endif  // PENUMBRA_ACCEL_INSTRUCTION_SET_H_
