// The C interface over the C++ one. Every entry point catches everything.
#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "api/convert.h"
#include "api/translate.h"
#include "penumbra/penumbra.h"
#include "penumbra/penumbra_c.h"

struct penumbra_status {
  uint32_t number;
  std::string text;
};

struct penumbra_env {
  penumbra::Env env;
};

struct penumbra_session {
  penumbra::Session session;
  std::vector<uint8_t> failure_log = {};
};

struct penumbra_outputs {
  std::vector<std::pair<std::string, penumbra::Tensor>> tensors;  // in the order of the model
  std::vector<uint8_t> receipt;                                   // empty: none was asked for
};

namespace {

using penumbra::Status;

// Reported when there is no memory even for the report.
penumbra_status* OutOfMemory() {
  static penumbra_status status{static_cast<uint32_t>(Status::kOutOfMemory),
                                "P201: memory ran out"};
  return &status;
}

template <typename Body>
penumbra_status* Guarded(Body&& body) noexcept {
  try {
    try {
      penumbra::api::Translated(std::forward<Body>(body));
      return nullptr;
    } catch (const penumbra::Error& error) {
      return new penumbra_status{error.number(), error.what()};
    }
  } catch (...) {
    return OutOfMemory();
  }
}

void Require(bool condition, const char* what) {
  if (!condition) penumbra::api::Throw(Status::kInvalidArgument, what);
}

std::string Text(const char* text) { return text == nullptr ? std::string() : std::string(text); }

// The caller's structure, cut or padded with zeros to the size this library knows.
template <typename Options>
Options CopyOptions(const Options* options) {
  Options copy{};
  if (options == nullptr) return copy;
  Require(options->struct_size >= sizeof(size_t), "struct_size is not set");
  std::memcpy(&copy, options, std::min(options->struct_size, sizeof(Options)));
  return copy;
}

penumbra::Nonce CopyNonce(const uint8_t* nonce) {
  penumbra::Nonce copy;
  std::copy_n(nonce, copy.size(), copy.begin());
  return copy;
}

penumbra_tensor View(const penumbra::TensorInfo& info) {
  return {info.name.c_str(), info.shape.data(), info.shape.size(), nullptr, 0};
}

penumbra_tensor Port(const std::vector<penumbra::TensorInfo>& infos, size_t index) {
  return index < infos.size() ? View(infos[index]) : penumbra_tensor{};
}

// Points into the table of the model room, which lives as long as the library.
const char* TypeName(const std::vector<penumbra::TensorInfo>& infos, size_t index) {
  if (index >= infos.size()) return "";
  return penumbra::model::DataTypeName(penumbra::api::ModelTypeOf(infos[index].type)).data();
}

penumbra::TensorMap ReadInputs(const penumbra_tensor* inputs, size_t count) {
  penumbra::TensorMap map;
  for (size_t i = 0; i < count; ++i) {
    const penumbra_tensor& in = inputs[i];
    Require(in.name != nullptr, "an input has no name");
    Require(in.values != nullptr || in.count == 0, "an input has no values");
    Require(in.shape != nullptr || in.rank == 0, "an input has no shape");
    const bool fresh = map.emplace(in.name, penumbra::Tensor{{in.shape, in.shape + in.rank},
                                                             {in.values, in.values + in.count},
                                                             penumbra::TensorType::kFloat32})
                           .second;
    if (!fresh)
      penumbra::api::Throw(Status::kWrongName,
                           std::string("input '") + in.name + "' is given twice");
  }
  return map;
}

}  // namespace

uint32_t penumbra_c_api_version(void) { return PENUMBRA_C_API_VERSION; }
const char* penumbra_version(void) { return PENUMBRA_VERSION; }

uint32_t penumbra_status_number(const penumbra_status* status) {
  return status == nullptr ? 0 : status->number;
}

const char* penumbra_status_text(const penumbra_status* status) {
  return status == nullptr ? "" : status->text.c_str();
}

void penumbra_status_free(penumbra_status* status) {
  if (status != OutOfMemory()) delete status;
}

