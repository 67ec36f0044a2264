// What RNN, GRU and LSTM have in common: extents and the meaning of their inputs.
#ifndef PENUMBRA_MODEL_OPS_RECURRENT_H_
#define PENUMBRA_MODEL_OPS_RECURRENT_H_

#include <string>
#include <vector>

#include "model/graph.h"

namespace penumbra::model {

// Input positions, as in ONNX.
enum RecurrentInput : size_t {
  kSequence = 0,
  kInputWeights = 1,      // W [directions, gates * hidden, input]
  kRecurrentWeights = 2,  // R [directions, gates * hidden, hidden]
  kBias = 3,              // [directions, 2 * gates * hidden]: of W, then of R
  kSequenceLengths = 4,   // never in canonical form
  kInitialHidden = 5,
  kInitialCell = 6,
  kPeepholes = 7,  // [directions, 3 * hidden]: i, o, f
};

struct RecurrentShape {
  int64_t steps, batch, input, hidden, directions, gates;
  bool batch_first;  // attribute layout = 1
};

// Gates in the order of W: RNN one; GRU z, r, h; LSTM i, o, f, c.
int64_t GateCount(OpKind op);

// Of a node in canonical form, from the shapes of X, W and R.
RecurrentShape ShapeOfRecurrent(const Node& node, const Shape& x, const Shape& r);

// Whether step s of direction d reads the sequence from its end.
bool IsReverse(const Node& node, int64_t direction);

// Canonical names of activation functions: one list per direction, f, g, h as the operator has
// them.
std::vector<std::string> ActivationsOf(const Node& node, int64_t direction);

}  // namespace penumbra::model

#endif  // PENUMBRA_MODEL_OPS_RECURRENT_H_
