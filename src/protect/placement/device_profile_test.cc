#include "protect/placement/device_profile.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "model/error.h"

namespace penumbra::protect {
namespace {

DeviceProfile Sample() {
  DeviceProfile profile;
  profile.device = "a \"device\"";
  profile.carrier = "direct";
  profile.accelerator = "reference";
  profile.threads = 2;
  double next = 1;
  for (PerKernel* rates : {&profile.trusted_float32, &profile.trusted_int8, &profile.trusted_int16, &profile.pad,
                             &profile.public_float32, &profile.public_residue}) {
    *rates = {next, next + .25, next + .5, next + .75};
    next += 1;
  }
  for (double* number : {&profile.check_rate, &profile.memory_rate, &profile.weight_rate, &profile.pad_rate, &profile.crossing_rate}) {
    *number = next;
    next += 1;
  }
  profile.hand_off = 3e-6;
  profile.float32_element.pointwise = 2e-9;
  profile.residue_byte = 1e-10;
  profile.idle_share = 0.25;
  return profile;
}

void ExpectRefused(const nlohmann::json& json, const std::string& text, Status status = Status::kMalformed) {
  try {
    ParseDeviceProfile(json.dump());
    ADD_FAILURE() << text;
  } catch (const model::ModelError& e) {
    EXPECT_EQ(e.status(), status) << e.what();
    EXPECT_NE(std::string(e.what()).find(text), std::string::npos) << e.what();
  }
}

TEST(DeviceProfile, IsReadAsItIsWritten) {
  const std::string text = DeviceProfileJson(Sample());
  const DeviceProfile read = ParseDeviceProfile(text);
  EXPECT_EQ(DeviceProfileJson(read), text);
  EXPECT_EQ(read.device, "a \"device\"");
  EXPECT_EQ(read.public_residue.depthwise, 6.75);
  EXPECT_EQ(read.pad.pointwise, 4.25);
  EXPECT_EQ(read.hand_off, 3e-6);
  EXPECT_EQ(read.float32_element.pointwise, 2e-9);
}

TEST(DeviceProfile, EveryMemberIsNeededAndNoneElse) {
  const auto json = nlohmann::json::parse(DeviceProfileJson(Sample()));
  for (const auto& [name, value] : json.items()) {
    auto without = json;
    without.erase(name);
    ExpectRefused(without, name == "format" ? "no device profile" : "'" + name + "' is missing");
    if (!value.is_number() || name == "version") continue;
    for (const nlohmann::json& bad : {nlohmann::json("1"), nlohmann::json(-1), nlohmann::json(nullptr)}) {
      auto changed = json;
      changed[name] = bad;
      ExpectRefused(changed, "'" + name + "'");
    }
  }
  auto changed = json;
  changed["multiplications_per_second"]["pad"].erase("dense");
  ExpectRefused(changed, "'multiplications_per_second.pad.dense' is missing");
  changed = json;
  changed["multiplications_per_second"]["pad"]["dense"] = 0;
  ExpectRefused(changed, "above 0");
  changed = json;
  changed["speed"] = 1;
  ExpectRefused(changed, "'speed' is unknown");
  changed = json;
  changed["idle_share"] = 1.5;
  ExpectRefused(changed, "above 1");
  changed = json;
  changed["threads"] = 1.5;
  ExpectRefused(changed, "threads");
  changed = json;
  changed["version"] = 1;
  ExpectRefused(changed, "version 1", Status::kUnsupportedVersion);
  ExpectRefused(nlohmann::json::array(), "no device profile");
  EXPECT_THROW(ParseDeviceProfile("{"), model::ModelError);
}

// A kind of layer takes its own rate.
TEST(DeviceProfile, KernelsByShape) {
  const PerKernel rates{1, 2, 3, 4};
  ConvGeometry g{8, 8, 64, 8, 8, 64, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  EXPECT_EQ(rates.Of(g), 1);
  g.groups = 64;
  EXPECT_EQ(rates.Of(g), 4);
  g.groups = 2;
  EXPECT_EQ(rates.Of(g), 1);
  g.kernel_h = g.kernel_w = 1;
  EXPECT_EQ(rates.Of(g), 2);
  g.out_h = g.out_w = 1;
  EXPECT_EQ(rates.Of(g), 3);
}

TEST(DeviceProfile, PadsWaitedFor) {
  DeviceProfile profile;
  profile.pad_stock = 4;
  profile.idle_share = 1;
  EXPECT_EQ(profile.PadShare(), 0);
  profile.idle_share = 0.25;
  EXPECT_EQ(profile.PadShare(), 0.75);
  profile.pad_stock = 0;
  EXPECT_EQ(profile.PadShare(), 1);
}

}  // namespace
}  // namespace penumbra::protect