penumbra_status* penumbra_env_create(const char* config_folder, penumbra_log log, void* log_context,
                                     penumbra_env** out_env) {
  return Guarded([&] {
    Require(out_env != nullptr, "out_env is null");
    penumbra::EnvOptions options{.log = {}, .config_folder = Text(config_folder)};
    if (log != nullptr) {
      options.log = [log, log_context](penumbra::LogLevel level, const std::string& line) {
        log(log_context, static_cast<int>(level), line.c_str());
      };
    }
    *out_env = new penumbra_env{penumbra::Env(std::move(options))};
  });
}

void penumbra_env_free(penumbra_env* env) { delete env; }

penumbra_status* penumbra_protect(const penumbra_env* env, const char* model_file,
                                  const char* bundle_file,
                                  const penumbra_protect_options* options) {
  return Guarded([&] {
    Require(env != nullptr && model_file != nullptr && bundle_file != nullptr,
            "an argument is null");
    const penumbra_protect_options in = CopyOptions(options);
    penumbra::ProtectOptions out;
    out.preset = Text(in.preset);
    out.calibration = Text(in.calibration_folder);
    out.preprocess = Text(in.preprocess);
    out.labels = Text(in.labels_file);
    out.vendor_key = Text(in.vendor_key_file);
    if (in.device_key_file != nullptr) out.device_keys.emplace_back(in.device_key_file);
    if (in.secure_memory_size != 0) out.secure_memory_size = in.secure_memory_size;
    if (in.model_version != 0) out.model_version = in.model_version;
    const penumbra::ProtectReport report = penumbra::Protect(env->env, model_file, bundle_file, out);
    for (const std::string& warning : report.warnings)
      env->env.Log(penumbra::LogLevel::kWarning, warning);
    for (const std::string& note : report.notes) env->env.Log(penumbra::LogLevel::kInfo, note);
  });
}

penumbra_status* penumbra_session_load(const penumbra_env* env, const char* bundle_file,
                                       const penumbra_session_options* options,
                                       penumbra_session** out_session) {
  return Guarded([&] {
    Require(env != nullptr && bundle_file != nullptr && out_session != nullptr,
            "an argument is null");
    const penumbra_session_options in = CopyOptions(options);
    Require(in.carrier == PENUMBRA_CARRIER_PROCESS || in.carrier == PENUMBRA_CARRIER_DIRECT,
            "there is no such carrier");
    penumbra::SessionOptions out;
    if (in.carrier == PENUMBRA_CARRIER_DIRECT) out.carrier = penumbra::Carrier::kDirect;
    out.accelerator = Text(in.accelerator);
    if (in.threads != 0) out.threads = in.threads;
    if (in.max_in_flight != 0) out.max_in_flight = in.max_in_flight;
    out.secure_memory_size = in.secure_memory_size;
    out.vendor_key = Text(in.vendor_key_file);
    out.device_key = Text(in.device_key_file);
    out.enclave_binary = Text(in.enclave_binary);
    Require(in.pad_policy >= PENUMBRA_PADS_WAIT && in.pad_policy <= PENUMBRA_PADS_INLINE,
            "there is no such pad policy");
    if (in.pad_policy == PENUMBRA_PADS_REFUSE) out.pad_policy = penumbra::PadPolicy::kRefuse;
    if (in.pad_policy == PENUMBRA_PADS_INLINE) out.pad_policy = penumbra::PadPolicy::kInline;
    if (in.accelerator_timeout_ms != 0) {
      out.accelerator_timeout = std::chrono::milliseconds(in.accelerator_timeout_ms);
    }
    if (in.pad_bank_size != 0) out.pad_bank_size = in.pad_bank_size;
    if (in.pad_bank_size == PENUMBRA_NO_PAD_BANK) out.pad_bank_size = 0;
    out.durable_pads = Text(in.durable_pads);
    out.pad_lease = in.pad_lease;
    *out_session = new penumbra_session{penumbra::Session(env->env, bundle_file, out)};
  });
}

void penumbra_session_free(penumbra_session* session) { delete session; }

size_t penumbra_session_input_count(const penumbra_session* session) {
  return session->session.inputs().size();
}

penumbra_tensor penumbra_session_input(const penumbra_session* session, size_t index) {
  return Port(session->session.inputs(), index);
}

