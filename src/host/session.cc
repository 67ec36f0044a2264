#include "host/session.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "boundary/protocol.h"
#include "host/error.h"
#include "host/layout.h"

namespace penumbra::host {
namespace {

constexpr uint64_t kMaxPadMemory = uint64_t{16} << 30;

uint64_t ElapsedNs(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() -
                                                              start)
      .count();
}

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

void CheckLimits(const ManifestHead& head, const SessionOptions& options) {
  if (head.exchange_size > options.max_exchange_size) {
    throw HostError(Status::kOutOfMemory,
                    "the model wants an exchange region of " + std::to_string(head.exchange_size) +
                        " bytes, the limit is " + std::to_string(options.max_exchange_size));
  }
  if (options.secure_memory_size != 0 && head.secure_memory_size > options.secure_memory_size) {
    throw HostError(Status::kSecureMemoryExceeded, "the model was planned for " +
                                                       std::to_string(head.secure_memory_size) +
                                                       " bytes of secure memory, the enclave has " +
                                                       std::to_string(options.secure_memory_size));
  }
}

}  // namespace

std::unique_ptr<Session> Session::Load(const std::filesystem::path& path,
                                       std::unique_ptr<Transport> transport,
                                       std::shared_ptr<Device> device, SessionOptions options) {
  auto bundle = BundleFile::Open(path, options.vendor_key);
  CheckLimits(bundle->manifest().head, options);
  Metadata metadata =
      ParseMetadata(bundle->manifest().metadata, bundle->manifest().head.exchange_size);
  const PumpOptions pump_options{.threads = options.threads,
                                 .max_batch = metadata.max_batch,
                                 .device_timeout = options.device_timeout};
  auto pads = std::move(options.pads);
  if (pads == nullptr) pads = std::make_unique<MemoryPadStore>(kMaxPadMemory);
  std::unique_ptr<Session> session(new Session(std::move(bundle), std::move(metadata),
                                               std::move(transport), options, std::move(pads)));
  session->StartTransport(options);
  session->pump_ = std::make_unique<JobPump>(session->transport_.get(), session->bundle_,
                                             std::move(device), session->pads_.get(), pump_options);
  session->LoadModel();
  return session;
}

Session::Session(std::shared_ptr<const BundleFile> bundle, Metadata metadata,
                 std::unique_ptr<Transport> transport, const SessionOptions& options,
                 std::unique_ptr<PadStore> pads)
    : bundle_(std::move(bundle)),
      metadata_(std::move(metadata)),
      transport_(std::move(transport)),
      pads_(std::move(pads)),
      make_missing_pads_(options.make_missing_pads) {}

Session::~Session() {
  Command unload{};
  unload.id = CommandId::kUnload;
  Reply reply{};
  // A lost trusted half has nothing left to wipe, so the answer does not matter.
  static_cast<void>(transport_->Call(unload, &reply));
  transport_->Stop();
}

void Session::StartTransport(const SessionOptions& options) {
  const ManifestHead& head = bundle_->manifest().head;
  const uint64_t exchange_size =
      std::max({head.exchange_size, kLoadWindowSize, uint64_t{bundle_->manifest_message().size()}});
  const uint64_t secure_memory_size =
      options.secure_memory_size != 0 ? options.secure_memory_size : head.secure_memory_size;
  const Status status = transport_->Start(exchange_size, secure_memory_size);
  if (!IsOk(status)) {
    throw HostError(status, "the trusted half did not start: " + transport_->failure());
  }
}

void Session::LoadModel() {
  const std::span<const uint8_t> message = bundle_->manifest_message();
  std::memcpy(transport_->exchange().data(), message.data(), message.size());
  Command load{};
  load.id = CommandId::kLoad;
  load.args[0] = message.size();
  load.run_count = 1;
  std::ranges::copy(bundle_->vendor_key(), load.vendor_key);
  PumpStats stats;
  pump_->Run(load, &stats);
}

Command Session::StartCommand(ProgramId program) {
  Command start{};
  start.id = CommandId::kStart;
  start.program = program;
  return start;
}

RunStats Session::MakePads(uint32_t count) {
  const auto start = std::chrono::steady_clock::now();
  RunStats stats;
  try {
    for (uint32_t i = 0; i < count; ++i) {
      pump_->Run(StartCommand(ProgramId::kMakePad), &stats.pump);
    }
  } catch (const HostError& error) {
    // The trusted half's answer for a plan without pads; whoever wants some has as many as it needs.
    if (error.status() != Status::kUnsupported) throw;
  }
  stats.total_ns = ElapsedNs(start);
  return stats;
}

Reply Session::Infer(std::span<const TensorView> inputs, PumpStats* stats) {
  WriteInputs(inputs);
  try {
    return pump_->Run(StartCommand(ProgramId::kInfer), stats);
  } catch (const HostError& error) {
    if (error.status() != Status::kPadsExhausted || !make_missing_pads_) throw;
  }
  pump_->Run(StartCommand(ProgramId::kMakePad), stats);
  WriteInputs(inputs);  // making a pad uses the whole exchange region
  return pump_->Run(StartCommand(ProgramId::kInfer), stats);
}

std::vector<Tensor> Session::Run(std::span<const TensorView> inputs, RunStats* out_stats) {
  const auto start = std::chrono::steady_clock::now();
  RunStats stats;
  const Reply reply = Infer(inputs, &stats.pump);
  std::vector<Tensor> outputs = ReadOutputs();
  stats.clamped_count = reply.info.clamped_count;
  for (const Port& port : metadata_.inputs) stats.port_bytes += port.elem_count * sizeof(float);
  for (const Port& port : metadata_.outputs) stats.port_bytes += port.elem_count * sizeof(float);
  stats.total_ns = ElapsedNs(start);
  if (out_stats != nullptr) *out_stats = stats;
  return outputs;
}

std::span<float> Session::PortMemory(const Port& port) {
  // In range and aligned: ParseMetadata checked the offset, and the region is at least that large.
  auto* first = reinterpret_cast<float*>(transport_->exchange().data() + port.offset);
  return {first, port.elem_count};
}

void Session::WriteInputs(std::span<const TensorView> inputs) {
  if (transport_->exchange().empty()) {
    throw HostError(Status::kEnclaveDied, "the session is over: the trusted half has ended");
  }
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
  for (size_t i = 0; i < by_port.size(); ++i) {
    const Port& port = metadata_.inputs[i];
    if (by_port[i] == nullptr) {
      throw HostError(Status::kWrongName, "input '" + port.name + "' is missing");
    }
  }
  for (size_t i = 0; i < by_port.size(); ++i) {
    const Port& port = metadata_.inputs[i];
    ToPhysical(port.shape, port.perm, by_port[i]->values, PortMemory(port));
  }
}

std::vector<Tensor> Session::ReadOutputs() {
  std::vector<Tensor> outputs;
  for (const Port& port : metadata_.outputs) {
    Tensor tensor{port.name, port.shape, std::vector<float>(port.elem_count)};
    ToLogical(port.shape, port.perm, PortMemory(port), tensor.values);
    outputs.push_back(std::move(tensor));
  }
  return outputs;
}

Info Session::QueryInfo() {
  Command info{};
  info.id = CommandId::kInfo;
  PumpStats stats;
  return pump_->Run(info, &stats).info;
}

}  // namespace penumbra::host
