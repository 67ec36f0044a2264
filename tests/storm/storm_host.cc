// The host half of a kill storm (storm.py drives it).
//
//   storm_host make FOLDER [unmasked]     fills the folder (folder.h)
//   storm_host run FOLDER LANE SEED [durable]   loads the model and keeps it busy until it is killed
//   storm_host fill FOLDER LANE COUNT     leaves COUNT durable pads in LANE/bank
//
// LANE is a folder of this host alone: its copy of the device key, whose path marks its enclaves,
// and its log (recorder.h). Version counters, and whatever else the trusted half keeps between
// lives, stand in FOLDER/state, which hosts share. With durable pads a lane has counters of its own
// in LANE/state, its bank is LANE/bank, and some sessions end by themselves as they should. When a
// session is over the host loads the model again. It says on standard output:
//
//   enclave PID           a trusted half was started
//   loaded PADS           inferences begin; so many pads are there already
//   over CODE [replayed]  the session ended with this error; "replayed": an old pad was handed out
//   over clean            the session was ended
//
// Exit code 3: a result was wrong, or came although it must not.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <mutex>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "accel/registry.h"
#include "folder.h"
#include "hoard.h"
#include "host/disk_pad_store.h"
#include "host/error.h"
#include "host/pad_folder.h"
#include "host/session.h"
#include "recorder.h"
#include "tee/process/untrusted/process_transport.h"

namespace penumbra::storm {
namespace {

constexpr int kWrongResult = 3;
constexpr uint32_t kPadsAhead = 3;
constexpr uint32_t kInFlight = 3;
constexpr uint64_t kSecureMemorySize = 4 << 20;  // room for all in flight
constexpr uint32_t kReplayOneIn = 200;           // tiles: most lives see none
constexpr uint64_t kMaxPadMemory = 64 << 20;
constexpr uint64_t kEnoughDurablePads = 32;  // hosts make more than they use, and a bank has room for 64
constexpr uint32_t kMaxRounds = 12;  // of pads and inferences, on each thread of a session that ends by itself
constexpr std::chrono::milliseconds kBusyPause{5};  // until a bank that somebody else has is tried again

void Say(const std::string& line) {
  std::puts(line.c_str());
  std::fflush(stdout);
}

// Ends the process, whatever its other threads do.
[[noreturn]] void WrongResult(const char* what) {
  std::fprintf(stderr, "storm_host: %s\n", what);
  std::_Exit(kWrongResult);
}

// Tells which process the trusted half is before it takes its first command.
class TellingTransport final : public host::Transport {
 public:
  explicit TellingTransport(tee::ProcessOptions options) : inner_(std::move(options)) {}

  Status Start(uint64_t exchange_size, uint64_t secure_memory_size) override {
    const Status status = inner_.Start(exchange_size, secure_memory_size);
    if (IsOk(status)) Say("enclave " + std::to_string(inner_.enclave_pid()));
    return status;
  }
  Status Call(const Command& command, Reply* out_reply) override {
    return inner_.Call(command, out_reply);
  }
  std::span<uint8_t> exchange() override { return inner_.exchange(); }
  std::shared_ptr<const void> exchange_owner() override { return inner_.exchange_owner(); }
  void Stop() override { inner_.Stop(); }
  CarrierKind carrier() const override { return inner_.carrier(); }
  std::string label() const override { return inner_.label(); }
  std::string failure() const override { return inner_.failure(); }

 private:
  tee::ProcessTransport inner_;
};

class StormHost {
 public:
  StormHost(std::filesystem::path folder, std::filesystem::path lane, uint64_t seed, bool durable)
      : path_(std::move(folder)), lane_(std::move(lane)), durable_(durable), folder_(ReadFolder(path_)) {
    random_.seed(seed);
    hoard_.random.seed(seed + 1);
    bundle_ = host::BundleFile::Open(path_ / kBundleName, folder_.vendor_key);
  }

  // One loaded model, until it is lost.
  void Live() {
    first_error_.reset();
    const uint64_t replays = hoard_.replay_count;
    try {
      const std::unique_ptr<host::Session> session = Load();
      Say("loaded " + std::to_string(session->QueryInfo().pads_ready));
      rounds_ = durable_ ? 1 + random_() % kMaxRounds : UINT64_MAX;
      std::vector<std::thread> threads;
      for (uint32_t i = 0; i < kInFlight; ++i) {
        threads.emplace_back([this, &session, seed = random_()] { Work(session.get(), seed); });
      }
      for (std::thread& thread : threads) thread.join();
    } catch (const host::HostError& error) {
      NoteError(error);
    }
    const std::string replayed = hoard_.replay_count > replays ? " replayed" : "";
    Say("over " + (first_error_ ? host::StatusCode(*first_error_) + replayed : "clean"));
    if (first_error_ == Status::kWrongState) std::this_thread::sleep_for(kBusyPause);
  }

  // Ends as a session should, with `count` pads recorded.
  void Fill(uint32_t count) { Load()->MakePads(count); }

