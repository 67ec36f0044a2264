// Measures a device by running small networks, and solves for what a profile holds.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <fstream>
#include <initializer_list>
#include <sstream>
#include <utility>
#include <vector>

#include "api/layer_bench.h"
#include "api/translate.h"
#include "model/error.h"
#include "penumbra/device_profile.h"
#include "protect/placement/device_profile.h"

namespace penumbra {
namespace {

using api::LayerBench;
using api::LayerSpec;
using api::LayerTimes;
using protect::DeviceProfile;
using protect::PerKernel;
using protect::Scheme;

constexpr LayerSpec kThin{.channels = 16, .size = 48, .kernel = 3};  // most of it is not multiplications
constexpr LayerSpec kThinResidual{.channels = 16, .size = 48, .kernel = 3, .residual = true};
constexpr LayerSpec kThinPointwise{.channels = 32, .size = 32, .kernel = 1};
constexpr LayerSpec kSmall{.channels = 128, .size = 6, .kernel = 3};  // much of it is bringing weights in
constexpr LayerSpec kConvolution{.channels = 128, .size = 16, .kernel = 3};
constexpr LayerSpec kPointwise{.channels = 256, .size = 16, .kernel = 1};
constexpr LayerSpec kDense{.channels = 1024, .size = 1, .kernel = 1};
constexpr LayerSpec kDepthwise{.channels = 256, .size = 16, .kernel = 3, .depthwise = true};
constexpr LayerSpec kTiny{.channels = 4, .size = 1, .kernel = 1, .depth = 24};
constexpr LayerSpec kShortest{.channels = 4, .size = 1, .kernel = 1, .depth = 2};

struct Kernel {
  const LayerSpec& spec;
  double PerKernel::*number;
};
constexpr Kernel kKernels[] = {{kConvolution, &PerKernel::convolution},
                               {kPointwise, &PerKernel::pointwise},
                               {kDense, &PerKernel::dense},
                               {kDepthwise, &PerKernel::depthwise}};

constexpr int kRunCount = 43;  // of small networks, for the progress
// A part of a time that was solved for is at least this share of it: noise makes none negative.
constexpr double kLeastShare = 0.05;

Scheme Inside(protect::Arithmetic arithmetic) {
  Scheme scheme;
  scheme.arithmetic = arithmetic;
  return scheme;
}

Scheme Outside(protect::Arithmetic arithmetic) {
  Scheme scheme = Inside(arithmetic);
  scheme.placement = arithmetic == protect::Arithmetic::kFloat32 ? protect::PlacementKind::kAllPublic
                                                                 : protect::PlacementKind::kLinearPublic;
  return scheme;
}

// What is left of a time, at least a share of it.
double Rest(double whole, double others) { return std::max(whole - others, kLeastShare * whole); }

// x of the three equations a[i] x = b[i], by Cramer's rule.
std::array<double, 3> Solve(const std::array<std::array<double, 3>, 3>& a, const std::array<double, 3>& b) {
  const auto determinant = [](const std::array<std::array<double, 3>, 3>& m) {
    return m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0]) +
           m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]);
  };
  std::array<double, 3> x{};
  for (size_t column = 0; column < 3; ++column) {
    auto replaced = a;
    for (size_t row = 0; row < 3; ++row) replaced[row][column] = b[row];
    x[column] = determinant(replaced) / determinant(a);
  }
  return x;
}

// What takes so long: multiplications, and something else that takes its time for each unit.
struct Cost {
  double multiplications = 0, units = 0, seconds = 0;
};

// Seconds of a unit, from two costs of one rate of multiplications, one of few for each unit.
double Overhead(const Cost& thin, const Cost& thick) {
  const double determinant = thin.units * thick.multiplications - thick.units * thin.multiplications;
  return std::max((thin.seconds * thick.multiplications - thick.seconds * thin.multiplications) / determinant, 0.0);
}

// On the accelerator, its replies over all primes as units.
Cost Outside(const LayerTimes& t) { return {t.multiplications, t.crossing_bytes / 2, t.accelerator}; }

class Measurement {
 public:
  explicit Measurement(const MeasureOptions& options) : options_(options), bench_(options) {}

  DeviceProfile Run() {
    profile_.memory_rate = MemoryRate();
    MeasureInside();
    MeasureFloatOutside();
    MeasureResidues();
    profile_.pad_stock = options_.pad_stock;
    profile_.idle_share = options_.idle_share;
    return profile_;
  }

 private:
  LayerTimes Time(const LayerSpec& spec, const Scheme& scheme, uint32_t bits = 8) {
    if (options_.progress) options_.progress(static_cast<double>(done_++) / kRunCount);
    return bench_.Run(spec, scheme, bits);
  }

