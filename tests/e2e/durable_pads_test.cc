// Pads that outlive the session, over the real trusted runtime: they come back after a clean end, a crash burns the
// lease, and whatever happens to the folder costs pads at most. Answers are exact throughout.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "graphs.h"
#include "harness.h"
#include "host/error.h"
#include "host/pad_folder.h"
#include "protect/presets/presets.h"

namespace penumbra::e2e {
namespace {

using protect::CompiledModel;
namespace fs = std::filesystem;

class DurablePads : public testing::TestWithParam<CarrierKind> {
 protected:
  void SetUp() override {
    GraphCases().front().build(test_);
    protect::CompileOptions options;
    options.preset = "shadownet";
    options.scheme = protect::PresetScheme(options.preset);
    options.calibration = SmoothCalibration(test_.graph);
    model_ = std::make_unique<CompiledModel>(test_.graph, options);
    bundle_ = scratch_.path() / "model.penumbra";
    second_device_.vendor = keys_.vendor;
    Write("exact");
    fs::create_directory(scratch_.path() / "state");
    inputs_ = SmoothInputs(model_->lowered(), 1);
    wanted_ = RunPlain(*model_, inputs_);
  }
  // For two devices; every bundle that is written is another one.
  void Write(const std::string& name) {
    protect::BundleOptions options;
    options.path = bundle_;
    options.name = name;
    options.vendor_key = keys_.vendor.private_key;
    options.device_keys = {keys_.device.public_key, second_device_.device.public_key};
    model_->Write(options);
  }

  fs::path Bank() const { return scratch_.path() / "bank"; }
  // Nothing is filled in the background unless `bank_size` says so.
  std::unique_ptr<host::Session> Open(uint32_t lease, uint64_t bank_size = 0, const fs::path& bank = {}) {
    Place place;
    place.carrier = GetParam();
    place.pad_bank_size = bank_size;
    place.pad_policy = host::PadPolicy::kRefuse;
    place.state = (scratch_.path() / "state").string();
    place.pad_lease = lease;
    place.durable_pads = host::PadFolder::Open(bank.empty() ? Bank() : bank,
                                               [this](const std::string& text) { notices_ += text + "\n"; });
    return OpenSession(bundle_, keys_, place, scratch_.path());
  }
  static uint64_t Ready(host::Session* session) { return session->QueryInfo().pads_ready; }
  bool IsExact(host::Session* session) {
    return CountDifferentBits(RunSession(session, inputs_), wanted_) == 0;
  }
  // Runs until pads are refused; how often.
  uint64_t RunAll(host::Session* session) {
    for (uint64_t count = 0;; ++count) {
      try {
        EXPECT_TRUE(IsExact(session));
      } catch (const host::HostError& error) {
        EXPECT_EQ(error.status(), Status::kPadsExhausted) << error.what();
        return count;
      }
    }
  }
  Status StatusOfRun(host::Session* session) {
    try {
      RunSession(session, inputs_);
      return Status::kOk;
    } catch (const host::HostError& error) {
      return error.status();
    }
  }
  bool Noticed(const std::string& text) const { return notices_.find(text) != std::string::npos; }
  Status StatusOfOpen() {
    try {
      Open(1);
      return Status::kOk;
    } catch (const host::HostError& error) {
      return error.status();
    }
  }
  // `body` in a process that ends without any destructor, as a crash does.
  void Crash(const std::function<bool()>& body) {
    const pid_t child = fork();
    if (child == 0) _exit(body() ? 0 : 1);
    int ending = 0;
    ASSERT_EQ(waitpid(child, &ending, 0), child);
    ASSERT_TRUE(WIFEXITED(ending));
    ASSERT_EQ(WEXITSTATUS(ending), 0);
  }
  std::vector<fs::path> PadFiles() const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(Bank())) {
      if (entry.path().extension() == ".pad") files.push_back(entry.path());
    }
    std::ranges::sort(files);
    return files;
  }
  static void Flip(const fs::path& path, uint64_t at) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    const char byte = static_cast<char>(file.get() ^ 1);
    file.seekp(static_cast<std::streamoff>(at));
    file.put(byte);
  }

  const ScratchFolder scratch_;
  const Keys keys_;
  Keys second_device_;
  protect::TestGraph test_;
  std::unique_ptr<CompiledModel> model_;
  fs::path bundle_;
  Tensors inputs_, wanted_;
  std::string notices_;
};

