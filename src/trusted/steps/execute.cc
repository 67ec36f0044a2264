#include "kernels/conv_layout.h"
#include "trusted/steps/machine.h"

namespace penumbra::trusted {

RowTable MakeRowTable(const Machine& machine, uint32_t tensor, const ConvGeometry& geometry, RowRange out,
                      uint32_t element_count) {
  const RowRange in = InputRowsOf(out, geometry.in_h, geometry.kernel_h, geometry.stride_h, geometry.dilation_h,
                                  geometry.pad_top);
  auto* rows = reinterpret_cast<const void**>(machine.scratch.data());
  for (uint32_t y = in.begin; y < in.end; ++y) {
    rows[y - in.begin] = machine.Row(tensor, y, uint64_t{geometry.in_w} * geometry.in_c * element_count);
  }
  return {rows, static_cast<int32_t>(in.begin), in.end - in.begin};
}

Status Execute(Machine* machine, const Instruction& i) {
  if (i.opcode != Opcode::kPass && i.opcode != Opcode::kExpect) machine->prepared_layer = kNoLayer;
  if (i.opcode != Opcode::kPadConv) machine->packed = {};
  switch (i.opcode) {
    case Opcode::kInput: return RunInput(machine, i);
    case Opcode::kOutput: return RunOutput(machine, i);
    case Opcode::kFloatSend: return RunFloatSend(machine, i);
    case Opcode::kFloatReceive: return RunFloatReceive(machine, i);
    case Opcode::kCombine: return RunCombine(machine, i);
    case Opcode::kCompare: return RunCompare(machine, i);
    case Opcode::kPass: return RunPass(machine, i);
    case Opcode::kPool: return RunPool(machine, i);
    case Opcode::kReduce: return RunReduce(machine, i);
    case Opcode::kSoftmax: return RunSoftmax(machine, i);
    case Opcode::kNormalize: return RunNormalize(machine, i);
    case Opcode::kCopy: return RunCopy(machine, i);
    case Opcode::kResize: return RunResize(machine, i);
    case Opcode::kMatMul: return RunMatMul(machine, i);
    case Opcode::kConv: return RunConv(machine, i);
    case Opcode::kArgMax: return RunArgMax(machine, i);
    case Opcode::kFill: return RunFill(machine, i);
    case Opcode::kPadRandom: return RunPadRandom(machine, i);
    case Opcode::kPadConv: return RunPadConv(machine, i);
    case Opcode::kPadFinish: return RunPadFinish(machine, i);
    case Opcode::kProject: return RunProject(machine, i);
    case Opcode::kExpect: return RunExpect(machine, i);
    case Opcode::kAlloc:
    case Opcode::kFree:
    case Opcode::kEvict:
    case Opcode::kFetch:
    case Opcode::kFloatJob:
    case Opcode::kEmit:
    case Opcode::kWay:
    case Opcode::kJob: break;  // residency and jobs belong to the session
  }
  return Status::kInternal;
}

}  // namespace penumbra::trusted