  // Bytes read and written by a copy that no cache holds.
  static double MemoryRate() {
    constexpr size_t kSize = size_t{64} << 20;
    std::vector<uint8_t> from(kSize, 1), to(kSize);
    double best = 0;
    for (int round = 0; round < 3; ++round) {
      const auto start = std::chrono::steady_clock::now();
      std::memcpy(to.data(), from.data(), kSize);
      const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      best = std::max(best, 2 * static_cast<double>(kSize) / seconds);
      from[static_cast<size_t>(round)] = to[kSize - 1];
    }
    return best;
  }

  void MeasureInside() {
    const Scheme floats = Inside(protect::Arithmetic::kFloat32);
    const LayerTimes thin = Time(kThin, floats), small = Time(kSmall, floats);
    std::array<LayerTimes, 4> kinds = KindsOf(floats);
    const auto row = [](const LayerTimes& t) { return std::array{t.multiplications, t.elements, t.weight_bytes}; };
    const std::array<double, 3> costs =
        Solve({row(thin), row(kinds[0]), row(small)}, {thin.inside, kinds[0].inside, small.inside});
    const double weights = std::max(costs[2], kLeastShare * small.inside / small.weight_bytes);
    profile_.weight_rate = 1 / weights;
    profile_.float32_element = ElementSeconds(thin, Time(kThinPointwise, floats), kinds);
    profile_.trusted_float32 = RatesInside(kinds, profile_.float32_element);
    const Scheme integers = Inside(protect::Arithmetic::kInteger);
    const LayerTimes thin8 = Time(kThin, integers);
    kinds = KindsOf(integers);
    profile_.integer_element = ElementSeconds(thin8, Time(kThinPointwise, integers), kinds);
    profile_.trusted_int8 = RatesInside(kinds, profile_.integer_element);
    profile_.pass_element = std::max(Time(kThinResidual, integers).inside - thin8.inside, 0.0) / (2 * thin8.elements);
    const double tiny = Time(kTiny, integers).total, shortest = Time(kShortest, integers).total;
    const double layer = std::max(tiny - shortest, 0.0) / (kTiny.depth - kShortest.depth);
    profile_.inference = std::max(shortest - kShortest.depth * layer, 0.0);
    profile_.trusted_int16 = RatesInside(KindsOf(integers, 16), profile_.integer_element);
  }

  std::array<LayerTimes, 4> KindsOf(const Scheme& scheme, uint32_t bits = 8) {
    std::array<LayerTimes, 4> kinds;
    for (size_t i = 0; i < kinds.size(); ++i) kinds[i] = Time(kKernels[i].spec, scheme, bits);
    return kinds;
  }

  Cost InsideCost(const LayerTimes& t) const {
    return {t.multiplications, t.elements, t.inside - t.weight_bytes / profile_.weight_rate};
  }

  // Layers of one pixel, and those of one input channel for each output, count by their multiplications.
  PerKernel ElementSeconds(const LayerTimes& thin, const LayerTimes& thin_pointwise,
                           const std::array<LayerTimes, 4>& kinds) const {
    return {.convolution = Overhead(InsideCost(thin), InsideCost(kinds[0])),
            .pointwise = Overhead(InsideCost(thin_pointwise), InsideCost(kinds[1]))};
  }

  PerKernel RatesInside(const std::array<LayerTimes, 4>& kinds, const PerKernel& element) const {
    PerKernel rates;
    for (size_t i = 0; i < kinds.size(); ++i) {
      const LayerTimes& t = kinds[i];
      const double others = t.elements * element.*kKernels[i].number + t.weight_bytes / profile_.weight_rate;
      rates.*kKernels[i].number = t.multiplications / Rest(t.inside, others);
    }
    return rates;
  }

  void MeasureFloatOutside() {
    const Scheme scheme = Outside(protect::Arithmetic::kFloat32);
    for (const Kernel& kernel : kKernels) {
      const LayerTimes t = Time(kernel.spec, scheme);
      profile_.public_float32.*kernel.number = t.multiplications / t.accelerator;
      if (kernel.number == &PerKernel::pointwise) profile_.crossing_rate = t.crossing_bytes / t.inside;
    }
  }