size_t penumbra_session_output_count(const penumbra_session* session) {
  return session->session.outputs().size();
}

penumbra_tensor penumbra_session_output(const penumbra_session* session, size_t index) {
  return Port(session->session.outputs(), index);
}

const char* penumbra_session_input_type(const penumbra_session* session, size_t index) {
  return TypeName(session->session.inputs(), index);
}

const char* penumbra_session_output_type(const penumbra_session* session, size_t index) {
  return TypeName(session->session.outputs(), index);
}

penumbra_status* penumbra_session_failure_log(penumbra_session* session, const uint8_t** out_log,
                                              size_t* out_size) {
  return Guarded([&] {
    Require(session != nullptr && out_log != nullptr && out_size != nullptr, "an argument is null");
    session->failure_log = session->session.FailureLog();
    *out_size = session->failure_log.size();
    *out_log = session->failure_log.empty() ? nullptr : session->failure_log.data();
  });
}

penumbra_status* penumbra_session_make_pads(penumbra_session* session, uint32_t count) {
  return Guarded([&] {
    Require(session != nullptr, "session is null");
    session->session.MakePads(count);
  });
}

penumbra_status* penumbra_session_run(penumbra_session* session, const penumbra_tensor* inputs,
                                      size_t input_count, penumbra_outputs** out_outputs) {
  return penumbra_session_run_with_receipt(session, inputs, input_count, nullptr, out_outputs);
}

penumbra_status* penumbra_session_run_with_receipt(penumbra_session* session,
                                                   const penumbra_tensor* inputs,
                                                   size_t input_count, const uint8_t* nonce,
                                                   penumbra_outputs** out_outputs) {
  return Guarded([&] {
    Require(session != nullptr && inputs != nullptr && out_outputs != nullptr,
            "an argument is null");
    auto ordered = std::make_unique<penumbra_outputs>();
    const penumbra::TensorMap in = ReadInputs(inputs, input_count);
    penumbra::TensorMap outputs =
        nonce == nullptr
            ? session->session.Run(in)
            : session->session.RunWithReceipt(in, CopyNonce(nonce), &ordered->receipt);
    for (const penumbra::TensorInfo& info : session->session.outputs()) {
      ordered->tensors.emplace_back(info.name, std::move(outputs.at(info.name)));
    }
    *out_outputs = ordered.release();
  });
}

size_t penumbra_outputs_count(const penumbra_outputs* outputs) { return outputs->tensors.size(); }

penumbra_tensor penumbra_outputs_get(const penumbra_outputs* outputs, size_t index) {
  if (index >= outputs->tensors.size()) return {};
  const auto& [name, tensor] = outputs->tensors[index];
  return {name.c_str(), tensor.shape.data(), tensor.shape.size(), tensor.values.data(),
          tensor.values.size()};
}

const uint8_t* penumbra_outputs_receipt(const penumbra_outputs* outputs, size_t* out_size) {
  *out_size = outputs->receipt.size();
  return outputs->receipt.empty() ? nullptr : outputs->receipt.data();
}

penumbra_status* penumbra_verify_receipt(const uint8_t* receipt, size_t size,
                                         const penumbra_verify_options* options) {
  return Guarded([&] {
    const penumbra_verify_options in = CopyOptions(options);
    Require(receipt != nullptr && in.device_key_file != nullptr, "an argument is null");
    Require((in.inputs != nullptr || in.input_count == 0) &&
                (in.outputs != nullptr || in.output_count == 0),
            "an argument is null");
    penumbra::ReceiptExpectations expected;
    if (in.nonce != nullptr) expected.nonce = CopyNonce(in.nonce);
    expected.bundle = Text(in.bundle_file);
    expected.vendor_key = Text(in.vendor_key_file);
    expected.inputs = ReadInputs(in.inputs, in.input_count);
    expected.outputs = ReadInputs(in.outputs, in.output_count);
    penumbra::VerifyReceipt({receipt, receipt + size}, in.device_key_file, expected);
  });
}

void penumbra_outputs_free(penumbra_outputs* outputs) { delete outputs; }