TEST_P(DurablePads, ComeBackAfterACleanEnd) {
  Open(2)->MakePads(5);
  EXPECT_EQ(PadFiles().size(), 5u);
  {
    const auto session = Open(2);
    EXPECT_EQ(Ready(session.get()), 5u);
    EXPECT_TRUE(IsExact(session.get()));
    EXPECT_TRUE(IsExact(session.get()));
    EXPECT_TRUE(IsExact(session.get()));
  }
  EXPECT_EQ(PadFiles().size(), 2u);
  const auto session = Open(2);
  EXPECT_EQ(RunAll(session.get()), 2u) << "pads in hand come back, too";
  EXPECT_EQ(notices_, "");
}

TEST_P(DurablePads, ACrashBurnsTheLease) {
  Crash([this] {
    const auto session = Open(2);
    session->MakePads(5);  // recorded: two of them are in hand
    return IsExact(session.get()) && (session->MakePads(1), true) && (_exit(0), true);
  });
  const auto session = Open(2);
  EXPECT_EQ(Ready(session.get()), 3u) << "the lease and the pad no ledger has are burnt, the others are not";
  EXPECT_EQ(PadFiles().size(), 3u) << "files of burnt pads stay";
  EXPECT_EQ(RunAll(session.get()), 3u);
  EXPECT_EQ(notices_, "");
}

// Killed again and again, each time after a lease and one inference.
TEST_P(DurablePads, EveryCrashCostsALease) {
  Open(2)->MakePads(6);
  for (uint64_t left : {6, 4, 2}) {
    Crash([this, left] {
      const auto session = Open(2);
      const bool right = Ready(session.get()) == left && IsExact(session.get());
      _exit(right ? 0 : 1);
      return true;
    });
  }
  EXPECT_EQ(Ready(Open(2).get()), 0u);
}

TEST_P(DurablePads, AnOldFolderIsBurnt) {
  Open(1)->MakePads(3);
  const fs::path old = scratch_.path() / "old";
  fs::copy(Bank(), old);
  ASSERT_TRUE(IsExact(Open(1).get()));
  fs::remove_all(Bank());
  fs::copy(old, Bank());
  const auto session = Open(1);
  EXPECT_EQ(Ready(session.get()), 0u);
  EXPECT_TRUE(Noticed("old one"));
  EXPECT_TRUE(PadFiles().empty());
  session->MakePads(2);
  EXPECT_EQ(RunAll(session.get()), 2u);
}

TEST_P(DurablePads, TwoSessionsOnOneFolder) {
  Open(1)->MakePads(4);
  const fs::path copy = scratch_.path() / "copy";
  fs::copy(Bank(), copy);
  const auto session = Open(1);
  EXPECT_EQ(StatusOfOpen(), Status::kWrongState);
  // Around the lock, with a copy: each pad serves one of the two.
  const auto second = Open(1, 0, copy);
  EXPECT_EQ(Ready(second.get()), 4u);
  EXPECT_TRUE(IsExact(session.get()));
  EXPECT_EQ(RunAll(second.get()), 0u) << "the counter was moved by the other one";
  EXPECT_TRUE(Noticed("somebody else uses this bank"));
  EXPECT_EQ(RunAll(session.get()), 3u);
}

TEST_P(DurablePads, OfAnotherModelDeviceOrVersion) {
  Open(1)->MakePads(2);
  const auto expect_refused = [&](const Keys& keys, const std::string& text) {
    Place place;
    place.state = (scratch_.path() / "state").string();
    place.durable_pads = host::PadFolder::Open(Bank());
    try {
      OpenSession(bundle_, keys, place, scratch_.path());
      ADD_FAILURE() << "a foreign bank was opened";
    } catch (const host::HostError& error) {
      EXPECT_EQ(error.status(), Status::kWrongBank) << error.what();
      EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << error.what();
    }
    EXPECT_EQ(PadFiles().size(), 2u) << "a refused bank is left as it is";
  };
  expect_refused(second_device_, "another device");
  Write("other");
  expect_refused(keys_, "another model");
  Write("exact");
  const auto session = Open(1);
  EXPECT_EQ(Ready(session.get()), 0u);
  EXPECT_TRUE(Noticed("another version"));
  EXPECT_TRUE(PadFiles().empty());
}

