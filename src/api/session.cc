#include "penumbra/session.h"

#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <optional>
#include <utility>

#include "accel/registry.h"
#include "accel/validate.h"
#include "api/bundle_preprocess.h"
#include "api/convert.h"
#include "api/devices.h"
#include "api/translate.h"
#include "host/error.h"
#include "host/keys/key_file.h"
#include "host/session.h"
#include "host/timeline.h"
#include "host/trace.h"
#include "tee/direct/untrusted/direct_transport.h"
#include "tee/process/untrusted/process_transport.h"

namespace penumbra {
namespace {

constexpr uint32_t kPadsInside = 8;  // as many as an unsealed bank holds by default

// Version counters survive the trusted half here, so that an older bundle is refused later.
std::filesystem::path StateFolder(const Env& env) {
  const std::filesystem::path folder = env.config_folder() / "versions";
  std::filesystem::create_directories(folder.parent_path());
  if (mkdir(folder.c_str(), 0700) != 0 && !std::filesystem::is_directory(folder)) {
    api::Throw(Status::kIo, "cannot make the folder [" + folder.string() + "]");
  }
  return folder;
}

// The enclave program of the install tree this library lies in, wherever that tree was moved; empty
// when there is none: the process carrier then looks beside the program.
std::filesystem::path InstalledEnclave() {
  Dl_info library = {};
  if (dladdr(reinterpret_cast<const void*>(&InstalledEnclave), &library) == 0) return {};
  const auto path =
      std::filesystem::path(library.dli_fname).parent_path() / PENUMBRA_ENCLAVE_FROM_LIBRARY;
  return access(path.c_str(), X_OK) == 0 ? path : std::filesystem::path();
}

std::unique_ptr<host::Transport> MakeTransport(const Env& env, const SessionOptions& options) {
  const std::filesystem::path key = options.device_key.empty()
                                        ? DefaultKeys(env, KeyKind::kDevice).private_path
                                        : options.device_key;
  if (options.carrier == Carrier::kDirect) {
    const host::KeyPair pair = host::ReadPrivateKey(host::KeyKind::kDevice, key);
    return std::make_unique<tee::DirectTransport>(tee::DirectOptions{
        .device_key = pair.private_key, .state_directory = StateFolder(env).string()});
  }
  tee::ProcessOptions process;
  process.enclave_binary =
      options.enclave_binary.empty() ? InstalledEnclave() : options.enclave_binary;
  process.device_key_file = key;
  process.state_directory = StateFolder(env);
  return std::make_unique<tee::ProcessTransport>(std::move(process));
}

host::VendorKey ReadVendorKey(const Env& env, const SessionOptions& options) {
  const std::filesystem::path path = options.vendor_key.empty()
                                         ? DefaultKeys(env, KeyKind::kVendor).public_path
                                         : options.vendor_key;
  return host::ReadPublicKey(host::KeyKind::kVendor, path);
}

RunStats Convert(const host::RunStats& inner) {
  return {.total_ns = inner.total_ns,
          .inside_ns = inner.inside_ns(),
          .outside_ns = inner.outside_ns(),
          .accelerator_ns = inner.pump.accelerator_ns,
          .switches = inner.pump.switches,
          .crossing_bytes = inner.crossing_bytes(),
          .clamped_count = inner.clamped_count};
}

std::string CopyText(const host::TimelineSlice& slice) {
  const std::string verb = slice.job == JobKind::kRead ? "read " : "write ";
  switch (slice.source) {
    case JobSource::kBundleChunk: return verb + "sealed weights";
    case JobSource::kPublic: return verb + "public half";
    case JobSource::kSpill: return verb + "spilled tile";
    case JobSource::kDerived: return verb + "derived weights";
    case JobSource::kPad: return verb + "pad";
    case JobSource::kEmitted: return verb + "emitted public half";
  }
  return verb;
}

ProfileSlice Convert(const host::TimelineSlice& slice) {
  using Kind = host::TimelineSlice::Kind;
  ProfileSlice out{.lane = slice.lane, .start_ns = slice.start_ns, .duration_ns = slice.duration_ns};
  switch (slice.kind) {
    case Kind::kRequest: break;
    case Kind::kPads:
      out.kind = ProfileSlice::Kind::kPads;
      out.count = slice.pads;
      break;
    case Kind::kTrusted: out.kind = ProfileSlice::Kind::kTrusted; break;
    case Kind::kAccelerate:
      out.kind = ProfileSlice::Kind::kAccelerator;
      out.segment = slice.segment;
      out.bytes = slice.bytes;
      break;
    case Kind::kTransfer:
      out.kind = ProfileSlice::Kind::kCopy;
      out.bytes = slice.bytes;
      out.what = CopyText(slice);
      break;
  }
  return out;
}

std::string PadBankText(const std::filesystem::path& folder, CarrierKind carrier) {
  if (folder.empty()) return {};
  const bool simulated = !host::ProtectionNotice(carrier).empty();
  return "durable in " + folder.string() +
         (simulated ? "; simulated counter: a file, which notices an old bank but not an owner who restores both" : "");
}

host::PadPolicy Convert(PadPolicy policy) {
  switch (policy) {
    case PadPolicy::kWait: return host::PadPolicy::kWait;
    case PadPolicy::kRefuse: return host::PadPolicy::kRefuse;
    case PadPolicy::kInline: return host::PadPolicy::kInline;
  }
  api::Throw(Status::kInvalidArgument, "there is no such pad policy");
}

}  // namespace

struct Session::Impl {
  std::mutex trace_mutex;                    // of the pointer, not of what is recorded
  std::optional<host::TraceRecorder> trace;  // outlives the session that points to it
  std::shared_ptr<host::Timeline> timeline;  // with trace_mutex; may be null
  std::unique_ptr<host::Session> session;
  std::vector<TensorInfo> inputs, outputs;
  api::StoredPreprocess preprocess;
  std::string accelerator;
  std::filesystem::path pad_folder;  // empty: pads are not durable