 private:
  std::unique_ptr<host::Session> Load() {
    std::unique_ptr<Device> honest;
    if (!IsOk(CreateDevice("reference", &honest))) throw std::runtime_error("no accelerator");
    auto device = std::make_shared<RecordingDevice>(std::move(honest), folder_, *bundle_,
                                                    lane_ / "log", random_());
    tee::ProcessOptions process;
    process.enclave_binary = PENUMBRA_ENCLAVE_BINARY;
    process.device_key_file = lane_ / kDeviceKeyName;
    process.state_directory = (durable_ ? lane_ : path_) / "state";
    host::SessionOptions options;
    options.vendor_key = folder_.vendor_key;
    options.max_in_flight = kInFlight;
    options.secure_memory_size = kSecureMemorySize;
    std::unique_ptr<host::PadStore> pads = std::make_unique<host::MemoryPadStore>(kMaxPadMemory);
    if (durable_) {
      options.durable_pads = host::PadFolder::Open(lane_ / "bank");
      pads = std::make_unique<host::DiskPadStore>(options.durable_pads);
    }
    options.pads = std::make_unique<HoardingPadStore>(&hoard_, kReplayOneIn, std::move(pads));
    return host::Session::Load(path_ / kBundleName,
                               std::make_unique<TellingTransport>(std::move(process)),
                               std::move(device), std::move(options));
  }

  // The error that ended the session. P402 only tells that another thread had one.
  void NoteError(const host::HostError& error) {
    const std::lock_guard lock(mutex_);
    if (first_error_.has_value() && *first_error_ != Status::kPoisoned) return;
    first_error_ = error.status();
    const Status status = error.status();
    const bool expected = status == Status::kEnclaveDied || status == Status::kPoisoned ||
                          status == Status::kAuthenticationFailed ||
                          (durable_ && status == Status::kWrongState);
    if (!expected) std::fprintf(stderr, "%s\n", error.what());
  }

  // Keeps pads and inferences going on one of several threads until the session is lost or has had its rounds. Durable
  // pads are made for the next session, more or less: those of the last one come first.
  void Work(host::Session* session, uint64_t seed) try {
    std::mt19937_64 random(seed);
    for (uint64_t round = 0; round < rounds_; ++round) {
      const uint64_t count = 1 + random() % kPadsAhead;
      if (folder_.is_masked && !durable_) session->MakePads(static_cast<uint32_t>(count));
      const uint64_t inferences = durable_ ? random() % (count + 2) : count;
      for (uint64_t i = 0; i < inferences; ++i) Infer(session, random() % folder_.inputs.size());
      if (durable_ && session->QueryInfo().pads_ready < kEnoughDurablePads) {
        session->MakePads(static_cast<uint32_t>(count));
      }
    }
  } catch (const host::HostError& error) {
    NoteError(error);
  }

  void Infer(host::Session* session, size_t input) {
    const uint64_t replays = HoardingPadStore::ReplaysHere();
    const host::Port& port = session->inputs().at(0);
    const host::TensorView view{port.name, port.shape, folder_.inputs[input]};
    const std::vector<host::Tensor> outputs = session->Run({&view, 1});
    const std::vector<float>& wanted = folder_.outputs[input];
    const std::vector<float>& got = outputs.at(0).values;
    if (got.size() != wanted.size() ||
        std::memcmp(got.data(), wanted.data(), wanted.size() * sizeof(float)) != 0) {
      WrongResult("a result is wrong");
    }
    if (HoardingPadStore::ReplaysHere() != replays) {
      WrongResult("a result came from an old pad");
    }
  }

  const std::filesystem::path path_, lane_;
  const bool durable_;
  const StormFolder folder_;
  std::shared_ptr<const host::BundleFile> bundle_;
  std::mt19937_64 random_;
  uint64_t rounds_ = 0;
  Hoard hoard_;
  std::mutex mutex_;  // of what follows
  std::optional<Status> first_error_;
};

}  // namespace
}  // namespace penumbra::storm

int main(int argument_count, char** arguments) {
  const std::vector<std::string> words(arguments + 1, arguments + argument_count);
  try {
    const bool durable = words.size() == 5 && words[4] == "durable";
    if (words.size() >= 4 && words[0] == "run" && (words.size() == 4 || durable)) {
      penumbra::storm::StormHost host(words[1], words[2], std::stoull(words[3]), durable);
      for (;;) host.Live();
    }
    if (words.size() == 4 && words[0] == "fill") {
      penumbra::storm::StormHost host(words[1], words[2], 1, /*durable=*/true);
      host.Fill(static_cast<uint32_t>(std::stoul(words[3])));
      return 0;
    }
    const bool unmasked = words.size() == 3 && words[2] == "unmasked";
    if (words.size() >= 2 && words[0] == "make" && (words.size() == 2 || unmasked)) {
      penumbra::storm::MakeFolder(words[1], !unmasked);
      return 0;
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "storm_host: %s\n", error.what());
    return 1;
  }
  std::fprintf(stderr,
               "usage: storm_host make FOLDER [unmasked] | run FOLDER LANE SEED [durable]\n"
               "     | fill FOLDER LANE COUNT\n");
  return 2;
}
