// How tensors of the caller get into a lane's part of the exchange region, and outputs out of it.
#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "host/error.h"
#include "host/layout.h"
#include "host/session.h"

namespace penumbra::host {
namespace {

std::string ShapeText(std::span<const uint32_t> shape) {
  std::string text;
  for (const uint32_t extent : shape) {
    text.append(text.empty() ? "" : "x").append(std::to_string(extent));
  }
  return text.empty() ? "scalar" : text;
}

const Port* FindPort(const std::vector<Port>& ports, const std::string& name) {
  const auto found = std::ranges::find(ports, name, &Port::name);
  return found == ports.end() ? nullptr : &*found;
}

void CheckInput(const Port& port, const TensorView& input) {
  const std::string where = "input '" + port.name + "'";
  if (input.shape != port.shape || input.values.size() != port.elem_count) {
    throw HostError(Status::kWrongShape,
                    "the model expects " + ShapeText(port.shape) + ", got " +
                        ShapeText(input.shape) + " with " + std::to_string(input.values.size()) +
                        " values",
                    where);
  }
  const auto bad = std::ranges::find_if_not(input.values, [](float v) { return std::isfinite(v); });
  if (bad != input.values.end()) {
    throw HostError(Status::kNotFinite, "NaN or infinity",
                    where + ", element " + std::to_string(bad - input.values.begin()));
  }
}

}  // namespace

std::span<float> Session::PortMemory(const Port& port, uint32_t lane) {
  // In range and aligned: ParseMetadata checked the offset, and every part is at least that large.
  const std::span<uint8_t> region = trusted_.exchange();
  auto* first = reinterpret_cast<float*>(region.data() + PartOffset(lane) + port.offset);
  return {first, port.elem_count};
}

Session::Inputs Session::CheckInputs(std::span<const TensorView> inputs) const {
  std::vector<const TensorView*> by_port(metadata_.inputs.size(), nullptr);
  for (const TensorView& input : inputs) {
    const Port* port = FindPort(metadata_.inputs, input.name);
    if (port == nullptr) {
      throw HostError(Status::kWrongName, "the model has no input '" + input.name + "'");
    }
    const TensorView*& slot = by_port[port - metadata_.inputs.data()];
    if (slot != nullptr)
      throw HostError(Status::kWrongName, "input '" + input.name + "' is given twice");
    slot = &input;
    CheckInput(*port, input);
  }
  Inputs checked;
  for (size_t i = 0; i < by_port.size(); ++i) {
    if (by_port[i] == nullptr) {
      throw HostError(Status::kWrongName,
                      "input '" + metadata_.inputs[i].name + "' is missing");
    }
    checked.push_back(by_port[i]->values);
  }
  return checked;
}

void Session::WriteInputs(const Inputs& inputs, uint32_t lane) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Port& port = metadata_.inputs[i];
    ToPhysical(port.shape, port.perm, inputs[i], PortMemory(port, lane));
  }
}

std::vector<Tensor> Session::ReadOutputs(uint32_t lane) {
  std::vector<Tensor> outputs;
  for (const Port& port : metadata_.outputs) {
    Tensor tensor{port.name, port.shape, std::vector<float>(port.elem_count)};
    ToLogical(port.shape, port.perm, PortMemory(port, lane), tensor.values);
    outputs.push_back(std::move(tensor));
  }
  return outputs;
}

}  // namespace penumbra::host