  // `receipt` may be null.
  TensorMap Run(const TensorMap& tensors, host::ReceiptRequest* receipt, RunStats* out_stats) {
    std::vector<host::TensorView> views;
    for (const auto& [name, tensor] : tensors) {
      // A name or a shape that is wrong is found behind this.
      const auto port = std::ranges::find(inputs, name, &TensorInfo::name);
      if (port != inputs.end()) api::RequireInputValues(*port, tensor.values);
      views.push_back({name, api::ToExtents(tensor.shape, name), tensor.values});
    }
    host::RunStats stats;
    TensorMap by_name;
    std::vector<host::Tensor> results = session->Run(views, &stats, receipt);
    for (size_t i = 0; i < results.size(); ++i) {
      const TensorInfo& port = outputs.at(i);
      api::RequireOutputValues(port, results[i].values);
      by_name[port.name] = {port.shape, std::move(results[i].values), port.type};
    }
    if (out_stats != nullptr) *out_stats = Convert(stats);
    return by_name;
  }
};

Session::Session(const Env& env, const std::filesystem::path& bundle, const SessionOptions& options)
    : impl_(std::make_unique<Impl>()) {
  api::Translated([&] {
    host::SessionOptions inner;
    inner.vendor_key = ReadVendorKey(env, options);
    inner.threads = options.threads;
    inner.max_in_flight = options.max_in_flight;
    inner.pad_policy = Convert(options.pad_policy);
    inner.pad_bank_size = options.pad_bank_size;
    inner.device_timeout = options.accelerator_timeout;
    inner.secure_memory_size = options.secure_memory_size;
    inner.pad_lease = options.pad_lease;
    inner.pads_inside = kPadsInside;
    if (!options.durable_pads.empty()) {
      inner.durable_pads = host::PadFolder::Open(
          options.durable_pads, [env](const std::string& text) { env.Log(LogLevel::kWarning, text); });
      impl_->pad_folder = options.durable_pads;
    }
    std::shared_ptr<Device> device = api::MakeDevice(options.accelerator);
    impl_->accelerator = device->name();
    impl_->session = host::Session::Load(bundle, MakeTransport(env, options), std::move(device),
                                         std::move(inner));
    impl_->inputs = api::PortInfos(impl_->session->inputs());
    impl_->outputs = api::PortInfos(impl_->session->outputs());
    impl_->preprocess = api::ReadStoredPreprocess(impl_->session->bundle().manifest().metadata);
  });
}

Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

const std::string& Session::model_name() const { return impl_->session->model_name(); }
const std::vector<TensorInfo>& Session::inputs() const { return impl_->inputs; }
const std::vector<TensorInfo>& Session::outputs() const { return impl_->outputs; }
const std::string& Session::preprocess() const { return impl_->preprocess.json; }
const std::vector<std::string>& Session::labels() const { return impl_->preprocess.labels; }

TensorMap Session::Run(const TensorMap& inputs, RunStats* out_stats) {
  return api::Translated([&] { return impl_->Run(inputs, nullptr, out_stats); });
}

TensorMap Session::RunWithReceipt(const TensorMap& inputs, const Nonce& nonce,
                                  std::vector<uint8_t>* out_receipt, RunStats* out_stats) {
  out_receipt->clear();
  return api::Translated([&] {
    host::ReceiptRequest request{.nonce = nonce, .receipt = {}};
    TensorMap outputs = impl_->Run(inputs, &request, out_stats);
    *out_receipt = std::move(request.receipt);
    return outputs;
  });
}

std::vector<uint8_t> Session::FailureLog() {
  return api::Translated([&]() -> std::vector<uint8_t> {
    const auto log = impl_->session->failure_log();
    if (!log) return {};
    const auto* bytes = reinterpret_cast<const uint8_t*>(&*log);
    return {bytes, bytes + sizeof(*log)};
  });
}

RunStats Session::MakePads(uint32_t count) {
  return api::Translated([&] { return Convert(impl_->session->MakePads(count)); });
}

SessionInfo Session::Info() {
  return api::Translated([&] {
    const penumbra::Info info = impl_->session->QueryInfo();
    const host::Transport& transport = impl_->session->transport();
    return SessionInfo{.secure_memory_size = info.secure_memory_size,
                       .secure_memory_peak = info.secure_memory_peak,
                       .exchange_size = info.exchange_size,
                       .pads_ready = info.pads_ready,
                       .pads_inside = static_cast<uint32_t>(info.pad_slots),
                       .pad_batch = impl_->session->pad_batch(),
                       .pad_bank = PadBankText(impl_->pad_folder, transport.carrier()),
                       .max_in_flight = info.run_count,
                       .in_flight_capacity = info.run_capacity,
                       .carrier = transport.label(),
                       .notice = std::string(host::ProtectionNotice(transport.carrier())),
                       .accelerator = impl_->accelerator};
  });
}

void Session::StartTrace(uint64_t max_size) {
  api::Translated([&] {
    const std::lock_guard lock(impl_->trace_mutex);
    impl_->session->SetObserver(nullptr);
    impl_->trace.emplace(max_size);
    impl_->session->SetObserver(&*impl_->trace);
  });
}

std::vector<ExchangeRecord> Session::TakeTrace() {
  const std::lock_guard lock(impl_->trace_mutex);
  std::vector<ExchangeRecord> records;
  if (!impl_->trace) return records;
  for (host::TraceRecorder::Record& record : impl_->trace->Take()) {
    if (record.job.kind != JobKind::kAccelerate) continue;
    const SegmentTensor& shape = record.input_shape;
    records.push_back({.segment = record.job.segment,
                       .height = shape.h,
                       .width = shape.w,
                       .channels = shape.c,
                       .prime_count = shape.type == ElementType::kU32Residue ? 1u : shape.prime_count,
                       .residue_size = shape.type == ElementType::kF32
                                           ? 0u
                                           : static_cast<uint32_t>(ElementSize(shape.type)),
                       .input = std::move(record.input),
                       .output = std::move(record.output)});
  }
  return records;
}

void Session::StartProfile(uint64_t max_slices) {
  api::Translated([&] {
    const std::lock_guard lock(impl_->trace_mutex);
    impl_->timeline = std::make_shared<host::Timeline>(max_slices);
    impl_->session->SetTimeline(impl_->timeline);
  });
}

std::vector<ProfileSlice> Session::TakeProfile() {
  return api::Translated([&] {
    const std::lock_guard lock(impl_->trace_mutex);
    std::vector<ProfileSlice> slices;
    if (impl_->timeline == nullptr) return slices;
    impl_->session->SetTimeline(nullptr);
    for (const host::TimelineSlice& slice : impl_->timeline->Take()) slices.push_back(Convert(slice));
    impl_->timeline.reset();
    return slices;
  });
}

std::vector<std::string> AcceleratorNames() {
  const std::vector<std::string_view> names = DeviceNames();
  return {names.begin(), names.end()};
}

std::vector<std::string> AbsentAccelerators() {
  std::vector<std::string> names;
  for (const AbsentDevice& absent : AbsentDevices()) names.emplace_back(absent.name);
  return names;
}

}  // namespace penumbra
