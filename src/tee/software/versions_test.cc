#include "tee/software/versions.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "tee/testing/carrier_test_util.h"

namespace penumbra::tee {
namespace {

std::array<uint8_t, 32> Id(uint32_t number) {
  std::array<uint8_t, 32> id{};
  id[0] = static_cast<uint8_t>(number);
  id[1] = static_cast<uint8_t>(number >> 8);
  id[31] = 1;
  return id;
}

uint64_t VersionOf(Versions* versions, uint32_t number) {
  uint64_t version = 77;
  EXPECT_EQ(versions->Get(Id(number), &version), Status::kOk);
  return version;
}

class VersionFileTest : public ::testing::Test {
 protected:
  std::filesystem::path File() const { return folder_.path() / "versions"; }
  Status Open(VersionFile* file) { return file->Open(folder_.path().c_str()); }
  TemporaryFolder folder_;
};

TEST_F(VersionFileTest, CountsEachModelAlone) {
  VersionFile file;
  ASSERT_EQ(Open(&file), Status::kOk);
  EXPECT_EQ(VersionOf(&file, 1), 0u);
  EXPECT_EQ(file.Advance(Id(1), 5), Status::kOk);
  EXPECT_EQ(file.Advance(Id(2), 3), Status::kOk);
  EXPECT_EQ(file.Advance(Id(1), 6), Status::kOk);
  EXPECT_EQ(file.Advance(Id(1), 6), Status::kOk);
  EXPECT_EQ(file.Advance(Id(1), 2), Status::kRolledBack);
  EXPECT_EQ(VersionOf(&file, 1), 6u);
  EXPECT_EQ(VersionOf(&file, 2), 3u);
  VersionFile again;
  ASSERT_EQ(Open(&again), Status::kOk);
  EXPECT_EQ(VersionOf(&again, 1), 6u);
}

TEST_F(VersionFileTest, SlotsOfOldVersionsAreUsedAgain) {
  VersionFile file;
  ASSERT_EQ(Open(&file), Status::kOk);
  for (uint64_t version = 1; version <= kVersionSlots + 10; ++version) {
    ASSERT_EQ(file.Advance(Id(1), version), Status::kOk) << version;
  }
  EXPECT_EQ(VersionOf(&file, 1), kVersionSlots + 10);
  EXPECT_EQ(std::filesystem::file_size(File()), kVersionSlots * sizeof(VersionRecord));
}

TEST_F(VersionFileTest, ACounterMovesFromEachValueOnce) {
  VersionFile file, other;
  ASSERT_EQ(Open(&file), Status::kOk);
  ASSERT_EQ(Open(&other), Status::kOk);
  uint64_t first = 0, second = 0, third = 0;
  ASSERT_EQ(file.Move(Id(1), 0, &first), Status::kOk);
  EXPECT_EQ(other.Move(Id(1), 0, &second), Status::kRolledBack);
  ASSERT_EQ(other.Move(Id(1), first, &second), Status::kOk);
  EXPECT_EQ(second, first + 1);
  EXPECT_EQ(file.Move(Id(1), first, &third), Status::kRolledBack);
  EXPECT_EQ(file.Move(Id(1), second + 1, &third), Status::kRolledBack);
  EXPECT_EQ(VersionOf(&file, 1), second);
  EXPECT_EQ(VersionOf(&file, 2), 0u);
}

// Were the first value 1, a table that was lost would come by the values of old ledgers again.
TEST_F(VersionFileTest, ALostTableDoesNotRepeatACounter) {
  std::set<uint64_t> values;
  for (int loss = 0; loss < 4; ++loss) {
    VersionFile file;
    ASSERT_EQ(Open(&file), Status::kOk);
    uint64_t value = 0;
    for (int i = 0; i < 3; ++i) {
      ASSERT_EQ(file.Move(Id(1), value, &value), Status::kOk);
      EXPECT_TRUE(values.insert(value).second);
    }
    std::filesystem::remove(File());
  }
  MemoryVersions versions;
  uint64_t value = 0;
  ASSERT_EQ(versions.Move(Id(1), 0, &value), Status::kOk);
  EXPECT_TRUE(values.insert(value).second);
  EXPECT_EQ(versions.Move(Id(1), 0, &value), Status::kRolledBack);
}

// Of several users who move one counter from the same value one succeeds.
TEST_F(VersionFileTest, OneUserMovesACounter) {
  std::mutex mutex;
  std::set<uint64_t> moved_from;
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      VersionFile file;
      ASSERT_EQ(Open(&file), Status::kOk);
      for (int i = 0; i < 40; ++i) {
        const uint64_t from = VersionOf(&file, 1);
        uint64_t value = 0;
        if (!IsOk(file.Move(Id(1), from, &value))) continue;
        const std::lock_guard lock(mutex);
        EXPECT_TRUE(moved_from.insert(from).second);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GE(moved_from.size(), 40u);
}

TEST(MemoryVersions, FillsUp) {
  MemoryVersions versions;
  for (uint32_t i = 0; i < kVersionSlots; ++i) ASSERT_EQ(versions.Advance(Id(i), 1), Status::kOk);
  EXPECT_EQ(versions.Advance(Id(kVersionSlots), 1), Status::kNoSpace);
  EXPECT_EQ(VersionOf(&versions, 17), 1u);
}

// A record that was cut short by a crash at any byte leaves the version before it.
TEST_F(VersionFileTest, TornRecordLeavesTheOldVersion) {
  VersionFile file;
  ASSERT_EQ(Open(&file), Status::kOk);
  ASSERT_EQ(file.Advance(Id(1), 5), Status::kOk);
  VersionRecord next;
  ASSERT_EQ(MakeVersionRecord(Id(1), 6, &next), Status::kOk);
  for (size_t torn = 0; torn < sizeof(next) - 1; ++torn) {
    std::fstream stream(File(), std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(sizeof(VersionRecord));
    stream.write(reinterpret_cast<const char*>(&next), static_cast<std::streamsize>(torn));
    stream.close();
    EXPECT_EQ(VersionOf(&file, 1), 5u) << torn;
  }
  EXPECT_EQ(file.Advance(Id(1), 7), Status::kOk);
  EXPECT_EQ(VersionOf(&file, 1), 7u);
}

TEST_F(VersionFileTest, RefusesForeignFiles) {
  {
    std::ofstream(File()) << "something else";
    chmod(File().c_str(), 0600);
    VersionFile file;
    EXPECT_EQ(Open(&file), Status::kMalformed);
  }
  std::filesystem::remove(File());
  std::filesystem::create_symlink("/dev/null", File());
  VersionFile link;
  EXPECT_EQ(Open(&link), Status::kPermission);
  std::filesystem::remove(File());
  std::ofstream(File()).close();
  chmod(File().c_str(), 0666);
  VersionFile shared;
  EXPECT_EQ(Open(&shared), Status::kPermission);
  VersionFile nowhere;
  EXPECT_EQ(nowhere.Open("/nonexistent-folder"), Status::kNotFound);
}

TEST_F(VersionFileTest, SeveralUsersShareOneFile) {
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      VersionFile file;
      ASSERT_EQ(Open(&file), Status::kOk);
      for (uint64_t version = 1; version <= 20; ++version) {
        ASSERT_EQ(file.Advance(Id(t), version), Status::kOk);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  VersionFile file;
  ASSERT_EQ(Open(&file), Status::kOk);
  for (uint32_t t = 0; t < 4; ++t) EXPECT_EQ(VersionOf(&file, t), 20u);
}

}  // namespace
}  // namespace penumbra::tee
