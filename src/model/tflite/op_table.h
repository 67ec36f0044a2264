// The TFLite operators that the importer knows. `penumbra ops` prints them.
#ifndef PENUMBRA_MODEL_TFLITE_OP_TABLE_H_
#define PENUMBRA_MODEL_TFLITE_OP_TABLE_H_

#include <tflite/schema_generated.h>

#include <span>
#include <string_view>

namespace penumbra::model {

class OperatorContext;

struct TfliteOpInfo {
  tflite::BuiltinOperator op;
  int max_version;  // of the operator's definition; later ones may mean another thing
  void (*lower)(OperatorContext&);  // throws ModelError
  std::string_view becomes;         // operators of the graph
  std::string_view notes = {};      // limits and remarks for people
};

std::span<const TfliteOpInfo> AllTfliteOps();                  // by name
const TfliteOpInfo* FindTfliteOp(tflite::BuiltinOperator op);  // null when unknown

}  // namespace penumbra::model

#endif  // PENUMBRA_MODEL_TFLITE_OP_TABLE_H_