  void MeasureResidues() {
    Scheme scheme = Outside(protect::Arithmetic::kRing);
    const LayerTimes tiny = Time(kTiny, scheme);
    profile_.hand_off = tiny.total / kTiny.depth;
    const LayerTimes thin = Time(kThin, scheme), thin_pointwise = Time(kThinPointwise, scheme);
    const std::array<LayerTimes, 4> open = KindsOf(scheme);
    profile_.residue_element.convolution = Overhead(Outside(thin), Outside(open[0]));
    profile_.residue_element.pointwise = Overhead(Outside(thin_pointwise), Outside(open[1]));
    for (size_t i = 0; i < open.size(); ++i) {
      const Cost cost = Outside(open[i]);
      const double others = cost.units * profile_.residue_element.*kKernels[i].number;
      profile_.public_residue.*kKernels[i].number = cost.multiplications / Rest(cost.seconds, others);
    }
    // Of many and of few bytes for each multiplication.
    const double inside = open[0].inside + thin.inside, jobs = 2 * kThin.depth * profile_.hand_off;
    profile_.residue_byte = Rest(inside, jobs) / (open[0].crossing_bytes + thin.crossing_bytes);
    scheme.activations = protect::ActivationsAxis::kOtp;
    profile_.pad_layer = AddedToTiny(tiny, scheme);
    const LayerTimes thin_masked = Time(kThin, scheme);
    const std::array<LayerTimes, 4> masked = KindsOf(scheme);
    for (size_t i = 0; i < masked.size(); ++i) {
      profile_.pad.*kKernels[i].number = masked[i].multiplications / masked[i].pad;
    }
    const double mask_bytes = (masked[0].crossing_bytes + thin_masked.crossing_bytes) / 2 + masked[0].pad_bytes +
                              thin_masked.pad_bytes;
    const double added = masked[0].total + thin_masked.total - open[0].total - thin.total;
    profile_.pad_rate = mask_bytes / std::max(added - 2 * kThin.depth * profile_.pad_layer,
                                              kLeastShare * (masked[0].total + thin_masked.total));
    scheme.activations = protect::ActivationsAxis::kPlain;
    scheme.integrity = protect::IntegrityAxis::kFreivalds;
    profile_.check_layer = AddedToTiny(tiny, scheme);
    const Cost windows = Checks(scheme, {{kConvolution, open[0]}, {kThin, thin}});
    const Cost points = Checks(scheme, {{kPointwise, open[1]}, {kThinPointwise, thin_pointwise}});
    profile_.check_byte = Overhead(points, windows);
    profile_.check_rate = windows.multiplications / Rest(windows.seconds, windows.units * profile_.check_byte);
  }

  // Seconds for each layer.
  double AddedToTiny(const LayerTimes& tiny, const Scheme& scheme) {
    return std::max(Time(kTiny, scheme).total - tiny.total, 0.0) / kTiny.depth;
  }

  // What checks add to chains that were measured without.
  Cost Checks(const Scheme& checked, std::initializer_list<std::pair<const LayerSpec&, const LayerTimes&>> chains) {
    Cost sum;
    for (const auto& [spec, unchecked] : chains) {
      const LayerTimes t = Time(spec, checked);
      sum.multiplications += t.check_multiplications;
      sum.units += t.crossing_bytes;
      sum.seconds += std::max(t.inside - unchecked.inside - spec.depth * profile_.check_layer, kLeastShare * t.inside);
    }
    return sum;
  }

  const MeasureOptions& options_;
  LayerBench bench_;
  DeviceProfile profile_;
  int done_ = 0;
};

}  // namespace

std::string MeasureDevice(const MeasureOptions& options) {
  return api::Translated([&] {
    if (!(options.pad_stock >= 0 && options.idle_share >= 0 && options.idle_share <= 1)) {
      api::Throw(Status::kInvalidArgument, "a stock of pads is at least 0, a share of idle time between 0 and 1");
    }
    DeviceProfile profile = Measurement(options).Run();
    profile.device = options.device.empty() ? DescribeMachine().processor : options.device;
    profile.carrier = options.carrier == Carrier::kProcess ? "process" : "direct";
    profile.accelerator = options.accelerator.empty() ? AcceleratorNames().front() : options.accelerator;
    profile.threads = options.threads;
    return protect::DeviceProfileJson(profile);
  });
}

std::string ReadDeviceProfile(const std::filesystem::path& path) {
  return api::Translated([&] {
    std::ifstream file(path, std::ios::binary);
    if (!file) api::Throw(Status::kNotFound, "cannot open the device profile [" + path.string() + "]");
    std::ostringstream text;
    text << file.rdbuf();
    if (file.bad() || text.bad()) api::Throw(Status::kIo, "cannot read the device profile [" + path.string() + "]");
    try {
      protect::ParseDeviceProfile(text.str());
    } catch (const model::ModelError& error) {
      throw error.At({.file = path.string()});
    }
    return text.str();
  });
}

}  // namespace penumbra
