// One row per operator: what the importer accepts, how shapes follow, how the interpreter computes
// it, and the canonical form the compiler can rely on. `penumbra ops` prints it.
#ifndef PENUMBRA_MODEL_OP_TABLE_H_
#define PENUMBRA_MODEL_OP_TABLE_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "model/op_kind.h"

namespace penumbra::model {

class InferContext;
struct KernelContext;

// 7 to 21 is the supported range. Older files are read as far as their operators have not changed
// since (OpInfo::min_opset); from 22 to 25 the listed operators only gained element types.
inline constexpr int kMinOpset = 1;
inline constexpr int kMaxOpset = 25;

struct OpInfo {
  OpKind kind;
  std::string_view name;  // as in ONNX, default domain
  int min_opset;
  int max_opset;
  int min_inputs;  // as in ONNX, before parameters become attributes
  int max_inputs;  // -1: any number
  // Checks inputs and attributes, turns every parameter into a canonical attribute (see
  // `canonical`) and sets type and shape of the outputs. Idempotent. Throws ModelError.
  void (*infer)(InferContext&);
  // Computes all outputs; they come allocated, zero-filled, with the inferred types and shapes.
  void (*kernel)(KernelContext&);
  std::string_view canonical;  // attributes of the canonical form
  std::string_view notes;      // limits and remarks for people
  // Bit i: input i must be a constant (it becomes an attribute).
  uint32_t parameter_inputs = 0;
};

std::span<const OpInfo> AllOps();  // in the order of OpKind
const OpInfo& Info(OpKind kind);
const OpInfo* FindOp(std::string_view name);  // null when unknown

}  // namespace penumbra::model

#endif  // PENUMBRA_MODEL_OP_TABLE_H_
