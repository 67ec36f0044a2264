#include "protect/presets/legality.h"

#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <sstream>

#include "model/error.h"
#include "protect/presets/presets.h"

namespace penumbra::protect {
namespace {

void ForEveryScheme(const std::function<void(const Scheme&)>& body) {
  for (uint32_t a = 0; a < kArithmeticCount; ++a) {
    for (uint32_t p = 0; p < kPlacementCount; ++p) {
      for (uint32_t w = 0; w < kWeightsCount; ++w) {
        for (uint32_t v = 0; v < kActivationsCount; ++v) {
          for (uint32_t i = 0; i < kIntegrityCount; ++i) {
            body({static_cast<Arithmetic>(a), static_cast<PlacementKind>(p), 1,
                  static_cast<WeightsAxis>(w), 1.2, static_cast<ActivationsAxis>(v),
                  static_cast<IntegrityAxis>(i)});
          }
        }
      }
    }
  }
}

// The rules as the design states them, written as conditions instead of a decision list.
bool LegalByDesign(const Scheme& s) {
  const bool residues = s.arithmetic == Arithmetic::kRing || s.arithmetic == Arithmetic::kPrime;
  const bool plain = s.activations == ActivationsAxis::kPlain;
  const bool scalar =
      s.weights == WeightsAxis::kScalar || s.weights == WeightsAxis::kChannelScalar;
  const bool exact_weights = !scalar && s.weights != WeightsAxis::kPlain;
  return (!scalar || (s.arithmetic == Arithmetic::kFloat32 && plain)) &&
         (residues || (!exact_weights && plain && s.integrity != IntegrityAxis::kFreivalds)) &&
         (plain || s.integrity != IntegrityAxis::kFingerprints) &&
         (s.arithmetic != Arithmetic::kInteger || s.placement == PlacementKind::kAllTrusted);
}

TEST(Legality, AgreesWithTheDesignOnEveryCombination) {
  int legal = 0;
  int total = 0;
  ForEveryScheme([&](const Scheme& s) {
    EXPECT_EQ(!Legality(s), LegalByDesign(s)) << SchemeText(s);
    legal += !Legality(s);
    ++total;
  });
  EXPECT_EQ(total, 4 * 10 * 7 * 2 * 3);
  EXPECT_GT(legal, 0);
}

TEST(Legality, RequireCompilableThrowsTheRightCode) {
  ForEveryScheme([](const Scheme& s) {
    try {
      RequireCompilable(s);
      EXPECT_FALSE(Legality(s) || MissingPart(s)) << SchemeText(s);
    } catch (const model::ModelError& e) {
      EXPECT_EQ(e.status(), Legality(s) ? Status::kIllegalCombination : Status::kUnsupported);
      const std::string why = Legality(s) ? *Legality(s) : *MissingPart(s);
      EXPECT_NE(std::string(e.what()).find(why), std::string::npos);
    }
  });
}

TEST(Legality, BrokenWeightsAlwaysWarn) {
  ForEveryScheme([](const Scheme& s) {
    const bool broken = s.weights == WeightsAxis::kScalar || s.weights == WeightsAxis::kShadowNet ||
                        s.weights == WeightsAxis::kGroupCover ||
                        s.weights == WeightsAxis::kChannelScalar;
    bool warned = false;
    for (const std::string& line : Warnings(s)) {
      warned |= line.find("known to break") != std::string::npos;
    }
    EXPECT_EQ(broken, warned) << SchemeText(s);
  });
}

TEST(Presets, UsableOnesCompileOthersSayWhatTheyNeed) {
  for (const Preset& preset : Presets()) {
    EXPECT_FALSE(Legality(preset.scheme)) << preset.name;
    EXPECT_EQ(MissingPart(preset.scheme).has_value(), !preset.needs.empty()) << preset.name;
    if (preset.needs.empty()) {
      EXPECT_NO_THROW(PresetScheme(preset.name));
      continue;
    }
    try {
      (void)PresetScheme(preset.name);
      ADD_FAILURE() << preset.name;
    } catch (const model::ModelError& e) {
      EXPECT_EQ(e.status(), Status::kUnsupported);
      EXPECT_NE(std::string(e.what()).find(preset.needs), std::string::npos);
    }
  }
  EXPECT_THROW(PresetScheme("shadow"), model::ModelError);
}

// Fingerprints are there in float32 only.
TEST(Presets, SoterCompilesWithAndWithoutFingerprints) {
  Scheme scheme = PresetScheme("soter");
  EXPECT_NO_THROW(RequireCompilable(scheme));
  SetAxis("integrity", "none", &scheme);
  EXPECT_NO_THROW(RequireCompilable(scheme));
  Scheme residues = PresetScheme("slalom-verify");
  SetAxis("integrity", "fingerprints", &residues);
  EXPECT_FALSE(Legality(residues));
  EXPECT_NE(MissingPart(residues).value_or("").find("fingerprints"), std::string::npos);
}

TEST(Presets, DefaultsHaveNoKnownBreak) {
  EXPECT_TRUE(Warnings(PresetScheme(kDefaultPreset)).empty());
  EXPECT_TRUE(Warnings(PresetScheme(kDefaultPresetWithoutCalibration)).empty());
}

TEST(Scheme, AxesAreReadAsTheyArePrinted) {
  Scheme s;
  SetAxis("arithmetic", "ring", &s);
  SetAxis("placement", "last:3", &s);
  SetAxis("weights", "shadownet:1.5", &s);
  SetAxis("activations", "otp", &s);
  SetAxis("integrity", "freivalds", &s);
  EXPECT_EQ(SchemeText(s), "ring, last:3, shadownet:1.5, otp, freivalds");
  SetAxis("placement", "random", &s);
  SetAxis("weights", "scalar", &s);
  EXPECT_EQ(SchemeText(s), "ring, random:0.8, scalar:8, otp, freivalds");
  SetAxis("placement", "random:1", &s);
  SetAxis("weights", "channel-scalar:2", &s);
  EXPECT_EQ(SchemeText(s), "ring, random:1, channel-scalar:2, otp, freivalds");
}

TEST(Scheme, RefusesBadSpellings) {
  Scheme s;
  for (const auto& [axis, value] :
       std::initializer_list<std::pair<const char*, const char*>>{{"arithmetic", "float"},
                                                                  {"arithmetic", "ring:2"},
                                                                  {"placement", "last:x"},
                                                                  {"placement", "all-public:1"},
                                                                  {"placement", "last:-1"},
                                                                  {"weights", "shadownet:0.5"},
                                                                  {"weights", "shadownet:"},
                                                                  {"weights", "plain:1"},
                                                                  {"weights", "scalar:1"},
                                                                  {"weights", "scalar:1e30"},
                                                                  {"weights", "scalar:nan"},
                                                                  {"placement", "random:1.01"},
                                                                  {"placement", "random:-0.1"},
                                                                  {"placement", "random:nan"},
                                                                  {"placement", "magnitude:2"},
                                                                  {"colour", "red"}}) {
    EXPECT_THROW(SetAxis(axis, value, &s), model::ModelError) << axis << " " << value;
  }
}

// docs/schemes.md holds both generated tables word for word.
TEST(Documentation, TablesAreCurrent) {
  std::ifstream file(PENUMBRA_SOURCE_DIR "/docs/schemes.md");
  ASSERT_TRUE(file.good());
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_NE(text.str().find(LegalityTableMarkdown()), std::string::npos)
      << "docs/schemes.md must contain:\n"
      << LegalityTableMarkdown();
  EXPECT_NE(text.str().find(PresetTableMarkdown()), std::string::npos)
      << "docs/schemes.md must contain:\n"
      << PresetTableMarkdown();
}

}  // namespace
}  // namespace penumbra::protect