TEST_P(DurablePads, ADamagedLedgerCostsThePads) {
  for (const uint64_t at : {0u, 60u, 120u, 160u, 169u, 190u, 220u}) {
    fs::remove_all(Bank());
    Open(1)->MakePads(1);
    Flip(Bank() / "ledger", at);
    notices_.clear();
    const auto session = Open(1);
    EXPECT_EQ(Ready(session.get()), 0u) << at;
    EXPECT_TRUE(Noticed(at == 60 ? "another version" : "the ledger is")) << at << notices_;
    session->MakePads(1);
    EXPECT_TRUE(IsExact(session.get()));
  }
  for (const uint64_t at : {30u, 100u}) {  // in the names of model and device
    Flip(Bank() / "ledger", at);
    EXPECT_EQ(StatusOfOpen(), Status::kWrongBank);
    Flip(Bank() / "ledger", at);
  }
}

TEST_P(DurablePads, LostAndRottenPadsCostThemselves) {
  Open(1)->MakePads(4);
  const std::vector<fs::path> files = PadFiles();
  ASSERT_EQ(files.size(), 4u);
  fs::remove(files[0]);
  Flip(files[1], fs::file_size(files[1]) - 1);
  fs::resize_file(files[2], fs::file_size(files[2]) / 2);
  const auto session = Open(1);
  EXPECT_EQ(RunAll(session.get()), 1u) << "the request went on to the one pad that is whole";
  EXPECT_TRUE(Noticed("a pad is lost"));
}

TEST_P(DurablePads, AFullDiskCostsWhatDoesNotFit) {
  Open(1)->MakePads(2);
  Crash([this] {
    signal(SIGXFSZ, SIG_IGN);
    const auto session = Open(1);
    const rlimit small{64, 64};
    setrlimit(RLIMIT_FSIZE, &small);
    session->MakePads(2);
    // In this process the limit stops the counter as well, and without it nothing recorded is used.
    const bool counts = GetParam() == CarrierKind::kProcess;
    const bool right = counts ? RunAll(session.get()) == 4 : StatusOfRun(session.get()) == Status::kIo;
    _exit(right && Noticed("cannot be written") ? 0 : 1);
    return true;
  });
  if (GetParam() == CarrierKind::kDirect) {
    EXPECT_EQ(Ready(Open(1).get()), 2u);
    return;
  }
  const auto session = Open(1);
  EXPECT_EQ(Ready(session.get()), 0u);
  session->MakePads(1);
  EXPECT_EQ(RunAll(session.get()), 1u);
}

TEST_P(DurablePads, TheBankKeepsItsBound) {
  const uint64_t pad_size = Open(1)->pad_size().value();
  for (int life = 0; life < 3; ++life) {
    const auto session = Open(1, 3 * pad_size);
    while (Ready(session.get()) < 3) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_EQ(Ready(session.get()), 3u);
    EXPECT_LE(PadFiles().size(), 3u);
    EXPECT_TRUE(IsExact(session.get()));
  }
}

// Without counters that outlive the trusted half nothing comes back, and nothing is used twice.
TEST_P(DurablePads, WithoutACounterThePadsEndWithTheSession) {
  for (int life = 0; life < 2; ++life) {
    Place place;
    place.carrier = GetParam();
    place.pad_policy = host::PadPolicy::kRefuse;
    place.durable_pads = host::PadFolder::Open(Bank(), [this](const std::string& text) { notices_ += text; });
    const auto session = OpenSession(bundle_, keys_, place, scratch_.path());
    EXPECT_EQ(Ready(session.get()), 0u);
    session->MakePads(2);
    EXPECT_TRUE(IsExact(session.get()));
  }
  EXPECT_TRUE(Noticed("old one"));
}

INSTANTIATE_TEST_SUITE_P(Carriers, DurablePads, testing::Values(CarrierKind::kDirect, CarrierKind::kProcess),
                         [](const auto& test) { return test.param == CarrierKind::kDirect ? "direct" : "process"; });

}  // namespace
}  // namespace penumbra::e2e
